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

// Clients of the profile tests: one for each way to authenticate, and a second
// one beside the first.
const (
	rpBasic  = "rp-basic"
	rpSecond = "rp-second"
	rpPost   = "rp-post"
	rpSigned = "rp-signed" // with a key for request objects
	rpThird  = "rp-third"  // somebody else's: consent is asked
)

// profile is a server as one profile of the certification sees it.
type profile struct {
	*site
	mode    string // response_mode, or "" for the default
	secrets map[string]string
	key     signing
}

// request makes an authorization request in the profile's response mode.
func (p *profile) request(client, scope string, pairs ...string) harness.Authorization {
	if p.mode != "" {
		pairs = append([]string{"response_mode", p.mode}, pairs...)
	}
	return harness.NewAuthorization(client, scope, with(pairs...))
}

// login runs a request of a signed-in browser to its tokens.
func (p *profile) login(t *testing.T, b *harness.Browser, client, scope string, pairs ...string) (harness.TokenAnswer, harness.Authorization) {
	t.Helper()
	a := p.request(client, scope, pairs...)
	return p.redeem(t, a, p.success(t, b.Get(a.Path()), a)), a
}

func (p *profile) redeem(t *testing.T, a harness.Authorization, code string) harness.TokenAnswer {
	t.Helper()
	client := a.Params.Get("client_id")
	got := p.Redeem(t, client, p.secrets[client], a, code)
	if got.Status != http.StatusOK || got.IDToken == "" || got.ExpiresIn <= 0 || got.TokenType != "Bearer" {
		t.Fatalf("token answer %+v", got)
	}
	return got
}

// modules are the rows of the Basic profile; Form Post Basic is the same again.
func modules() map[string]func(*testing.T, *profile) {
	return map[string]func(*testing.T, *profile){
		"oidcc-server":                     moduleServer,
		"oidcc-server-client-secret-post":  moduleSecretPost,
		"oidcc-response-type-missing":      moduleResponseType,
		"oidcc-idtoken-signature":          moduleIDTokenSignature,
		"oidcc-idtoken-rs256":              moduleIDTokenSignature,
		"oidcc-userinfo-get":               moduleUserInfoGet,
		"oidcc-userinfo-post-header":       moduleUserInfoPostHeader,
		"oidcc-userinfo-post-body":         moduleUserInfoPostBody,
		"oidcc-alternate-happy-flow":       moduleAlternate,
		"oidcc-display-page":               harmless("display", "page"),
		"oidcc-display-popup":              harmless("display", "popup"),
		"oidcc-ui-locales":                 harmless("ui_locales", "se de"),
		"oidcc-claims-locales":             harmless("claims_locales", "se"),
		"oidcc-login-hint":                 moduleLoginHint,
		"oidcc-prompt-login":               modulePromptLogin,
		"oidcc-prompt-none-not-logged-in":  modulePromptNoneNobody,
		"oidcc-prompt-none-logged-in":      modulePromptNone,
		"oidcc-max-age-1":                  moduleMaxAge1,
		"oidcc-max-age-10000":              moduleMaxAge10000,
		"oidcc-id-token-hint":              moduleIDTokenHint,
		"oidcc-codereuse":                  moduleCodeReuse(0),
		"oidcc-codereuse-30seconds":        moduleCodeReuse(30 * time.Second),
		"oidcc-ensure-registered-redirect": moduleRedirectURI,
		"oidcc-claims-essential":           moduleClaimsEssential,
		"oidcc-refresh-token":              moduleRefresh,
		"oidcc-scope-profile":              moduleScope("profile", "name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at"),
		"oidcc-scope-email":                moduleScope("email", "email", "email_verified"),
		"oidcc-scope-address":              moduleScope("address", "address"),
		"oidcc-scope-phone":                moduleScope("phone", "phone_number", "phone_number_verified"),
		"oidcc-scope-all":                  moduleScope("profile email address phone", "name", "email", "address", "phone_number", "updated_at"),

		"oidcc-ensure-request-without-nonce-succeeds-for-code-flow":                    moduleNoNonce,
		"oidcc-ensure-request-with-unknown-parameter-succeeds":                         harmless("extra", "foobar"),
		"oidcc-ensure-request-with-acr-values-succeeds":                                moduleACRValues,
		"oidcc-ensure-request-with-valid-pkce-succeeds":                                modulePKCE,
		"oidcc-ensure-post-request-succeeds":                                           modulePost,
		"oidcc-ensure-request-object-with-redirect-uri":                                moduleRequestObject,
		"oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported": moduleUnsignedObject,
		"oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported":    moduleRequestURI,
	}
}

func TestBasic(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]string{"oidcc-basic": "", "oidcc-formpost-basic": "form_post", "fragment": "fragment"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &profile{site: start(t), mode: mode, key: newSigning(t, jose.RS256), secrets: map[string]string{}}
			for id, m := range map[string]storage.ClientMetadata{
				rpBasic: {}, rpSecond: {}, rpPost: {TokenEndpointAuthMethod: "client_secret_post"}, rpSigned: {JWKS: p.key.set},
			} {
				p.secrets[id] = p.client(t, id, m)
			}
			_, p.secrets[rpThird] = p.Client(t, rpThird, storage.ClientMetadata{})
			all := modules()
			for _, name := range slices.Sorted(maps.Keys(all)) {
				t.Run(name, func(t *testing.T) { all[name](t, p) })
			}
		})
	}
}

func moduleServer(t *testing.T, p *profile) {
	// As a person walks it: sign in, agree, come back.
	a := p.request(rpThird, "openid")
	b := p.NewBrowser(t)
	page := b.Approve(b.SignIn(b.Get(a.Path()), aliceEmail, password))
	code := p.success(t, page, a)
	got := p.redeem(t, a, code)
	_, c := p.idToken(t, got, rpThird, a.Params.Get("nonce"))
	if c["sub"] != p.alice.ID || c["auth_time"].(float64) != float64(p.clock.Now().Unix()) || c["acr"] != "aal1" {
		t.Fatalf("id token %v", c)
	}
	allowed := []string{"iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "nonce", "at_hash", "acr", "amr", "sid"}
	for name := range c {
		if !slices.Contains(allowed, name) {
			t.Errorf("claim %s was not asked for", name)
		}
	}
	if v := p.userInfo(t, got.AccessToken); v["sub"] != c["sub"] || len(v) != 1 {
		t.Errorf("userinfo %v", v)
	}
	if other := p.redeem(t, a, p.success(t, b.Get(a.Path()), a)); other.AccessToken == got.AccessToken {
		t.Error("the same token twice")
	}
}

func moduleSecretPost(t *testing.T, p *profile) {
	b := p.signIn(t, p.alice)
	a := p.request(rpPost, "openid")
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {p.success(t, b.Get(a.Path()), a)}, "redirect_uri": {harness.Redirect},
		"code_verifier": {a.Verifier}, "client_id": {rpPost}, "client_secret": {p.secrets[rpPost]},
	}
	status, _, v := p.post(t, "/oauth2/token", form, nil)
	if status != http.StatusOK || v["id_token"] == nil {
		t.Fatalf("%d %v", status, v)
	}
}

func moduleResponseType(t *testing.T, p *profile) {
	b := p.signIn(t, p.alice)
	for _, value := range []string{"", "token", "id_token", "code id_token", "none"} {
		a := p.request(rpBasic, "openid", "response_type", value)
		p.refused(t, b.Get(a.Path()), a, "unsupported_response_type", "invalid_request")
	}
}

func moduleIDTokenSignature(t *testing.T, p *profile) {
	got, a := p.login(t, p.signIn(t, p.alice), rpBasic, "openid")
	h, _ := p.idToken(t, got, rpBasic, a.Params.Get("nonce"))
	if h.Algorithm != "RS256" || h.KeyID == "" {
		t.Fatalf("header %+v", h)
	}
}

func moduleUserInfoGet(t *testing.T, p *profile) {
	got, _ := p.login(t, p.signIn(t, p.alice), rpBasic, "openid profile")
	if v := p.userInfo(t, got.AccessToken); v["sub"] != p.alice.ID || v["name"] != "Test Person" {
		t.Fatalf("%v", v)
	}
}

func moduleUserInfoPostHeader(t *testing.T, p *profile) {
	got, _ := p.login(t, p.signIn(t, p.alice), rpBasic, "openid")
	for _, body := range []string{"", "x=1"} {
		status, _, v := p.send(t, "/oauth2/userinfo", body, http.Header{"Authorization": {"Bearer " + got.AccessToken}})
		if status != http.StatusOK || v["sub"] != p.alice.ID {
			t.Fatalf("%d %v", status, v)
		}
	}
}

func moduleUserInfoPostBody(t *testing.T, p *profile) {
	got, _ := p.login(t, p.signIn(t, p.alice), rpBasic, "openid")
	status, _, v := p.post(t, "/oauth2/userinfo", url.Values{"access_token": {got.AccessToken}}, nil)
	if status != http.StatusOK || v["sub"] != p.alice.ID {
		t.Fatalf("%d %v", status, v)
	}
	status, _, v = p.post(t, "/oauth2/userinfo", url.Values{"access_token": {got.AccessToken}}, http.Header{"Authorization": {"Bearer " + got.AccessToken}})
	if status != http.StatusBadRequest || v["error"] != "invalid_request" {
		t.Fatalf("two tokens: %d %v", status, v)
	}
	if status, h, _ := p.get(t, "/oauth2/userinfo?access_token="+got.AccessToken); status != http.StatusUnauthorized || h.Get("Www-Authenticate") == "" {
		t.Fatalf("a token in the URL: %d", status)
	}
}

func moduleNoNonce(t *testing.T, p *profile) {
	got, _ := p.login(t, p.signIn(t, p.alice), rpBasic, "openid", "nonce", "")
	p.idToken(t, got, rpBasic, "")
	got, _ = p.login(t, p.signIn(t, p.alice), rpBasic, "openid", "nonce", "n")
	p.idToken(t, got, rpBasic, "n")
}

func moduleScope(scope string, names ...string) func(*testing.T, *profile) {
	return func(t *testing.T, p *profile) {
		got, _ := p.login(t, p.signIn(t, p.alice), rpBasic, "openid "+scope)
		v := p.userInfo(t, got.AccessToken)
		for _, name := range names {
			if v[name] == nil {
				t.Errorf("%s is missing", name)
			}
		}
		types := map[string]string{"email_verified": "bool", "phone_number_verified": "bool", "updated_at": "float64", "address": "map[string]interface {}"}
		for name, c := range v {
			want := types[name]
			if want == "" {
				want = "string"
			}
			if typeName(c) != want {
				t.Errorf("%s is a %s, want %s", name, typeName(c), want)
			}
		}
		if got.Scope != "openid "+scope {
			t.Errorf("scope %q", got.Scope)
		}
	}
}

func typeName(v any) string {
	switch v.(type) {
	case bool:
		return "bool"
	case float64:
		return "float64"
	case map[string]any:
		return "map[string]interface {}"
	case string:
		return "string"
	}
	return "other"
}

func moduleAlternate(t *testing.T, p *profile) {
	b := p.signIn(t, p.alice)
	a := p.request(rpBasic, "email profile openid")
	// The parameters in another order than usual.
	names := slices.Sorted(maps.Keys(a.Params))
	slices.Reverse(names)
	var query []string
	for _, n := range names {
		query = append(query, n+"="+url.QueryEscape(a.Params.Get(n)))
	}
	got := p.redeem(t, a, p.success(t, b.Get("/oauth2/authorize?"+strings.Join(query, "&")), a))
	p.idToken(t, got, rpBasic, a.Params.Get("nonce"))
}

// harmless is a parameter that must not break anything: neither the pages nor
// the answer.
func harmless(name, value string) func(*testing.T, *profile) {
	return func(t *testing.T, p *profile) {
		a := p.request(rpThird, "openid", name, value)
		b := p.NewBrowser(t)
		page := b.SignIn(b.Get(a.Path()), bobEmail, password)
		if page.Has("consent-page") {
			page = b.Approve(page)
		}
		p.redeem(t, a, p.success(t, page, a))
	}
}

func moduleLoginHint(t *testing.T, p *profile) {
	a := p.request(rpBasic, "openid", "login_hint", bobEmail)
	b := p.NewBrowser(t)
	page := b.Get(a.Path())
	if _, fields := page.Form(); fields.Get("username") != bobEmail {
		t.Fatalf("the hint is not on the page: %v", fields)
	}
	p.success(t, b.SignIn(page, bobEmail, password), a)
}

func modulePromptLogin(t *testing.T, p *profile) {
	b := p.signIn(t, p.alice)
	first, a := p.login(t, b, rpBasic, "openid")
	_, before := p.idToken(t, first, rpBasic, a.Params.Get("nonce"))
	p.pass(t, 2*time.Second)
	a = p.request(rpBasic, "openid", "prompt", "login")
	second := p.redeem(t, a, p.success(t, b.SignIn(b.Get(a.Path()), aliceEmail, password), a))
	_, after := p.idToken(t, second, rpBasic, a.Params.Get("nonce"))
	if after["auth_time"].(float64) != before["auth_time"].(float64)+2 || after["sub"] != before["sub"] {
		t.Fatalf("auth_time %v, then %v", before["auth_time"], after["auth_time"])
	}
}

func modulePromptNoneNobody(t *testing.T, p *profile) {
	a := p.request(rpBasic, "openid", "prompt", "none")
	p.refused(t, p.NewBrowser(t).Get(a.Path()), a, "login_required")
}

func modulePromptNone(t *testing.T, p *profile) {
	b := p.signIn(t, p.alice)
	first, a := p.login(t, b, rpBasic, "openid")
	_, before := p.idToken(t, first, rpBasic, a.Params.Get("nonce"))
	p.pass(t, 5*time.Second)
	second, a := p.login(t, b, rpBasic, "openid", "prompt", "none")
	_, after := p.idToken(t, second, rpBasic, a.Params.Get("nonce"))
	if after["auth_time"] != before["auth_time"] || after["sub"] != before["sub"] || after["sid"] != before["sid"] {
		t.Fatalf("%v, then %v", before, after)
	}
}

func moduleMaxAge1(t *testing.T, p *profile) {
	b := p.signIn(t, p.alice)
	p.pass(t, 2*time.Second)
	a := p.request(rpBasic, "openid", "max_age", "1")
	got := p.redeem(t, a, p.success(t, b.SignIn(b.Get(a.Path()), aliceEmail, password), a))
	_, c := p.idToken(t, got, rpBasic, a.Params.Get("nonce"))
	if c["auth_time"].(float64) != float64(p.clock.Now().Unix()) {
		t.Fatalf("auth_time %v at %v", c["auth_time"], p.clock.Now().Unix())
	}
	// Zero is like prompt=login, also right after a login.
	a = p.request(rpBasic, "openid", "max_age", "0")
	p.success(t, b.SignIn(b.Get(a.Path()), aliceEmail, password), a)
	a = p.request(rpBasic, "openid", "max_age", "0", "prompt", "none")
	p.refused(t, b.Get(a.Path()), a, "login_required")
}

func moduleMaxAge10000(t *testing.T, p *profile) {
	b := p.signIn(t, p.alice)
	at := p.clock.Now().Unix()
	p.pass(t, 2*time.Second)
	got, a := p.login(t, b, rpBasic, "openid", "max_age", "10000", "prompt", "none")
	_, c := p.idToken(t, got, rpBasic, a.Params.Get("nonce"))
	if c["auth_time"].(float64) != float64(at) {
		t.Fatalf("auth_time %v, want %d", c["auth_time"], at)
	}
}

func moduleIDTokenHint(t *testing.T, p *profile) {
	b := p.signIn(t, p.alice)
	got, _ := p.login(t, b, rpBasic, "openid")
	p.login(t, b, rpBasic, "openid", "prompt", "none", "id_token_hint", got.IDToken)
}

func moduleACRValues(t *testing.T, p *profile) {
	for _, values := range []string{"aal1", "1 2", "aal3 aal1"} {
		got, a := p.login(t, p.signIn(t, p.alice), rpBasic, "openid", "acr_values", values)
		if _, c := p.idToken(t, got, rpBasic, a.Params.Get("nonce")); c["acr"] != "aal1" {
			t.Errorf("acr %v", c["acr"])
		}
	}
}

func moduleCodeReuse(after time.Duration) func(*testing.T, *profile) {
	return func(t *testing.T, p *profile) {
		a := p.request(rpBasic, "openid")
		code := p.success(t, p.signIn(t, p.alice).Get(a.Path()), a)
		got := p.redeem(t, a, code)
		if !p.alive(t, got.AccessToken) {
			t.Fatal("dead before its time")
		}
		p.pass(t, after)
		if again := p.Redeem(t, rpBasic, p.secrets[rpBasic], a, code); again.Status != http.StatusBadRequest || again.Error != "invalid_grant" {
			t.Fatalf("%+v", again)
		}
		if p.alive(t, got.AccessToken) {
			t.Error("the access token of a replayed code lives")
		}
		if r := p.Refresh(t, rpBasic, p.secrets[rpBasic], got.RefreshToken, nil); r.Error != "invalid_grant" {
			t.Errorf("the refresh token of a replayed code lives: %+v", r)
		}
	}
}

func moduleRedirectURI(t *testing.T, p *profile) {
	b := p.signIn(t, p.alice)
	for _, uri := range []string{
		harness.Redirect + "x", harness.Redirect + "?a=b", harness.Redirect + "#f", "https://evil.test/callback", "",
		"https://app.example.test:443/callback", "https://APP.example.test/callback", "http://app.example.test/callback", "javascript:alert(1)",
	} {
		a := p.request(rpBasic, "openid", "redirect_uri", uri)
		errorPage(t, b.Get(a.Path()), "redirect_uri")
	}
	a := p.request("nobody", "openid")
	errorPage(t, b.Get(a.Path()), "client")
	a = p.request("", "openid")
	errorPage(t, b.Get(a.Path()), "client_id")
}

func modulePost(t *testing.T, p *profile) {
	a := p.request(rpBasic, "openid")
	b := p.signIn(t, p.alice)
	p.redeem(t, a, p.success(t, b.Post("/oauth2/authorize", a.Params), a))
	// From another site, where the browser keeps its cookies back, it is asked
	// to come again; the standing login is seen then.
	a = p.request(rpBasic, "openid")
	page := p.NewBrowser(t).Post("/oauth2/authorize", a.Params)
	if !page.Has("login-page") {
		t.Fatalf("status %d", page.Status)
	}
}

func moduleClaimsEssential(t *testing.T, p *profile) {
	got, _ := p.login(t, p.signIn(t, p.alice), rpBasic, "openid", "claims", `{"userinfo":{"name":{"essential":true}},"id_token":{"email":null,"auth_time":{"essential":true}}}`)
	if v := p.userInfo(t, got.AccessToken); v["name"] != "Test Person" || v["email"] != nil {
		t.Errorf("userinfo %v", v)
	}
	if _, c := p.verify(t, got.IDToken); c["email"] != aliceEmail || c["name"] != nil {
		t.Errorf("id token %v", c)
	}
}

func moduleRefresh(t *testing.T, p *profile) {
	first, a := p.login(t, p.signIn(t, p.alice), rpBasic, "openid offline_access", "prompt", "")
	_, before := p.idToken(t, first, rpBasic, a.Params.Get("nonce"))
	p.pass(t, 3*time.Second)
	second := p.Refresh(t, rpBasic, p.secrets[rpBasic], first.RefreshToken, nil)
	if second.Status != http.StatusOK || second.RefreshToken == "" || second.RefreshToken == first.RefreshToken {
		t.Fatalf("%+v", second)
	}
	_, after := p.idToken(t, second, rpBasic, "") // no nonce at a refresh
	for _, name := range []string{"iss", "sub", "aud", "azp", "auth_time", "sid"} {
		if after[name] != before[name] {
			t.Errorf("%s: %v, then %v", name, before[name], after[name])
		}
	}
	if after["iat"].(float64) != before["iat"].(float64)+3 {
		t.Errorf("iat %v, then %v", before["iat"], after["iat"])
	}
	// In the hands of another client it is worth nothing, and does no harm.
	if r := p.Refresh(t, rpSecond, p.secrets[rpSecond], second.RefreshToken, nil); r.Status != http.StatusBadRequest || r.Error != "invalid_grant" {
		t.Fatalf("another client: %+v", r)
	}
	if r := p.Refresh(t, rpBasic, p.secrets[rpBasic], second.RefreshToken, nil); r.Status != http.StatusOK {
		t.Fatalf("after the other client's try: %+v", r)
	}
}

func modulePKCE(t *testing.T, p *profile) {
	a := p.request(rpBasic, "openid")
	code := p.success(t, p.signIn(t, p.alice).Get(a.Path()), a)
	wrong := a
	wrong.Verifier = strings.Repeat("x", 43)
	if got := p.Redeem(t, rpBasic, p.secrets[rpBasic], wrong, code); got.Error != "invalid_grant" {
		t.Fatalf("wrong verifier: %+v", got)
	}
	wrong.Verifier = ""
	if got := p.Redeem(t, rpBasic, p.secrets[rpBasic], wrong, code); got.Status != http.StatusBadRequest || got.Error != "invalid_grant" && got.Error != "invalid_request" {
		t.Fatalf("no verifier: %+v", got)
	}
	p.redeem(t, a, code)
}

func moduleRequestObject(t *testing.T, p *profile) {
	b := p.signIn(t, p.alice)
	a := p.request(rpSigned, "openid")
	claims := map[string]any{"iss": rpSigned, "aud": p.Issuer}
	for name := range a.Params {
		claims[name] = a.Params.Get(name)
	}
	object := p.key.sign(t, "", claims)
	// What stands outside counts for nothing: the object's redirect_uri wins.
	outer := url.Values{
		"client_id": {rpSigned}, "response_type": {"code"}, "scope": {"openid"}, "redirect_uri": {"https://evil.test/"},
		"state": {"outer"}, "request": {object},
	}
	code := p.success(t, b.Get("/oauth2/authorize?"+outer.Encode()), a)
	p.redeem(t, a, code)
	claims["redirect_uri"] = "https://evil.test/"
	outer.Set("redirect_uri", harness.Redirect)
	outer.Set("request", p.key.sign(t, "", claims))
	errorPage(t, b.Get("/oauth2/authorize?"+outer.Encode()), "redirect_uri")
}

func moduleUnsignedObject(t *testing.T, p *profile) {
	b := p.signIn(t, p.alice)
	for _, client := range []string{rpBasic, rpSigned} {
		a := p.request(client, "openid")
		unsigned := encode(t, map[string]any{"alg": "none"}) + "." + encode(t, map[string]any{"client_id": client, "state": "inside"}) + "."
		a.Params.Set("request", unsigned)
		errorPage(t, b.Get(a.Path()), "request")
	}
	// Nor one that somebody else signed.
	a := p.request(rpSigned, "openid")
	a.Params.Set("request", newSigning(t, jose.ES256).sign(t, "", map[string]any{"iss": rpSigned, "aud": p.Issuer, "client_id": rpSigned}))
	errorPage(t, b.Get(a.Path()), "request")
}

func moduleRequestURI(t *testing.T, p *profile) {
	a := p.request(rpBasic, "openid", "request_uri", "https://app.example.test/request.jwt")
	p.refused(t, p.signIn(t, p.alice).Get(a.Path()), a, "request_uri_not_supported")
}
