package conformance_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

func registration(id, scope string) client.Registration {
	return client.Registration{ClientID: id, Source: "admin", Metadata: storage.ClientMetadata{
		TokenEndpointAuthMethod: "none", FirstParty: true, Scope: scope, RedirectURIs: []string{harness.Redirect},
		GrantTypes: []string{client.GrantCode, client.GrantRefresh},
	}}
}

func TestResourceIndicators(t *testing.T) {
	t.Parallel()
	s := start(t)
	const orders, bills, plain = "https://orders.test", "https://bills.test", "https://plain.test"
	s.resource(t, storage.Resource{
		Identifier: orders, SigningAlg: "RS256", TokenLifetime: 2 * time.Minute,
		Scopes: []storage.ResourceScope{{Name: "orders:read"}, {Name: "shared"}},
	})
	s.resource(t, storage.Resource{Identifier: bills, SigningAlg: "EdDSA", Scopes: []storage.ResourceScope{{Name: "bills:read"}, {Name: "shared"}}})
	const scope = "openid offline_access orders:read bills:read shared"
	s.public(t, "app", storage.ClientMetadata{Scope: scope, Audience: []string{orders, bills, plain}})
	s.public(t, "none", storage.ClientMetadata{Scope: "openid"})
	b := s.signIn(t, s.alice)

	// ask makes an authorization with several resource parameters.
	ask := func(resources ...string) harness.Authorization {
		a := harness.NewAuthorization("app", scope, nil)
		a.Params["resource"] = resources
		return a
	}
	check := func(t *testing.T, got harness.TokenAnswer, aud, scope []string, alg string, lifetime int64) {
		t.Helper()
		if got.Status != http.StatusOK {
			t.Fatalf("%+v", got)
		}
		h, c := s.verify(t, got.AccessToken)
		have := texts(c["aud"])
		if v, ok := c["aud"].(string); ok {
			have = []string{v}
		}
		if !slices.Equal(have, aud) || h.Algorithm != alg || got.ExpiresIn != lifetime || c["exp"].(float64)-c["iat"].(float64) != float64(lifetime) {
			t.Errorf("aud %v alg %s lifetime %d, want %v %s %d", have, h.Algorithm, got.ExpiresIn, aud, alg, lifetime)
		}
		if c["scope"] != strings.Join(scope, " ") || got.Scope != c["scope"] {
			t.Errorf("scope %q and %q, want %v", c["scope"], got.Scope, scope)
		}
	}

	t.Run("none", func(t *testing.T) {
		got := s.tokens(t, b, "none", "", "openid", nil)
		check(t, got, []string{s.Issuer}, []string{"openid"}, "ES256", 600)
	})
	t.Run("one", func(t *testing.T) {
		a := ask(orders)
		got := s.Redeem(t, "app", "", a, s.success(t, b.Get(a.Path()), a))
		check(t, got, []string{orders}, []string{"openid", "offline_access", "orders:read", "shared"}, "RS256", 120)
		check(t, s.Refresh(t, "app", "", got.RefreshToken, nil), []string{orders}, []string{"openid", "offline_access", "orders:read", "shared"}, "RS256", 120)
		if v := s.userInfo(t, got.AccessToken); v["sub"] != s.alice.ID {
			t.Error("userinfo goes by openid, whatever the audience")
		}
	})
	t.Run("several, narrowed at the token endpoint and at refresh", func(t *testing.T) {
		a := ask(orders, bills)
		code := s.success(t, b.Get(a.Path()), a)
		form := func(resource string) map[string][]string {
			return map[string][]string{
				"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {harness.Redirect}, "code_verifier": {a.Verifier}, "resource": {resource},
			}
		}
		if bad := s.Token(t, "app", "", form(plain)); bad.Error != "invalid_target" {
			t.Fatalf("not granted: %+v", bad)
		}
		got := s.Token(t, "app", "", form(bills))
		check(t, got, []string{bills}, []string{"openid", "offline_access", "bills:read", "shared"}, "EdDSA", 600)
		if bad := s.Refresh(t, "app", "", got.RefreshToken, with("resource", "https://unknown.test")); bad.Error != "invalid_target" {
			t.Fatalf("unknown: %+v", bad)
		}
		got = s.Refresh(t, "app", "", got.RefreshToken, with("resource", orders))
		check(t, got, []string{orders}, []string{"openid", "offline_access", "orders:read", "shared"}, "RS256", 120)
		// The grant itself was not narrowed.
		got = s.Refresh(t, "app", "", got.RefreshToken, nil)
		check(t, got, []string{orders, bills}, []string{"openid", "offline_access", "orders:read", "bills:read", "shared"}, "RS256", 120)
	})
	t.Run("the issuer itself", func(t *testing.T) {
		a := ask(s.Issuer)
		got := s.Redeem(t, "app", "", a, s.success(t, b.Get(a.Path()), a))
		check(t, got, []string{s.Issuer}, []string{"openid", "offline_access"}, "ES256", 600)
	})
	t.Run("refused", func(t *testing.T) {
		for _, resources := range [][]string{{"https://unknown.test"}, {orders, "https://unknown.test"}, {"orders"}, {orders + "#f"}} {
			a := ask(resources...)
			s.refused(t, b.Get(a.Path()), a, "invalid_target")
		}
		a := harness.NewAuthorization("none", "openid", with("resource", orders))
		s.refused(t, b.Get(a.Path()), a, "invalid_target")
	})
	t.Run("narrower scope at refresh", func(t *testing.T) {
		a := ask(orders)
		got := s.Redeem(t, "app", "", a, s.success(t, b.Get(a.Path()), a))
		narrow := s.Refresh(t, "app", "", got.RefreshToken, with("scope", "orders:read"))
		check(t, narrow, []string{orders}, []string{"orders:read"}, "RS256", 120)
		if narrow.IDToken != "" {
			t.Error("an ID token without openid")
		}
		if wide := s.Refresh(t, "app", "", narrow.RefreshToken, with("scope", "orders:read bills:read")); wide.Error != "invalid_scope" {
			t.Errorf("beyond the grant: %+v", wide)
		}
		again := s.Refresh(t, "app", "", narrow.RefreshToken, nil)
		check(t, again, []string{orders}, []string{"openid", "offline_access", "orders:read", "shared"}, "RS256", 120)
	})
	t.Run("a registration that shrank", func(t *testing.T) {
		reg := registration("shrinking", "openid profile email")
		reg.Metadata.Audience = []string{orders, bills}
		if _, _, err := s.Clients.Create(t.Context(), access.Root(), reg); err != nil {
			t.Fatal(err)
		}
		s.Sync(t)
		got := s.tokens(t, b, "shrinking", "", "openid profile email", with("resource", bills, "claims", `{"userinfo":{"email":null}}`))
		reg.Metadata.Scope = "openid profile"
		if _, err := s.Clients.Update(t.Context(), access.Root(), "shrinking", reg.Metadata, "admin"); err != nil {
			t.Fatal(err)
		}
		s.Sync(t)
		fresh := s.Refresh(t, "shrinking", "", got.RefreshToken, nil)
		check(t, fresh, []string{bills}, []string{"openid", "profile"}, "EdDSA", 600)
		if v := s.userInfo(t, fresh.AccessToken); v["email"] != nil || harness.Claims(t, fresh.IDToken)["email"] != nil {
			t.Errorf("email is still given: %v", v)
		}
		reg.Metadata.Audience = []string{orders}
		if _, err := s.Clients.Update(t.Context(), access.Root(), "shrinking", reg.Metadata, "admin"); err != nil {
			t.Fatal(err)
		}
		s.Sync(t)
		if r := s.Refresh(t, "shrinking", "", fresh.RefreshToken, nil); r.Error != "invalid_target" {
			t.Errorf("a resource it lost: %+v", r)
		}
	})
}
