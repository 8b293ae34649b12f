package conformance_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// texts reads a list of strings out of a claim.
func texts(v any) []string {
	list, _ := v.([]any)
	out := make([]string, 0, len(list))
	for _, e := range list {
		s, _ := e.(string)
		out = append(out, s)
	}
	return out
}

func TestClaims(t *testing.T) {
	t.Parallel()
	s := start(t)
	acme := s.Organization(t, "acme", s.alice.ID)
	carol := s.User(t, "carol@example.test", password, "admin")
	s.public(t, "app", storage.ClientMetadata{})
	s.public(t, "minimal", storage.ClientMetadata{IDTokenClaims: "minimal"})
	s.public(t, "ruled", storage.ClientMetadata{ClaimRules: []storage.ClaimRule{
		{Claim: "https://acme.test/mail", From: "email", In: []string{"access_token", "id_token", "userinfo"}},
		{Claim: "tenant", From: "org_slug"},
		{Claim: "tier", Value: "gold", In: []string{"id_token"}},
		{Claim: "nothing", From: "no_such_claim"},
		{Claim: "name", Value: "Mallory", In: []string{"id_token", "userinfo"}},
	}})

	t.Run("organization and roles", func(t *testing.T) {
		b := s.signIn(t, s.alice)
		plain := s.tokens(t, b, "app", "", "openid", nil)
		c := harness.Claims(t, plain.AccessToken)
		if c["org_id"] != acme.ID || c["org_slug"] != "acme" || !slices.Equal(texts(c["roles"]), []string{"owner", "system:user"}) {
			t.Errorf("access token %v", c)
		}
		for where, v := range map[string]map[string]any{"ID token": harness.Claims(t, plain.IDToken), "userinfo": s.userInfo(t, plain.AccessToken)} {
			for _, name := range []string{"org_id", "org_slug", "org_name", "roles", "permissions", "pe", "gid"} {
				if v[name] != nil {
					t.Errorf("%s in the %s unasked", name, where)
				}
			}
		}
		asked := s.tokens(t, b, "app", "", "openid organization roles", nil)
		for where, v := range map[string]map[string]any{"ID token": harness.Claims(t, asked.IDToken), "userinfo": s.userInfo(t, asked.AccessToken)} {
			if v["org_id"] != acme.ID || v["org_slug"] != "acme" || v["org_name"] != "The acme" || !slices.Equal(texts(v["roles"]), []string{"owner", "system:user"}) {
				t.Errorf("%s %v", where, v)
			}
		}
		one := s.tokens(t, b, "app", "", "openid", with("claims", `{"id_token":{"roles":null}}`))
		if v := harness.Claims(t, one.IDToken); !slices.Equal(texts(v["roles"]), []string{"owner", "system:user"}) || v["org_id"] != nil {
			t.Errorf("by claims parameter: %v", v)
		}
	})

	t.Run("system roles are marked", func(t *testing.T) {
		got := s.tokens(t, s.signIn(t, carol), "app", "", "openid roles", nil)
		for _, token := range []string{got.AccessToken, got.IDToken} {
			c := harness.Claims(t, token)
			if roles := texts(c["roles"]); !slices.Contains(roles, "system:admin") || slices.Contains(roles, "admin") || c["org_id"] != nil {
				t.Errorf("%v", c)
			}
		}
	})

	t.Run("minimal ID tokens", func(t *testing.T) {
		b := s.signIn(t, s.alice)
		full := harness.Claims(t, s.tokens(t, b, "app", "", "openid profile email", nil).IDToken)
		if full["name"] == nil || full["email"] != aliceEmail || full["email_verified"] != true {
			t.Errorf("full: %v", full)
		}
		got := s.tokens(t, b, "minimal", "", "openid profile email", nil)
		if c := harness.Claims(t, got.IDToken); c["name"] != nil || c["email"] != nil {
			t.Errorf("minimal: %v", c)
		}
		if v := s.userInfo(t, got.AccessToken); v["name"] == nil || v["email"] == nil {
			t.Errorf("userinfo: %v", v)
		}
		got = s.tokens(t, b, "minimal", "", "openid profile", with("claims", `{"id_token":{"email":null}}`))
		if c := harness.Claims(t, got.IDToken); c["name"] != nil || c["email"] != aliceEmail {
			t.Errorf("minimal and one asked for: %v", c)
		}
	})

	t.Run("rules", func(t *testing.T) {
		got := s.tokens(t, s.signIn(t, s.alice), "ruled", "", "openid profile", nil)
		at, id, ui := harness.Claims(t, got.AccessToken), harness.Claims(t, got.IDToken), s.userInfo(t, got.AccessToken)
		for where, c := range map[string]map[string]any{"access token": at, "ID token": id, "userinfo": ui} {
			if c["https://acme.test/mail"] != aliceEmail || c["nothing"] != nil {
				t.Errorf("%s %v", where, c)
			}
		}
		if at["tenant"] != "acme" || id["tenant"] != nil || id["tier"] != "gold" || at["tier"] != nil {
			t.Errorf("access token %v, ID token %v", at, id)
		}
		// A rule adds and never overrides.
		if id["name"] != "Test Person" || ui["name"] != "Test Person" {
			t.Errorf("name %v and %v", id["name"], ui["name"])
		}
	})

	t.Run("permissions", func(t *testing.T) {
		b := s.signIn(t, s.alice)
		if c := harness.Claims(t, s.tokens(t, b, "app", "", "openid", nil).AccessToken); c["permissions"] != nil || c["permissions_omitted"] != nil {
			t.Errorf("unasked: %v", c)
		}
		viewer := s.User(t, "viewer@example.test", password)
		if _, err := s.Organizations.AddMember(t.Context(), access.Root(), acme.ID, viewer.ID, []string{"viewer"}, "admin"); err != nil {
			t.Fatal(err)
		}
		c := harness.Claims(t, s.tokens(t, s.signIn(t, viewer), "app", "", "openid permissions", nil).AccessToken)
		list := texts(c["permissions"])
		raw, _ := json.Marshal(list)
		if len(list) == 0 || len(raw) > 512 || c["permissions_omitted"] != nil || !slices.IsSorted(list) {
			t.Errorf("viewer: %v", c)
		}
		var many []string
		for i := range 60 {
			many = append(many, fmt.Sprintf("read:document%03d", i))
		}
		if _, err := s.Access.Put(t.Context(), access.Root(), storage.Role{Scope: storage.ScopeOrganization, OrganizationID: acme.ID, Name: "reader", Permissions: many}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Organizations.ChangeRoles(t.Context(), access.Root(), acme.ID, viewer.ID, []string{"reader"}, "admin"); err != nil {
			t.Fatal(err)
		}
		s.Sync(t)
		c = harness.Claims(t, s.tokens(t, s.signIn(t, viewer), "app", "", "openid permissions", nil).AccessToken)
		if c["permissions"] != nil || c["permissions_omitted"] != true {
			t.Errorf("sixty permissions: %v", c)
		}
	})

	t.Run("500 memberships", func(t *testing.T) {
		for i := range 500 {
			o, err := s.Organizations.Create(t.Context(), orgOf(fmt.Sprintf("o%03d-%s", i, strings.Repeat("x", 40)), s.alice.ID))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Organizations.AddMember(t.Context(), access.Root(), o.ID, s.bob.ID, []string{"member"}, "admin"); err != nil {
				t.Fatal(err)
			}
		}
		got := s.tokens(t, s.signIn(t, s.bob), "app", "", "openid profile email address phone offline_access organization roles", nil)
		if n := len(got.AccessToken); n >= 1500 {
			t.Errorf("the access token has %d bytes", n)
		}
		if c := harness.Claims(t, got.AccessToken); c["org_slug"] != "o000-"+strings.Repeat("x", 40) {
			t.Errorf("not the first joined: %v", c["org_slug"])
		}
	})
}

func TestIDTokenAlgorithms(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := s.signIn(t, s.alice)
	for _, alg := range []string{"RS256", "PS256", "ES256", "EdDSA"} {
		s.public(t, "id-"+alg, storage.ClientMetadata{IDTokenSignedResponseAlg: alg, AccessTokenSigningAlg: alg})
		a := harness.NewAuthorization("id-"+alg, "openid", nil)
		got := s.Redeem(t, "id-"+alg, "", a, s.success(t, b.Get(a.Path()), a))
		h, _ := s.idToken(t, got, "id-"+alg, a.Params.Get("nonce"))
		at, c := s.verify(t, got.AccessToken)
		if h.Algorithm != alg || at.Algorithm != alg || at.ExtraHeaders["typ"] != "at+jwt" || c["aud"] != s.Issuer {
			t.Errorf("%s: ID token %s, access token %s typ %v", alg, h.Algorithm, at.Algorithm, at.ExtraHeaders["typ"])
		}
	}
	s.public(t, "default", storage.ClientMetadata{})
	if at, _ := s.verify(t, s.tokens(t, b, "default", "", "openid", nil).AccessToken); at.Algorithm != "ES256" {
		t.Errorf("default %s", at.Algorithm)
	}
}

func TestUserInfoRefusals(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.public(t, "app", storage.ClientMetadata{})
	_, secret := s.Service(t, "service", "", storage.ClientMetadata{Scope: "x"})
	got := s.tokens(t, s.signIn(t, s.alice), "app", "", "openid", nil)
	service := s.Token(t, "service", secret, serviceForm())
	narrow := s.tokens(t, s.signIn(t, s.alice), "app", "", "profile", nil)
	if narrow.IDToken != "" {
		t.Error("an ID token without openid")
	}
	for name, c := range map[string]struct {
		token  string
		status int
		code   string
	}{
		"nothing": {"", 401, ""}, "nonsense": {"x", 401, "invalid_token"}, "ID token": {got.IDToken, 401, "invalid_token"},
		"refresh token": {got.RefreshToken, 401, "invalid_token"}, "service": {service.AccessToken, 403, "insufficient_scope"},
		"without openid": {narrow.AccessToken, 403, "insufficient_scope"},
	} {
		status, _, h := s.JSON(t, "GET", "/oauth2/userinfo", c.token, nil)
		challenge := h.Get("Www-Authenticate")
		if status != c.status || !strings.HasPrefix(challenge, "Bearer ") || c.code == "" && strings.Contains(challenge, "error=") ||
			c.code != "" && !strings.Contains(challenge, `error="`+c.code+`"`) {
			t.Errorf("%s: %d %q", name, status, challenge)
		}
	}
}
