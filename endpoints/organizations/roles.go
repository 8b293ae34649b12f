package organizations

import (
	"net/http"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/storage"
)

func (h *Handler) roleRoutes() []web.Route {
	const base = "/organizations/{org_id}/roles"
	list := route(http.MethodGet, base)
	list.Name, list.Summary, list.Handler = "listOrganizationRoles", "The built-in and own roles of an organization", h.roles
	list.Response, list.Items, list.Errors = web.TypeOf[Roles](), web.TypeOf[Role](), within()

	create := route(http.MethodPost, base)
	create.Name, create.Summary, create.Handler, create.Idempotent = "createOrganizationRole", "Define a role", h.createRole, true
	create.Request, create.Response, create.Status = web.TypeOf[RoleRequest](), web.TypeOf[Role](), http.StatusCreated
	create.Errors = within("REQ_001", "REQ_004")

	get := route(http.MethodGet, base+"/{role}")
	get.Name, get.Summary, get.Handler = "getOrganizationRole", "A role of an organization", h.role
	get.Response, get.Errors = web.TypeOf[Role](), within("REQ_003")

	patch := route(http.MethodPatch, base+"/{role}")
	patch.Name, patch.Summary, patch.Handler = "updateOrganizationRole", "Change a role's description or permissions", h.patchRole
	patch.Request, patch.Response = web.TypeOf[RolePatch](), web.TypeOf[Role]()
	patch.Errors = within("REQ_001", "REQ_003", "REQ_004")

	remove := route(http.MethodDelete, base+"/{role}")
	remove.Name, remove.Summary, remove.Handler = "deleteOrganizationRole", "Remove a role, also from who holds it", h.removeRole
	remove.Response, remove.Errors = web.TypeOf[shape.Message](), within("REQ_003", "REQ_004")
	return []web.Route{list, create, get, patch, remove}
}

// RoleRequest defines a role.
type RoleRequest struct {
	Name        string   `json:"name" required:"true" doc:"A lower-case letter and at most 62 more of a-z, 0-9, _ and -; no built-in name."`
	Description string   `json:"description"`
	Permissions []string `json:"permissions" doc:"action:resource, such as read:invoice or read:*."`
}

// RolePatch changes what is sent.
type RolePatch struct {
	Description *string  `json:"description"`
	Permissions []string `json:"permissions"`
}

// Role is a role of an organization.
type Role struct {
	ID             string   `json:"id"` // its name
	Name           string   `json:"name"`
	Description    string   `json:"description"`
	Permissions    []string `json:"permissions"`
	Scope          string   `json:"scope"`
	OrganizationID *string  `json:"organization_id"` // null: built in
	Builtin        bool     `json:"builtin"`
	CreatedAt      *string  `json:"created_at"`
	UpdatedAt      *string  `json:"updated_at"`
}

// Roles lists all roles: they are few.
type Roles struct {
	Roles      []Role `json:"roles"`
	TotalCount int64  `json:"total_count"`
}

func (h *Handler) roleOf(r storage.Role) Role {
	out := Role{
		ID: r.Name, Name: r.Name, Description: r.Description, Permissions: shape.List(r.Permissions), Scope: string(r.Scope), Builtin: r.Builtin,
		CreatedAt: h.Shape.Times.Ptr(r.CreatedAt), UpdatedAt: h.Shape.Times.Ptr(r.UpdatedAt),
	}
	if r.OrganizationID != "" {
		out.OrganizationID = &r.OrganizationID
	}
	return out
}

// roles is GET /organizations/{org_id}/roles.
func (h *Handler) roles(w http.ResponseWriter, r *http.Request) error {
	o, _, err := h.organization(r, "read:roles")
	if err != nil {
		return err
	}
	list, err := h.Roles.List(r.Context(), o.ID)
	if err != nil {
		return err
	}
	out := Roles{Roles: make([]Role, 0, len(list)), TotalCount: int64(len(list))}
	for _, role := range list {
		out.Roles = append(out.Roles, h.roleOf(role))
	}
	return h.Shape.WriteList(w, r, web.Paging{Page: 1, Size: len(list)}, out.TotalCount, nil, out.Roles, out)
}

// createRole is POST /organizations/{org_id}/roles.
func (h *Handler) createRole(w http.ResponseWriter, r *http.Request) error {
	o, holder, err := h.organization(r, "write:roles")
	if err != nil {
		return err
	}
	var in RoleRequest
	if err := web.Decode(r, &in); err != nil {
		return err
	}
	role, err := h.Roles.Define(r.Context(), holder, storage.Role{
		Scope: storage.ScopeOrganization, OrganizationID: o.ID, Name: in.Name, Description: in.Description, Permissions: in.Permissions,
	})
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusCreated, h.roleOf(role))
}

// role is GET /organizations/{org_id}/roles/{role}.
func (h *Handler) role(w http.ResponseWriter, r *http.Request) error {
	o, _, err := h.organization(r, "read:roles")
	if err != nil {
		return err
	}
	role, err := h.Roles.Role(r.Context(), storage.ScopeOrganization, o.ID, r.PathValue("role"))
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, h.roleOf(role))
}

// patchRole is PATCH /organizations/{org_id}/roles/{role}.
func (h *Handler) patchRole(w http.ResponseWriter, r *http.Request) error {
	o, holder, err := h.organization(r, "write:roles")
	if err != nil {
		return err
	}
	var in RolePatch
	if err := web.Decode(r, &in); err != nil {
		return err
	}
	role, err := h.Roles.Revise(r.Context(), holder, storage.ScopeOrganization, o.ID, r.PathValue("role"), access.Revision{
		Description: in.Description, Permissions: in.Permissions,
	})
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, h.roleOf(role))
}

// removeRole is DELETE /organizations/{org_id}/roles/{role}.
func (h *Handler) removeRole(w http.ResponseWriter, r *http.Request) error {
	o, holder, err := h.organization(r, "delete:roles")
	if err != nil {
		return err
	}
	if err := h.Roles.Delete(r.Context(), holder, storage.ScopeOrganization, o.ID, r.PathValue("role")); err != nil {
		return err
	}
	return message(w, "Role deleted")
}
