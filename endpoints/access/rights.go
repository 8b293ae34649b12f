package access

import (
	"net/http"
	"time"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/directory"
	"github.com/signet-idp/signet/storage"
)

// Permissions is everything a person may do in an organization.
type Permissions struct {
	UserID         string   `json:"user_id"`
	OrganizationID *string  `json:"organization_id"`
	Permissions    []string `json:"permissions"`
	Roles          []string `json:"roles"`
	PermEpoch      int64    `json:"perm_epoch"`
	CacheTTL       int64    `json:"cache_ttl"` // seconds
}

func (h *Handler) permissions(w http.ResponseWriter, r *http.Request) error {
	a, err := h.rights(r)
	if err != nil {
		return err
	}
	return web.WriteJSONTagged(w, r, http.StatusOK, Permissions{
		UserID: a.User.ID, OrganizationID: organizationID(a.Account), Permissions: shape.List(a.Permissions),
		Roles: h.Shape.Roles(a.Roles), PermEpoch: a.Epoch, CacheTTL: int64(cacheTTL / time.Second),
	})
}

// Roles is which roles a person holds.
type Roles struct {
	UserID         string       `json:"user_id"`
	OrganizationID *string      `json:"organization_id"`
	Roles          []string     `json:"roles"`
	RoleDetails    []RoleDetail `json:"role_details"`
	PermEpoch      int64        `json:"perm_epoch"`
	CacheTTL       int64        `json:"cache_ttl"` // seconds
}

// RoleDetail is one role that is held.
type RoleDetail struct {
	// RoleID is the role as the feed names it: organization/role, /role for
	// one of the system.
	RoleID         string  `json:"role_id"`
	Name           string  `json:"name"`
	Scope          string  `json:"scope"` // system or organization
	OrganizationID *string `json:"organization_id"`
	AssignedAt     *string `json:"assigned_at"`
	AssignedBy     *string `json:"assigned_by"` // a user id or client_id; null when it is not known
}

func (h *Handler) roles(w http.ResponseWriter, r *http.Request) error {
	a, err := h.rights(r)
	if err != nil {
		return err
	}
	out := Roles{
		UserID: a.User.ID, OrganizationID: organizationID(a.Account), Roles: h.Shape.Roles(a.Roles),
		RoleDetails: []RoleDetail{}, PermEpoch: a.Epoch, CacheTTL: int64(cacheTTL / time.Second),
	}
	organization := ""
	if a.Organization != nil {
		organization = a.Organization.ID
	}
	assigned, err := h.Store.RoleAssignments(r.Context(), a.User.ID, organization)
	if err != nil {
		return err
	}
	for _, role := range a.Roles {
		out.RoleDetails = append(out.RoleDetails, h.detail(role, organization, assigned))
	}
	return web.WriteJSONTagged(w, r, http.StatusOK, out)
}

// detail is a role of the list with what is known of how it was given.
func (h *Handler) detail(role, organization string, assigned []storage.RoleAssignment) RoleDetail {
	scope, name := access.ParseTokenRole(role)
	if scope == storage.ScopeSystem {
		organization = ""
	}
	d := RoleDetail{RoleID: organization + "/" + name, Name: name, Scope: string(scope), OrganizationID: optional(organization)}
	for _, a := range assigned {
		if a.OrganizationID == organization && a.Role == name {
			d.AssignedAt, d.AssignedBy = h.Shape.Times.Ptr(a.AssignedAt), optional(a.AssignedBy)
		}
	}
	return d
}

// Context is a person where they work.
type Context struct {
	User          shape.User          `json:"user"`
	Organization  *shape.Organization `json:"organization"`
	Organizations []shape.Belonging   `json:"organizations"`
	Roles         []string            `json:"roles"`
	Permissions   []string            `json:"permissions"`
	PermEpoch     int64               `json:"perm_epoch"`
	MFA           MFA                 `json:"mfa"`
	// Session is always null: a service that asks is in nobody's session.
	Session *struct{} `json:"session"`
}

// MFA says whether second factors are set up.
type MFA struct {
	Enabled      bool `json:"enabled"`
	MethodsCount int  `json:"methods_count"`
}

func (h *Handler) context(w http.ResponseWriter, r *http.Request) error {
	a, err := h.rights(r)
	if err != nil {
		return err
	}
	out := Context{
		User: h.Shape.UserOf(a.Account), Organizations: h.Shape.BelongingsOf(a.Memberships), Roles: h.Shape.Roles(a.Roles),
		Permissions: shape.List(a.Permissions), PermEpoch: a.Epoch, MFA: MFA{Enabled: a.Factors > 0, MethodsCount: a.Factors},
	}
	if a.Sight != directory.SightFull {
		out.User.PhoneNumber = nil
	}
	if a.Organization != nil {
		members, err := h.Store.CountMembers(r.Context(), storage.MemberQuery{OrganizationID: a.Organization.ID})
		if err != nil {
			return err
		}
		o := h.Shape.OrganizationOf(*a.Organization, members)
		out.Organization = &o
	}
	return web.WriteJSONTagged(w, r, http.StatusOK, out)
}
