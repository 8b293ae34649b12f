package secrets_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/signet-idp/signet/internal/testkit/mailsink"
	"github.com/signet-idp/signet/provider/webhook"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// day is what people and clients do, wrongly too, with one server.
type day struct {
	t      *testing.T
	in     *harness.Instance
	v      *vault
	errors buffer // bodies of what was refused
	// received is what a webhook was sent.
	received buffer
	mail     *mailsink.Sink

	password, secret string
	tokens           []string // some of each kind, to be put in wrong places
}

// send makes a request and remembers what its refusal said.
func (d *day) send(method, path string, header http.Header, body string) (int, string) {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), method, d.in.URL+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, values := range header {
		r.Header[name] = values
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	if resp.StatusCode >= 300 {
		_, _ = d.errors.Write(text)
		for name, values := range resp.Header {
			if name == "Location" && strings.HasPrefix(path, "/oauth2/authorize?") {
				continue // the request itself, again: what was in its address still is
			}
			_, _ = d.errors.Write([]byte("\n" + name + ": " + strings.Join(values, ", ")))
		}
		_, _ = d.errors.Write([]byte("\n"))
	}
	return resp.StatusCode, string(text)
}

func (d *day) form(path string, header http.Header, form url.Values) (int, string) {
	d.t.Helper()
	return d.send(http.MethodPost, path, header, form.Encode())
}

func basic(id, secret string) http.Header {
	r := &http.Request{Header: http.Header{}}
	r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
	return r.Header
}

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// keepTokens remembers what the token endpoint gave.
func (d *day) keepTokens(a harness.TokenAnswer) harness.TokenAnswer {
	d.t.Helper()
	if a.Status != http.StatusOK {
		d.t.Fatalf("token: %+v", a)
	}
	d.tokens = append(d.tokens, d.v.token("access token", a.AccessToken))
	if a.RefreshToken != "" {
		d.tokens = append(d.tokens, d.v.keep("refresh token", a.RefreshToken))
	}
	if a.IDToken != "" {
		d.tokens = append(d.tokens, d.v.token("ID token", a.IDToken))
	}
	return a
}

func (d *day) keepCookies(b *harness.Browser) {
	for _, c := range b.Cookies() {
		d.v.keep("cookie", c.Value)
	}
}

// page remembers the sealed parameter of a page.
func (d *day) page(p harness.Page) harness.Page {
	_, fields := p.Form()
	if sealed := fields.Get("transaction"); sealed != "" {
		d.v.keep("sealed parameter", sealed)
	}
	return p
}

func (d *day) run() {
	d.password = d.v.keep("password", "correct horse 9 battery")
	alice := d.in.User(d.t, "alice@example.test", d.password)
	d.in.Organization(d.t, "acme", alice.ID)
	d.in.Client(d.t, "web", storage.ClientMetadata{TokenEndpointAuthMethod: "none", ClientName: "Web"})
	_, d.secret = d.in.Client(d.t, "app", storage.ClientMetadata{FirstParty: true})
	d.v.keep("client secret", d.secret)
	d.listen()
	d.badLogins()
	d.person()
	d.accounts()
	d.services()
	d.webhooks()
	d.wrongPlaces()
}

// webhooks makes one that nobody answers, and gives it another secret.
func (d *day) webhooks() {
	ctx := d.t.Context()
	w, first, err := d.in.Webhooks.Create(ctx, "", webhook.Registration{URL: "http://127.0.0.1:1/", Events: []string{"*"}})
	if err != nil {
		d.t.Fatal(err)
	}
	_, second, err := d.in.Webhooks.Rotate(ctx, "", w.ID, time.Hour)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, secret := range []string{first, second} {
		d.v.keep("webhook secret", strings.TrimPrefix(secret, "whsec_"))
	}
	if got, err := d.in.Webhooks.Test(ctx, "", w.ID); err != nil || got.Delivered {
		d.t.Errorf("a test that nobody answers: %+v, %v", got, err)
	}
}

// badLogins types everything wrong, a password into the field for the name
// among it.
func (d *day) badLogins() {
	unknown := d.v.keep("address of nobody", "nobody.at.all@unknown.test")
	typed := d.v.keep("password typed as a name", "hunter2-is-long@home.lan")
	hint := d.v.keep("address of nobody", "somebody.else@hint.test")
	b := d.in.NewBrowser(d.t)
	a := harness.NewAuthorization("web", "openid", map[string]string{"login_hint": hint})
	p := d.page(b.Get(a.Path()))
	for _, try := range [][2]string{
		{"alice@example.test", d.v.keep("wrong password", "wrong horse 8 battery")},
		{d.password, d.password},
		{typed, "something else"},
		{unknown, d.password},
		{"alice@example.test", typed},
		{strings.Repeat("x", 300) + "@long.test", d.password},
		{"alice@example.test\x00", d.password},
	} {
		_, fields := p.Form()
		fields.Set("username", try[0])
		fields.Set("password", try[1])
		fields.Set("action", "login")
		if got := b.Post("/ui/login", fields); got.Status < 400 {
			d.t.Fatalf("a bad login: %d", got.Status)
		}
	}
	d.keepCookies(b)
	// Somebody else's browser with the sealed parameter of this one.
	_, fields := p.Form()
	fields.Set("username", "alice@example.test")
	fields.Set("password", d.password)
	if status, _ := d.form("/ui/login", nil, fields); status != http.StatusBadRequest {
		d.t.Errorf("a stranger's transaction: %d", status)
	}
}

// person logs in, agrees, refreshes, is robbed, and logs out.
func (d *day) person() {
	in := d.in
	b := in.NewBrowser(d.t)
	a := harness.NewAuthorization("web", harness.AllScopes, nil)
	p := d.page(b.SignIn(d.page(b.Get(a.Path())), "alice@example.test", d.password))
	code := d.v.keep("code", harness.CodeOf(d.t, b.Approve(p)))
	d.keepCookies(b)
	d.v.keep("code verifier", a.Verifier)
	d.tokens = append(d.tokens, code)
	wrong := a
	wrong.Verifier = strings.Repeat("w", 43)
	d.refused(in.Redeem(d.t, "web", "", wrong, code))
	first := d.keepTokens(in.Redeem(d.t, "web", "", a, code))
	second := d.keepTokens(in.Refresh(d.t, "web", "", first.RefreshToken, nil))
	d.keepTokens(in.Refresh(d.t, "web", "", second.RefreshToken, nil))
	for _, token := range []string{second.AccessToken, first.AccessToken} {
		d.send(http.MethodGet, "/oauth2/userinfo", bearer(token), "")
		d.form("/oauth2/userinfo", nil, url.Values{"access_token": {token}})
		d.send(http.MethodPost, "/auth/validate", bearer(token), "")
		d.form("/oauth2/introspect", basic("app", d.secret), url.Values{"token": {token}})
	}
	d.refused(in.Refresh(d.t, "web", "", first.RefreshToken, nil)) // reuse: the grant ends
	d.send(http.MethodPost, "/auth/validate", bearer(second.AccessToken), "")

	// A confidential client; its code is replayed.
	a = harness.NewAuthorization("app", "openid", nil)
	a.Params.Set("prompt", "none")
	code = d.v.keep("code", harness.CodeOf(d.t, b.Get(a.Path())))
	app := d.keepTokens(in.Redeem(d.t, "app", d.secret, a, code))
	d.form("/oauth2/introspect", basic("app", d.secret), url.Values{"token": {app.AccessToken}})
	d.form("/oauth2/introspect", basic("app", d.secret), url.Values{"token": {app.RefreshToken}})
	d.refused(in.Redeem(d.t, "app", d.secret, a, code))

	a = harness.NewAuthorization("app", "openid", nil)
	a.Params.Set("prompt", "none")
	code = d.v.keep("code", harness.CodeOf(d.t, b.Get(a.Path())))
	app = d.keepTokens(in.Redeem(d.t, "app", d.secret, a, code))
	d.form("/oauth2/revoke", basic("app", d.secret), url.Values{"token": {app.AccessToken}})
	d.form("/oauth2/revoke", basic("app", d.secret), url.Values{"token": {app.RefreshToken}})
	if p := b.Get("/oauth2/logout?" + url.Values{"id_token_hint": {app.IDToken}}.Encode()); p.Status != http.StatusOK {
		d.t.Errorf("logout: %d", p.Status)
	}
	d.keepCookies(b)
}

func (d *day) refused(a harness.TokenAnswer) {
	d.t.Helper()
	if a.Status < 400 || a.Status >= 500 {
		d.t.Errorf("not refused: %+v", a)
	}
	_, _ = d.errors.Write([]byte(a.Error + " " + a.Description + "\n"))
}

// services get tokens by every way to authenticate, right and wrong.
func (d *day) services() {
	in := d.in
	_, byBasic := in.Service(d.t, "orders", "", storage.ClientMetadata{Scope: "orders:read"})
	_, byPost := in.Service(d.t, "billing", "", storage.ClientMetadata{Scope: "orders:read", TokenEndpointAuthMethod: "client_secret_post"})
	d.v.keep("client secret", byBasic)
	d.v.keep("client secret", byPost)
	grant := url.Values{"grant_type": {"client_credentials"}}
	d.keepTokens(in.Token(d.t, "orders", byBasic, url.Values{"grant_type": {"client_credentials"}}))
	d.answered(d.form("/oauth2/token", nil, url.Values{"grant_type": {"client_credentials"}, "client_id": {"billing"}, "client_secret": {byPost}}))

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		d.t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		d.t.Fatal(err)
	}
	d.v.keep("a client's private key", base64.StdEncoding.EncodeToString(der))
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "ES256", Use: "sig"}}})
	if err != nil {
		d.t.Fatal(err)
	}
	in.Service(d.t, "robot", "", storage.ClientMetadata{Scope: "orders:read", TokenEndpointAuthMethod: "private_key_jwt", JWKS: set})
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "k"}}, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	now := time.Now()
	assertion, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: "robot", Subject: "robot", Audience: jwt.Audience{in.Issuer}, ID: storage.NewID(), Expiry: jwt.NewNumericDate(now.Add(time.Minute)),
	}).Serialize()
	if err != nil {
		d.t.Fatal(err)
	}
	d.v.token("client assertion", assertion)
	asserted := url.Values{
		"grant_type": {"client_credentials"}, "client_assertion": {assertion},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	}
	d.answered(d.form("/oauth2/token", nil, asserted))
	d.form("/oauth2/token", nil, asserted) // again

	// Secrets that are nobody's, or another's.
	guess := d.v.keep("guessed client secret", "guess-guess-guess-guess")
	for _, header := range []http.Header{basic("orders", guess), basic("nobody", byBasic), basic(byBasic, "orders"), basic("billing", byPost)} {
		d.form("/oauth2/token", header, grant)
	}
	d.form("/oauth2/token", nil, url.Values{"grant_type": {"client_credentials"}, "client_id": {"billing"}, "client_secret": {guess}})
	d.form("/oauth2/introspect", basic("orders", guess), url.Values{"token": {d.tokens[0]}})
}

// answered keeps the access token of a plain answer.
func (d *day) answered(status int, body string) {
	d.t.Helper()
	var a harness.TokenAnswer
	if err := json.Unmarshal([]byte(body), &a); err != nil || status != http.StatusOK {
		d.t.Fatalf("%d %s %v", status, body, err)
	}
	a.Status = status
	d.keepTokens(a)
}

// wrongPlaces puts every kind of secret where it does not belong.
func (d *day) wrongPlaces() {
	some := append([]string{d.password, d.secret}, d.tokens[:min(len(d.tokens), 6)]...)
	for _, s := range some {
		q := url.QueryEscape(s)
		for _, path := range []string{
			"/oauth2/token?client_secret=" + q, "/oauth2/userinfo?access_token=" + q, "/auth/validate?token=" + q,
			"/oauth2/introspect?token=" + q, "/nothing/" + url.PathEscape(s), "/ui/login?transaction=" + q, "/oauth2/logout?id_token_hint=" + q,
			"/oauth2/authorize?client_id=" + q, "/oauth2/authorize?client_id=web&redirect_uri=" + q,
			"/oauth2/authorize?client_id=web&response_type=code&redirect_uri=" + url.QueryEscape(harness.Redirect) + "&client_secret=" + q + "&access_token=" + q,
			"/oauth2/authorize?client_id=web&response_type=" + q + "&redirect_uri=" + url.QueryEscape(harness.Redirect),
			"/oauth2/authorize?client_id=web&response_type=code&scope=" + q + "&redirect_uri=" + url.QueryEscape(harness.Redirect),
			"/oauth2/authorize?client_id=web&response_type=code&request=" + q + "&redirect_uri=" + url.QueryEscape(harness.Redirect),
			"/oauth2/authorize?" + q, "/" + q + "?" + q + "=1",
		} {
			d.send(http.MethodGet, path, nil, "")
			d.form(path, nil, url.Values{"x": {s}})
		}
		// A POSTed authorization request is repeated as a GET: not with this.
		_, _ = d.form("/oauth2/authorize", nil, url.Values{
			"client_id": {"web"}, "client_secret": {s}, "access_token": {s}, "password": {s}, "client_assertion": {s}, "code": {s}, "code_verifier": {s},
		})
		for name, form := range map[string]url.Values{
			"grant type":  {"grant_type": {s}, "client_id": {"web"}},
			"client":      {"grant_type": {"client_credentials"}, "client_id": {s}, "client_secret": {s}},
			"code":        {"grant_type": {"authorization_code"}, "client_id": {"web"}, "code": {s}, "redirect_uri": {s}, "code_verifier": {s}},
			"refresh":     {"grant_type": {"refresh_token"}, "client_id": {"web"}, "refresh_token": {s}, "scope": {s}, "organization": {s}, "resource": {s}},
			"twice":       {"grant_type": {"refresh_token", s}, "client_id": {"web"}, "refresh_token": {s, s}},
			"odd name":    {s: {"x"}, "client_id": {"web"}},
			"assertion":   {"grant_type": {"client_credentials"}, "client_assertion": {s}, "client_assertion_type": {s}},
			"not UTF-8":   {"grant_type": {"client_credentials"}, "client_id": {s + "\xff"}},
			"zero":        {"grant_type": {"client_credentials"}, "client_secret": {s + "\x00"}},
			"very long":   {"grant_type": {"client_credentials"}, "client_secret": {strings.Repeat(s, 2000)}},
			"its revoker": {"client_id": {"web"}, "token": {"x" + s}, "token_type_hint": {s}},
		} {
			for _, path := range []string{"/oauth2/token", "/oauth2/revoke", "/oauth2/introspect", "/ui/login", "/ui/consent", "/ui/logout", "/oauth2/logout"} {
				d.form(path, nil, form)
				if name == "client" {
					d.form(path, basic(s, s), form)
				}
			}
		}
		// Not X-Request-Id nor User-Agent: whoever sends those wants them logged.
		for _, header := range []http.Header{
			bearer(s), bearer(s + s),
			{"Authorization": {s}},
			{"Authorization": {"Basic " + s}},
			{"Authorization": {"Bearer x", "Bearer " + s}},
			{"Traceparent": {s}},
			{"X-Forwarded-For": {s}},
			{"Forwarded": {"for=" + s}},
			{"Referer": {"https://app.test/?token=" + s}},
			{"Origin": {s}},
			{"Cookie": {"signet=" + s}},
			{"Accept-Language": {s}},
			{"Content-Type": {s}},
			{"If-None-Match": {s}},
		} {
			for _, path := range []string{"/oauth2/userinfo", "/auth/validate", "/metrics", "/oauth2/token", "/.well-known/jwks.json"} {
				d.send(http.MethodGet, path, header, "")
				d.send(http.MethodPost, path, header, "x=1")
			}
		}
		for _, body := range []string{`{"token":"` + s + `"`, `{"` + s + `":1}`, `{"token":["` + s + `"]}`, s} {
			d.send(http.MethodPost, "/auth/validate", http.Header{"Content-Type": {"application/json"}}, body)
			d.send(http.MethodPost, "/oauth2/token", http.Header{"Content-Type": {"application/json"}}, body)
		}
	}
}
