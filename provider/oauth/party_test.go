package oauth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// party is a provider under test, with one person who may sign in.
type party interface {
	// server is where it listens; of a plain fosite nothing but URL and Issuer
	// is set.
	server() *harness.Instance
	// register adds a client and returns its id and, if it has one, its secret.
	register(t *testing.T, m storage.ClientMetadata) (id, secret string)
	// signIn opens a browser in which the person is signed in.
	signIn(t *testing.T) *harness.Browser
	// pass lets time pass.
	pass(t *testing.T, d time.Duration)
	// cut makes the store of grants fail until the test ends.
	cut(t *testing.T)
	// disable ends the person's account.
	disable(t *testing.T)
	// rotate lets another key of the algorithm sign.
	rotate(t *testing.T, alg string)
	// stored is everything that is kept of grants, as text.
	stored(t *testing.T) string
	// kept sweeps what has expired, and says whether the grant behind tokens is
	// still there.
	kept(t *testing.T, tokens answer) bool
	// configuration prints the configuration that requests share.
	configuration() string
}

const allScopes = "openid offline_access profile"

// public registers a client without a secret.
func public(t *testing.T, p party) string {
	t.Helper()
	id, _ := p.register(t, storage.ClientMetadata{TokenEndpointAuthMethod: "none"})
	return id
}

// answer is one answer to a form.
type answer struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

func (a answer) code() string { s, _ := a.body["error"].(string); return s }

func (a answer) token(name string) string { s, _ := a.body[name].(string); return s }

// post sends a form, authenticated by client_secret_basic when there is a
// secret. It is safe in any goroutine.
func post(p party, path string, form url.Values, id, secret string) (answer, error) {
	if secret == "" && id != "" {
		form.Set("client_id", id)
	}
	return postRaw(p, path, form.Encode(), id, secret)
}

func postRaw(p party, path, body, id, secret string) (answer, error) {
	r, err := http.NewRequest(http.MethodPost, p.server().URL+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if secret != "" {
		r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: resp.StatusCode, header: resp.Header, text: string(raw)}
	_ = json.Unmarshal(raw, &a.body) // what is no JSON has no members
	return a, nil
}

// ask is post for the test's own goroutine.
func ask(t *testing.T, p party, path string, form url.Values, id, secret string) answer {
	t.Helper()
	a, err := post(p, path, form, id, secret)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

const (
	tokenPath      = "/oauth2/token"
	introspectPath = "/oauth2/introspect"
	revokePath     = "/oauth2/revoke"
)

func redemption(a harness.Authorization, code string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {a.Params.Get("redirect_uri")}, "code_verifier": {a.Verifier},
	}
}

func refreshing(token string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
}

// obtain signs the person in and gets tokens for a public client.
func obtain(t *testing.T, p party, id string) answer {
	t.Helper()
	a := harness.NewAuthorization(id, allScopes, nil)
	code := harness.CodeOf(t, p.signIn(t).Get(a.Path()))
	got := ask(t, p, tokenPath, redemption(a, code), id, "")
	if got.status != http.StatusOK {
		t.Fatalf("redeem: %d %s", got.status, got.text)
	}
	return got
}

// refusal is the error in an authorization response, or that of a page.
func refusal(p harness.Page) string {
	if p.Location != nil {
		return p.Location.Query().Get("error")
	}
	return p.ErrorCode()
}

// gaveCode says whether an authorization response holds a code.
func gaveCode(p harness.Page) bool {
	return p.Location != nil && p.Location.Query().Get("code") != ""
}

// atOnce runs f n times in parallel, all let go together.
func atOnce(t *testing.T, n int, f func() (answer, error)) []answer {
	t.Helper()
	var wg sync.WaitGroup
	gate, out, errs := make(chan struct{}), make([]answer, n), make([]error, n)
	for i := range n {
		wg.Go(func() { <-gate; out[i], errs[i] = f() })
	}
	close(gate)
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// clientKey is a key of a client's own, and the JWKS it registers.
type clientKey struct {
	alg  jose.SignatureAlgorithm
	key  jose.JSONWebKey
	jwks json.RawMessage
}

func ecKey(t *testing.T) clientKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return newClientKey(t, jose.ES256, k)
}

func newClientKey(t *testing.T, alg jose.SignatureAlgorithm, private any) clientKey {
	t.Helper()
	k := jose.JSONWebKey{Key: private, KeyID: "client-key", Algorithm: string(alg), Use: "sig"}
	raw, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{k.Public()}})
	if err != nil {
		t.Fatal(err)
	}
	return clientKey{alg: alg, key: k, jwks: raw}
}

func (k clientKey) sign(t *testing.T, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: k.alg, Key: k.key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}
