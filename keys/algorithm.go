package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
)

// The JWS algorithms we sign with (RFC 7518 §3.1, RFC 8037 §3.1).
const (
	RS256 = "RS256" // RSA of 2048 bits
	PS256 = "PS256" // RSA of 2048 bits
	ES256 = "ES256"
	EdDSA = "EdDSA" // Ed25519
)

const rsaBits = 2048

// pssOptions are the only ones PS256 allows (RFC 7518 §3.5).
var pssOptions = rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}

// checkAlgorithm returns ErrAlgorithm unless alg is one of ours.
func checkAlgorithm(alg string) error {
	switch alg {
	case RS256, PS256, ES256, EdDSA:
		return nil
	}
	return fmt.Errorf("keys: algorithm %q: %w", alg, ErrAlgorithm)
}

// fits reports whether a public key is of the one kind that alg is used with.
func fits(alg string, public crypto.PublicKey) bool {
	switch key := public.(type) {
	case *rsa.PublicKey:
		return (alg == RS256 || alg == PS256) && key.N.BitLen() == rsaBits
	case *ecdsa.PublicKey:
		return alg == ES256 && key.Curve == elliptic.P256()
	case ed25519.PublicKey:
		return alg == EdDSA && len(key) == ed25519.PublicKeySize
	}
	return false
}

// sign returns the JWS signature of input by a key that fits alg. It uses
// nothing but crypto.Signer, so that the key may live elsewhere.
func sign(alg string, key crypto.Signer, input []byte) ([]byte, error) {
	if alg == EdDSA {
		return key.Sign(rand.Reader, input, crypto.Hash(0))
	}
	digest := sha256.Sum256(input)
	switch alg {
	case RS256:
		return key.Sign(rand.Reader, digest[:], crypto.SHA256)
	case PS256:
		return key.Sign(rand.Reader, digest[:], &pssOptions)
	case ES256:
		der, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
		if err != nil {
			return nil, err
		}
		return rawFromDER(der)
	}
	return nil, ErrAlgorithm
}

// verifier returns the function that checks JWS signatures by public under
// alg, and under nothing else. public must fit alg.
func verifier(alg string, public crypto.PublicKey) func(input, signature []byte) bool {
	switch key := public.(type) {
	case *rsa.PublicKey:
		if alg == PS256 {
			return func(input, signature []byte) bool {
				digest := sha256.Sum256(input)
				return rsa.VerifyPSS(key, crypto.SHA256, digest[:], signature, &pssOptions) == nil
			}
		}
		return func(input, signature []byte) bool {
			digest := sha256.Sum256(input)
			return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
		}
	case *ecdsa.PublicKey:
		return func(input, signature []byte) bool {
			var der [maxDER]byte
			encoded, ok := derFromRaw(der[:0], signature)
			digest := sha256.Sum256(input)
			return ok && ecdsa.VerifyASN1(key, digest[:], encoded)
		}
	case ed25519.PublicKey:
		return func(input, signature []byte) bool {
			return len(signature) == ed25519.SignatureSize && ed25519.Verify(key, input, signature)
		}
	}
	return func(_, _ []byte) bool { return false }
}
