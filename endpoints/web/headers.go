package web

import "net/http"

// headers holds the values of fixed headers, shared by all answers: net/http
// and Header.Set never write into a value slice, so one slice serves all.
type headers struct {
	nosniff, noReferrer, noStore, deny, csp, hsts, sameOrigin []string
	json, anyOrigin                                           []string
}

func newHeaders(https bool) headers {
	h := headers{
		nosniff:    []string{"nosniff"},
		noReferrer: []string{"no-referrer"},
		noStore:    []string{"no-store"},
		deny:       []string{"DENY"},
		csp:        []string{"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"},
		sameOrigin: []string{"same-origin"},
		json:       []string{"application/json"},
		anyOrigin:  []string{"*"},
	}
	if https {
		h.hsts = []string{"max-age=31536000; includeSubDomains"}
	}
	return h
}

// apply sets what every answer carries. Handlers override: pages bring their
// own Content-Security-Policy, cacheable answers their own Cache-Control.
func (s *headers) apply(h http.Header, style Style, requestID string) {
	h["X-Content-Type-Options"] = s.nosniff
	h["Referrer-Policy"] = s.noReferrer
	h["Cache-Control"] = s.noStore
	h["Content-Security-Policy"] = s.csp
	h["X-Frame-Options"] = s.deny
	if style == Page {
		h["Cross-Origin-Resource-Policy"] = s.sameOrigin
	}
	if s.hsts != nil {
		h["Strict-Transport-Security"] = s.hsts
	}
	h[requestIDHeader] = []string{requestID}
}

// NoStore forbids storing the answer (RFC 6749 §5.1): tokens, codes, secrets.
// It is the default of every route; call it after setting another value.
func NoStore(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
}
