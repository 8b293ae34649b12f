package sidecar_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"

	"github.com/signet-idp/signet/gateway"
	"github.com/signet-idp/signet/gateway/sidecar"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// BenchmarkSidecar is one request after another over loopback: "direct" to the
// upstream, "proxy" through a bare httputil.ReverseProxy, "sidecar" through the
// sidecar with a token seen before, "new" with the cache of tokens off. What
// the sidecar adds is sidecar or new less direct; what verifying adds, less
// proxy.
func BenchmarkSidecar(b *testing.B) {
	in := harness.Start(b, harness.Options{})
	_, secret := in.Service(b, "orders", "", storage.ClientMetadata{Scope: "orders:read"})
	token := in.Token(b, "orders", secret, url.Values{"grant_type": {"client_credentials"}, "scope": {"orders:read"}, "resource": {in.Issuer}}).AccessToken
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	defer upstream.Close()
	to, err := url.Parse(upstream.URL)
	if err != nil {
		b.Fatal(err)
	}
	// The default transport keeps two connections to a host: enough for one
	// request at a time.
	side := func(client string, cache int) *httptest.Server {
		v := in.Gateway(b, client, func(c *gateway.Config) { c.MaxStale, c.OnStale, c.Cache = time.Minute, gateway.Refuse, cache })
		s := httptest.NewServer(sidecar.New(sidecar.Config{
			Verifier: v, Required: []gateway.Requirement{gateway.Scope("orders:read")}, Upstream: to, MaxStale: time.Minute,
		}))
		b.Cleanup(s.Close)
		return s
	}
	bare := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to); r.SetXForwarded() }})
	defer bare.Close()
	for _, way := range []struct {
		name string
		at   *httptest.Server
	}{{"direct", upstream}, {"proxy", bare}, {"sidecar", side("sidecar", 0)}, {"new", side("sidecar-new", -1)}} {
		b.Run(way.name, func(b *testing.B) {
			for b.Loop() {
				r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, way.at.URL+"/orders/1", nil)
				if err != nil {
					b.Fatal(err)
				}
				r.Header.Set("Authorization", "Bearer "+token)
				resp, err := http.DefaultClient.Do(r)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					b.Fatal(resp.Status)
				}
			}
		})
	}
}
