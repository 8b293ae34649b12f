package web

import (
	"net/http"
	"strings"

	"github.com/rs/cors"
	"github.com/signet-idp/signet/provider/fault"
)

// GuardHeader is what credentialed cross-origin calls must send, with the value
// "1". A form cannot send it, and asking for it makes browsers preflight.
const GuardHeader = "X-Signet-Request"

type corsSet [CORSCredentialed + 1]*cors.Cors

func (f *frame) corsClasses() corsSet {
	common := cors.Options{
		AllowedMethods:       []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete},
		AllowedHeaders:       []string{"Accept", "Authorization", "Content-Type", "DPoP", "Idempotency-Key", "If-None-Match", "X-Request-ID", GuardHeader, "traceparent", "tracestate"},
		ExposedHeaders:       []string{"ETag", "Idempotent-Replayed", "Link", "Retry-After", "WWW-Authenticate", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "X-Request-ID", "X-Total-Count"},
		MaxAge:               600,
		OptionsSuccessStatus: http.StatusNoContent,
	}
	anyone, client, credentialed := common, common, common
	anyone.AllowedOrigins = []string{"*"}
	client.AllowOriginVaryRequestFunc = func(r *http.Request, origin string) (bool, []string) {
		return f.o.Origins.ClientOrigin(r.Context(), origin), nil
	}
	credentialed.AllowOriginVaryRequestFunc = func(r *http.Request, origin string) (bool, []string) {
		return f.o.Origins.CredentialedOrigin(r.Context(), origin), nil
	}
	credentialed.AllowCredentials = true
	return corsSet{CORSAny: cors.New(anyone), CORSClient: cors.New(client), CORSCredentialed: cors.New(credentialed)}
}

// checkOrigin adds the CORS headers of the route's class and refuses what a
// foreign page must not do: unsafe requests to browser routes, and cookies on
// credentialed routes without a listed origin and the guard header.
func (f *frame) checkOrigin(x *exchange, r *http.Request) error {
	b := x.bound
	if b.cors != nil {
		b.cors.HandlerFunc(x.ResponseWriter, r)
	}
	if b.checkCSR {
		if err := f.csrf.Check(r); err != nil {
			return fault.Wrap(err, fault.Forbidden, "this form was sent from another site")
		}
	}
	if b.route.CORS == CORSCredentialed && f.foreign(r) && len(r.Header["Cookie"]) > 0 {
		if !f.o.Origins.CredentialedOrigin(r.Context(), r.Header.Get("Origin")) || r.Header.Get(GuardHeader) != "1" {
			return fault.New(fault.Forbidden, "cross-origin calls with cookies need an origin listed in cors_origins and the header "+GuardHeader+": 1")
		}
	}
	return nil
}

// foreign reports whether a browser says that the request comes from another
// origin than the issuer's.
func (f *frame) foreign(r *http.Request) bool {
	if o := r.Header.Get("Origin"); o != "" {
		return !strings.EqualFold(o, f.issuer.Scheme+"://"+f.issuer.Host)
	}
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "cross-site" || site == "same-site"
}

// optionsOf answers OPTIONS: a preflight by the class of the route it asks for,
// anything else with Allow.
func (f *frame) optionsOf(e *entry) HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		if asked := r.Header.Get("Access-Control-Request-Method"); asked != "" {
			if b := e.find(asked); b != nil && b.cors != nil {
				b.cors.HandlerFunc(w, r)
				return nil
			}
		}
		w.Header()["Allow"] = e.allow
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
}
