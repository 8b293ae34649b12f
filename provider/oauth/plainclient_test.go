package oauth_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/ory/fosite"

	"github.com/signet-idp/signet/provider/oauth/assertion"
	"github.com/signet-idp/signet/storage"
)

func clientDefects() []defect {
	return []defect{
		{"D8 an unknown grant type is invalid_request", unknownGrant},
		{"D9 401 without a challenge", noChallenge},
		{"D10 a repeated parameter is taken by the token endpoint", repeatedToken},
		{"two ways to authenticate are taken", twoIdentities},
		{"an assertion is good for ten years", farAssertion},
		{"a replayed assertion is no invalid_client", replayedAssertion},
		{"an assertion for others burns its jti", burntAssertion},
		{"an assertion by Ed25519 is refused", edAssertion},
		{"a client's secret costs a quarter of a second", slowSecret},
		{"time tells which clients there are", unknownClientFast},
		{"D12 requests write to the shared configuration", writtenConfiguration},
	}
}

// service registers a client for client_credentials with a secret.
func service(t *testing.T, p party) (id, secret string) {
	t.Helper()
	return p.register(t, storage.ClientMetadata{GrantTypes: []string{"client_credentials"}, Scope: "orders:read"})
}

func credentials() url.Values { return url.Values{"grant_type": {"client_credentials"}} }

func unknownGrant(t *testing.T, p party) bool {
	id, secret := service(t, p)
	got := ask(t, p, tokenPath, url.Values{"grant_type": {"urn:example:no-such-grant"}}, id, secret)
	return got.code() != "unsupported_grant_type"
}

// noChallenge: RFC 6749 §5.2.
func noChallenge(t *testing.T, p party) bool {
	id, _ := service(t, p)
	got := ask(t, p, tokenPath, credentials(), id, "wrong")
	return got.status != http.StatusUnauthorized || !strings.HasPrefix(got.header.Get("WWW-Authenticate"), "Basic")
}

func repeatedToken(t *testing.T, p party) bool {
	id, secret := service(t, p)
	got, err := postRaw(p, tokenPath, "grant_type=client_credentials&scope=orders%3Aread&scope=orders%3Aread", id, secret)
	if err != nil {
		t.Fatal(err)
	}
	return got.status == http.StatusOK
}

// twoIdentities: RFC 6749 §2.3, one method per request. Here the header counts
// and the body names somebody else.
func twoIdentities(t *testing.T, p party) bool {
	id, secret := service(t, p)
	other, _ := service(t, p)
	form := credentials()
	form.Set("client_id", other)
	return ask(t, p, tokenPath, form, id, secret).status == http.StatusOK
}

// asserting is a client that proves itself with a key.
type asserting struct {
	id  string
	key clientKey
}

func newAsserting(t *testing.T, p party, key clientKey) asserting {
	t.Helper()
	id, _ := p.register(t, storage.ClientMetadata{
		GrantTypes: []string{"client_credentials"}, Scope: "orders:read",
		TokenEndpointAuthMethod: "private_key_jwt", TokenEndpointAuthSigningAlg: string(key.alg), JWKS: key.jwks,
	})
	return asserting{id, key}
}

func (a asserting) claims(t *testing.T, p party) map[string]any {
	t.Helper()
	now := time.Now()
	if o, ok := p.(*ours); ok {
		now = o.clock.Now()
	}
	return map[string]any{
		"iss": a.id, "sub": a.id, "aud": p.server().Issuer + tokenPath, "jti": rand.Text(),
		"iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}
}

func (a asserting) ask(t *testing.T, p party, claims map[string]any) answer {
	t.Helper()
	form := credentials()
	form.Set("client_assertion_type", assertion.Type)
	form.Set("client_assertion", a.key.sign(t, claims))
	return ask(t, p, tokenPath, form, a.id, "")
}

// farAssertion: it was made an hour ago, whatever it says of its end. A table of
// used jti would have to remember it for as long.
func farAssertion(t *testing.T, p party) bool {
	a := newAsserting(t, p, ecKey(t))
	claims := a.claims(t, p)
	claims["iat"] = claims["iat"].(int64) - 3600
	claims["exp"] = claims["iat"].(int64) + int64((10 * 365 * 24 * time.Hour).Seconds())
	return a.ask(t, p, claims).status == http.StatusOK
}

func replayedAssertion(t *testing.T, p party) bool {
	a := newAsserting(t, p, ecKey(t))
	claims := a.claims(t, p)
	if got := a.ask(t, p, claims); got.status != http.StatusOK {
		t.Fatalf("first: %s", got.text)
	}
	got := a.ask(t, p, claims)
	return got.status != http.StatusUnauthorized || got.code() != "invalid_client"
}

// burntAssertion: the jti is used up before aud is looked at.
func burntAssertion(t *testing.T, p party) bool {
	a := newAsserting(t, p, ecKey(t))
	claims := a.claims(t, p)
	right := claims["aud"]
	claims["aud"] = "https://another.example.test/token"
	if got := a.ask(t, p, claims); got.status == http.StatusOK {
		t.Fatal("an assertion for others was taken")
	}
	claims["aud"] = right
	return a.ask(t, p, claims).status != http.StatusOK
}

func edAssertion(t *testing.T, p party) bool {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := newAsserting(t, p, newClientKey(t, jose.EdDSA, private))
	return a.ask(t, p, a.claims(t, p)).status != http.StatusOK
}

// fastest is the shortest of n requests: what the work takes on a machine that
// does other things too.
func fastest(t *testing.T, n int, p party, id, secret string) time.Duration {
	t.Helper()
	best := time.Hour
	for range n {
		start := time.Now()
		ask(t, p, tokenPath, credentials(), id, secret)
		best = min(best, time.Since(start))
	}
	return best
}

// asItComes gives a plain fosite its own cost of bcrypt.
func asItComes(p party) {
	if f, ok := p.(*plain); ok {
		f.config.ClientSecretsHasher = &fosite.BCrypt{Config: &fosite.Config{HashCost: fosite.DefaultBCryptWorkFactor}}
	}
}

// slowSecret: bcrypt is for what people choose, not for 256 random bits.
func slowSecret(t *testing.T, p party) bool {
	asItComes(p)
	id, secret := service(t, p)
	return fastest(t, 2, p, id, secret) > 100*time.Millisecond
}

// unknownClientFast: only known clients cost a comparison.
func unknownClientFast(t *testing.T, p party) bool {
	asItComes(p)
	id, _ := service(t, p)
	n := 3
	if _, ok := p.(*ours); ok {
		n = 30
	}
	known, unknown := fastest(t, n, p, id, "wrong"), fastest(t, n, p, "no-such-client", "wrong")
	return known > 5*unknown
}

// writtenConfiguration: defaults are filled in by the first request that needs
// them, without a lock. With requests in parallel it is a data race.
func writtenConfiguration(t *testing.T, p party) bool {
	if f, ok := p.(*plain); ok {
		f.config.ClientSecretsHasher, f.config.ScopeStrategy = nil, nil
	}
	before := p.configuration()
	obtain(t, p, public(t, p))
	return before != p.configuration()
}
