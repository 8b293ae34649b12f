package keys

import (
	"encoding/json"
	"fmt"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/signet-idp/signet/storage"
)

// maxSetKeys bounds the keys of a set that is read: two in a month for ten
// years.
const maxSetKeys = 1000

// VerifySet verifies checkpoints with public keys alone: for who audits an
// installation from outside it.
type VerifySet struct{ snapshot *Snapshot }

// ParseVerifySet reads a JWKS (RFC 7517 §5). A key counts under its RFC 7638
// thumbprint, whatever the set calls it. Errors: ErrMalformed, ErrAlgorithm.
func ParseVerifySet(text []byte) (*VerifySet, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil || len(set.Keys) > maxSetKeys {
		return nil, fmt.Errorf("keys: no JWK set: %w", ErrMalformed)
	}
	public := make(map[string]*verifyKey, len(set.Keys))
	for i, raw := range set.Keys {
		key, kid, err := parsePublic(raw)
		if err != nil {
			return nil, fmt.Errorf("keys: key %d of the set: %w", i+1, ErrMalformed)
		}
		var named jose.JSONWebKey
		if err := named.UnmarshalJSON(raw); err != nil || !fits(named.Algorithm, key) {
			return nil, fmt.Errorf("keys: key %d of the set: %w", i+1, ErrAlgorithm)
		}
		alg := named.Algorithm
		public[kid] = &verifyKey{material: &material{kid: kid, use: storage.KeyUseCheckpoint, alg: alg, public: key, verify: verifier(alg, key)}}
	}
	return &VerifySet{&Snapshot{clock: timeless{}, public: map[storage.KeyUse]map[string]*verifyKey{storage.KeyUseCheckpoint: public}}}, nil
}

// VerifyCheckpoint is Snapshot.VerifyCheckpoint.
func (v *VerifySet) VerifyCheckpoint(compact string, types ...string) (JWS, error) {
	return v.snapshot.VerifyCheckpoint(compact, types...)
}

// timeless is the clock of keys that count for ever.
type timeless struct{}

func (timeless) Now() time.Time { return time.Time{} }
