package web

import (
	"context"
	"net/http"
	"strings"
)

type rule uint8

const (
	ruleNone rule = iota
	rulePublic
	ruleClient
	ruleHandler
	ruleBearer
	ruleBearerAny
	ruleSession
	ruleLoopback
	ruleLoopbackOrBearer
)

// Auth is a route's authorization rule. The zero value is "no rule" and is
// refused when the table is mounted.
type Auth struct {
	rule   rule
	scopes []string
	any    bool // one of scopes is enough
	why    string
}

// Public lets everybody in.
func Public() Auth { return Auth{rule: rulePublic} }

// ClientAuth says that the OAuth endpoint authenticates the client itself
// (RFC 6749 §2.3).
func ClientAuth() Auth { return Auth{rule: ruleClient} }

// HandlerChecks says that the handler judges the credential itself, and why
// the frame cannot (e.g. "an expired bearer with a valid refresh token still
// logs out").
func HandlerChecks(why string) Auth { return Auth{rule: ruleHandler, why: why} }

// Bearer asks for an access token of this issuer whose aud holds the issuer and
// whose scope holds every one of scopes: 401 invalid_token, 403
// insufficient_scope.
func Bearer(scopes ...string) Auth { return Auth{rule: ruleBearer, scopes: scopes} }

// BearerOneOf is Bearer where one of scopes is enough; which of them it was, the
// handler asks (Principal.HasScope).
func BearerOneOf(scopes ...string) Auth { return Auth{rule: ruleBearer, scopes: scopes, any: true} }

// BearerAnyAudience is Bearer without the audience: userinfo takes tokens meant
// for other APIs as long as they hold openid.
func BearerAnyAudience(scopes ...string) Auth { return Auth{rule: ruleBearerAny, scopes: scopes} }

// BrowserSession asks for a signed-in browser session (cookie).
func BrowserSession() Auth { return Auth{rule: ruleSession} }

// Loopback lets in only direct connections from this machine: a loopback peer
// and no forwarding header.
func Loopback() Auth { return Auth{rule: ruleLoopback} }

// LoopbackOrBearer lets in what Loopback or Bearer lets in.
func LoopbackOrBearer(scopes ...string) Auth {
	return Auth{rule: ruleLoopbackOrBearer, scopes: scopes}
}

// IsZero reports whether there is no rule.
func (a Auth) IsZero() bool { return a.rule == ruleNone }

// Scopes returns the scopes the rule asks for.
func (a Auth) Scopes() []string { return a.scopes }

// OneOf reports whether one of the scopes is enough.
func (a Auth) OneOf() bool { return a.any }

// UsesBearer reports whether a bearer token is how one passes.
func (a Auth) UsesBearer() bool {
	return a.rule == ruleBearer || a.rule == ruleBearerAny || a.rule == ruleLoopbackOrBearer
}

// String names the rule for the API document and for tests.
func (a Auth) String() string {
	name := [...]string{
		"none", "public", "client", "handler", "bearer", "bearer any audience",
		"browser session", "loopback", "loopback or bearer",
	}[a.rule]
	if a.any {
		name += " one of"
	}
	if len(a.scopes) > 0 {
		name += " " + strings.Join(a.scopes, " ")
	}
	if a.why != "" {
		name += ": " + a.why
	}
	return name
}

// Authenticator verifies an access token for the frame. Errors are faults:
// TokenMalformed, TokenExpired, TokenRevoked, TokenStale, Unavailable.
type Authenticator interface {
	Authenticate(ctx context.Context, bearer string) (Principal, error)
}

// SessionAuthenticator finds the signed-in browser session of a request.
// Without one it returns a fault.Unauthenticated.
type SessionAuthenticator interface {
	AuthenticateSession(r *http.Request) (Principal, error)
}

// Kind is the way to pass a rule.
type Kind uint8

// The kinds of rules.
const (
	KindPublic   Kind = iota
	KindBearer        // an access token
	KindClient        // client authentication (RFC 6749 §2.3)
	KindSession       // the cookie of a signed-in browser
	KindHandler       // the handler judges
	KindLoopback      // this machine; where UsesBearer, an access token elsewhere
)

// Kind returns the way to pass the rule.
func (a Auth) Kind() Kind {
	switch a.rule {
	case ruleBearer, ruleBearerAny:
		return KindBearer
	case ruleClient:
		return KindClient
	case ruleSession:
		return KindSession
	case ruleLoopback, ruleLoopbackOrBearer:
		return KindLoopback
	case rulePublic:
		return KindPublic
	default:
		return KindHandler
	}
}
