package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
)

// operation is one line of the table in docs/performance.md.
type operation struct {
	name string
	// promise is the least a core must do a second; 0: none.
	promise float64
	// prepare readies a worker before the clock starts.
	prepare func(ctx context.Context, w *worker) error
	// shared readies what all workers use together, and may be nil.
	shared func(ctx context.Context, w *worker, o *options) (*pool, error)
	// once does it one time.
	once func(ctx context.Context, w *worker, p *pool) error
}

// pool hands out tokens, each once.
type pool struct {
	tokens []string
	next   atomic.Int64
	cursor string // near the end of a list
}

// errEmpty ends a measurement: there are no new tokens left.
var errEmpty = errors.New("no tokens left")

func (p *pool) take() (string, error) {
	n := p.next.Add(1) - 1
	if n >= int64(len(p.tokens)) {
		return "", errEmpty
	}
	return p.tokens[n], nil
}

func operations() []operation {
	return []operation{
		{name: "discovery", promise: 40_000, once: fetch("/.well-known/openid-configuration")},
		{name: "jwks", promise: 40_000, once: fetch("/.well-known/jwks.json")},
		{name: "client-credentials", promise: 6000, once: clientCredentials},
		{name: "introspect", promise: 6000, shared: freshTokens, once: introspectFresh},
		{name: "introspect-same", promise: 20_000, prepare: oneToken, once: introspectSame},
		{name: "validate", promise: 6000, shared: freshTokens, once: validateFresh},
		{name: "validate-same", promise: 20_000, prepare: oneToken, once: validateSame},
		{name: "userinfo", promise: 6000, prepare: personal("ES256"), once: userInfo},
		{name: "refresh", promise: 2000, prepare: personal("ES256"), once: refresh("ES256")},
		{name: "refresh-rs256", prepare: personal("RS256"), once: refresh("RS256")},
		{name: "code", promise: 1000, prepare: personal("ES256"), once: code("ES256")},
		{name: "code-rs256", prepare: personal("RS256"), once: code("RS256")},
		{name: "login", promise: 38, once: login},
		{name: "login-json", promise: 38, once: loginJSON},
		{name: "login-totp", shared: appHolders, once: loginTOTP},
		{name: "login-passkey", prepare: passkeyHolder, once: loginPasskey},
		{name: "dashboard-user", prepare: member, once: read("/users/me/dashboard")},
		{name: "activity", prepare: member, once: read("/users/me/activity")},
		{name: "dashboard-organization", prepare: owner, once: read("/organizations/acme/dashboard")},
		{name: "members-first", prepare: owner, once: read(membersPath("", deepPage))},
		{name: "members-deep", prepare: owner, shared: deep, once: readDeep},
	}
}

func fetch(path string) func(context.Context, *worker, *pool) error {
	return func(ctx context.Context, w *worker, _ *pool) error { return expect(w.get(ctx, path)) }
}

func clientCredentials(ctx context.Context, w *worker, _ *pool) error {
	return expect(w.post(ctx, "/oauth2/token", url.Values{"grant_type": {"client_credentials"}}, true))
}

// oneToken gets the worker one access token of a service.
func oneToken(ctx context.Context, w *worker) error {
	t, err := w.token(ctx, url.Values{"grant_type": {"client_credentials"}}, true)
	w.access = t.Access
	return err
}

// freshTokens are tokens that the server has not verified yet. It remembers
// those it has, so that each is good for one measurement only.
func freshTokens(ctx context.Context, w *worker, o *options) (*pool, error) {
	p := &pool{}
	for range min(o.fresh, o.count) {
		if err := oneToken(ctx, w); err != nil {
			return nil, err
		}
		p.tokens = append(p.tokens, w.access)
	}
	return p, nil
}

func introspectFresh(ctx context.Context, w *worker, p *pool) error {
	token, err := p.take()
	if err != nil {
		return err
	}
	return introspect(ctx, w, token)
}

func introspectSame(ctx context.Context, w *worker, _ *pool) error {
	return introspect(ctx, w, w.access)
}

func introspect(ctx context.Context, w *worker, token string) error {
	r, err := w.post(ctx, "/oauth2/introspect", url.Values{"token": {token}}, true)
	if err := expect(r, err); err != nil {
		return err
	}
	if len(r.body) < 100 { // {"active":false} is short
		return fmt.Errorf("introspection says %s", r.body)
	}
	return nil
}

func validateFresh(ctx context.Context, w *worker, p *pool) error {
	token, err := p.take()
	if err != nil {
		return err
	}
	return w.bearing(ctx, http.MethodPost, "/auth/validate", token)
}

func validateSame(ctx context.Context, w *worker, _ *pool) error {
	return w.bearing(ctx, http.MethodPost, "/auth/validate", w.access)
}

// personal signs the worker's person in and leaves session and tokens.
func personal(alg string) func(context.Context, *worker) error {
	return func(ctx context.Context, w *worker) error {
		a := newAuthorization(webClient(alg), usualScope)
		w.forget()
		location, err := w.login(ctx, a, email(w.n%w.site.people))
		if err != nil {
			return err
		}
		t, err := w.redeem(ctx, a, location)
		w.access, w.refresh = t.Access, t.Refresh
		return err
	}
}

func userInfo(ctx context.Context, w *worker, _ *pool) error {
	return w.bearing(ctx, http.MethodGet, "/oauth2/userinfo", w.access)
}

func refresh(alg string) func(context.Context, *worker, *pool) error {
	return func(ctx context.Context, w *worker, _ *pool) error {
		t, err := w.token(ctx, url.Values{"grant_type": {"refresh_token"}, "client_id": {webClient(alg)}, "refresh_token": {w.refresh}}, false)
		if err != nil {
			return err
		}
		if t.Refresh == w.refresh || t.ID == "" {
			return errors.New("the refresh token did not rotate, or there was no ID token")
		}
		w.refresh = t.Refresh
		return nil
	}
}

// code is two requests: the session stands, nobody is asked anything.
func code(alg string) func(context.Context, *worker, *pool) error {
	return func(ctx context.Context, w *worker, _ *pool) error {
		a := newAuthorization(webClient(alg), usualScope)
		r, err := w.get(ctx, a.path)
		if err != nil {
			return err
		}
		_, err = w.redeem(ctx, a, r.location)
		return err
	}
}

// login is three requests of a browser without cookies, up to the code.
func login(ctx context.Context, w *worker, _ *pool) error {
	w.forget()
	_, err := w.login(ctx, newAuthorization(webClient("ES256"), usualScope), email(w.n%w.site.people))
	return err
}

// signIn gets the worker a token of a person for Signet's own API.
func signIn(ctx context.Context, w *worker, email string) error {
	a := newAuthorization(webClient("ES256"), "openid account organizations")
	w.forget()
	location, err := w.login(ctx, a, email)
	if err != nil {
		return err
	}
	t, err := w.redeem(ctx, a, location)
	w.access = t.Access
	return err
}

// member is a person of the seed, or without one of the installation.
func member(ctx context.Context, w *worker) error {
	if w.site.seeded > 0 {
		return signIn(ctx, w, seedEmail(w.n%w.site.seeded))
	}
	return signIn(ctx, w, email(w.n%w.site.people))
}

// owner owns the organization.
func owner(ctx context.Context, w *worker) error { return signIn(ctx, w, email(0)) }

// read asks for a path with the worker's token.
func read(path string) func(context.Context, *worker, *pool) error {
	return func(ctx context.Context, w *worker, _ *pool) error {
		return w.bearing(ctx, http.MethodGet, path, w.access)
	}
}

const deepPage = 50

// deep walks to the last full page of the members and remembers where it begins.
func deep(ctx context.Context, w *worker, _ *options) (*pool, error) {
	p := &pool{}
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.site.url+membersPath(p.cursor, deepPage), nil)
		if err != nil {
			return nil, err
		}
		r.Header.Set("Authorization", "Bearer "+w.access)
		answer, err := w.do(r)
		if err := expect(answer, err); err != nil {
			return nil, err
		}
		var page []struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(answer.body, &page); err != nil {
			return nil, err
		}
		if len(page) < deepPage || page[len(page)-1].ID <= p.cursor {
			return p, nil
		}
		p.cursor = page[len(page)-1].ID
	}
}

func membersPath(cursor string, limit int) string {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	return "/users?" + q.Encode()
}

func readDeep(ctx context.Context, w *worker, p *pool) error {
	return w.bearing(ctx, http.MethodGet, membersPath(p.cursor, deepPage), w.access)
}

// loginJSON is one request of a client that takes passwords itself.
func loginJSON(ctx context.Context, w *worker, _ *pool) error {
	body := fmt.Sprintf(`{"email":%q,"password":%q}`, email(w.n%w.site.people), password)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.site.url+"/auth/login", strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	return expect(w.do(r))
}
