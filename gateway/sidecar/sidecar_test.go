package sidecar_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/gateway"
	"github.com/signet-idp/signet/gateway/sidecar"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// names are all under which an upstream may look for who calls.
var names = []string{
	"X-Auth-Request-User", "X-Auth-Request-Email", "X-Auth-Request-Preferred-Username", "X-Auth-Request-Groups",
	"Remote-User", "Remote-Email", "Remote-Name", "Remote-Groups", "X-Signet-Subject", "X-Signet-Org", "X-Signet-Roles",
	"X-Signet-Scope", "X-Signet-Client", "X-Signet-Session", "X-Signet-Acr", "X-Signet-Token-Exp",
}

func TestSidecar(t *testing.T) {
	t.Parallel()
	in := harness.Start(t, harness.Options{})
	v := in.Gateway(t, "sidecar", func(c *gateway.Config) { c.MaxStale, c.OnStale = time.Minute, gateway.Refuse })
	_, secret := in.Service(t, "orders", "", storage.ClientMetadata{Scope: "orders:read orders:write"})
	token := func(scope string) string {
		return in.Token(t, "orders", secret, url.Values{"grant_type": {"client_credentials"}, "scope": {scope}, "resource": {in.Issuer}}).AccessToken
	}
	reads, writes := token("orders:read"), token("orders:write")
	var seen *http.Request
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Clone(r.Context())
		w.WriteHeader(http.StatusTeapot)
	}))
	defer upstream.Close()
	to, err := url.Parse(upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	side := httptest.NewServer(sidecar.New(sidecar.Config{
		Verifier: v, Required: []gateway.Requirement{gateway.Scope("orders:read")}, Upstream: to, MaxStale: time.Minute,
	}))
	defer side.Close()
	for _, tt := range []struct {
		method, path, token string
		status              int
		passed              bool
	}{
		{"GET", "/orders/1?a=b", reads, 418, true},
		{"POST", "/orders", reads, 418, true},
		{"GET", "/orders/1", writes, 403, false},
		{"GET", "/orders/1", "", 401, false},
		{"GET", "/orders/1", "x", 401, false},
		{"GET", sidecar.PathAuth, reads, 200, false},
		{"GET", sidecar.PathAuth, writes, 403, false},
		{"HEAD", sidecar.PathAuth, reads, 200, false},
		{"DELETE", sidecar.PathExtAuthz + "/orders/1", reads, 200, false},
		{"PUT", sidecar.PathExtAuthz + "/orders/1", "", 401, false},
		{"GET", sidecar.PathHealth, "", 200, false},
	} {
		seen = nil
		r, err := http.NewRequestWithContext(t.Context(), tt.method, side.URL+tt.path, strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}
		if tt.token != "" {
			r.Header.Set("Authorization", "Bearer "+tt.token)
		}
		for _, name := range names { // the client says who it is
			r.Header.Set(name, "forged")
			r.Header[strings.ReplaceAll(name, "-", "_")] = []string{"forged"}
		}
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != tt.status || (seen != nil) != tt.passed {
			t.Errorf("%s %s: %d, passed on: %v", tt.method, tt.path, resp.StatusCode, seen != nil)
		}
		got := resp.Header
		if seen != nil {
			got = seen.Header
			if seen.URL.RequestURI() != tt.path || seen.Method != tt.method || seen.Header.Get("X-Forwarded-For") == "" {
				t.Errorf("the upstream got %s %s", seen.Method, seen.URL)
			}
			for name := range seen.Header {
				if strings.Contains(name, "_") {
					t.Errorf("%s got through", name)
				}
			}
		}
		if tt.status != http.StatusOK && seen == nil || tt.path == sidecar.PathHealth {
			continue
		}
		for _, name := range names {
			if value, there := got[name]; !there || value[0] == "forged" {
				t.Errorf("%s %s: %s is %q", tt.method, tt.path, name, value)
			}
		}
		if got.Get("X-Signet-Subject") != "orders" || got.Get("X-Signet-Scope") != "orders:read" || got.Get("X-Signet-Token-Exp") == "" {
			t.Errorf("%v", got)
		}
	}
}
