package keys

import (
	"bytes"
	"context"
	"crypto"
	"encoding/base64"
	"fmt"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/signet-idp/signet/storage"
)

// material is what of a key never changes: read, checked and opened once, then
// shared by all snapshots.
type material struct {
	kid    string
	use    storage.KeyUse
	alg    string
	jwk    []byte
	public crypto.PublicKey
	verify func(input, signature []byte) bool
	signer *Signer // nil unless the key may sign, now or later
}

// of reports whether m is what the row holds, by what of it never changes.
func (m *material) of(row *storage.SigningKey) bool {
	return m != nil && m.use == row.Use && m.alg == row.Algorithm && bytes.Equal(m.jwk, row.PublicJWK)
}

// publicOnly returns m without its private half.
func (m *material) publicOnly() *material {
	if m.signer == nil {
		return m
	}
	public := *m
	public.signer = nil
	return &public
}

// loadMaterial checks that a row is one we wrote and makes it usable. The
// sealed column proves it: it opens only for this ring and this kid, which is
// the thumbprint of the public half. Somebody who can write to the database,
// but has no master key, cannot slip in a key that we would accept.
func (m *Manager) loadMaterial(ctx context.Context, row *storage.SigningKey, signs bool) (*material, error) {
	handle, err := m.master.Open(rowBinding(row), row.PrivateSealed)
	if err != nil {
		return nil, fmt.Errorf("keys: load %s: %w", row.KID, err)
	}
	defer clear(handle)
	public, kid, err := parsePublic(row.PublicJWK)
	if err != nil {
		return nil, fmt.Errorf("keys: load %s: %w", row.KID, err)
	}
	if kid != row.KID || !fits(row.Algorithm, public) {
		return nil, fmt.Errorf("keys: load %s: %w", row.KID, ErrTampered)
	}
	out := &material{kid: kid, use: row.Use, alg: row.Algorithm, jwk: row.PublicJWK, public: public, verify: verifier(row.Algorithm, public)}
	if !signs || len(handle) == 0 {
		return out, nil
	}
	private, err := m.source.Open(ctx, row.Algorithm, handle)
	if err != nil {
		return nil, fmt.Errorf("keys: load %s: %w", row.KID, err)
	}
	if other, ok := public.(interface{ Equal(crypto.PublicKey) bool }); !ok || !other.Equal(private.Public()) {
		return nil, fmt.Errorf("keys: load %s: private half of another key: %w", row.KID, ErrTampered)
	}
	out.signer = newSigner(kid, row.Algorithm, private)
	return out, nil
}

// newKey makes a key and the row to store, still without times but CreatedAt.
func (m *Manager) newKey(ctx context.Context, use storage.KeyUse, alg string) (storage.SigningKey, *material, error) {
	private, handle, err := m.source.Generate(ctx, alg)
	if err != nil {
		return storage.SigningKey{}, nil, fmt.Errorf("keys: new %s key: %w", alg, err)
	}
	defer clear(handle)
	public := private.Public()
	if !fits(alg, public) {
		return storage.SigningKey{}, nil, fmt.Errorf("keys: new %s key: %w", alg, ErrAlgorithm)
	}
	kid, err := thumbprint(public)
	if err != nil {
		return storage.SigningKey{}, nil, fmt.Errorf("keys: new %s key: %w", alg, err)
	}
	jwk, err := jose.JSONWebKey{Key: public, KeyID: kid, Algorithm: alg, Use: "sig"}.MarshalJSON()
	if err != nil {
		return storage.SigningKey{}, nil, fmt.Errorf("keys: new %s key: %w", alg, err)
	}
	row := storage.SigningKey{KID: kid, Use: use, Algorithm: alg, PublicJWK: jwk, CreatedAt: m.clock.Now()}
	row.PrivateSealed = m.master.Seal(rowBinding(&row), handle)
	return row, &material{
		kid: kid, use: use, alg: alg, jwk: jwk, public: public,
		verify: verifier(alg, public),
		signer: newSigner(kid, alg, private),
	}, nil
}

// parsePublic reads a public JWK and returns the key with its thumbprint.
func parsePublic(text []byte) (crypto.PublicKey, string, error) {
	var jwk jose.JSONWebKey
	// The cause is left out: the text is not ours until it proves genuine.
	if err := jwk.UnmarshalJSON(text); err != nil || !jwk.Valid() || !jwk.IsPublic() {
		return nil, "", fmt.Errorf("public JWK: %w", ErrTampered)
	}
	kid, err := thumbprint(jwk.Key)
	return jwk.Key, kid, err
}

// thumbprint is the RFC 7638 SHA-256 thumbprint, base64url.
func thumbprint(public crypto.PublicKey) (string, error) {
	sum, err := (&jose.JSONWebKey{Key: public}).Thumbprint(crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("thumbprint: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}

func rowBinding(row *storage.SigningKey) []byte {
	return Binding("signing_keys", "private_sealed", ringName(row.Use, row.Algorithm), row.KID)
}

func ringName(use storage.KeyUse, alg string) string { return string(use) + "/" + alg }
