package token

import (
	"fmt"

	"github.com/signet-idp/signet/keys"
)

// Ring signs and verifies with the key rings in memory (keys.Manager).
type Ring struct {
	rings snapshots
}

type snapshots interface{ Snapshot() *keys.Snapshot }

// NewRing returns a Ring over a key manager.
func NewRing(m snapshots) Ring { return Ring{rings: m} }

// Sign signs payload with the active key of alg.
func (r Ring) Sign(alg, typ string, payload []byte) (string, error) {
	s, err := r.rings.Snapshot().Signer(alg)
	if err != nil {
		return "", fmt.Errorf("token: sign: %w", err)
	}
	return s.Sign(typ, payload)
}

// Verify checks a JWS of ours and returns its payload and kid.
func (r Ring) Verify(compact, typ string) (payload []byte, kid string, err error) {
	jws, err := r.rings.Snapshot().Verify(compact, typ)
	return jws.Payload, jws.KID, err
}

// VerifyHint checks an ID token given back to us, whose key may have retired
// long ago.
func (r Ring) VerifyHint(compact string) ([]byte, error) {
	jws, err := r.rings.Snapshot().VerifyHint(compact, TypeIDToken)
	return jws.Payload, err
}

// TypeIDToken is the typ of ID tokens (RFC 7519 §5.1).
const TypeIDToken = "JWT"
