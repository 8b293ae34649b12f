package flow_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/gateway"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

func TestGates(t *testing.T) {
	t.Parallel()
	in := harness.Start(t, harness.Options{})
	_, secret := in.Service(t, "orders", "", storage.ClientMetadata{Scope: "orders:read orders:write", Audience: []string{"https://api.test"}})
	token := in.Token(t, "orders", secret, url.Values{"grant_type": {"client_credentials"}, "scope": {"orders:read"}}).AccessToken
	for _, g := range []storage.Gate{
		{Name: "reads", Scopes: []string{"orders:read"}, Audience: "https://api.test"},
		{Name: "writes", Scopes: []string{"orders:read", "orders:write"}},
		{Name: "strict", Scopes: []string{"orders:write"}, Style: "auth-request"},
		{Name: "elsewhere", Audience: "https://other.test"},
		{Name: "owners", Roles: []string{"owner", "system:admin"}},
		{Name: "strong", ACR: "aal2", MaxAge: 10 * time.Minute},
	} {
		if _, err := in.Gates.Put(t.Context(), g); err != nil {
			t.Fatal(err)
		}
	}
	in.Sync(t)
	ask := func(t *testing.T, method, path, authorization string) answer {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, in.URL+path, strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		// What gateways leave of the original request.
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return answer{resp.StatusCode, resp.Header, resp.Body}
	}
	const challenge = `Bearer realm="signet", error="insufficient_scope", error_description="the token lacks what the gate requires"`
	for _, tt := range []struct {
		gate      string
		token     string
		status    int
		challenge string
	}{
		{"default", token, 200, ""},
		{"reads", token, 200, ""},
		{"writes", token, 403, challenge + `, scope="orders:read orders:write"`},
		{"strict", token, 403, challenge + `, scope="orders:write"`},
		{"elsewhere", token, 403, challenge},
		{"owners", token, 403, challenge},
		{"strong", token, 401, `Bearer realm="signet", error="insufficient_user_authentication", error_description="a stronger or more recent authentication is required", acr_values="aal2", max_age="600"`},
		{"none", token, 404, ""},
		{"reads", "", 401, `Bearer realm="signet"`},
		{"reads", "x", 401, `Bearer realm="signet", error="invalid_token", error_description="Invalid or expired token"`},
		{"strict", "x", 401, `Bearer realm="signet", error="invalid_token", error_description="Invalid or expired token"`},
	} {
		t.Run(tt.gate+" "+tt.challenge, func(t *testing.T) {
			authorization := ""
			if tt.token != "" {
				authorization = "Bearer " + tt.token
			}
			for path, methods := range map[string][]string{
				"/auth/validate/" + tt.gate:                               {"GET", "HEAD", "POST"},
				"/auth/validate/ext-authz/" + tt.gate + "/orders/1?a=%2F": {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "MKCALENDAR"},
				"/auth/validate/ext-authz/" + tt.gate:                     {"GET"},
			} {
				for _, method := range methods {
					resp := ask(t, method, path, authorization)
					want := tt.status
					if want == http.StatusOK && method == http.MethodHead && !strings.Contains(path, "ext-authz") {
						want = http.StatusNoContent
					}
					if resp.StatusCode != want || resp.Header.Get("WWW-Authenticate") != tt.challenge {
						t.Errorf("%s %s: %d %s", method, path, resp.StatusCode, resp.Header.Get("WWW-Authenticate"))
					}
					for _, name := range gateway.IdentityHeaders() { // the server has the same
						if _, there := resp.Header[name]; there != (tt.status == http.StatusOK) {
							t.Errorf("%s %s: header %s there: %v", method, path, name, there)
						}
					}
				}
			}
		})
	}
	t.Run("form A at a gate", func(t *testing.T) {
		for gate, want := range map[string]bool{"reads": true, "writes": false} {
			status, body, _ := in.JSON(t, http.MethodPost, "/auth/validate/"+gate, "", map[string]any{"token": token})
			if status != http.StatusOK || body["valid"] != want {
				t.Errorf("%s: %d %v", gate, status, body)
			}
		}
	})
	t.Run("a gate of that style says 401 and 403 only", func(t *testing.T) {
		if resp := ask(t, "GET", "/auth/validate/strict", "Bearer a b c"); resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusUnauthorized {
			t.Error(resp.StatusCode)
		}
	})
	t.Run("a change is seen at once", func(t *testing.T) {
		if _, err := in.Gates.Put(t.Context(), storage.Gate{Name: "writes", Scopes: []string{"orders:read"}}); err != nil {
			t.Fatal(err)
		}
		if err := in.Gates.Delete(t.Context(), "reads"); err != nil {
			t.Fatal(err)
		}
		in.Sync(t)
		if resp := ask(t, "GET", "/auth/validate/writes", "Bearer "+token); resp.StatusCode != http.StatusOK {
			t.Error(resp.StatusCode)
		}
		if resp := ask(t, "GET", "/auth/validate/reads", "Bearer "+token); resp.StatusCode != http.StatusNotFound {
			t.Error(resp.StatusCode)
		}
	})
}
