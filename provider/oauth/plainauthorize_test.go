package oauth_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

func authorizeDefects() []defect {
	return []defect{
		{"D2 an unsigned request object is taken", unsignedRequestObject},
		{"D2 max_age in a request object is lost", requestObjectMaxAge},
		{"D3 an expired pushed request is taken", expiredPush},
		{"D3 front-channel parameters get into a pushed request", pushMerged},
		{"D7 state is demanded", stateDemanded},
		{"D7 a short state is refused", shortState},
		{"D10 a repeated parameter is taken", repeatedAuthorize},
		{"PKCE is not demanded", noPKCE},
		{"max_age=0 asks for no login", maxAgeZero},
		{"a NUL is passed on", nulPassedOn},
		{"a short nonce is refused", shortNonce},
		{"iss is missing in a response", noIssuer},
		{"iss is missing in an error", noIssuerInError},
		{"redirect_uri may be left out", noRedirectURI},
		{"any loopback port for a web client", loopbackPort},
		{"form_post needs an inline script", inlineScript},
	}
}

// withPKCE are the parameters of a request as a map, for a request object.
func withPKCE(a harness.Authorization, more map[string]any) map[string]any {
	out := map[string]any{}
	for name := range a.Params {
		out[name] = a.Params.Get(name)
	}
	for name, value := range more {
		out[name] = value
	}
	return out
}

// byObject is a request that passes everything in a request object.
func byObject(a harness.Authorization, object string) string {
	return "/oauth2/authorize?" + url.Values{
		"client_id": {a.Params.Get("client_id")}, "response_type": {"code"}, "scope": {a.Params.Get("scope")}, "request": {object},
	}.Encode()
}

// unsignedRequestObject: alg none passes when the client registered no algorithm.
func unsignedRequestObject(t *testing.T, p party) bool {
	id, _ := p.register(t, storage.ClientMetadata{JWKS: ecKey(t).jwks})
	a := harness.NewAuthorization(id, allScopes, nil)
	claims, err := json.Marshal(withPKCE(a, map[string]any{"iss": id, "aud": p.server().Issuer}))
	if err != nil {
		t.Fatal(err)
	}
	object := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(claims) + "."
	return gaveCode(p.signIn(t).Get(byObject(a, object)))
}

// requestObjectMaxAge: a number in a request object becomes "%!s(float64=60)",
// which is then no max_age.
func requestObjectMaxAge(t *testing.T, p party) bool {
	key := ecKey(t)
	id, _ := p.register(t, storage.ClientMetadata{JWKS: key.jwks})
	b := p.signIn(t)
	p.pass(t, time.Hour)
	a := harness.NewAuthorization(id, allScopes, nil)
	object := key.sign(t, withPKCE(a, map[string]any{"iss": id, "aud": p.server().Issuer, "max_age": 60}))
	return gaveCode(b.Get(byObject(a, object)))
}

// push sends a request to the PAR endpoint. It returns "" where there is none.
func push(t *testing.T, p party, id, secret string, form url.Values) string {
	t.Helper()
	return ask(t, p, "/oauth2/par", form, id, secret).token("request_uri")
}

// expiredPush: nobody looks at the expiry of a pushed request.
func expiredPush(t *testing.T, p party) bool {
	id, secret := p.register(t, storage.ClientMetadata{})
	b := p.signIn(t)
	uri := push(t, p, id, secret, harness.NewAuthorization(id, allScopes, nil).Params)
	p.pass(t, time.Hour)
	return gaveCode(b.Get("/oauth2/authorize?" + url.Values{"client_id": {id}, "request_uri": {uri}}.Encode()))
}

// pushMerged: a parameter that is in the URL only counts, though RFC 9126 §4
// wants only those pushed.
func pushMerged(t *testing.T, p party) bool {
	id, secret := p.register(t, storage.ClientMetadata{})
	a := harness.NewAuthorization(id, allScopes, map[string]string{"nonce": ""})
	b := p.signIn(t)
	uri := push(t, p, id, secret, a.Params)
	page := b.Get("/oauth2/authorize?" + url.Values{"client_id": {id}, "request_uri": {uri}, "nonce": {"injected-by-a-link"}}.Encode())
	if !gaveCode(page) {
		return false
	}
	tokens := ask(t, p, tokenPath, redemption(a, harness.CodeOf(t, page)), id, secret)
	return harness.Claims(t, tokens.token("id_token"))["nonce"] == "injected-by-a-link"
}

// stateDemanded: OAuth leaves state to the client.
func stateDemanded(t *testing.T, p party) bool {
	a := harness.NewAuthorization(public(t, p), allScopes, map[string]string{"state": ""})
	page := p.signIn(t).Get(a.Path())
	return !gaveCode(page) || page.Location.Query().Has("state")
}

func shortState(t *testing.T, p party) bool {
	a := harness.NewAuthorization(public(t, p), allScopes, map[string]string{"state": "x"})
	return !gaveCode(p.signIn(t).Get(a.Path()))
}

// shortNonce: the code is given, and the exchange fails.
func shortNonce(t *testing.T, p party) bool {
	id := public(t, p)
	a := harness.NewAuthorization(id, allScopes, map[string]string{"nonce": "x"})
	code := harness.CodeOf(t, p.signIn(t).Get(a.Path()))
	return ask(t, p, tokenPath, redemption(a, code), id, "").status != http.StatusOK
}

// repeatedAuthorize: RFC 6749 §3.1, no parameter more than once.
func repeatedAuthorize(t *testing.T, p party) bool {
	a := harness.NewAuthorization(public(t, p), allScopes, nil)
	return gaveCode(p.signIn(t).Get(a.Path() + "&redirect_uri=https%3A%2F%2Fevil.example.test%2F"))
}

func noPKCE(t *testing.T, p party) bool {
	a := harness.NewAuthorization(public(t, p), allScopes, map[string]string{"code_challenge": "", "code_challenge_method": ""})
	return gaveCode(p.signIn(t).Get(a.Path()))
}

// maxAgeZero: OpenID Connect Core §3.1.2.1, max_age=0 is like prompt=login.
func maxAgeZero(t *testing.T, p party) bool {
	b := p.signIn(t)
	p.pass(t, time.Hour)
	return gaveCode(b.Get(harness.NewAuthorization(public(t, p), allScopes, map[string]string{"max_age": "0"}).Path()))
}

func nulPassedOn(t *testing.T, p party) bool {
	a := harness.NewAuthorization(public(t, p), allScopes, map[string]string{"state": "before\x00after"})
	page := p.signIn(t).Get(a.Path())
	return page.Location != nil && strings.Contains(page.Location.Query().Get("state"), "\x00")
}

// noIssuer: RFC 9207 §2.
func noIssuer(t *testing.T, p party) bool {
	page := p.signIn(t).Get(harness.NewAuthorization(public(t, p), allScopes, nil).Path())
	harness.CodeOf(t, page)
	return page.Location.Query().Get("iss") != p.server().Issuer
}

func noIssuerInError(t *testing.T, p party) bool {
	a := harness.NewAuthorization(public(t, p), "openid no-such-scope", nil)
	page := p.signIn(t).Get(a.Path())
	if page.Location == nil || refusal(page) != "invalid_scope" {
		t.Fatalf("status %d location %v", page.Status, page.Location)
	}
	return page.Location.Query().Get("iss") != p.server().Issuer
}

// noRedirectURI: without openid, where the one registered is taken silently. A
// byte-equal comparison needs two sides.
func noRedirectURI(t *testing.T, p party) bool {
	a := harness.NewAuthorization(public(t, p), "profile", map[string]string{"redirect_uri": ""})
	return gaveCode(p.signIn(t).Get(a.Path()))
}

// loopbackPort: RFC 8252 §7.3 opens the port for native applications, whose
// port is not known beforehand; a web client's is.
func loopbackPort(t *testing.T, p party) bool {
	id, _ := p.register(t, storage.ClientMetadata{RedirectURIs: []string{"http://127.0.0.1:9000/callback"}, ApplicationType: "web"})
	a := harness.NewAuthorization(id, allScopes, map[string]string{"redirect_uri": "http://127.0.0.1:9999/callback"})
	return gaveCode(p.signIn(t).Get(a.Path()))
}

// inlineScript: the page of form_post runs a handler in its body tag, for which
// a Content-Security-Policy has to allow inline scripts, or has none.
func inlineScript(t *testing.T, p party) bool {
	a := harness.NewAuthorization(public(t, p), allScopes, map[string]string{"response_mode": "form_post"})
	page := p.signIn(t).Get(a.Path())
	if page.Status != http.StatusOK || !strings.Contains(page.Body, `name="code"`) {
		t.Fatalf("no form_post page: %d %.200s", page.Status, page.Body)
	}
	policy := page.Header.Get("Content-Security-Policy")
	return strings.Contains(page.Body, " onload=") || policy == "" || strings.Contains(policy, "script-src 'unsafe-inline'")
}
