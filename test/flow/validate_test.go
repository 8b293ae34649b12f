package flow_test

import (
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares an answer with a file; what differs from run to run is
// replaced by its kind.
func golden(t *testing.T, name string, got map[string]any) {
	t.Helper()
	for _, member := range []string{
		"user_id", "sub", "tenant_id", "organization_id", "org_id", "session_id", "sid", "jti", "as_of", "timestamp", "request_id", "aud",
	} {
		if s, ok := got[member].(string); ok && s != "" {
			got[member] = "(" + member + ")"
		}
	}
	for _, member := range []string{"expires_at", "issued_at", "exp", "iat", "perm_epoch"} {
		if _, ok := got[member].(float64); ok {
			got[member] = "(number)"
		}
	}
	raw, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	raw = append(raw, '\n')
	file := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(raw)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// call sends a request to /auth/validate as a gateway would.
func call(t *testing.T, in *harness.Instance, method, path, contentType, body string, header ...string) (int, http.Header, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, in.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, raw
}

func TestValidate(t *testing.T) {
	t.Parallel()
	in := harness.Start(t, harness.Options{})
	alice := in.User(t, "alice@example.test", "correct horse battery")
	acme := in.Organization(t, "acme", alice.ID)
	in.Client(t, "web", storage.ClientMetadata{
		TokenEndpointAuthMethod: "none", FirstParty: true, ClaimRules: []storage.ClaimRule{{Claim: "email", From: "email"}},
	})
	a := harness.NewAuthorization("web", "openid", nil)
	b := in.NewBrowser(t)
	token := in.Redeem(t, "web", "", a, b.Code(a, "alice@example.test", "correct horse battery")).AccessToken
	bearer := []string{"Authorization", "Bearer " + token}
	const path, asJSON, asForm = "/auth/validate", "application/json", "application/x-www-form-urlencoded"
	quoted := func(m map[string]any) string { raw, _ := json.Marshal(m); return string(raw) }
	read := func(_ int, _ http.Header, raw []byte) map[string]any {
		var out map[string]any
		if err := json.Unmarshal(raw, &out); err != nil {
			t.Fatal(err)
		}
		return out
	}

	for _, c := range []struct {
		name, method, contentType, body string
		header                          []string
		status                          int
		valid                           any // of a 200
	}{
		{"header form", http.MethodPost, "", "", bearer, 200, true},
		{"header form by GET", http.MethodGet, "", "", bearer, 200, true},
		{"header form with the original's Content-Type and no body", http.MethodPost, asForm, "", bearer, 200, true},
		{"header form by HEAD", http.MethodHead, "", "", bearer, 204, nil},
		{"minimal answer", http.MethodPost, "", "", append([]string{"Prefer", "return=minimal"}, bearer...), 204, nil},
		{"header form, bad token", http.MethodPost, "", "", []string{"Authorization", "Bearer " + token + "x"}, 401, nil},
		{"header form, no token", http.MethodPost, "", "", nil, 401, nil},
		{"body form", http.MethodPost, asJSON, quoted(map[string]any{"token": token}), nil, 200, true},
		{"body form, form encoded", http.MethodPost, asForm, url.Values{"token": {token}}.Encode(), nil, 200, true},
		{"body form, bad token", http.MethodPost, asJSON, quoted(map[string]any{"token": token + "x"}), nil, 200, false},
		{"the body's token is judged, not the caller's", http.MethodPost, asJSON, quoted(map[string]any{"token": "no"}), bearer, 200, false},
		{"body form without a token", http.MethodPost, asJSON, `{}`, nil, 422, nil},
		{"a body that is no JSON", http.MethodPost, asJSON, `{"token":`, nil, 422, nil},
		{"another media type", http.MethodPost, "text/plain", "token", nil, 415, nil},
		{"audience", http.MethodPost, asJSON, quoted(map[string]any{"token": token, "audience": in.Issuer}), nil, 200, true},
		{"another audience", http.MethodPost, asJSON, quoted(map[string]any{"token": token, "audience": "https://other.test"}), nil, 200, false},
		{"scope", http.MethodPost, asJSON, quoted(map[string]any{"token": token, "required_scopes": []string{"openid"}}), nil, 200, true},
		{"missing scope", http.MethodPost, asJSON, quoted(map[string]any{"token": token, "required_scopes": []string{"openid", "admin"}}), nil, 200, false},
		{"permission", http.MethodPost, asJSON, quoted(map[string]any{"token": token, "required_permissions": []string{"read:members"}}), nil, 200, true},
		{"missing permission", http.MethodPost, asJSON, quoted(map[string]any{"token": token, "required_permissions": []string{"read:system:keys"}}), nil, 200, false},
		{"organization", http.MethodPost, asJSON, quoted(map[string]any{"token": token, "organization_id": acme.ID}), nil, 200, true},
		{"another organization", http.MethodPost, asJSON, quoted(map[string]any{"token": token, "organization_id": alice.ID}), nil, 200, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, prefix := range []string{"", "/api/v1"} {
				status, answer, raw := call(t, in, c.method, prefix+path, c.contentType, c.body, c.header...)
				if status != c.status {
					t.Fatalf("%s: status %d, want %d", prefix, status, c.status)
				}
				if c.status == 200 {
					if v := read(status, answer, raw); v["valid"] != c.valid || v["is_valid"] != c.valid || v["active"] != c.valid {
						t.Fatalf("%v", v)
					}
				}
				if c.status == 401 && !strings.HasPrefix(answer.Get("WWW-Authenticate"), "Bearer") {
					t.Errorf("WWW-Authenticate %q", answer.Get("WWW-Authenticate"))
				}
				if answer.Get("Cache-Control") != "no-store" {
					t.Errorf("Cache-Control %q", answer.Get("Cache-Control"))
				}
			}
		})
	}

	status, good, raw := call(t, in, http.MethodPost, path, "", "", bearer...)
	golden(t, "validate_valid", read(status, good, raw))
	golden(t, "validate_invalid", read(call(t, in, http.MethodPost, path, asJSON, `{"token":"x"}`)))
	golden(t, "validate_unauthorized", read(call(t, in, http.MethodPost, path, "", "", "Authorization", "Bearer x")))

	// The whole set of identity headers, also those that nothing is known for:
	// a gateway that copies them leaves none of the client's own.
	for _, name := range []string{
		"X-Auth-Request-User", "X-Auth-Request-Email", "X-Auth-Request-Preferred-Username", "X-Auth-Request-Groups",
		"Remote-User", "Remote-Email", "Remote-Name", "Remote-Groups", "X-Signet-Subject", "X-Signet-Org", "X-Signet-Roles",
		"X-Signet-Scope", "X-Signet-Client", "X-Signet-Session", "X-Signet-Acr", "X-Signet-Token-Exp",
	} {
		if values := good.Values(name); len(values) != 1 {
			t.Errorf("%s: %q", name, values)
		}
	}
	if got := good.Get("Remote-User"); got != alice.ID {
		t.Errorf("Remote-User %q", got)
	}
}
