package users

import (
	"context"
	"net/http"
	"reflect"
	"slices"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/account"
	"github.com/signet-idp/signet/provider/activity"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/dashboard"
	"github.com/signet-idp/signet/provider/directory"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/figures"
	"github.com/signet-idp/signet/provider/mfa"
	"github.com/signet-idp/signet/provider/operator"
	"github.com/signet-idp/signet/provider/report"
	"github.com/signet-idp/signet/storage"
)

// The scopes these routes ask for.
const (
	scopeAccount       = "account"
	scopeOrganizations = "organizations"
	scopeAdmin         = "admin"
	scopeContact       = "users:contact"
	scopeActivity      = "activity:write"
)

// Store is what the handlers read.
type Store interface {
	QueryUsers(ctx context.Context, q storage.UserQuery) ([]storage.User, error)
	CountUsers(ctx context.Context, q storage.UserQuery) (int64, error)
	Membership(ctx context.Context, organizationID, userID string) (storage.Membership, error)
	SystemRoles(ctx context.Context, userID string) ([]string, error)
	CountMembers(ctx context.Context, q storage.MemberQuery) (int64, error)
	OwnerOfDomain(ctx context.Context, domain string) (organizationID string, err error)
}

// Accounts changes accounts (*user.Service).
type Accounts interface {
	UpdateProfile(ctx context.Context, id string, patch map[string]any, source string) (storage.User, error)
	MergePreferences(ctx context.Context, id string, patch map[string]any, source string) (storage.User, error)
	Delete(ctx context.Context, id, reason string) (storage.User, error)
}

// Operators change other people's accounts (*operator.Service), and none that
// hold what the operator lacks.
type Operators interface {
	SetUserStatus(ctx context.Context, by access.Holder, id string, version operator.Version, status storage.UserStatus, reason string) (storage.User, error)
}

// Members ends memberships (*org.Service).
type Members interface {
	RemoveMember(ctx context.Context, by access.Holder, organizationID, userID string, self bool, reason string) error
}

// Registrar registers accounts (*account.Service).
type Registrar interface {
	Register(ctx context.Context, r account.Registration) (account.Registered, error)
}

// Factors lists second factors (*mfa.Service).
type Factors interface {
	Methods(ctx context.Context, userID string) (mfa.Methods, error)
}

// Handler serves the routes.
type Handler struct {
	Directory     *directory.Directory
	Store         Store
	Accounts      Accounts
	Operators     Operators
	Members       Members
	Registrar     Registrar // nil: registration is closed
	Activity      *activity.Service
	Dashboards    *dashboard.Service
	Factors       Factors
	Figures       *figures.Service
	Reports       *report.Service
	Changes       change.Runner
	Authenticator web.Authenticator
	Shapes        shape.Options
}

// Mount adds the routes.
func (h *Handler) Mount(t *web.Table) {
	people := web.BearerOneOf(scopeAccount, scopeOrganizations, scopeAdmin)
	unknown := []string{"AUTH_002", "AUTH_005", "AUTH_006", "AUTH_010", "AUTH_011", "USER_001"}
	with := func(more ...string) []string { return append(append([]string{}, unknown...), more...) }
	for _, r := range slices.Concat(h.exports(unknown), h.analytics(), []web.Route{
		{
			Name: "createProfile", Summary: "Register an account or, with a bearer token and no e-mail address, change one's own profile",
			Methods: []string{http.MethodPost}, Path: "/users/profile",
			Auth:      web.HandlerChecks("without a bearer token it registers, with one it changes the caller's profile"),
			RateClass: web.RateRegister, Idempotent: true,
			Answers: map[int]reflect.Type{http.StatusOK: web.TypeOf[UserProfile](), http.StatusAccepted: web.TypeOf[shape.Message]()},
			Handler: h.createProfile, Request: web.TypeOf[ProfileRequest](), Response: web.TypeOf[UserProfile](), Status: http.StatusCreated,
			Errors: []string{"AUTH_002", "AUTH_005", "AUTH_006", "AUTH_010", "AUTH_011", "AUTH_012", "AUTH_013", "USER_002", "REQ_001", "REQ_002"},
		},
		{
			Name: "listUsers", Summary: "People: all of them for administrators of the system, the members of the token's organization for its administrators",
			Methods: []string{http.MethodGet}, Path: "/users", Auth: web.BearerOneOf(scopeOrganizations, scopeAdmin),
			Handler: h.list, Query: web.TypeOf[ListQuery](), Response: web.TypeOf[[]shape.User](),
			Errors: []string{"AUTH_002", "AUTH_005", "AUTH_006", "AUTH_010", "AUTH_011", "ORG_001", "REQ_001"},
		},
		{
			Name: "getUser", Summary: "An account; of a colleague the public part",
			Methods: []string{http.MethodGet}, Path: "/users/{user_id}", Auth: people,
			Handler: h.get, Response: web.TypeOf[shape.User](), Errors: with(),
		},
		{
			Name: "deleteUser", Summary: "Delete an account or, as an administrator of an organization that does not manage it, end the membership",
			Methods: []string{http.MethodDelete}, Path: "/users/{user_id}", Auth: web.BearerOneOf(scopeOrganizations, scopeAdmin),
			Handler: h.delete, Query: web.TypeOf[OrganizationQuery](), Response: web.TypeOf[Removal](), Errors: with("ORG_001", "ORG_002", "ORG_003"),
		},
		{
			Name: "getUserProfile", Summary: "A profile; of a colleague the public part",
			Methods: []string{http.MethodGet}, Path: "/users/{user_id}/profile", Auth: people,
			Handler: h.profile, Response: web.TypeOf[UserProfile](), Errors: with(),
		},
		{
			Name: "getUserContact", Summary: "How a person is reached, for services that send messages",
			Methods: []string{http.MethodGet}, Path: "/users/{user_id}/contact", Auth: web.BearerOneOf(scopeContact, scopeAccount, scopeAdmin),
			Handler: h.contact, Response: web.TypeOf[Contact](), Errors: with(),
		},
		{
			Name: "updatePreferences", Summary: "Merge preferences (RFC 7396); unknown ones are kept under custom",
			Methods: []string{http.MethodPatch}, Path: "/users/{user_id}/preferences", Auth: web.BearerOneOf(scopeAccount, scopeAdmin),
			Handler: h.preferences, ContentTypes: []string{"application/json", "application/merge-patch+json"},
			Request: web.TypeOf[PreferencesRequest](), Response: web.TypeOf[Preferences](), Errors: with("REQ_001", "REQ_002"),
		},
		{
			Name: "getUserDashboard", Summary: "A person's dashboard",
			Methods: []string{http.MethodGet}, Path: "/users/{user_id}/dashboard", Auth: web.BearerOneOf(scopeAccount, scopeAdmin),
			Handler: h.dashboard, Response: web.TypeOf[Dashboard](), Errors: with(),
		},
		{
			Name: "getUserActivity", Summary: "What a person did, newest first, and counts of it",
			Methods: []string{http.MethodGet}, Path: "/users/{user_id}/activity", Auth: people,
			Handler: h.activity, Query: web.TypeOf[ActivityQuery](), Response: web.TypeOf[ActivityList](), Errors: with("ORG_001", "REQ_001"),
		},
		{
			Name: "recordActivity", Summary: "Report what a person did in a service: one activity, or up to 500",
			Methods: []string{http.MethodPost}, Path: "/auth/users/{user_id}/activity", Auth: web.Bearer(scopeActivity),
			Idempotent: true,
			Handler:    h.record, Request: web.TypeOf[ActivityRequest](), Response: web.TypeOf[ActivityRecorded](), Status: http.StatusCreated,
			Errors: with("REQ_001", "REQ_002"),
		},
		{
			Name: "getOrganizationDashboard", Summary: "An organization's dashboard", Tags: []string{"Organizations"},
			Methods: []string{http.MethodGet}, Path: "/organizations/{org_id}/dashboard", Auth: web.BearerOneOf(scopeOrganizations, scopeAdmin),
			Handler: h.organizationDashboard, Response: web.TypeOf[OrganizationDashboard](),
			Errors: []string{"AUTH_002", "AUTH_005", "AUTH_006", "AUTH_010", "AUTH_011", "ORG_001"},
		},
	}) {
		if r.Tags == nil {
			r.Tags = []string{"Users"}
		}
		if r.RateClass == "" {
			if r.RateClass = web.RateWrite; r.Methods[0] == http.MethodGet {
				r.RateClass = web.RateRead
			}
		}
		r.Legacy = true
		t.Add(r)
	}
}

// person is the account that a path names, "me" among them, and how much of it
// the caller sees. The scope account is for oneself, organizations and admin
// are for others.
func (h *Handler) person(r *http.Request, permission string) (storage.User, directory.Sight, error) {
	ctx, c := r.Context(), shape.CallerOf(r.Context())
	id, err := pathUser(r, c)
	if err != nil {
		return storage.User{}, 0, err
	}
	if err := reaches(c, id); err != nil {
		return storage.User{}, 0, err
	}
	return h.Directory.Person(ctx, c, id, permission)
}

func pathUser(r *http.Request, c directory.Caller) (string, error) {
	id := r.PathValue("user_id")
	if id != "me" {
		return id, nil
	}
	if c.Service {
		return "", fault.New(fault.UserNotFound, "there is no person behind this token")
	}
	return c.ID, nil
}

// reaches says whether the token's scopes are meant for the person.
func reaches(c directory.Caller, id string) error {
	wanted := scopeOrganizations
	if !c.Service && c.ID == id {
		wanted = scopeAccount
	}
	for _, s := range c.Scopes {
		if s == wanted || s == scopeAdmin {
			return nil
		}
	}
	return &fault.Error{Code: fault.InsufficientScope, Message: "the token lacks the scope " + wanted, Scope: wanted}
}

// fully asks for the whole of a person: theirs, or an administrator's of the
// system. Who sees less is told so.
func (h *Handler) fully(r *http.Request) (storage.User, error) {
	u, sight, err := h.person(r, "")
	if err == nil && sight != directory.SightFull {
		err = fault.New(fault.Forbidden, "this is for the person and for administrators of the system")
	}
	return u, err
}
