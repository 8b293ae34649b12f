// Package sidecar is a gateway.Verifier as a process of its own, for stacks in
// other languages: beside a service as a reverse proxy, or asked by another
// gateway (forward-auth, nginx auth_request, Envoy ext_authz over HTTP).
//
//	/.signet/healthz        200 while its news is fresh enough, else 503
//	/.signet/auth           judges the request's bearer token: 200 with the
//	                        identity headers, or the refusal
//	/.signet/ext-authz/…    the same for every method and path behind it
//	anything else           with an upstream: judged and passed on
package sidecar

import (
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"github.com/signet-idp/signet/gateway"
)

// Paths of the sidecar's own.
const (
	PathHealth   = "/.signet/healthz"
	PathAuth     = "/.signet/auth"
	PathExtAuthz = "/.signet/ext-authz"
)

// Config says what is judged and where it goes.
type Config struct {
	Verifier *gateway.Verifier
	Required []gateway.Requirement
	// Upstream gets what passes; nil: the sidecar only judges.
	Upstream *url.URL
	// MaxStale is how old the news may be for the health check to be good.
	MaxStale time.Duration
	// Transport reaches the upstream. Default: http.DefaultTransport.
	Transport http.RoundTripper
}

// New makes the handler.
func New(c Config) http.Handler {
	guard := c.Verifier.Middleware(c.Required...)
	judge := guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := gateway.FromContext(r.Context())
		gateway.SetIdentity(w.Header(), claims)
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusOK)
	}))
	pass := http.NotFoundHandler()
	if c.Upstream != nil {
		pass = guard(proxy(c))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch p := r.URL.Path; {
		case p == PathHealth:
			health(w, c)
		case p == PathAuth, p == PathExtAuthz, strings.HasPrefix(p, PathExtAuthz+"/"):
			judge.ServeHTTP(w, r)
		default:
			pass.ServeHTTP(w, r)
		}
	})
}

func health(w http.ResponseWriter, c Config) {
	w.Header().Set("Cache-Control", "no-store")
	if c.Verifier.Staleness() > c.MaxStale {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("stale\n"))
		return
	}
	_, _ = w.Write([]byte("ok\n"))
}

func proxy(c Config) http.Handler {
	return &httputil.ReverseProxy{
		Transport: c.Transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(c.Upstream)
			r.SetXForwarded()
			r.Out.Host = r.In.Host
			claims, _ := gateway.FromContext(r.In.Context())
			gateway.SetIdentity(r.Out.Header, claims)
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			w.WriteHeader(http.StatusBadGateway)
		},
	}
}
