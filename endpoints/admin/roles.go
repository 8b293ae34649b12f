package admin

import (
	"net/http"
	"slices"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

func (h *Handler) roles() []web.Route {
	tags, one := []string{"Operators: roles"}, "/admin/v1/roles/{role}"
	return []web.Route{
		h.route("read:system:roles", h.listRoles, web.Route{
			Name: "adminListRoles", Summary: "The system roles, or the roles of an organization", Tags: tags,
			Methods: []string{http.MethodGet}, Path: "/admin/v1/roles",
			Query: web.TypeOf[RoleQuery](), Response: web.TypeOf[Roles](), Errors: []string{"ORG_001"},
		}),
		h.route("write:system:roles", h.createRole, web.Route{
			Name: "adminCreateRole", Summary: "Define a system role", Tags: tags, Methods: []string{http.MethodPost}, Path: "/admin/v1/roles",
			Idempotent: true, Request: web.TypeOf[CreateRole](), Response: web.TypeOf[Role](), Status: http.StatusCreated, Errors: []string{"REQ_001", "REQ_004"},
		}),
		h.route("read:system:roles", h.getRole, web.Route{
			Name: "adminGetRole", Summary: "A system role", Tags: tags, Methods: []string{http.MethodGet}, Path: one,
			Response: web.TypeOf[Role](), Errors: []string{"REQ_003"},
		}),
		h.route("write:system:roles", h.patchRole, web.Route{
			Name: "adminUpdateRole", Summary: "Change a system role", Tags: tags, Methods: []string{http.MethodPatch}, Path: one,
			Request: web.TypeOf[PatchRole](), Response: web.TypeOf[Role](), Errors: []string{"REQ_001", "REQ_003", "REQ_007"},
		}),
		h.route("write:system:roles", h.deleteRole, web.Route{
			Name: "adminDeleteRole", Summary: "Remove a system role that nobody holds", Tags: tags, Methods: []string{http.MethodDelete}, Path: one,
			Status: http.StatusNoContent, Errors: []string{"REQ_003", "REQ_004"},
		}),
	}
}

// Role is a role's definition.
type Role struct {
	Name           string   `json:"name"`
	Scope          string   `json:"scope"` // system or organization
	OrganizationID *string  `json:"organization_id"`
	Description    string   `json:"description"`
	Permissions    []string `json:"permissions"`
	Builtin        bool     `json:"builtin"`
	ManagedBy      *string  `json:"managed_by"`
	Version        int64    `json:"version"` // 0: built in
	CreatedAt      *string  `json:"created_at"`
	UpdatedAt      *string  `json:"updated_at"`
}

func (h *Handler) role(r storage.Role) Role {
	return Role{
		Name: r.Name, Scope: string(r.Scope), OrganizationID: optional(r.OrganizationID), Description: r.Description,
		Permissions: shape.List(r.Permissions), Builtin: r.Builtin, ManagedBy: optional(r.ManagedBy), Version: r.Version,
		CreatedAt: h.Shape.Times.Ptr(r.CreatedAt), UpdatedAt: h.Shape.Times.Ptr(r.UpdatedAt),
	}
}

// RoleQuery says whose roles.
type RoleQuery struct {
	OrganizationID string `json:"organization_id" doc:"An id or a slug; left out: the system's."`
}

// Roles are the roles there are, built-in ones included; there are at most a
// few hundred.
type Roles struct {
	Roles      []Role `json:"roles"`
	TotalCount int    `json:"total_count"`
}

func (h *Handler) listRoles(w http.ResponseWriter, r *http.Request, _ access.Holder) error {
	home := r.URL.Query().Get("organization_id")
	if home != "" {
		o, err := h.organization(r.Context(), home)
		if err != nil {
			return err
		}
		home = o.ID
	}
	list, err := h.Access.List(r.Context(), home)
	if err != nil {
		return err
	}
	out := Roles{Roles: []Role{}, TotalCount: len(list)}
	for _, role := range list {
		out.Roles = append(out.Roles, h.role(role))
	}
	return web.WriteJSON(w, http.StatusOK, out)
}

// CreateRole defines a role.
type CreateRole struct {
	Name        string   `json:"name" required:"true"`
	Description string   `json:"description"`
	Permissions []string `json:"permissions"`
}

func (h *Handler) createRole(w http.ResponseWriter, r *http.Request, by access.Holder) error {
	var in CreateRole
	if err := web.Decode(r, &in); err != nil {
		return err
	}
	if !access.ValidRoleName(in.Name) {
		return fault.Field("name", "a role's name is a lower-case letter and at most 62 more of a-z, 0-9, _ and -")
	}
	out, err := h.Operator.PutRole(r.Context(), by, in.Name, 0, true, func(role *storage.Role) {
		role.Description, role.Permissions = in.Description, in.Permissions
	})
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/admin/v1/roles/"+out.Name)
	return write(w, http.StatusCreated, out.Version, h.role(out))
}

func roleName(r *http.Request) (string, error) {
	name := r.PathValue("role")
	if !access.ValidRoleName(name) {
		return "", fault.New(fault.NotFound, "there is no such role")
	}
	return name, nil
}

func (h *Handler) getRole(w http.ResponseWriter, r *http.Request, _ access.Holder) error {
	name, err := roleName(r)
	if err != nil {
		return err
	}
	role, err := h.Access.Role(r.Context(), storage.ScopeSystem, "", name)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, role.Version, h.role(role))
}

// PatchRole changes a role; what is left out stays.
type PatchRole struct {
	Description *string   `json:"description"`
	Permissions *[]string `json:"permissions"`
}

func (h *Handler) patchRole(w http.ResponseWriter, r *http.Request, by access.Holder) error {
	name, err := roleName(r)
	if err != nil {
		return err
	}
	version, err := ifMatch(r)
	if err != nil {
		return err
	}
	var in PatchRole
	if err := web.Decode(r, &in); err != nil {
		return err
	}
	out, err := h.Operator.PutRole(r.Context(), by, name, version, false, func(role *storage.Role) {
		if in.Description != nil {
			role.Description = *in.Description
		}
		if in.Permissions != nil {
			role.Permissions = slices.Clone(*in.Permissions)
		}
	})
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, out.Version, h.role(out))
}

func (h *Handler) deleteRole(w http.ResponseWriter, r *http.Request, by access.Holder) error {
	name, err := roleName(r)
	if err != nil {
		return err
	}
	if err := h.Access.Delete(r.Context(), by, storage.ScopeSystem, "", name); err != nil {
		return err
	}
	return web.NoContent(w)
}
