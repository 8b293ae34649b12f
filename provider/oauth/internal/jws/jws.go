// Package jws reads the signed tokens that clients make, more strictly than a
// JOSE library does: compact form only, canonical base64url, no duplicate
// members, no extensions (crit, b64), a short list of algorithms, and a key
// chosen from the client's own set, never from the token.
//
// Parse, then Token.Verify, then the claims.
package jws

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/signet-idp/signet/provider/oauth/internal/strictjson"
)

// What can be wrong with a token. The texts hold nothing of the token.
var (
	ErrMalformed  = errors.New("token is not a well-formed compact JWS")
	ErrType       = errors.New("token has a typ for another purpose")
	ErrAlgorithm  = errors.New("token is signed with an algorithm that is not allowed")
	ErrKeySource  = errors.New("the client's keys cannot be had")
	ErrUnknownKey = errors.New("no key of the client fits the token")
	ErrManyKeys   = errors.New("several keys of the client fit the token, which names none")
	ErrSignature  = errors.New("token's signature is wrong")
)

// maxKeyID bounds kid, which is looked up and may be logged.
const maxKeyID = 256

// maxDepth bounds headers and claims; the claims parameter inside a request
// object needs six levels.
const maxDepth = 8

// Algorithms are those a client may sign with.
func Algorithms() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.EdDSA}
}

// Token is a parsed token. Nothing in it is to be believed before Verify.
type Token struct {
	Algorithm jose.SignatureAlgorithm
	KeyID     string // "" if the token names no key
	Type      string // "" if the token says nothing

	raw    string
	claims Claims
}

// Parse takes a token of at most maxSize bytes apart.
func Parse(raw string, maxSize int) (*Token, error) {
	if len(raw) > maxSize || strings.Count(raw, ".") != 2 {
		return nil, ErrMalformed
	}
	parts := strings.Split(raw, ".")
	header, err := object(parts[0])
	if err != nil {
		return nil, err
	}
	claims, err := object(parts[1])
	if err != nil {
		return nil, err
	}
	if _, err := canonical(parts[2]); err != nil {
		return nil, err
	}
	for _, extension := range []string{"crit", "b64"} {
		if _, present := header[extension]; present {
			return nil, fmt.Errorf("%w: header has %s", ErrMalformed, extension)
		}
	}
	t := &Token{raw: raw, claims: claims}
	algorithm, present, err := header.String("alg")
	if err != nil || !present {
		return nil, fmt.Errorf("%w: header has no alg", ErrMalformed)
	}
	t.Algorithm = jose.SignatureAlgorithm(algorithm)
	if t.KeyID, _, err = header.String("kid"); err != nil || len(t.KeyID) > maxKeyID {
		return nil, fmt.Errorf("%w: kid", ErrMalformed)
	}
	if t.Type, _, err = header.String("typ"); err != nil {
		return nil, fmt.Errorf("%w: typ", ErrMalformed)
	}
	return t, nil
}

// Untrusted returns the claims before anything was verified, to find out which
// client to ask for keys.
func (t *Token) Untrusted() Claims { return t.claims }

// KeySource gives a client's public keys. force asks to look again for keys
// that are newer than a cache; kid is the one wanted.
type KeySource func(ctx context.Context, kid string, force bool) (jose.JSONWebKeySet, error)

// Expect says what a token has to be.
type Expect struct {
	Algorithm jose.SignatureAlgorithm // "": any of Algorithms
	Types     []string                // besides none at all; compared without case
	Keys      KeySource
}

// Verify checks type, algorithm and signature and gives the claims.
func (t *Token) Verify(ctx context.Context, want Expect) (Claims, error) {
	if t.Type != "" && !slices.ContainsFunc(want.Types, func(s string) bool { return strings.EqualFold(s, t.Type) }) {
		return nil, ErrType
	}
	if !slices.Contains(Algorithms(), t.Algorithm) || (want.Algorithm != "" && want.Algorithm != t.Algorithm) {
		return nil, ErrAlgorithm
	}
	key, err := t.key(ctx, want.Keys)
	if err != nil {
		return nil, err
	}
	signed, err := jose.ParseSignedCompact(t.raw, []jose.SignatureAlgorithm{t.Algorithm})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if _, err := signed.Verify(key.Key); err != nil {
		return nil, ErrSignature
	}
	return t.claims, nil
}

// key finds the one key that fits, looking a second time at the source if the
// first gave none: the client may have rolled its keys.
func (t *Token) key(ctx context.Context, source KeySource) (jose.JSONWebKey, error) {
	for _, force := range []bool{false, true} {
		keys, err := source(ctx, t.KeyID, force)
		if err != nil {
			return jose.JSONWebKey{}, fmt.Errorf("%w: %w", ErrKeySource, err)
		}
		fitting := slices.DeleteFunc(slices.Clone(keys.Keys), func(key jose.JSONWebKey) bool { return !t.fits(key) })
		switch len(fitting) {
		case 0:
			continue
		case 1:
			return fitting[0], nil
		default:
			// OpenID Connect Core §10.1: with several keys the token names one.
			return jose.JSONWebKey{}, ErrManyKeys
		}
	}
	return jose.JSONWebKey{}, ErrUnknownKey
}

// Claims are the members of a header or payload with their exact JSON text.
type Claims map[string]json.RawMessage

// object decodes one part of the token that has to be a JSON object.
func object(part string) (Claims, error) {
	b, err := canonical(part)
	if err != nil {
		return nil, err
	}
	members, err := strictjson.Object(b, maxDepth)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return members, nil
}

// canonical decodes base64url in the one spelling that RFC 7515 §2 allows.
func canonical(part string) ([]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(part)
	// DecodeString skips line breaks even when strict.
	if err != nil || strings.ContainsAny(part, "\r\n") {
		return nil, fmt.Errorf("%w: base64url", ErrMalformed)
	}
	return b, nil
}
