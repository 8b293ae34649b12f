// Package conformance_test holds a running server against what the OpenID
// certification asks of the profiles Config, Basic, Form Post Basic,
// RP-initiated and back-channel logout (subtests bear the names of the suite's
// modules), and against what Signet promises beyond them.
package conformance_test

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

const (
	aliceEmail, bobEmail = "alice@example.test", "bob@example.test"
	password             = "correct horse battery"
)

// site is a server with two people and a clock in hand.
type site struct {
	*harness.Instance
	clock      *fakeclock.Clock
	alice, bob storage.User
}

func start(t testing.TB, env ...string) *site {
	t.Helper()
	c := harness.FakeClock()
	in := harness.Start(t, harness.Options{Clock: c, Env: append([]string{
		"SIGNET_LIMITS_LOGINS_PER_ADDR=1000000", "SIGNET_KEYS_ALGORITHMS=ES256,RS256,PS256,EdDSA",
	}, env...)})
	return &site{Instance: in, clock: c, alice: in.User(t, aliceEmail, password), bob: in.User(t, bobEmail, password)}
}

// pass moves the clock, and lets what follows it by itself follow at once.
func (s *site) pass(t testing.TB, d time.Duration) {
	t.Helper()
	s.clock.Advance(d)
	if err := errors.Join(s.Keys.Tick(t.Context()), s.Keyring.Tick(t.Context())); err != nil {
		t.Fatal(err)
	}
	s.Sync(t)
}

// client registers a client that needs no consent unless m is said to be
// somebody else's.
func (s *site) client(t testing.TB, id string, m storage.ClientMetadata) string {
	t.Helper()
	m.FirstParty = true
	_, secret := s.Client(t, id, m)
	return secret
}

// public registers a first-party client without a secret.
func (s *site) public(t testing.TB, id string, m storage.ClientMetadata) {
	t.Helper()
	m.TokenEndpointAuthMethod = "none"
	s.client(t, id, m)
}

// resource registers an API.
func (s *site) resource(t testing.TB, r storage.Resource) {
	t.Helper()
	if _, err := s.Clients.PutResource(t.Context(), r, "admin"); err != nil {
		t.Fatal(err)
	}
	s.Sync(t)
}

// with returns parameters for harness.NewAuthorization.
func with(pairs ...string) map[string]string {
	m := make(map[string]string, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

// answer reads an authorization response, however it travels, and fails when
// the page is none or goes elsewhere than to the redirect URI.
func answer(t testing.TB, p harness.Page, a harness.Authorization) url.Values {
	t.Helper()
	redirect := a.Params.Get("redirect_uri")
	if p.Has("form-post-page") {
		action, fields := p.Form()
		if action != redirect || a.Params.Get("response_mode") != "form_post" {
			t.Fatalf("form posted to %q, asked for %v", action, a.Params)
		}
		return fields
	}
	if p.Location == nil {
		t.Fatalf("no answer for the client: status %d, error %q: %.400s", p.Status, p.ErrorCode(), p.Body)
	}
	if !strings.HasPrefix(p.Location.String(), redirect) {
		t.Fatalf("redirected to %s", p.Location)
	}
	if a.Params.Get("response_mode") == "fragment" {
		v, err := url.ParseQuery(p.Location.Fragment)
		if err != nil || p.Location.RawQuery != "" {
			t.Fatalf("answer in the fragment: %s %v", p.Location, err)
		}
		return v
	}
	return p.Location.Query()
}

// success is answer, with what every good one holds (RFC 9207: iss).
func (s *site) success(t testing.TB, p harness.Page, a harness.Authorization) string {
	t.Helper()
	v := answer(t, p, a)
	s.common(t, v, a)
	if v.Get("error") != "" || len(v.Get("code")) < 22 {
		t.Fatalf("answer %v", v)
	}
	return v.Get("code")
}

// refused is answer, with what every error at the client holds.
func (s *site) refused(t testing.TB, p harness.Page, a harness.Authorization, codes ...string) url.Values {
	t.Helper()
	v := answer(t, p, a)
	s.common(t, v, a)
	if v.Get("code") != "" || !contains(codes, v.Get("error")) {
		t.Fatalf("answer %v, want error %v", v, codes)
	}
	return v
}

func (s *site) common(t testing.TB, v url.Values, a harness.Authorization) {
	t.Helper()
	if v.Get("iss") != s.Issuer || v.Get("state") != a.Params.Get("state") || v.Has("state") != a.Params.Has("state") {
		t.Fatalf("answer %v to state %q", v, a.Params.Get("state"))
	}
}

// errorPage checks that a request ended on our own page and names the parameter.
func errorPage(t testing.TB, p harness.Page, parameter string) {
	t.Helper()
	if p.Location != nil || p.Status < 400 || p.Status > 499 || !p.Has("error-page") || p.ErrorCode() == "" || p.ErrorCode() == "error" {
		t.Fatalf("status %d, location %v, error %q: %.300s", p.Status, p.Location, p.ErrorCode(), p.Body)
	}
	_, description, _ := strings.Cut(p.Body, `id="error-description"`)
	description, _, _ = strings.Cut(description, "</bdi>")
	if !strings.Contains(description, parameter) {
		t.Fatalf("the page does not name %s: %q", parameter, description)
	}
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

// signIn opens a browser in which a person has signed in just now.
func (s *site) signIn(t testing.TB, u storage.User) *harness.Browser {
	t.Helper()
	b, _ := s.SignedIn(t, u.ID)
	return b
}

// tokens is one login of a signed-in browser at a client that needs no consent.
func (s *site) tokens(t testing.TB, b *harness.Browser, client, secret, scope string, more map[string]string) harness.TokenAnswer {
	t.Helper()
	a := harness.NewAuthorization(client, scope, more)
	got := s.Redeem(t, client, secret, a, s.success(t, b.Get(a.Path()), a))
	if got.Status != http.StatusOK || got.AccessToken == "" || got.TokenType != "Bearer" || got.ExpiresIn <= 0 {
		t.Fatalf("token answer %+v", got)
	}
	noStore(t, got.Header)
	return got
}

func noStore(t testing.TB, h http.Header) {
	t.Helper()
	if !strings.Contains(h.Get("Cache-Control"), "no-store") {
		t.Fatalf("Cache-Control %q", h.Get("Cache-Control"))
	}
}

// get fetches a document without a browser.
func (s *site) get(t testing.TB, path string) (int, http.Header, []byte) {
	t.Helper()
	resp, err := http.Get(s.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, body
}

// post sends a form without a browser.
func (s *site) post(t testing.TB, path string, form url.Values, header http.Header) (int, http.Header, map[string]any) {
	t.Helper()
	return s.send(t, path, form.Encode(), header)
}

func (s *site) send(t testing.TB, path, body string, header http.Header) (int, http.Header, map[string]any) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, values := range header {
		r.Header[name] = values
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
	var out map[string]any
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &out); err != nil {
			t.Fatalf("%s: %d %q: %v", path, resp.StatusCode, raw, err)
		}
	}
	return resp.StatusCode, resp.Header, out
}

// keySet is what JWKS publishes.
func (s *site) keySet(t testing.TB) jose.JSONWebKeySet {
	t.Helper()
	_, _, body := s.get(t, "/.well-known/jwks.json")
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(body, &set); err != nil {
		t.Fatal(err)
	}
	return set
}

// verify checks a JWS with go-jose and the published keys, and returns its
// header and claims.
func (s *site) verify(t testing.TB, compact string) (jose.Header, map[string]any) {
	t.Helper()
	jws, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.EdDSA})
	if err != nil {
		t.Fatal(err)
	}
	h := jws.Signatures[0].Protected
	set := s.keySet(t)
	found := set.Key(h.KeyID)
	if h.KeyID == "" || len(found) != 1 {
		t.Fatalf("kid %q names %d published keys", h.KeyID, len(found))
	}
	if found[0].Algorithm != h.Algorithm {
		t.Fatalf("key of %s, signed with %s", found[0].Algorithm, h.Algorithm)
	}
	payload, err := jws.Verify(found[0])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return h, claims
}

// idToken verifies an ID token as OpenID Connect Core §3.1.3.7 asks of a client.
func (s *site) idToken(t testing.TB, got harness.TokenAnswer, client, nonce string) (jose.Header, map[string]any) {
	t.Helper()
	h, c := s.verify(t, got.IDToken)
	now := float64(s.clock.Now().Unix())
	if c["iss"] != s.Issuer || c["aud"] != client || c["exp"].(float64) <= now || c["iat"].(float64) > now {
		t.Fatalf("id token %v", c)
	}
	if v, _ := c["nonce"].(string); v != nonce {
		t.Fatalf("nonce %q, want %q", v, nonce)
	}
	if c["at_hash"] != leftHalf(h.Algorithm, got.AccessToken) {
		t.Fatalf("at_hash %v of an ID token signed with %s", c["at_hash"], h.Algorithm)
	}
	for _, name := range []string{"sub", "auth_time", "acr", "amr", "sid"} {
		if c[name] == nil {
			t.Fatalf("id token lacks %s: %v", name, c)
		}
	}
	if _, leaked := c["rat"]; leaked {
		t.Fatal("rat in an ID token")
	}
	return h, c
}

// leftHalf is at_hash by OpenID Connect Core §3.1.3.6; Ed25519 goes with SHA-512.
func leftHalf(alg, token string) string {
	if alg == string(jose.EdDSA) {
		sum := sha512.Sum512([]byte(token))
		return base64.RawURLEncoding.EncodeToString(sum[:32])
	}
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// userInfo asks userinfo with the token in the header.
func (s *site) userInfo(t testing.TB, token string) map[string]any {
	t.Helper()
	status, v, h := s.JSON(t, http.MethodGet, "/oauth2/userinfo", token, nil)
	if status != http.StatusOK || !strings.HasPrefix(h.Get("Content-Type"), "application/json") {
		t.Fatalf("userinfo: %d %v", status, v)
	}
	return v
}

// alive says whether an access token is accepted.
func (s *site) alive(t testing.TB, token string) bool {
	t.Helper()
	s.Sync(t)
	valid, _, ok := s.Verdict(t, token)
	if !ok {
		t.Fatal("no verdict")
	}
	return valid
}
