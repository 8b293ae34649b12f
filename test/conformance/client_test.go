package conformance_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// serviceForm asks for a token of a service's own.
func serviceForm(pairs ...string) url.Values {
	v := url.Values{"grant_type": {"client_credentials"}}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

func basicHeader(id, secret string) http.Header {
	r, _ := http.NewRequest(http.MethodPost, "/", nil)
	r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
	return r.Header
}

func TestClientAuthentication(t *testing.T) {
	t.Parallel()
	s := start(t)
	keys := map[jose.SignatureAlgorithm]signing{}
	for _, alg := range []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.EdDSA} {
		keys[alg] = newSigning(t, alg)
	}
	_, basic := s.Service(t, "basic:with.odd~id", "", storage.ClientMetadata{Scope: "orders:read"})
	_, post := s.Service(t, "post", "", storage.ClientMetadata{Scope: "orders:read", TokenEndpointAuthMethod: "client_secret_post"})
	for alg, k := range keys {
		s.Service(t, "key-"+string(alg), "", storage.ClientMetadata{
			Scope: "orders:read", TokenEndpointAuthMethod: "private_key_jwt", JWKS: k.set,
		})
	}
	s.Service(t, "key-pinned", "", storage.ClientMetadata{
		Scope: "orders:read", TokenEndpointAuthMethod: "private_key_jwt", TokenEndpointAuthSigningAlg: "PS256", JWKS: keys[jose.PS256].set,
	})
	s.public(t, "public", storage.ClientMetadata{})

	ask := func(t *testing.T, form url.Values, h http.Header, status int, code string) map[string]any {
		t.Helper()
		got, header, v := s.post(t, "/oauth2/token", form, h)
		if got != status || code != "" && v["error"] != code {
			t.Fatalf("%d %v, want %d %s", got, v, status, code)
		}
		noStore(t, header)
		if got == http.StatusUnauthorized && !strings.HasPrefix(header.Get("Www-Authenticate"), "Basic ") {
			t.Fatalf("challenge %q", header.Get("Www-Authenticate"))
		}
		return v
	}

	t.Run("client_secret_basic", func(t *testing.T) {
		ask(t, serviceForm(), basicHeader("basic:with.odd~id", basic), 200, "")
		ask(t, serviceForm("client_id", "basic:with.odd~id"), basicHeader("basic:with.odd~id", basic), 200, "")
		ask(t, serviceForm(), basicHeader("basic:with.odd~id", basic+"x"), 401, "invalid_client")
		ask(t, serviceForm(), basicHeader("basic:with.odd~id", ""), 401, "invalid_client")
		ask(t, serviceForm(), basicHeader("nobody", basic), 401, "invalid_client")
		ask(t, serviceForm(), http.Header{"Authorization": {"Basic !!!"}}, 401, "invalid_client")
		ask(t, serviceForm(), http.Header{"Authorization": {"Basic YQ=="}}, 401, "invalid_client")
	})
	t.Run("client_secret_post", func(t *testing.T) {
		ask(t, serviceForm("client_id", "post", "client_secret", post), nil, 200, "")
		ask(t, serviceForm("client_id", "post", "client_secret", post[1:]), nil, 401, "invalid_client")
		ask(t, serviceForm("client_id", "post", "client_secret", ""), nil, 401, "invalid_client")
		ask(t, serviceForm("client_secret", post), nil, 401, "invalid_client")
	})
	t.Run("another method than the registered one", func(t *testing.T) {
		ask(t, serviceForm(), basicHeader("post", post), 401, "invalid_client")
		ask(t, serviceForm("client_id", "basic:with.odd~id", "client_secret", basic), nil, 401, "invalid_client")
		ask(t, serviceForm("client_id", "post"), nil, 401, "invalid_client")
		ask(t, serviceForm("client_id", "public", "client_secret", "x"), nil, 401, "invalid_client")
		ask(t, serviceForm(), nil, 401, "invalid_client")
	})
	t.Run("two methods at once", func(t *testing.T) {
		ask(t, serviceForm("client_id", "post", "client_secret", post), basicHeader("post", post), 400, "invalid_request")
		ask(t, serviceForm("client_id", "post"), basicHeader("basic:with.odd~id", basic), 400, "invalid_request")
		h := basicHeader("basic:with.odd~id", basic)
		h["Authorization"] = append(h["Authorization"], h["Authorization"][0])
		ask(t, serviceForm(), h, 401, "invalid_client")
	})
	t.Run("a secret in the URL is not read", func(t *testing.T) {
		status, _, v := s.post(t, "/oauth2/token?client_secret="+url.QueryEscape(post), serviceForm("client_id", "post"), nil)
		if status == http.StatusOK {
			t.Fatalf("%v", v)
		}
	})

	claims := func(client string, more map[string]any) map[string]any {
		c := map[string]any{
			"iss": client, "sub": client, "aud": s.Issuer, "jti": storage.NewID(), "iat": s.clock.Now().Unix(),
			"exp": s.clock.Now().Add(time.Minute).Unix(),
		}
		maps.Copy(c, more)
		for name, v := range c {
			if v == nil {
				delete(c, name)
			}
		}
		return c
	}
	form := func(assertion string, pairs ...string) url.Values {
		return serviceForm(append([]string{"client_assertion_type", assertionType, "client_assertion", assertion}, pairs...)...)
	}
	t.Run("private_key_jwt", func(t *testing.T) {
		for alg, k := range keys {
			client := "key-" + string(alg)
			for _, aud := range []any{s.Issuer, s.Issuer + "/oauth2/token", []string{s.Issuer}, []string{"https://other.test", s.Issuer + "/oauth2/token"}} {
				ask(t, form(k.sign(t, "", claims(client, map[string]any{"aud": aud}))), nil, 200, "")
			}
			ask(t, form(k.sign(t, "", claims(client, nil)), "client_id", client), nil, 200, "")
			used := k.sign(t, "", claims(client, nil))
			ask(t, form(used), nil, 200, "")
			ask(t, form(used), nil, 401, "invalid_client")
			for name, more := range map[string]map[string]any{
				"aud elsewhere": {"aud": "https://other.test"}, "no aud": {"aud": nil}, "iss another": {"iss": "post"}, "sub another": {"sub": "post"},
				"expired": {"exp": s.clock.Now().Add(-time.Hour).Unix()}, "no exp": {"exp": nil}, "exp in years and no iat": {"exp": s.clock.Now().Add(9e15).Unix(), "iat": nil},
				"no jti": {"jti": nil}, "not yet": {"nbf": s.clock.Now().Add(time.Hour).Unix()},
			} {
				t.Run(client+" "+name, func(t *testing.T) {
					ask(t, form(k.sign(t, "", claims(client, more))), nil, 401, "invalid_client")
				})
			}
		}
		es := keys[jose.ES256]
		ask(t, form(es.sign(t, "", claims("key-RS256", nil))), nil, 401, "invalid_client")
		ask(t, form(es.sign(t, "", claims("post", nil))), nil, 401, "invalid_client")
		ask(t, form(es.sign(t, "", claims("nobody", nil))), nil, 401, "invalid_client")
		ask(t, form(es.sign(t, "", claims("key-ES256", nil)), "client_id", "key-RS256"), nil, 401, "invalid_client")
		ask(t, form(encode(t, map[string]any{"alg": "none"})+"."+encode(t, claims("key-ES256", nil))+"."), nil, 401, "invalid_client")
		ask(t, form("nonsense"), nil, 401, "invalid_client")
		ask(t, form(es.sign(t, "", claims("key-ES256", nil)), "client_assertion_type", "urn:x"), nil, 400, "invalid_request")
		ask(t, form(es.sign(t, "", claims("key-ES256", nil))), basicHeader("key-ES256", "x"), 400, "invalid_request")
		ask(t, form(keys[jose.PS256].sign(t, "", claims("key-pinned", nil))), nil, 200, "")
		rs := keys[jose.PS256]
		rs.alg = jose.RS256
		rs.key.Algorithm = ""
		ask(t, form(rs.sign(t, "", claims("key-pinned", nil))), nil, 401, "invalid_client")
	})
	t.Run("an assertion refused for its grant is used up all the same", func(t *testing.T) {
		a := keys[jose.ES256].sign(t, "", claims("key-ES256", nil))
		ask(t, form(a, "grant_type", "nonsense"), nil, 400, "unsupported_grant_type")
		ask(t, form(a), nil, 401, "invalid_client")
	})
	t.Run("grants", func(t *testing.T) {
		h := basicHeader("basic:with.odd~id", basic)
		ask(t, url.Values{}, h, 400, "invalid_request")
		ask(t, serviceForm("grant_type", "password"), h, 400, "unsupported_grant_type")
		ask(t, serviceForm("grant_type", "authorization_code", "code", "x"), h, 400, "unauthorized_client")
		ask(t, serviceForm("client_id", "public"), nil, 400, "unauthorized_client")
		ask(t, serviceForm("scope", "orders:write"), h, 400, "invalid_scope")
		ask(t, serviceForm("scope", "openid"), h, 400, "invalid_scope")
		ask(t, serviceForm("resource", "https://unknown.test"), h, 400, "invalid_target")
		ask(t, url.Values{"grant_type": {"client_credentials", "client_credentials"}}, h, 400, "invalid_request")
		v := ask(t, serviceForm(), h, 200, "")
		if v["refresh_token"] != nil || v["id_token"] != nil || v["scope"] != "orders:read" {
			t.Errorf("%v", v)
		}
		c := harness.Claims(t, v["access_token"].(string))
		if c["sub"] != "basic:with.odd~id" || c["client_id"] != c["sub"] || c["sid"] != nil || c["auth_time"] != nil {
			t.Errorf("%v", c)
		}
	})
	t.Run("methods and types", func(t *testing.T) {
		if status, _, _ := s.get(t, "/oauth2/token"); status != http.StatusMethodNotAllowed {
			t.Errorf("GET: %d", status)
		}
		for _, typ := range []string{"application/json", "text/plain", "multipart/form-data; boundary=x"} {
			status, _, v := s.send(t, "/oauth2/token", "grant_type=client_credentials", http.Header{"Content-Type": {typ}})
			if status < 400 || status > 499 || v["error"] != "invalid_request" {
				t.Errorf("%s: %d %v", typ, status, v)
			}
		}
	})
}

func TestIntrospection(t *testing.T) {
	t.Parallel()
	s := start(t)
	secret := s.client(t, "web", storage.ClientMetadata{Audience: []string{"https://api.test"}})
	s.public(t, "public", storage.ClientMetadata{})
	_, api := s.Service(t, "api", "", storage.ClientMetadata{Scope: "x"})
	_, stranger := s.Service(t, "stranger", "", storage.ClientMetadata{Scope: "x"})
	s.resource(t, storage.Resource{Identifier: "https://api.test", Introspectors: []string{"api"}})
	got := s.tokens(t, s.signIn(t, s.alice), "web", secret, "openid profile offline_access", nil)
	ask := func(t *testing.T, client, secret, token string) map[string]any {
		t.Helper()
		status, h, v := s.post(t, "/oauth2/introspect", url.Values{"token": {token}}, basicHeader(client, secret))
		if status != http.StatusOK {
			t.Fatalf("%d %v", status, v)
		}
		noStore(t, h)
		if v["active"] != true && len(v) != 1 {
			t.Fatalf("an inactive token tells %v", v)
		}
		return v
	}
	t.Run("own access token", func(t *testing.T) {
		v := ask(t, "web", secret, got.AccessToken)
		c := harness.Claims(t, got.AccessToken)
		if v["active"] != true || v["token_type"] != "Bearer" || v["client_id"] != "web" {
			t.Fatalf("%v", v)
		}
		for _, name := range []string{"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "scope", "sid", "gid", "auth_time", "acr"} {
			if v[name] == nil || v[name] != c[name] {
				t.Errorf("%s is %v, in the token %v", name, v[name], c[name])
			}
		}
	})
	t.Run("own refresh token", func(t *testing.T) {
		if v := ask(t, "web", secret, got.RefreshToken); v["active"] != true || v["token_type"] != "refresh_token" || v["sub"] != s.alice.ID {
			t.Fatalf("%v", v)
		}
	})
	t.Run("introspector of the resource", func(t *testing.T) {
		if v := ask(t, "api", api, got.AccessToken); v["active"] != true {
			t.Fatalf("%v", v)
		}
		if v := ask(t, "api", api, got.RefreshToken); v["active"] != false {
			t.Fatalf("another's refresh token: %v", v)
		}
	})
	t.Run("stranger", func(t *testing.T) {
		for _, token := range []string{got.AccessToken, got.RefreshToken} {
			if v := ask(t, "stranger", stranger, token); v["active"] != false {
				t.Fatalf("%v", v)
			}
		}
	})
	t.Run("what is no access token", func(t *testing.T) {
		for _, token := range []string{got.IDToken, "x", "a.b.c", "srt_x", got.RefreshToken + "x", got.AccessToken[:len(got.AccessToken)-3]} {
			if v := ask(t, "web", secret, token); v["active"] != false {
				t.Errorf("%.20s is active", token)
			}
		}
	})
	t.Run("who may not ask", func(t *testing.T) {
		for name, c := range map[string]struct {
			form url.Values
			h    http.Header
		}{
			"nobody": {url.Values{"token": {got.AccessToken}}, nil},
			"public": {url.Values{"token": {got.AccessToken}, "client_id": {"public"}}, nil},
			"wrong":  {url.Values{"token": {got.AccessToken}}, basicHeader("web", "x")},
			"bearer": {url.Values{"token": {got.AccessToken}}, http.Header{"Authorization": {"Bearer " + got.AccessToken}}},
		} {
			if status, h, v := s.post(t, "/oauth2/introspect", c.form, c.h); status != http.StatusUnauthorized || v["error"] != "invalid_client" || h.Get("Www-Authenticate") == "" {
				t.Errorf("%s: %d %v", name, status, v)
			}
		}
		if status, _, v := s.post(t, "/oauth2/introspect", url.Values{}, basicHeader("web", secret)); status != http.StatusBadRequest || v["error"] != "invalid_request" {
			t.Errorf("no token: %d %v", status, v)
		}
	})
	t.Run("dead", func(t *testing.T) {
		s.pass(t, 11*time.Minute)
		if v := ask(t, "web", secret, got.AccessToken); v["active"] != false {
			t.Error("expired and active")
		}
		fresh := s.Refresh(t, "web", secret, got.RefreshToken, nil)
		if _, err := s.Users.SetStatus(t.Context(), s.alice.ID, storage.UserSuspended, "test"); err != nil {
			t.Fatal(err)
		}
		s.Sync(t)
		for _, token := range []string{fresh.AccessToken, fresh.RefreshToken} {
			if v := ask(t, "web", secret, token); v["active"] != false {
				t.Error("suspended and active")
			}
		}
	})
}

func TestRevocation(t *testing.T) {
	t.Parallel()
	s := start(t)
	secret := s.client(t, "web", storage.ClientMetadata{})
	s.public(t, "spa", storage.ClientMetadata{})
	_, stranger := s.Service(t, "stranger", "", storage.ClientMetadata{Scope: "x"})
	b := s.signIn(t, s.alice)
	revoke := func(t *testing.T, client, secret, token string, more ...string) {
		t.Helper()
		form := url.Values{"token": {token}}
		for i := 0; i < len(more); i += 2 {
			form.Set(more[i], more[i+1])
		}
		var h http.Header
		if secret != "" {
			h = basicHeader(client, secret)
		} else {
			form.Set("client_id", client)
		}
		if status, _, v := s.post(t, "/oauth2/revoke", form, h); status != http.StatusOK {
			t.Fatalf("%d %v", status, v)
		}
	}
	t.Run("own access token", func(t *testing.T) {
		got := s.tokens(t, b, "web", secret, "openid offline_access", nil)
		other := s.tokens(t, b, "web", secret, "openid", nil)
		revoke(t, "web", secret, got.AccessToken, "token_type_hint", "refresh_token") // a wrong hint is only a hint
		if s.alive(t, got.AccessToken) || !s.alive(t, other.AccessToken) {
			t.Error("not that one alone")
		}
		if r := s.Refresh(t, "web", secret, got.RefreshToken, nil); r.Status != http.StatusOK {
			t.Errorf("refresh: %+v", r)
		}
	})
	t.Run("own refresh token ends the grant", func(t *testing.T) {
		got := s.tokens(t, b, "spa", "", "openid offline_access", nil)
		next := s.Refresh(t, "spa", "", got.RefreshToken, nil)
		revoke(t, "spa", "", next.RefreshToken)
		if s.alive(t, got.AccessToken) || s.alive(t, next.AccessToken) {
			t.Error("access tokens live")
		}
		if r := s.Refresh(t, "spa", "", next.RefreshToken, nil); r.Error != "invalid_grant" {
			t.Errorf("%+v", r)
		}
		revoke(t, "spa", "", next.RefreshToken) // again is no error
	})
	t.Run("a stranger's word counts for nothing", func(t *testing.T) {
		got := s.tokens(t, b, "web", secret, "openid offline_access", nil)
		revoke(t, "stranger", stranger, got.AccessToken)
		revoke(t, "stranger", stranger, got.RefreshToken)
		if !s.alive(t, got.AccessToken) {
			t.Error("revoked by a stranger")
		}
		if r := s.Refresh(t, "web", secret, got.RefreshToken, nil); r.Status != http.StatusOK {
			t.Errorf("%+v", r)
		}
	})
	t.Run("unknown", func(t *testing.T) {
		for _, token := range []string{"x", "a.b.c", "srt_AAAA"} {
			revoke(t, "web", secret, token)
		}
		for name, c := range map[string]struct {
			form url.Values
			code string
		}{"no token": {url.Values{"client_id": {"spa"}}, "invalid_request"}, "no client": {url.Values{"token": {"x"}}, "invalid_client"}} {
			if status, _, v := s.post(t, "/oauth2/revoke", c.form, nil); status < 400 || status > 499 || v["error"] != c.code {
				t.Errorf("%s: %d %v", name, status, v)
			}
		}
	})
}

func TestErrorsSpeakTheProtocol(t *testing.T) {
	t.Parallel()
	s := start(t)
	secret := s.client(t, "web", storage.ClientMetadata{})
	h := basicHeader("web", secret)
	known := []string{"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope", "invalid_target"}
	for _, body := range []string{
		"", "&", "=", "%", "%zz", "grant_type", "grant_type=", "grant_type=%00", "grant_type=%ff", "grant_type=authorization_code",
		"grant_type=authorization_code&code=", "grant_type=authorization_code&code=x&redirect_uri=x&code_verifier=" + strings.Repeat("v", 43),
		"grant_type=authorization_code&code=" + strings.Repeat("A", 43) + "&redirect_uri=x", "grant_type=refresh_token",
		"grant_type=refresh_token&refresh_token=srt_", "grant_type=refresh_token&refresh_token=srt_" + strings.Repeat("A", 75),
		"grant_type=refresh_token&refresh_token=" + strings.Repeat("A", 5000), "grant_type=urn:ietf:params:oauth:grant-type:device_code",
		"grant_type=refresh_token&refresh_token=x&resource=%23", "grant_type=client_credentials&resource=https://a.test&resource=https://b.test",
		strings.Repeat("a=1&", 200), "a=" + strings.Repeat("x", 70_000), "audience=x&grant_type=client_credentials",
	} {
		status, header, v := s.send(t, "/oauth2/token", body, h)
		code, _ := v["error"].(string)
		if status < 400 || status > 499 || !slices.Contains(known, code) || v["error_description"] == nil {
			t.Errorf("%.60q: %d %v", body, status, v)
		}
		if !strings.HasPrefix(header.Get("Content-Type"), "application/json") {
			t.Errorf("%.60q: %s", body, header.Get("Content-Type"))
		}
	}
}
