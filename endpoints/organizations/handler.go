package organizations

import (
	"context"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/directory"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/hook"
	"github.com/signet-idp/signet/provider/org"
	"github.com/signet-idp/signet/storage"
)

// Store is what the handler reads besides the services.
type Store interface {
	UserByID(ctx context.Context, id string) (storage.User, error)
	UserByEmail(ctx context.Context, canonical string) (storage.User, error)
	MembershipsOf(ctx context.Context, userID, after string, limit int) ([]storage.Membership, error)
	QueryMembers(ctx context.Context, q storage.MemberQuery) ([]storage.Member, error)
	CountMembers(ctx context.Context, q storage.MemberQuery) (int64, error)
	QueryOrganizations(ctx context.Context, q storage.OrganizationQuery) ([]storage.Organization, error)
	CountOrganizations(ctx context.Context) (int64, error)
	OrganizationsByID(ctx context.Context, ids []string) ([]storage.Organization, error)
	MemberCounts(ctx context.Context, ids []string) (map[string]int64, error)
}

// Handler serves the routes.
type Handler struct {
	Directory     *directory.Directory
	Organizations *org.Service
	Invitations   *org.Invitations
	Domains       *org.Domains
	Roles         *access.Service
	Rules         *hook.Rules // nil: nobody is asked
	Store         Store
	Shape         shape.Options
	// DirectMemberAdd is the switch legacy.direct_member_add: adding a known
	// address adds the account at once.
	DirectMemberAdd bool
}

// Mount adds the routes.
func (h *Handler) Mount(t *web.Table) {
	t.Add(h.organizationRoutes()...)
	t.Add(h.memberRoutes()...)
	t.Add(h.invitationRoutes()...)
	t.Add(h.roleRoutes()...)
	t.Add(h.domainRoutes()...)
}

// auth is what every route here takes: people for their own organizations,
// operators with the scope under which system roles act.
func auth() web.Auth { return web.BearerOneOf("organizations", "admin") }

// errorCodes are what every route with a bearer answers, and more.
func errorCodes(more ...string) []string {
	all := append([]string{"AUTH_002", "AUTH_004", "AUTH_005", "AUTH_006", "AUTH_010", "AUTH_011", "SRV_002"}, more...)
	slices.Sort(all)
	return all
}

// within errors are those of routes below an organization.
func within(more ...string) []string { return errorCodes(append(more, "ORG_001")...) }

func route(method, path string) web.Route {
	r := web.Route{
		Tags: []string{"Organizations"}, Methods: []string{method}, Path: path, Legacy: true, Auth: auth(),
		CORS: web.CORSClient, RateClass: web.RateWrite,
	}
	if method == http.MethodGet {
		r.RateClass = web.RateRead
	}
	return r
}

// organization is the one named in the path, if the caller may do permission in it.
func (h *Handler) organization(r *http.Request, permission string) (storage.Organization, access.Holder, error) {
	return h.Directory.Organization(r.Context(), shape.CallerOf(r.Context()), r.PathValue("org_id"), permission)
}

// person is the person who calls; fault.Forbidden for a service.
func person(ctx context.Context) (directory.Caller, error) {
	c := shape.CallerOf(ctx)
	if c.Service {
		return c, fault.New(fault.Forbidden, "this is for people; a service has no account")
	}
	return c, nil
}

// memberID is the user id in the path; "me" is the caller.
func memberID(r *http.Request) (id string, self bool, err error) {
	c := shape.CallerOf(r.Context())
	id = r.PathValue("user_id")
	if id == "me" && !c.Service {
		id = c.ID
	}
	if uuid.Validate(id) != nil {
		return "", false, fault.New(fault.NotMember, "the person is not a member of this organization")
	}
	return id, !c.Service && id == c.ID, nil
}

// paging reads the paging of a list whose cursor is an id.
func paging(r *http.Request) (web.Paging, error) {
	p, err := web.ReadPaging(r)
	if err == nil && p.Cursor != "" && uuid.Validate(p.Cursor) != nil {
		err = fault.Field("query.cursor", "use the next_cursor of the answer before")
	}
	return p, err
}

// roleList is what a request names: one role, several, or none.
func roleList(role string, roles []string) []string {
	if len(roles) == 0 && role != "" {
		return []string{role}
	}
	return roles
}

// message is an answer that only says what happened.
func message(w http.ResponseWriter, text string) error {
	return web.WriteJSON(w, http.StatusOK, shape.Message{Message: text})
}
