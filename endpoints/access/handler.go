package access

import (
	"context"
	"net/http"
	"time"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/directory"
	"github.com/signet-idp/signet/storage"
)

// Store is what the handler reads besides the directory.
type Store interface {
	// RoleAssignments lists what a person holds in an organization and of the system.
	RoleAssignments(ctx context.Context, userID, organizationID string) ([]storage.RoleAssignment, error)
	CountMembers(ctx context.Context, q storage.MemberQuery) (int64, error)
}

// Handler serves the routes.
type Handler struct {
	Directory *directory.Directory
	Store     Store
	Shape     shape.Options
	// NewID makes the id of a decision (storage.NewID).
	NewID func() string
}

// cacheTTL is for how long an application may go by permissions it has read.
// What was taken away counts at once with /auth/validate and /auth/authorize.
const cacheTTL = time.Minute

// Scopes one of which opens these routes; which of them reaches whom is decided
// for each question.
func asker() web.Auth {
	return web.BearerOneOf("account", "organizations", "permissions:read", "admin")
}

// Mount adds the routes.
func (h *Handler) Mount(t *web.Table) {
	tags, get := []string{"Permissions"}, []string{http.MethodGet}
	refusals := []string{"AUTH_002", "AUTH_005", "AUTH_006", "AUTH_010", "AUTH_011", "USER_001", "ORG_002", "SRV_002"}
	t.Add(web.Route{
		Name: "checkPermission", Summary: "May somebody do something?", Tags: tags,
		Methods: []string{http.MethodGet, http.MethodPost}, Path: "/auth/authorize", Legacy: true, Auth: asker(), Handler: h.authorize, RateClass: web.RateNone,
		BodyLimit: 64 << 10, Request: web.TypeOf[AuthorizeRequest](), Query: web.TypeOf[AuthorizeQuery](), Response: web.TypeOf[Decision](),
		Errors: append([]string{"REQ_001"}, refusals...),
	}, web.Route{
		Name: "getPermissions", Summary: "What a person may do", Tags: tags,
		Methods: get, Path: "/auth/permissions/{user_id}", Legacy: true, Auth: asker(), Handler: h.permissions,
		Query: web.TypeOf[Query](), Tagged: true, Response: web.TypeOf[Permissions](), Errors: refusals,
	}, web.Route{
		Name: "getRoles", Summary: "The roles a person holds, since when and from whom", Tags: tags,
		Methods: get, Path: "/auth/roles/{user_id}", Legacy: true, Auth: asker(), Handler: h.roles,
		Query: web.TypeOf[Query](), Tagged: true, Response: web.TypeOf[Roles](), Errors: refusals,
	}, web.Route{
		Name: "getUserContext", Summary: "A person with organization, roles and permissions", Tags: tags,
		Methods: get, Path: "/auth/users/{user_id}/context", Legacy: true, Auth: asker(), Handler: h.context,
		Query: web.TypeOf[Query](), Tagged: true, Response: web.TypeOf[Context](), Errors: refusals,
	})
}

// Query is what the lists take.
type Query struct {
	OrganizationID string `json:"organization_id"` // an id; empty: see docs/access.md
}

// rights reads whom the request is about and what they hold.
func (h *Handler) rights(r *http.Request) (directory.Rights, error) {
	caller := shape.CallerOf(r.Context())
	id := r.PathValue("user_id")
	if id == "me" {
		id = caller.ID
	}
	organization := r.URL.Query().Get("organization_id")
	if organization == "" {
		organization = r.URL.Query().Get("tenant_id")
	}
	return h.Directory.Rights(r.Context(), caller, id, organization)
}

func organizationID(a directory.Account) *string {
	if a.Organization == nil {
		return nil
	}
	return &a.Organization.ID
}
