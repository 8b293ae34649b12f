package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Requirement is what a route asks of a token besides being good.
type Requirement func(*rules)

type rules struct {
	scopes, roles, permissions []string
	organization, acr          string
	maxAge                     time.Duration
	bound                      *freshEnough
}

// Scope asks for all of the scopes.
func Scope(scopes ...string) Requirement {
	return func(r *rules) { r.scopes = append(r.scopes, scopes...) }
}

// Role asks for one of the roles: bare names in the token's organization,
// system:NAME for the system's.
func Role(oneOf ...string) Requirement {
	return func(r *rules) { r.roles = append(r.roles, oneOf...) }
}

// Permission asks for all of the permissions (action:resource). A token that
// does not tell its permissions is shown to the server: that is a call.
func Permission(permissions ...string) Requirement {
	return func(r *rules) { r.permissions = append(r.permissions, permissions...) }
}

// Organization asks that the token acts in the organization, by id or slug.
func Organization(idOrSlug string) Requirement { return func(r *rules) { r.organization = idOrSlug } }

// ACR asks for a level of authentication: aal1, aal2 or aal3 or better; for
// another value exactly that.
func ACR(level string) Requirement { return func(r *rules) { r.acr = level } }

// MaxAge asks that the person signed in no longer ago.
func MaxAge(d time.Duration) Requirement { return func(r *rules) { r.maxAge = d } }

// Stale overrides Config.MaxStale and OnStale.
func Stale(maxStale time.Duration, policy StalePolicy) Requirement {
	return func(r *rules) { r.bound = &freshEnough{maxStale, policy} }
}

type contextKey struct{}

// FromContext returns the claims of the request's token, inside a handler that
// Middleware guards.
func FromContext(ctx context.Context) (*Claims, bool) {
	c, ok := ctx.Value(contextKey{}).(*Claims)
	return c, ok
}

// Middleware lets requests through whose bearer token is good and holds what
// is required. All others are answered as RFC 6750 §3 and RFC 9470 §3 say.
func (v *Verifier) Middleware(required ...Requirement) func(http.Handler) http.Handler {
	g := &guard{v: v, rules: rules{bound: &freshEnough{v.config.MaxStale, v.config.OnStale}}}
	for _, r := range required {
		r(&g.rules)
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, refusal := g.check(r)
			if refusal != nil {
				refusal.write(w)
				return
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, c)))
		})
	}
}

// guard is a Verifier with the rules of a route.
type guard struct {
	v     *Verifier
	rules rules
}

// refusal is an answer in place of the route's.
type refusal struct {
	status             int
	code, description  string
	challenge          string // parameters of WWW-Authenticate besides realm and error
	realm              string
	withoutCode, retry bool
}

func (g *guard) check(r *http.Request) (*Claims, *refusal) {
	raw, refused := g.bearer(r)
	if refused != nil {
		return nil, refused
	}
	c, err := g.v.verify(r.Context(), raw, *g.rules.bound, g.rules.permissions)
	if err != nil && !errors.Is(err, errInsufficient) {
		return nil, g.refuse(err)
	}
	if err != nil {
		return nil, g.insufficient("permission " + strings.Join(g.rules.permissions, " "))
	}
	return c, g.judge(c)
}

// bearer takes the token from the Authorization header (RFC 6750 §2.1).
func (g *guard) bearer(r *http.Request) (string, *refusal) {
	values := r.Header.Values("Authorization")
	if len(values) > 1 {
		return "", &refusal{status: http.StatusBadRequest, code: "invalid_request", description: "more than one Authorization header", realm: g.v.config.Realm}
	}
	if len(values) == 1 {
		scheme, raw, ok := strings.Cut(values[0], " ")
		if ok && strings.EqualFold(scheme, "Bearer") {
			return strings.Trim(raw, " "), nil
		}
	}
	return "", &refusal{
		status: http.StatusUnauthorized, code: "invalid_token", description: "a bearer token is needed",
		realm: g.v.config.Realm, withoutCode: true,
	}
}

func (g *guard) refuse(err error) *refusal {
	if errors.Is(err, ErrUnknown) {
		return &refusal{
			status: http.StatusServiceUnavailable, code: "temporarily_unavailable",
			description: "whether the token was revoked is not known now", realm: g.v.config.Realm, retry: true,
		}
	}
	return &refusal{
		status: http.StatusUnauthorized, code: "invalid_token", description: describe(err), realm: g.v.config.Realm,
	}
}

// describe is what a client may know.
func describe(err error) string {
	switch {
	case errors.Is(err, ErrExpired):
		return "the token has expired"
	case errors.Is(err, ErrRevoked), errors.Is(err, ErrSessionEnded):
		return "the token was revoked"
	case errors.Is(err, ErrStale):
		return "roles have changed; refresh the token"
	case errors.Is(err, ErrWrongAudience):
		return "the token is for another API"
	}
	return "the token is not valid here"
}

func (g *guard) insufficient(lacks string) *refusal {
	f := &refusal{status: http.StatusForbidden, code: "insufficient_scope", description: "the token lacks " + lacks, realm: g.v.config.Realm}
	if len(g.rules.scopes) > 0 {
		f.challenge = `, scope="` + quoted(strings.Join(g.rules.scopes, " ")) + `"`
	}
	return f
}

// judge asks of a good token what the route requires.
func (g *guard) judge(c *Claims) *refusal {
	r := &g.rules
	if slices.ContainsFunc(r.scopes, func(s string) bool { return !c.HasScope(s) }) {
		return g.insufficient("scope " + strings.Join(r.scopes, " "))
	}
	if r.organization != "" && c.OrgID != r.organization && c.OrgSlug != r.organization {
		return g.insufficient("the organization")
	}
	if len(r.roles) > 0 && !slices.ContainsFunc(r.roles, c.HasRole) {
		return g.insufficient("role " + strings.Join(r.roles, " or "))
	}
	old := r.maxAge > 0 && g.v.config.Now().Sub(c.AuthTime) > r.maxAge+g.v.config.Skew
	if r.acr != "" && !reaches(c.ACR, r.acr) || old {
		return g.stepUp()
	}
	return nil
}

// stepUp is the answer to a login that is too weak or too old (RFC 9470 §3).
func (g *guard) stepUp() *refusal {
	f := &refusal{
		status: http.StatusUnauthorized, code: "insufficient_user_authentication",
		description: "a stronger or more recent authentication is required", realm: g.v.config.Realm,
	}
	if g.rules.acr != "" {
		f.challenge = `, acr_values="` + quoted(g.rules.acr) + `"`
	}
	if g.rules.maxAge > 0 {
		f.challenge += `, max_age="` + strconv.Itoa(int(g.rules.maxAge/time.Second)) + `"`
	}
	return f
}

// reaches compares levels: aal2 is better than aal1.
func reaches(have, want string) bool {
	levels := []string{"aal1", "aal2", "aal3"}
	w := slices.Index(levels, want)
	return have == want || w >= 0 && slices.Index(levels, have) >= w
}

// quoted makes a text fit for a quoted string in a header.
func quoted(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, s)
}

func (f *refusal) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "application/json")
	if f.status == http.StatusUnauthorized || f.status == http.StatusForbidden || f.status == http.StatusBadRequest {
		challenge := `Bearer realm="` + f.realm + `"`
		if !f.withoutCode { // RFC 6750 §3.1: nothing was tried
			challenge += `, error="` + f.code + `", error_description="` + quoted(f.description) + `"` + f.challenge
		}
		h.Set("WWW-Authenticate", challenge)
	}
	if f.retry {
		h.Set("Retry-After", "1")
	}
	w.WriteHeader(f.status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": f.code, "error_description": f.description})
}
