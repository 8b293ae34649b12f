package harness

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
)

// Site is a protected host: a forward-auth gateway in front of a service that
// says who it was told is there.
type Site struct {
	*httptest.Server
	Host string
	Gate string
	// Renews: the gateway passes Set-Cookie of a good verdict on.
	Renews bool
}

// Site protects a host by a gate of this instance, which has to trust 127.0.0.1.
func (i *Instance) Site(tb testing.TB, gate string) *Site {
	tb.Helper()
	s := &Site{Gate: gate, Renews: true}
	to, err := url.Parse(i.URL)
	if err != nil {
		tb.Fatal(err)
	}
	toSignet := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.SetXForwarded()
	}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/.signet/") {
			toSignet.ServeHTTP(w, r)
			return
		}
		q, err := http.NewRequestWithContext(r.Context(), http.MethodGet, i.URL+"/auth/validate/"+s.Gate, nil)
		if err != nil {
			tb.Error(err)
			return
		}
		q.Header = r.Header.Clone()
		q.Header.Set("X-Forwarded-Host", r.Host)
		q.Header.Set("X-Forwarded-Proto", "http")
		q.Header.Set("X-Forwarded-Method", r.Method)
		q.Header.Set("X-Forwarded-Uri", r.URL.RequestURI())
		verdict, err := http.DefaultTransport.RoundTrip(q)
		if err != nil {
			tb.Error(err)
			return
		}
		defer verdict.Body.Close()
		if verdict.StatusCode != http.StatusOK {
			for name, values := range verdict.Header {
				w.Header()[name] = values
			}
			w.WriteHeader(verdict.StatusCode)
			_, _ = io.Copy(w, verdict.Body)
			return
		}
		if s.Renews {
			w.Header()["Set-Cookie"] = verdict.Header.Values("Set-Cookie")
		}
		h := verdict.Header
		for _, name := range []string{"X-Signet-Subject", "X-Auth-Request-Email", "X-Auth-Request-Preferred-Username", "Remote-Name", "X-Signet-Roles", "X-Signet-Acr", "X-Signet-Org"} {
			w.Header().Set("Told-"+name, h.Get(name))
		}
		_, _ = io.WriteString(w, "secret of "+r.URL.RequestURI())
	}))
	tb.Cleanup(s.Close)
	s.Host = strings.TrimPrefix(s.URL, "http://")
	return s
}
