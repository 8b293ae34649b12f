// Package flow_test walks the main job end to end: a person logs in, a service
// gets a token, both are verified and asked about, and die at a logout.
package flow_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

func TestMainJob(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) { t.Parallel(); mainJob(t, harness.Options{}) })
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		mainJob(t, harness.Options{DatabaseURL: servers.Postgres(t), MasterKey: harness.MasterKey, RedisURL: servers.Redis(t)})
	})
}

func mainJob(t *testing.T, o harness.Options) {
	in := harness.Start(t, o)
	alice := in.User(t, "Alice@Example.test", "correct horse battery")
	acme := in.Organization(t, "acme", alice.ID)
	in.Client(t, "web", storage.ClientMetadata{TokenEndpointAuthMethod: "none", ClientName: "Web", PostLogoutRedirectURIs: []string{"https://app.example.test/bye"}})
	_, secret := in.Service(t, "orders", acme.ID, storage.ClientMetadata{Scope: "orders:read", Audience: []string{"https://api.acme.test"}})

	// A person, with consent, since the client is not first party.
	b := in.NewBrowser(t)
	a := harness.NewAuthorization("web", "openid profile email organization roles", nil)
	p := b.Get(a.Path())
	if p = b.SignIn(p, "alice@example.test", "wrong"); p.Status != http.StatusUnauthorized || !p.Has("login-error") {
		t.Fatalf("wrong password: %d", p.Status)
	}
	p = b.SignIn(p, "alice@example.test", "correct horse battery")
	p = b.Approve(p)
	code := harness.CodeOf(t, p)
	if got := p.Location.Query(); got.Get("state") != a.Params.Get("state") || got.Get("iss") != in.Issuer {
		t.Fatalf("response %v", got)
	}
	tokens := in.Redeem(t, "web", "", a, code)
	if tokens.Status != http.StatusOK || tokens.RefreshToken == "" || tokens.IDToken == "" {
		t.Fatalf("redeem: %+v", tokens)
	}
	id, access := harness.Claims(t, tokens.IDToken), harness.Claims(t, tokens.AccessToken)
	if id["sub"] != alice.ID || id["nonce"] != a.Params.Get("nonce") || id["email"] != "Alice@Example.test" || id["sid"] != access["sid"] {
		t.Fatalf("id token %v", id)
	}
	if access["org_slug"] != "acme" || access["aud"] != in.Issuer || access["client_id"] != "web" {
		t.Fatalf("access token %v", access)
	}

	// A service.
	service := in.Token(t, "orders", secret, url.Values{"grant_type": {"client_credentials"}})
	if service.Status != http.StatusOK || harness.Claims(t, service.AccessToken)["aud"] != "https://api.acme.test" {
		t.Fatalf("service: %+v", service)
	}

	// Both are good, in both forms.
	for _, token := range []string{tokens.AccessToken, service.AccessToken} {
		if status, v, _ := in.JSON(t, http.MethodPost, "/auth/validate", token, nil); status != http.StatusOK || v["valid"] != true {
			t.Fatalf("header form: %d %v", status, v)
		}
		if status, v, _ := in.JSON(t, http.MethodPost, "/api/v1/auth/validate", "", map[string]any{"token": token}); status != http.StatusOK || v["valid"] != true {
			t.Fatalf("body form: %d %v", status, v)
		}
	}
	if status, v, _ := in.JSON(t, http.MethodGet, "/oauth2/userinfo", tokens.AccessToken, nil); status != http.StatusOK || v["sub"] != alice.ID || v["org_slug"] != "acme" {
		t.Fatalf("userinfo: %d %v", status, v)
	}
	fresh := in.Refresh(t, "web", "", tokens.RefreshToken, nil)
	if fresh.Status != http.StatusOK || fresh.RefreshToken == tokens.RefreshToken {
		t.Fatalf("refresh: %+v", fresh)
	}

	// The logout ends all of it.
	p = b.Get("/oauth2/logout?" + url.Values{"id_token_hint": {tokens.IDToken}, "post_logout_redirect_uri": {"https://app.example.test/bye"}, "state": {"s"}}.Encode())
	if p.Location == nil || p.Location.String() != "https://app.example.test/bye?state=s" {
		t.Fatalf("logout: %d %v %.300s", p.Status, p.Location, p.Body)
	}
	in.Sync(t)
	for _, token := range []string{tokens.AccessToken, fresh.AccessToken} {
		if status, v, _ := in.JSON(t, http.MethodPost, "/auth/validate", token, nil); status != http.StatusUnauthorized {
			t.Fatalf("after logout: %d %v", status, v)
		}
		if status, v, _ := in.JSON(t, http.MethodPost, "/auth/validate", "", map[string]any{"token": token}); status != http.StatusOK || v["valid"] != false || v["reason"] != "session_ended" {
			t.Fatalf("after logout: %d %v", status, v)
		}
	}
	if dead := in.Refresh(t, "web", "", fresh.RefreshToken, nil); dead.Error != "invalid_grant" {
		t.Fatalf("refresh after logout: %+v", dead)
	}
	none := harness.NewAuthorization("web", "openid", map[string]string{"prompt": "none"})
	if p = b.Get(none.Path()); p.Location == nil || p.Location.Query().Get("error") != "login_required" {
		t.Fatalf("prompt=none after logout: %d %v", p.Status, p.Location)
	}
	if status, _, _ := in.JSON(t, http.MethodPost, "/auth/validate", service.AccessToken, nil); status != http.StatusOK {
		t.Fatalf("the service's token died too: %d", status)
	}
}
