package gateways_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/signet-idp/signet/gateway"
	"github.com/signet-idp/signet/internal/testkit/binary"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// folder is where the binary is, made once for all tests here.
var folder string

var built = sync.OnceValues(func() (string, error) {
	path := filepath.Join(folder, "signet")
	return path, binary.Build(path)
})

func TestMain(m *testing.M) {
	var err error
	if folder, err = os.MkdirTemp("", "signet-gateways-"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

func signetBinary(t *testing.T) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestGateways(t *testing.T) {
	t.Parallel()
	signet := signetBinary(t)
	in := harness.Start(t, harness.Options{})
	if _, err := in.Gates.Put(t.Context(), storage.Gate{Name: "reads", Scopes: []string{"orders:read"}, Style: "auth-request"}); err != nil {
		t.Fatal(err)
	}
	org := in.Organization(t, "acme", in.User(t, "owner@acme.test", "correct horse battery").ID)
	_, secret := in.Service(t, "orders", org.ID, storage.ClientMetadata{Scope: "orders:read orders:write", Roles: []string{"member", "viewer"}})
	in.Sync(t)
	token := func(scope string) string {
		return in.Token(t, "orders", secret, url.Values{"grant_type": {"client_credentials"}, "scope": {scope}}).AccessToken
	}
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			up := newUpstream(t)
			at := k.start(t, signet, in.Issuer, up.URL)
			reads, writes := token("orders:read"), token("orders:write")
			for _, tt := range []struct {
				name, method, path, body, token string
				status                          int
			}{
				{"good", http.MethodGet, "/orders/1?token=x&a=%2F", "", reads, 200},
				{"good, with a form", http.MethodPost, "/orders", "token=y&z=1", reads, 200},
				{"good, with JSON", http.MethodPut, "/orders/1", `{"token":"y"}`, reads, 200},
				{"lacks the scope", http.MethodGet, "/orders/1", "", writes, 403},
				{"no token", http.MethodGet, "/orders/1", "", "", 401},
				{"no token but one in the body", http.MethodPost, "/orders", "token=" + reads, "", 401},
				{"none that is one", http.MethodGet, "/orders/1", "", "x", 401},
				{"a path like ours", http.MethodGet, "/auth/validate/default", "", writes, 403},
			} {
				up.take()
				r, err := http.NewRequestWithContext(t.Context(), tt.method, at+tt.path, strings.NewReader(tt.body))
				if err != nil {
					t.Fatal(err)
				}
				if tt.token != "" {
					r.Header.Set("Authorization", "Bearer "+tt.token)
				}
				if tt.body != "" {
					r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				}
				forge(r.Header)
				resp, err := http.DefaultTransport.RoundTrip(r)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if resp.StatusCode != tt.status {
					t.Errorf("%s: %d", tt.name, resp.StatusCode)
				}
				if tt.status == http.StatusUnauthorized && !strings.HasPrefix(resp.Header.Get("WWW-Authenticate"), "Bearer ") {
					t.Errorf("%s: WWW-Authenticate %q", tt.name, resp.Header.Get("WWW-Authenticate"))
				}
				got, body := up.take()
				if (got != nil) != (tt.status == http.StatusOK) {
					t.Errorf("%s: reached the upstream: %v", tt.name, got != nil)
				}
				if got == nil {
					continue
				}
				if got.Method != tt.method || got.URL.RequestURI() != tt.path || body != tt.body {
					t.Errorf("%s: the upstream got %s %s %q", tt.name, got.Method, got.URL, body)
				}
				if s := got.Header.Get("X-Signet-Subject"); s != "orders" {
					t.Errorf("%s: subject %q", tt.name, s)
				}
				for _, name := range gateway.IdentityHeaders() {
					if values := got.Header.Values(name); len(values) > 1 {
						t.Errorf("%s: %s is there %d times", tt.name, name, len(values))
					}
				}
				if got := forgeries(got.Header); len(got) > 0 {
					t.Errorf("%s: got through: %q", tt.name, got)
				}
				for name, want := range map[string]string{
					"X-Signet-Client": "orders", "X-Signet-Scope": "orders:read", "X-Signet-Roles": "member,viewer", "X-Signet-Acr": "", "X-Signet-Org": org.ID,
				} {
					if s := got.Header.Get(name); s != want {
						t.Errorf("%s: %s is %q, not %q", tt.name, name, s, want)
					}
				}
			}
			if k.verifies {
				return
			}
			// Revoked at the server, refused at the gateway.
			if _, err := in.Clients.Disable(t.Context(), "orders", true, "test"); err != nil {
				t.Fatal(err)
			}
			in.Sync(t)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at+"/orders/1", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+reads)
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusUnauthorized {
				t.Errorf("revoked: %d", resp.StatusCode)
			}
			if _, err := in.Clients.Disable(t.Context(), "orders", false, "test"); err != nil {
				t.Fatal(err)
			}
			in.Sync(t)
		})
	}
}
