package keys

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
)

// Source makes private signing keys and gives them back: the seam for PKCS#11
// modules and cloud key services. What it returns is used as a crypto.Signer
// only. Implementations are safe for concurrent use.
type Source interface {
	// Generate makes a key for a JWS algorithm. handle is all that Open needs
	// to give it back; it is stored sealed.
	Generate(ctx context.Context, alg string) (key crypto.Signer, handle []byte, err error)
	// Open returns the key that handle stands for.
	Open(ctx context.Context, alg string, handle []byte) (crypto.Signer, error)
}

// Software is the Source that keeps private keys in the database; its handle
// is the key in PKCS #8 (RFC 5958), DER.
type Software struct{}

// Generate implements Source. An RSA key takes some hundred milliseconds.
func (Software) Generate(_ context.Context, alg string) (crypto.Signer, []byte, error) {
	key, err := generate(alg)
	if err != nil {
		return nil, nil, fmt.Errorf("keys: generate %s key: %w", alg, err)
	}
	handle, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("keys: generate %s key: %w", alg, err)
	}
	return key, handle, nil
}

// Open implements Source.
func (Software) Open(_ context.Context, alg string, handle []byte) (crypto.Signer, error) {
	key, err := x509.ParsePKCS8PrivateKey(handle)
	if err != nil {
		// The cause is left out: it may quote what it could not parse.
		return nil, fmt.Errorf("keys: open %s key: not PKCS #8: %w", alg, ErrTampered)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("keys: open %s key: %w", alg, ErrAlgorithm)
	}
	return signer, nil
}

func generate(alg string) (crypto.Signer, error) {
	switch alg {
	case RS256, PS256:
		return rsa.GenerateKey(rand.Reader, rsaBits)
	case ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case EdDSA:
		_, key, err := ed25519.GenerateKey(nil)
		return key, err
	}
	return nil, ErrAlgorithm
}
