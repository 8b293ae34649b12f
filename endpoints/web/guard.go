package web

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/signet-idp/signet/provider/fault"
)

// checkHost refuses foreign names in development: a page elsewhere could
// otherwise reach the server through DNS rebinding. In production the Host
// header decides nothing, so it is not looked at.
func (f *frame) checkHost(b *bound, r *http.Request) error {
	if !f.o.Development || b.route.AnyHost || strings.EqualFold(r.Host, f.issuer.Host) {
		return nil
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if strings.EqualFold(host, "localhost") {
		return nil
	}
	if a, err := netip.ParseAddr(host); err == nil && a.IsLoopback() {
		return nil
	}
	return NewError(http.StatusMisdirectedRequest, "REQ_006",
		"this development server answers only as "+f.issuer.Host+" and localhost; to use another name, set SIGNET_ISSUER to it and leave --dev")
}

// limitRate asks the Limiter before anything costs work.
func (f *frame) limitRate(x *exchange, r *http.Request) error {
	class := x.bound.class
	if class == "" || f.o.Limiter == nil {
		return nil
	}
	return f.limited(x, f.o.Limiter.Take(r.Context(), class, x.client))
}

// limitSubject asks it again about whom the bearer token names.
func (f *frame) limitSubject(x *exchange, r *http.Request) error {
	class := x.bound.class
	if class == "" || f.o.Limiter == nil || x.principal == nil || x.principal.Subject == "" {
		return nil
	}
	return f.limited(x, f.o.Limiter.TakeSubject(r.Context(), class, x.principal.Subject))
}

// limited tells the caller of the limit that is nearer.
func (f *frame) limited(x *exchange, d Decision) error {
	if d.Limit > 0 && (x.limit == 0 || d.Denied || d.Remaining < x.remaining) {
		x.limit, x.remaining = d.Limit, d.Remaining
		h := x.Header()
		h.Set("X-RateLimit-Limit", strconv.Itoa(d.Limit))
		h.Set("X-RateLimit-Remaining", strconv.Itoa(d.Remaining))
		h.Set("X-RateLimit-Reset", strconv.FormatInt(f.o.Clock.Now().Add(d.Reset).Unix(), 10))
	}
	if d.Denied {
		return fault.New(fault.RateLimited, "too many requests, try again later").Retry(max(d.RetryAfter, time.Second))
	}
	return nil
}

const maxBearer = 8 << 10

// authorize checks the route's rule. A rule it does not know lets nobody in.
func (f *frame) authorize(x *exchange, r *http.Request) error {
	auth := &x.bound.route.Auth
	switch auth.rule {
	case rulePublic, ruleClient, ruleHandler:
		return nil
	case ruleBearer:
		return f.authorizeBearer(x, r, true)
	case ruleBearerAny:
		return f.authorizeBearer(x, r, false)
	case ruleSession:
		if f.o.Sessions == nil {
			return fault.New(fault.Unavailable, "browser sessions are not available")
		}
		p, err := f.o.Sessions.AuthenticateSession(r)
		if err != nil {
			return err
		}
		x.setPrincipal(&p)
		return nil
	case ruleLoopback:
		if fromLoopback(r) {
			return nil
		}
		return fault.New(fault.Forbidden, "only from this machine")
	case ruleLoopbackOrBearer:
		if fromLoopback(r) {
			return nil
		}
		return f.authorizeBearer(x, r, true)
	default:
		return fault.New(fault.Forbidden, "no rule lets this request in")
	}
}

func (f *frame) authorizeBearer(x *exchange, r *http.Request, forIssuer bool) error {
	token, err := BearerToken(r)
	if err != nil {
		return err
	}
	if token == "" {
		e := NewError(http.StatusUnauthorized, "AUTH_011", "not authenticated")
		if x.bound.route.Style == OAuth {
			e.Challenge = "Bearer" // RFC 6750 §3.1: no error code without a credential
		}
		return e
	}
	if f.o.Authenticator == nil {
		return fault.New(fault.Unavailable, "tokens cannot be verified")
	}
	p, err := f.o.Authenticator.Authenticate(r.Context(), token)
	if err != nil {
		return err
	}
	if forIssuer && !p.ForIssuer {
		return fault.New(fault.TokenMalformed, "the token is not meant for this API")
	}
	x.setPrincipal(&p)
	return x.bound.route.Auth.admits(&p)
}

// admits asks for every scope, or for one of them.
func (a *Auth) admits(p *Principal) error {
	var missing string
	for _, s := range a.scopes {
		switch has := p.HasScope(s); {
		case has && a.any:
			return nil
		case !has && missing == "":
			missing = s
		}
	}
	if missing == "" {
		return nil
	}
	f := fault.New(fault.InsufficientScope, "the token lacks the scope "+missing)
	f.Scope = strings.Join(a.scopes, " ")
	return f
}

// BearerToken returns the token of the Authorization header (RFC 6750 §2.1);
// empty when there is no such header or it has another scheme. More than one
// header, or a value that is no b64token, is an error.
func BearerToken(r *http.Request) (string, error) {
	values := r.Header["Authorization"]
	switch len(values) {
	case 0:
		return "", nil
	case 1:
	default:
		return "", fault.New(fault.Malformed, "more than one Authorization header")
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", nil
	}
	token = strings.TrimLeft(token, " ")
	if !validBearer(token) {
		return "", fault.New(fault.TokenMalformed, "the bearer token is malformed")
	}
	return token, nil
}

// validBearer checks for b64token (RFC 6750 §2.1).
func validBearer(s string) bool {
	if s == "" || len(s) > maxBearer {
		return false
	}
	body := strings.TrimRight(s, "=")
	if body == "" {
		return false
	}
	for i := range len(body) {
		c := body[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '.', c == '_', c == '~', c == '+', c == '/':
		default:
			return false
		}
	}
	return true
}
