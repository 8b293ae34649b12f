package client

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

func keySet(t testing.TB, key any) json.RawMessage {
	t.Helper()
	b, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key, KeyID: "k"}}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func web() storage.ClientMetadata {
	return storage.ClientMetadata{TokenEndpointAuthMethod: AuthNone, RedirectURIs: []string{"http://127.0.0.1:9000/callback"}}
}

func TestNormalizeFillsInDefaults(t *testing.T) {
	m, err := Normalize(storage.ClientMetadata{RedirectURIs: []string{"https://app.test/cb"}})
	if err != nil {
		t.Fatal(err)
	}
	want := storage.ClientMetadata{
		ApplicationType: "web", TokenEndpointAuthMethod: AuthBasic, GrantTypes: []string{GrantCode}, ResponseTypes: []string{"code"},
		Scope: "openid profile email", RedirectURIs: []string{"https://app.test/cb"},
	}
	if !reflect.DeepEqual(m, want) {
		t.Errorf("got %+v", m)
	}
	again, err := Normalize(m)
	if err != nil || !reflect.DeepEqual(again, m) {
		t.Errorf("not stable: %+v %v", again, err)
	}
	service, err := Normalize(storage.ClientMetadata{GrantTypes: []string{GrantClient}})
	if err != nil || service.Scope != "" || service.ResponseTypes != nil {
		t.Errorf("a service: %+v %v", service, err)
	}
}

func TestNormalizeRefuses(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	age := int64(-1)
	for _, c := range []struct {
		name  string
		field string // the one that is named
		edit  func(m *storage.ClientMetadata)
	}{
		{"application type", "application_type", func(m *storage.ClientMetadata) { m.ApplicationType = "tv" }},
		{"implicit", "grant_types.0", func(m *storage.ClientMetadata) { m.GrantTypes = []string{"implicit"} }},
		{"password grant", "grant_types.1", func(m *storage.ClientMetadata) { m.GrantTypes = []string{GrantCode, "password"} }},
		{"public service", "grant_types", func(m *storage.ClientMetadata) { m.GrantTypes = []string{GrantCode, GrantClient} }},
		{"refresh alone", "grant_types", func(m *storage.ClientMetadata) { m.GrantTypes = []string{GrantRefresh} }},
		{"token response", "response_types.0", func(m *storage.ClientMetadata) { m.ResponseTypes = []string{"token"} }},
		{"no redirect", "redirect_uris", func(m *storage.ClientMetadata) { m.RedirectURIs = nil }},
		{"plain http redirect", "redirect_uris.0", func(m *storage.ClientMetadata) { m.RedirectURIs = []string{"http://app.test/cb"} }},
		{"wildcard redirect", "redirect_uris.0", func(m *storage.ClientMetadata) { m.RedirectURIs = []string{"https://*.app.test/cb"} }},
		{"private-use scheme of a web client", "redirect_uris.0", func(m *storage.ClientMetadata) { m.RedirectURIs = []string{"com.example.app:/cb"} }},
		{"redirect twice", "redirect_uris", func(m *storage.ClientMetadata) {
			m.RedirectURIs = []string{"https://app.test/cb", "https://app.test/cb"}
		}},
		{"post-logout", "post_logout_redirect_uris.0", func(m *storage.ClientMetadata) { m.PostLogoutRedirectURIs = []string{"javascript:alert(1)"} }},
		{"auth method", "token_endpoint_auth_method", func(m *storage.ClientMetadata) { m.TokenEndpointAuthMethod = "client_secret_jwt" }},
		{"no keys", "token_endpoint_auth_method", func(m *storage.ClientMetadata) { m.TokenEndpointAuthMethod = AuthPrivateKey }},
		{"both kinds of keys", "jwks_uri", func(m *storage.ClientMetadata) {
			m.JWKS, m.JWKSURI = keySet(t, ec.Public()), "https://app.test/jwks"
		}},
		{"private key", "jwks.keys.0", func(m *storage.ClientMetadata) { m.JWKS = keySet(t, ec) }},
		{"shared key", "jwks.keys.0", func(m *storage.ClientMetadata) { m.JWKS = keySet(t, []byte("secret")) }},
		{"small RSA key", "jwks.keys.0", func(m *storage.ClientMetadata) { m.JWKS = keySet(t, small.Public()) }},
		{"empty key set", "jwks", func(m *storage.ClientMetadata) { m.JWKS = json.RawMessage(`{"keys":[]}`) }},
		{"no key set", "jwks", func(m *storage.ClientMetadata) { m.JWKS = json.RawMessage(`[]`) }},
		{"plain http keys", "jwks_uri", func(m *storage.ClientMetadata) { m.JWKSURI = "http://app.test/jwks" }},
		{"none", "id_token_signed_response_alg", func(m *storage.ClientMetadata) { m.IDTokenSignedResponseAlg = "none" }},
		{"HS256", "access_token_signing_alg", func(m *storage.ClientMetadata) { m.AccessTokenSigningAlg = "HS256" }},
		{"signed requests without keys", "request_object_signing_alg", func(m *storage.ClientMetadata) { m.RequestObjectSigningAlg = "ES256" }},
		{"alg without signing", "token_endpoint_auth_signing_alg", func(m *storage.ClientMetadata) { m.TokenEndpointAuthSigningAlg = "ES256" }},
		{"scope", "scope", func(m *storage.ClientMetadata) { m.Scope = `openid "x"` }},
		{"scope twice", "scope", func(m *storage.ClientMetadata) { m.Scope = "openid openid" }},
		{"audience", "audience.0", func(m *storage.ClientMetadata) { m.Audience = []string{"orders"} }},
		{"audience with a fragment", "audience.0", func(m *storage.ClientMetadata) { m.Audience = []string{"https://api.test/#x"} }},
		{"name", "client_name", func(m *storage.ClientMetadata) { m.ClientName = "Good\u202eliveD" }},
		{"logo", "logo_uri", func(m *storage.ClientMetadata) { m.LogoURI = "javascript:alert(1)" }},
		{"logout call", "backchannel_logout_uri", func(m *storage.ClientMetadata) { m.BackchannelLogoutURI = "https://app.test/#x" }},
		{"sid without a logout call", "backchannel_logout_session_required", func(m *storage.ClientMetadata) { m.BackchannelLogoutSessionRequired = true }},
		{"max age", "default_max_age", func(m *storage.ClientMetadata) { m.DefaultMaxAge = &age }},
		{"passwords to a third party", "json_login", func(m *storage.ClientMetadata) { m.JSONLogin = true }},
		{"origins without json_login", "cors_origins", func(m *storage.ClientMetadata) { m.CORSOrigins = []string{"https://app.test"} }},
		{"wildcard origin", "cors_origins.0", func(m *storage.ClientMetadata) {
			m.FirstParty, m.JSONLogin, m.CORSOrigins = true, true, []string{"https://*.test"}
		}},
		{"origin with a path", "cors_origins.0", func(m *storage.ClientMetadata) {
			m.FirstParty, m.JSONLogin, m.CORSOrigins = true, true, []string{"https://app.test/"}
		}},
		{"null origin", "cors_origins.0", func(m *storage.ClientMetadata) {
			m.FirstParty, m.JSONLogin, m.CORSOrigins = true, true, []string{"null"}
		}},
		{"lifetime", "access_token_lifetime", func(m *storage.ClientMetadata) { m.AccessTokenLifetime = 86401 }},
		{"id_token_claims", "id_token_claims", func(m *storage.ClientMetadata) { m.IDTokenClaims = "all" }},
		{"rule on a reserved claim", "claim_rules.0.claim", func(m *storage.ClientMetadata) { m.ClaimRules = []storage.ClaimRule{{Claim: "sub", Value: "x"}} }},
		{"rule on nonce", "claim_rules.0.claim", func(m *storage.ClientMetadata) { m.ClaimRules = []storage.ClaimRule{{Claim: "nonce", Value: "x"}} }},
		{"rule with both", "claim_rules.0", func(m *storage.ClientMetadata) {
			m.ClaimRules = []storage.ClaimRule{{Claim: "x", Value: "x", From: "name"}}
		}},
		{"rule nowhere", "claim_rules.0.in.0", func(m *storage.ClientMetadata) {
			m.ClaimRules = []storage.ClaimRule{{Claim: "x", Value: "x", In: []string{"refresh_token"}}}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := web()
			c.edit(&m)
			_, err := Normalize(m)
			var f *fault.Error
			if !errors.As(err, &f) || f.Code != fault.Invalid {
				t.Fatalf("got %v", err)
			}
			if !slices.ContainsFunc(f.Fields, func(e fault.FieldError) bool { return e.Field == c.field }) {
				t.Errorf("%s is not named in %v", c.field, f.Fields)
			}
		})
	}
}

func TestNormalizeTakes(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string]storage.ClientMetadata{
		"native app":     {ApplicationType: "native", TokenEndpointAuthMethod: AuthNone, RedirectURIs: []string{"com.example.app:/cb", "http://127.0.0.1/cb"}},
		"private key":    {TokenEndpointAuthMethod: AuthPrivateKey, JWKS: keySet(t, ec.Public()), RedirectURIs: []string{"https://a.test/cb"}, TokenEndpointAuthSigningAlg: "ES256"},
		"keys elsewhere": {TokenEndpointAuthMethod: AuthPrivateKey, JWKSURI: "https://a.test/jwks", GrantTypes: []string{GrantClient}},
		"legacy": {
			TokenEndpointAuthMethod: AuthNone, GrantTypes: []string{GrantRefresh}, FirstParty: true, JSONLogin: true,
			CORSOrigins: []string{"https://app.test", "http://localhost:3000"}, AccessTokenSigningAlg: "RS256",
			ClaimRules: []storage.ClaimRule{{Claim: "email", From: "email"}, {Claim: "type", Value: "access"}},
		},
	} {
		if _, err := Normalize(m); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestIDs(t *testing.T) {
	for id, want := range map[string]bool{
		OwnPages: false, GatePrefix + "intranet": false,
		"web": true, "a.b-c_d~e:f": true, strings.Repeat("a", 128): true,
		"": false, "a b": false, "a@b": false, "a/b": false, "..": false, strings.Repeat("a", 129): false, "ä": false,
		"019b7d00-0000-7000-8000-000000000001":          false, // could be somebody
		"019B7D00-0000-7000-8000-000000000001":          false,
		"019b7d00000070008000000000000001":              false,
		"urn:uuid:019b7d00-0000-7000-8000-000000000001": false,
	} {
		if got := ValidID(id); got != want {
			t.Errorf("ValidID(%q) = %v", id, got)
		}
	}
	if id := newID(); !ValidID(id) || id == newID() {
		t.Errorf("made %q", id)
	}
}

func FuzzNormalize(f *testing.F) {
	f.Add(`{"redirect_uris":["https://a.test/cb"],"scope":"openid"}`)
	f.Add(`{"grant_types":["client_credentials"],"jwks":{"keys":[{"kty":"EC"}]}}`)
	f.Add(`{"claim_rules":[{"claim":"a","value":{"b":[1,2]}}],"cors_origins":["https://a"]}`)
	f.Fuzz(func(t *testing.T, text string) {
		var m storage.ClientMetadata
		if json.Unmarshal([]byte(text), &m) != nil {
			return
		}
		once, err := Normalize(m)
		if err != nil {
			return
		}
		twice, err := Normalize(once)
		if err != nil || len(ChangedMembers(once, twice)) > 0 {
			t.Fatalf("not stable: %v %v", ChangedMembers(once, twice), err)
		}
		if once.TokenEndpointAuthMethod == AuthNone && slices.Contains(once.GrantTypes, GrantClient) {
			t.Fatal("a public service")
		}
		if slices.Contains(once.GrantTypes, GrantCode) && len(once.RedirectURIs) == 0 {
			t.Fatal("nowhere to redirect")
		}
	})
}
