package mfa

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/directory"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/login"
	"github.com/signet-idp/signet/provider/mfa"
)

// Handler serves the routes.
type Handler struct {
	Factors       *mfa.Service
	Login         *login.Service
	Directory     *directory.Directory
	Authenticator web.Authenticator
	Shape         shape.Options
	Now           func() time.Time
}

// Scopes that reach one's own account, one's organizations, and the whole system.
const (
	scopeAccount       = "account"
	scopeOrganizations = "organizations"
	scopeAdmin         = "admin"
)

// Mount adds the routes.
func (h *Handler) Mount(t *web.Table) {
	t.Add(h.proofRoutes()...)
	t.Add(h.methodRoutes()...)
	t.Add(h.deviceRoutes()...)
	t.Add(h.policyRoutes()...)
}

// bearer are the errors of every route here, and more.
func bearer(more ...string) []string {
	all := append([]string{"AUTH_002", "AUTH_004", "AUTH_005", "AUTH_006", "AUTH_010", "AUTH_011", "SRV_002"}, more...)
	slices.Sort(all)
	return all
}

// route is a row of one's own account.
func route(name, summary, method, path string, do web.HandlerFunc) web.Route {
	r := web.Route{
		Name: name, Summary: summary, Tags: []string{"Second factors"}, Methods: []string{method}, Path: path, Legacy: true,
		Auth: web.Bearer(scopeAccount), CORS: web.CORSClient, Handler: do, RateClass: web.RateWrite, Errors: bearer(),
	}
	if method == http.MethodGet {
		r.RateClass = web.RateRead
	}
	return r
}

// who is who makes a request: somebody who is signed in, or whose login waits.
type who struct {
	principal *web.Principal     // nil in a login
	signedIn  login.SignedIn     // without a login
	waiting   *login.PendingJSON // nil without
}

// who finds out. token is the mfa_token of the body, which stands for a bearer.
func (h *Handler) who(r *http.Request, token string) (who, error) {
	if token != "" {
		p, err := h.Login.ResumeJSON(r.Context(), token)
		if err == nil {
			web.Log(r.Context()).User(p.UserID).Client(p.ClientID)
		}
		return who{waiting: p}, err
	}
	credential, err := web.BearerToken(r)
	if err != nil {
		return who{}, err
	}
	if credential == "" {
		return who{}, fault.New(fault.Unauthenticated, "a bearer token is needed, or the mfa_token of a login")
	}
	p, err := h.Authenticator.Authenticate(r.Context(), credential)
	if err != nil {
		return who{}, err
	}
	if !p.ForIssuer {
		return who{}, fault.New(fault.TokenMalformed, "the token is not meant for this API")
	}
	web.WithPrincipal(r.Context(), &p)
	if !p.HasScope(scopeAccount) {
		e := fault.New(fault.InsufficientScope, "the token lacks the scope "+scopeAccount)
		e.Scope = scopeAccount
		return who{}, e
	}
	return signedIn(r, &p)
}

// person is who is signed in, on routes where the frame has found that out.
func person(r *http.Request) (who, error) { return signedIn(r, web.PrincipalFrom(r.Context())) }

func signedIn(r *http.Request, p *web.Principal) (who, error) {
	if p.Service {
		return who{}, fault.New(fault.Forbidden, "this is for people: a client has no account")
	}
	return who{principal: p, signedIn: login.SignedIn{
		UserID: p.Subject, SessionID: p.SessionID, GrantID: p.GrantID, ClientID: p.ClientID, AMR: p.AMR,
		Device: shape.Device(r, ""), Locale: locale(r),
	}}, nil
}

// recent asks for a recent authentication of who is signed in.
func (h *Handler) recent(ctx context.Context, w who) error {
	return h.Factors.Recent(ctx, w.principal.Subject, w.principal.AuthTime, w.principal.ACR)
}

// refused is what a request is answered that was not served.
func (h *Handler) refused(err error) error { return shape.Refusal(err, h.Now()) }

func locale(r *http.Request) string { return r.Header.Get("Accept-Language") }

// missing names a field that is needed.
func missing(field, text string) error {
	return &fault.Error{Code: fault.Invalid, Message: text, Fields: []fault.FieldError{{Field: field, Message: text, Type: "missing"}}}
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
