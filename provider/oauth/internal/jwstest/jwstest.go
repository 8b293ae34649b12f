// Package jwstest makes signed tokens for tests, good ones with go-jose and bad
// ones by hand.
package jwstest

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// Client signs tokens with one key of each kind, named rsa, ec and ed.
type Client struct {
	RSA *rsa.PrivateKey
	EC  *ecdsa.PrivateKey
	Ed  ed25519.PrivateKey
}

// New makes a client's keys.
func New(t testing.TB) *Client {
	t.Helper()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &Client{RSA: rsaKey, EC: ecKey, Ed: edKey}
}

// Keys is the client's public key set.
func (c *Client) Keys() []jose.JSONWebKey {
	return []jose.JSONWebKey{
		{KeyID: "rsa", Key: &c.RSA.PublicKey},
		{KeyID: "ec", Key: &c.EC.PublicKey, Use: "sig", Algorithm: "ES256"},
		{KeyID: "ed", Key: c.Ed.Public()},
	}
}

// key finds what to sign with and how the client calls it.
func (c *Client) key(algorithm jose.SignatureAlgorithm) (key any, kid string) {
	switch algorithm {
	case jose.ES256:
		return c.EC, "ec"
	case jose.EdDSA:
		return c.Ed, "ed"
	default:
		return c.RSA, "rsa"
	}
}

// Sign makes a token with go-jose. Members of header replace those it would
// write; "kid": nil leaves out the key's name.
func (c *Client) Sign(t testing.TB, algorithm jose.SignatureAlgorithm, header, claims map[string]any) string {
	t.Helper()
	key, kid := c.key(algorithm)
	options := (&jose.SignerOptions{}).WithHeader("kid", kid)
	for name, value := range header {
		options = options.WithHeader(jose.HeaderKey(name), value)
		if value == nil {
			delete(options.ExtraHeaders, jose.HeaderKey(name))
		}
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// SignText signs a header and payload written by hand with the Ed25519 key, so
// that only what is in them can be wrong.
func (c *Client) SignText(header, payload string) string {
	input := B64(header) + "." + B64(payload)
	signature, err := c.Ed.Sign(nil, []byte(input), crypto.Hash(0))
	if err != nil {
		panic(err) // Ed25519 signing cannot fail
	}
	return input + "." + B64(string(signature))
}

// HMAC signs with HS256 and the given secret.
func HMAC(header, payload string, secret []byte) string {
	input := B64(header) + "." + B64(payload)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(input))
	return input + "." + B64(string(mac.Sum(nil)))
}

// B64 is base64url without padding.
func B64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// Source is a key source that remembers how it was asked.
type Source struct {
	Set []jose.JSONWebKey
	// Newer, if not nil, is what a forced look finds.
	Newer []jose.JSONWebKey
	Err   error

	mu     sync.Mutex
	forced int
}

// Keys gives the set, the newer one if forced.
func (s *Source) Keys(_ context.Context, _, _ string, force bool) (jose.JSONWebKeySet, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if force {
		s.forced++
	}
	if force && s.Newer != nil {
		s.Set = s.Newer
	}
	return jose.JSONWebKeySet{Keys: s.Set}, s.Err
}

// Forced is how often a forced look was asked for.
func (s *Source) Forced() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.forced
}
