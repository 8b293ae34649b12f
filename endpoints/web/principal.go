package web

import (
	"context"
	"slices"
	"time"
)

// Principal is who makes a request, as the access token or the browser session
// says. Empty members are unknown.
type Principal struct {
	Subject   string // user id, or the client id of a service
	ClientID  string
	SessionID string // sid
	GrantID   string // gid
	TokenID   string // jti
	OrgID     string // the one active organization
	OrgSlug   string
	Roles     []string
	Scopes    []string
	ACR       string
	AMR       []string
	AuthTime  time.Time
	ExpiresAt time.Time
	// ForIssuer: the token's aud holds the issuer, so it is meant for Signet's
	// own APIs. False refuses it at every Bearer route.
	ForIssuer bool
	// Service: a client of its own, no person behind it.
	Service bool
	// Claims carries the verifier's own type for handlers that need more.
	Claims any
}

// HasScope reports whether the token holds scope.
func (p *Principal) HasScope(scope string) bool { return slices.Contains(p.Scopes, scope) }

// HasRole reports whether the token holds role.
func (p *Principal) HasRole(role string) bool { return slices.Contains(p.Roles, role) }

// PrincipalFrom returns who the frame authenticated; nil on routes where it
// authenticates nobody. The value is shared: do not change it.
func PrincipalFrom(ctx context.Context) *Principal {
	if x := exchangeFrom(ctx); x != nil {
		return x.principal
	}
	return nil
}

// WithPrincipal returns a context that carries p, for handlers tested without
// the frame and for those that authenticate themselves.
func WithPrincipal(ctx context.Context, p *Principal) context.Context {
	if x := exchangeFrom(ctx); x != nil {
		x.setPrincipal(p)
		return ctx
	}
	return context.WithValue(ctx, exchangeKey{}, &exchange{principal: p})
}
