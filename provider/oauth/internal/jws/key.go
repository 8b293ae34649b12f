package jws

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"

	"github.com/go-jose/go-jose/v4"
)

// RSA moduli outside these bounds are too weak, or cost us too much to verify.
const minRSABits, maxRSABits = 2048, 8192

// fits reports whether the token may have been signed with the key: it names
// it, or names none, and the key is meant for signatures with the algorithm.
func (t *Token) fits(key jose.JSONWebKey) bool {
	if t.KeyID != "" && key.KeyID != t.KeyID {
		return false
	}
	if (key.Use != "" && key.Use != "sig") || (key.Algorithm != "" && key.Algorithm != string(t.Algorithm)) {
		return false
	}
	return Usable(key, t.Algorithm)
}

// Usable reports whether the key is a public key of the kind and size that the
// algorithm needs.
func Usable(key jose.JSONWebKey, algorithm jose.SignatureAlgorithm) bool {
	switch public := key.Key.(type) {
	case *rsa.PublicKey:
		bits := public.N.BitLen()
		return (algorithm == jose.RS256 || algorithm == jose.PS256) && bits >= minRSABits && bits <= maxRSABits
	case *ecdsa.PublicKey:
		return algorithm == jose.ES256 && public.Curve == elliptic.P256()
	case ed25519.PublicKey:
		return algorithm == jose.EdDSA && len(public) == ed25519.PublicKeySize
	default:
		return false
	}
}
