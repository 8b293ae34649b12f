package conformance_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/signet-idp/signet/endpoints/pages"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// fuzzed is a server that is called without a socket.
type fuzzed struct {
	*site
	cookie string // of a live session
}

func startFuzz(f *testing.F) *fuzzed {
	f.Helper()
	c := harness.FakeClock()
	in := harness.Start(f, harness.Options{Clock: c, Env: []string{"SIGNET_LIMITS_LOGINS_PER_ADDR=1000000000"}})
	s := &site{Instance: in, clock: c, alice: in.User(f, aliceEmail, password)}
	in.Client(f, "app", storage.ClientMetadata{
		TokenEndpointAuthMethod: "none", FirstParty: true, RedirectURIs: []string{harness.Redirect, "https://app.example.test/two?a=b", "http://127.0.0.1/cb", "com.example.app:/cb"},
		ApplicationType: "native",
	})
	in.Client(f, "third", storage.ClientMetadata{TokenEndpointAuthMethod: "none"})
	b, _ := in.SignedIn(f, s.alice.ID)
	return &fuzzed{site: s, cookie: b.Cookies()[0].Value}
}

// do answers a request in process; nil when net/http would not have let it in.
func (s *fuzzed) do(method, target, body string, header map[string]string) *reply {
	u, err := url.ParseRequestURI(target)
	if err != nil || strings.ContainsAny(target, " \r\n\t") {
		return nil
	}
	r := httptest.NewRequest(method, "/", strings.NewReader(body))
	r.URL, r.RequestURI, r.Host = u, target, strings.TrimPrefix(s.Issuer, "http://")
	for name, value := range header {
		if strings.ContainsAny(value, "\r\n\x00") {
			return nil
		}
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	s.Handler.ServeHTTP(w, r)
	return &reply{StatusCode: w.Code, Header: w.Header(), Body: w.Body.Bytes()}
}

// reply is an answer in memory.
type reply struct {
	StatusCode int
	Header     http.Header
	Body       []byte
}

func (r *reply) location() *url.URL {
	u, err := url.Parse(r.Header.Get("Location"))
	if err != nil {
		return &url.URL{}
	}
	return u
}

func (s *fuzzed) cookies(value string) map[string]string {
	w := httptest.NewRecorder()
	pages.NewCookies(s.Issuer).SetSession(w, "x")
	name, _, _ := strings.Cut(w.Header().Get("Set-Cookie"), "=")
	return map[string]string{"Cookie": name + "=" + value}
}

// registeredAt says whether an answer went to a redirect URI of the clients.
func registeredAt(location string) bool {
	for _, uri := range []string{harness.Redirect + "?", harness.Redirect + "#", "https://app.example.test/two?a=b&", "https://app.example.test/two?a=b#", "com.example.app:/cb?", "com.example.app:/cb#"} {
		if strings.HasPrefix(location, uri) {
			return true
		}
	}
	u, err := url.Parse(location)
	return err == nil && u.Scheme == "http" && u.Hostname() == "127.0.0.1" && u.Path == "/cb" && u.User == nil
}

// FuzzAuthorize: never a 5xx, never a redirect to a URI that is not registered,
// and what does go to the client carries iss and the state that it sent.
func FuzzAuthorize(f *testing.F) {
	s := startFuzz(f)
	seed := harness.NewAuthorization("app", "openid profile", nil).Params
	f.Add(seed.Encode(), false)
	for name, values := range map[string][]string{
		"redirect_uri":  {"", "https://evil.test/", "http://127.0.0.1:1234/cb", "com.example.app:/cb", "https://app.example.test/two?a=b", "//evil.test", harness.Redirect + "/../x"},
		"response_mode": {"query", "fragment", "form_post", "x"}, "prompt": {"none", "login", "consent select_account", "none login"},
		"max_age": {"0", "1", "-1", "99999999999999999999"}, "claims": {`{"userinfo":{"name":null},"id_token":{"acr":{"essential":true,"values":["x"]}}}`, "{", `{"id_token":{"sub":{"value":1}}}`},
		"request": {"a.b.c", "eyJhbGciOiJub25lIn0.e30."}, "request_uri": {"https://x.test"}, "scope": {"", "openid", "x", strings.Repeat("a ", 60)},
		"state": {"", "x", "a b&c=d#e", "\u00fc\U0001F600"}, "resource": {"https://x.test", "x"}, "organization": {"x"}, "id_token_hint": {"x.y.z"},
		"client_id": {"", "third", "nobody"}, "response_type": {"", "token", "code id_token"}, "ui_locales": {"de en-GB", "\u00e4"}, "login_hint": {"<script>"},
		"code_challenge": {"", "x"}, "code_challenge_method": {"plain"}, "display": {"popup"}, "acr_values": {"aal1 aal2"},
	} {
		for _, v := range values {
			p := url.Values{}
			for k, list := range seed {
				p[k] = list
			}
			p.Set(name, v)
			f.Add(p.Encode(), len(v)%2 == 0)
			f.Add(seed.Encode()+"&"+name+"="+url.QueryEscape(v), false)
		}
	}
	f.Fuzz(func(t *testing.T, query string, post bool) {
		var resp *reply
		header := s.cookies(s.cookie)
		if post {
			header["Content-Type"] = "application/x-www-form-urlencoded"
			resp = s.do(http.MethodPost, "/oauth2/authorize", query, header)
		} else {
			resp = s.do(http.MethodGet, "/oauth2/authorize?"+query, "", header)
		}
		if resp == nil {
			return
		}
		if resp.StatusCode >= 500 {
			t.Fatalf("status %d", resp.StatusCode)
		}
		location := resp.Header.Get("Location")
		if r := resp.Header.Get("Refresh"); r != "" {
			location = strings.TrimPrefix(r, "0;url=")
		}
		if location == "" || strings.HasPrefix(location, "/") {
			return // our own pages
		}
		if !registeredAt(location) {
			t.Fatalf("redirect to %s", location)
		}
		u, err := url.Parse(location)
		if err != nil {
			t.Fatal(err)
		}
		answer := u.Query()
		if u.Fragment != "" {
			if answer, err = url.ParseQuery(u.EscapedFragment()); err != nil {
				t.Fatal(err)
			}
		}
		sent, err := url.ParseQuery(query)
		if err != nil || len(sent["state"]) > 1 {
			t.Fatalf("an unreadable request was answered at the client: %v", err)
		}
		if answer.Get("iss") != s.Issuer || answer.Get("state") != sent.Get("state") || (answer.Get("code") == "") == (answer.Get("error") == "") || answer.Get("error") == "error" {
			t.Fatalf("answer %v to state %q", answer, sent.Get("state"))
		}
	})
}

// FuzzToken: never a 5xx, and errors are those of RFC 6749 §5.2 and RFC 8707.
func FuzzToken(f *testing.F) {
	s := startFuzz(f)
	b, _ := s.SignedIn(f, s.alice.ID)
	a, code := b.Silent("app", "openid offline_access", nil)
	got := s.Redeem(f, "app", "", a, code)
	_, secret := s.Service(f, "service", "", storage.ClientMetadata{Scope: "orders:read"})
	basic := basicHeader("service", secret).Get("Authorization")
	for _, body := range []string{
		"grant_type=client_credentials", "grant_type=refresh_token&client_id=app&refresh_token=" + got.RefreshToken,
		"grant_type=authorization_code&client_id=app&code=" + code + "&code_verifier=" + a.Verifier + "&redirect_uri=" + url.QueryEscape(harness.Redirect),
		"grant_type=refresh_token&client_id=app&refresh_token=srt_" + strings.Repeat("A", 75), "grant_type=password&username=x&password=y",
		"grant_type=client_credentials&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=eyJhbGciOiJub25lIn0.eyJzdWIiOiJhcHAifQ.",
		"grant_type=refresh_token&client_id=app&refresh_token=" + got.RefreshToken + "&scope=openid&organization=x&resource=https%3A%2F%2Fx.test",
		"grant_type=client_credentials&client_secret=x&client_id=service", "", "%", "a=1&a=2", "grant_type=%00",
	} {
		f.Add(body, "")
		f.Add(body, basic)
	}
	f.Add("grant_type=client_credentials", "Basic Og==")
	f.Add("grant_type=client_credentials", "Basic "+strings.Repeat("A", 8192))
	known := []string{"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope", "invalid_target"}
	f.Fuzz(func(t *testing.T, body, authorization string) {
		header := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
		if authorization != "" {
			header["Authorization"] = authorization
		}
		resp := s.do(http.MethodPost, "/oauth2/token", body, header)
		if resp == nil {
			return
		}
		var v map[string]any
		if err := json.Unmarshal(resp.Body, &v); err != nil {
			t.Fatalf("status %d: %v", resp.StatusCode, err)
		}
		if resp.StatusCode == http.StatusOK {
			if v["access_token"] == nil || v["token_type"] != "Bearer" {
				t.Fatalf("%v", v)
			}
			return
		}
		code, _ := v["error"].(string)
		if resp.StatusCode >= 500 || !slices.Contains(known, code) {
			t.Fatalf("%d %v", resp.StatusCode, v)
		}
		if (resp.StatusCode == http.StatusUnauthorized) != (code == "invalid_client") {
			t.Fatalf("%s is %d", code, resp.StatusCode)
		}
	})
}

// splice cuts some bytes out of a secret and puts others in their place. Fuzzing
// edits to what this process gave out, and not whole secrets, keeps an input
// near the edge in every worker: each has a server, and secrets, of its own.
func splice(secret string, at, cut uint16, insert string) string {
	i := min(int(at), len(secret))
	j := min(i+int(cut), len(secret))
	return secret[:i] + insert + secret[j:]
}

// addEdits seeds the edits that a secret of n characters might survive.
func addEdits(f *testing.F, n int) {
	f.Add(uint16(0), uint16(0), "")
	for i := 0; i < n; i += max(1, n/40) {
		f.Add(uint16(i), uint16(1), "A")
		f.Add(uint16(i), uint16(1), "b")
	}
	for _, insert := range []string{"", "A", "=", "\n", "\r\n", " ", ".", "%", "&transaction=x", "; x=y", "\x00", "\u00e4", "+", "/"} {
		f.Add(uint16(0), uint16(0), insert)
		f.Add(uint16(n/2), uint16(0), insert)
		f.Add(uint16(n), uint16(0), insert)
		f.Add(uint16(n-1), uint16(1), insert)
		f.Add(uint16(0), uint16(n), insert)
	}
}

// FuzzSessionCookie: no cookie but the one that was given out opens a session.
func FuzzSessionCookie(f *testing.F) {
	s := startFuzz(f)
	a := harness.NewAuthorization("app", "openid", with("prompt", "none"))
	opens := func(value string) bool {
		resp := s.do(http.MethodGet, a.Path(), "", s.cookies(value))
		if resp == nil {
			return false
		}
		return resp.location().Query().Get("code") != ""
	}
	if !opens(s.cookie) {
		f.Fatal("the cookie itself opens nothing")
	}
	addEdits(f, len(s.cookie))
	f.Fuzz(func(t *testing.T, at, cut uint16, insert string) {
		value := splice(s.cookie, at, cut, insert)
		if opens(value) && !strings.Contains(value, s.cookie) {
			t.Fatalf("%q opens a session", value)
		}
	})
}

// FuzzLoginTransaction: no sealed parameter but the one that was given out, and
// none in another browser, opens a login.
func FuzzLoginTransaction(f *testing.F) {
	s := startFuzz(f)
	resp := s.do(http.MethodGet, harness.NewAuthorization("app", "openid", nil).Path(), "", nil)
	browser, err := http.ParseSetCookie(resp.Header.Get("Set-Cookie"))
	if err != nil {
		f.Fatal(err)
	}
	param := resp.location().Query().Get("transaction")
	opens := func(value, cookie string) bool {
		resp := s.do(http.MethodGet, "/ui/login?transaction="+url.QueryEscape(value), "", map[string]string{"Cookie": browser.Name + "=" + cookie})
		return resp != nil && resp.StatusCode == http.StatusOK
	}
	if !opens(param, browser.Value) {
		f.Fatal("the parameter itself opens nothing")
	}
	addEdits(f, len(param))
	f.Fuzz(func(t *testing.T, at, cut uint16, insert string) {
		if value := splice(param, at, cut, insert); opens(value, browser.Value) && value != param {
			t.Fatalf("%q opens the login", value)
		}
		if value := splice(browser.Value, at, cut, insert); opens(param, value) && !strings.Contains(value, browser.Value) {
			t.Fatalf("the login opens in the browser %q", value)
		}
	})
}

// FuzzAccessToken: what /auth/validate accepts, go-jose accepts with the
// published keys, and reads the same claims.
func FuzzAccessToken(f *testing.F) {
	s := startFuzz(f)
	b, _ := s.SignedIn(f, s.alice.ID)
	a, code := b.Silent("app", "openid", nil)
	got := s.Redeem(f, "app", "", a, code)
	set := s.keySet(f)
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt"}`))
	addEdits(f, len(got.AccessToken))
	f.Add(uint16(0), uint16(strings.Index(got.AccessToken, ".")), none)
	f.Add(uint16(strings.LastIndex(got.AccessToken, ".")), uint16(len(got.AccessToken)), ".")
	f.Add(uint16(0), uint16(len(got.AccessToken)), got.IDToken)
	f.Fuzz(func(t *testing.T, at, cut uint16, insert string) {
		token := splice(got.AccessToken, at, cut, insert)
		body, err := json.Marshal(map[string]string{"token": token})
		if err != nil {
			return // no JSON text
		}
		resp := s.do(http.MethodPost, "/auth/validate", string(body), map[string]string{"Content-Type": "application/json"})
		var v map[string]any
		if err := json.Unmarshal(resp.Body, &v); err != nil || resp.StatusCode >= 500 {
			t.Fatalf("status %d: %v", resp.StatusCode, err)
		}
		if v["valid"] != true {
			if token == got.AccessToken {
				t.Fatalf("the token itself is refused: %v", v)
			}
			return
		}
		jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256, jose.RS256})
		if err != nil {
			t.Fatalf("accepted, and go-jose cannot read it: %v", err)
		}
		h := jws.Signatures[0].Protected
		keys := set.Key(h.KeyID)
		if len(keys) != 1 || h.ExtraHeaders["typ"] != "at+jwt" {
			t.Fatalf("kid %q typ %v", h.KeyID, h.ExtraHeaders["typ"])
		}
		payload, err := jws.Verify(keys[0])
		if err != nil {
			t.Fatalf("accepted, and go-jose refuses it: %v", err)
		}
		var claims map[string]any
		if err := json.Unmarshal(payload, &claims); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"sub", "jti", "sid", "client_id", "scope"} {
			if v[name] != claims[name] {
				t.Fatalf("%s is %v, in the token %v", name, v[name], claims[name])
			}
		}
		if claims["iss"] != s.Issuer || claims["exp"].(float64) <= float64(s.clock.Now().Add(-time.Minute).Unix()) {
			t.Fatalf("%v", claims)
		}
	})
}
