package auth

import (
	"context"
	"net/http"
	"time"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/consent"
	"github.com/signet-idp/signet/provider/directory"
	"github.com/signet-idp/signet/provider/gate"
	"github.com/signet-idp/signet/provider/login"
	"github.com/signet-idp/signet/provider/oauth"
	"github.com/signet-idp/signet/provider/risk"
	"github.com/signet-idp/signet/provider/session"
	"github.com/signet-idp/signet/provider/token"
	"github.com/signet-idp/signet/storage"
)

// Handler serves the routes under /auth.
type Handler struct {
	Issuer      string
	Verifier    *token.Verifier
	Permissions Permissions
	Feed        Feed
	Observer    Observer
	Gates       Gates
	Door        *gate.Door // of gates for browsers
	Now         func() time.Time

	Login     *login.Service
	OAuth     *oauth.Provider
	Sessions  *session.Manager
	Consents  *consent.Service
	Directory *directory.Directory
	Users     Users
	Store     Store
	Shapes    shape.Options
	Geo       risk.Geo // nil: no place is known

	cookie cookie
}

// Gates knows the named rules of gateways, from memory (*gate.Book).
type Gates interface {
	Get(ctx context.Context, name string) (*storage.Gate, error)
	ByHost(ctx context.Context, host string) (*storage.Gate, error)
}

// Users changes accounts (*user.Service).
type Users interface {
	UpdateProfile(ctx context.Context, id string, patch map[string]any, source string) (storage.User, error)
}

// Store is what the handlers read.
type Store interface {
	CountMembers(ctx context.Context, q storage.MemberQuery) (int64, error)
}

// scopeAccount lets a token reach its own person's account.
const scopeAccount = "account"

// Mount adds the routes.
func (h *Handler) Mount(t *web.Table) error {
	configuration, err := h.configuration()
	if err != nil {
		return err
	}
	h.cookie = newCookie(h.Issuer)
	t.Add(web.Route{
		Name: "signetConfiguration", Summary: "What this server offers beyond OpenID Connect", Tags: []string{"OpenID Connect"},
		Methods: []string{http.MethodGet}, Path: PathConfiguration, Auth: web.Public(), CORS: web.CORSAny,
		Prepared: func() *web.Prepared { return configuration }, Response: web.TypeOf[Configuration](),
	}, web.Route{
		Name: "validateToken", Summary: "Is this access token still good?", Tags: []string{"Authentication"},
		Methods: []string{http.MethodGet, http.MethodPost}, Path: "/auth/validate", Legacy: true,
		Auth:    web.HandlerChecks("the credential is what is judged"),
		Handler: h.validate, ContentTypes: []string{web.AnyContentType}, AllowCrossOrigin: true,
		Request: web.TypeOf[ValidateRequest](), Response: web.TypeOf[Validation](),
		Errors: []string{"AUTH_002", "AUTH_005", "AUTH_006", "AUTH_010", "AUTH_011", "REQ_001", "SRV_002"},
	})
	h.mountGates(t)
	h.mountTokens(t)
	h.mountAccount(t)
	return nil
}

// mountTokens adds the routes by which tokens begin and end.
func (h *Handler) mountTokens(t *web.Table) {
	for _, r := range []web.Route{
		{
			Name: "logIn", Summary: "Sign a person in with e-mail address and password",
			Path: "/auth/login", Auth: web.HandlerChecks("the password is the credential"), CORS: web.CORSClient,
			Handler: h.login, RateClass: web.RateLogin,
			Request: web.TypeOf[LoginRequest](), Response: web.TypeOf[LoginAnswer](),
			Errors: []string{
				"AUTH_001", "AUTH_004", "AUTH_007", "AUTH_008", "AUTH_009", "AUTH_010", "MFA_002", "MFA_003", "MFA_004", "REQ_001", "REQ_002", "REQ_003", "SRV_002",
			},
		},
		{
			Name: "refreshToken", Summary: "New tokens for a refresh token, in another organization if one is named",
			Path: "/auth/refresh", Auth: web.HandlerChecks("the refresh token is the credential"), CORS: web.CORSCredentialed,
			Handler: h.refresh, Query: web.TypeOf[RefreshQuery](),
			Request: web.TypeOf[RefreshRequest](), Response: web.TypeOf[shape.Tokens](),
			Errors: []string{"AUTH_002", "AUTH_005", "AUTH_009", "AUTH_010", "REQ_001", "REQ_002", "REQ_004", "SRV_002"},
		},
		{
			Name: "logOut", Summary: "End the session of a bearer or refresh token, or all sessions of its person",
			Path: "/auth/logout", Auth: web.HandlerChecks("an expired bearer token with a good refresh token still logs out"),
			CORS: web.CORSCredentialed, Handler: h.logout, RateClass: web.RateToken,
			Request: web.TypeOf[LogoutRequest](), Response: web.TypeOf[shape.Message](),
			Errors: []string{"AUTH_002", "AUTH_004", "AUTH_005", "AUTH_010", "AUTH_011", "REQ_001", "REQ_002", "SRV_002"},
		},
		{
			Name: "revokeToken", Summary: "End an access token, or a refresh token with its session",
			Path: "/auth/revoke", Auth: web.HandlerChecks("whoever holds a token may end it"), CORS: web.CORSClient,
			Handler: h.revoke, RateClass: web.RateToken,
			Request: web.TypeOf[RevokeRequest](), Response: web.TypeOf[shape.Message](),
			Errors: []string{"AUTH_004", "REQ_001", "REQ_002", "SRV_002"},
		},
	} {
		r.Methods, r.Legacy, r.Tags = []string{http.MethodPost}, true, []string{"Authentication"}
		t.Add(r)
	}
}

// mountAccount adds the routes of a person's own account.
func (h *Handler) mountAccount(t *web.Table) {
	bearer := []string{"AUTH_002", "AUTH_004", "AUTH_005", "AUTH_006", "AUTH_010", "AUTH_011", "SRV_002"}
	with := func(more ...string) []string { return append(append([]string{}, bearer...), more...) }
	patch := web.Route{
		Name: "patchMe", Summary: "Change one's own profile", Methods: []string{http.MethodPatch}, Path: "/auth/me",
		Handler: h.patchMe, Request: web.TypeOf[ProfileRequest](), Response: web.TypeOf[shape.User](), Errors: with("REQ_001", "REQ_002"),
	}
	alias := patch
	alias.Name, alias.Summary, alias.Path = "patchProfile", "Change one's own profile (the same as PATCH /auth/me)", "/auth/profile"
	for _, r := range []web.Route{
		{
			Name: "me", Summary: "One's own account, in the token's organization", Methods: []string{http.MethodGet}, Path: "/auth/me",
			Handler: h.me, Response: web.TypeOf[shape.Me](), Errors: with(),
		},
		patch, alias,
		{
			Name: "listSessions", Summary: "Where one is signed in, newest first", Methods: []string{http.MethodGet}, Path: "/auth/sessions",
			Handler: h.listSessions, Query: web.TypeOf[SessionQuery](), Response: web.TypeOf[SessionList](), Items: web.TypeOf[Session](),
			Errors: with("REQ_001"),
		},
		{
			Name: "endOtherSessions", Summary: "Sign out everywhere else", Methods: []string{http.MethodDelete}, Path: "/auth/sessions",
			Handler: h.endOtherSessions, Response: web.TypeOf[SessionEnded](), Errors: with(),
		},
		{
			Name: "endSession", Summary: "Sign out of one session", Methods: []string{http.MethodDelete}, Path: "/auth/sessions/{session_id}",
			Handler: h.endSession, Response: web.TypeOf[SessionEnded](), Errors: with("REQ_003"),
		},
		{
			Name: "listGrants", Summary: "The applications one has let in", Methods: []string{http.MethodGet}, Path: "/auth/grants",
			Handler: h.listGrants, Response: web.TypeOf[GrantList](), Items: web.TypeOf[Grant](), Errors: with(),
		},
		{
			Name: "withdrawGrant", Summary: "Shut an application out again", Methods: []string{http.MethodDelete}, Path: "/auth/grants/{grant_id}",
			Handler: h.withdrawGrant, Response: web.TypeOf[shape.Message](), Errors: with("REQ_003"),
		},
	} {
		r.Auth, r.CORS, r.Legacy, r.Tags = web.Bearer(scopeAccount), web.CORSClient, true, []string{"Own account"}
		r.RateClass = web.RateWrite
		if r.Methods[0] == http.MethodGet {
			r.RateClass = web.RateRead
		}
		t.Add(r)
	}
}
