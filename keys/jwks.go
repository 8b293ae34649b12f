package keys

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"time"
)

// KeySet is a JWKS (RFC 7517 §5) ready to be sent. Its bytes are shared: do
// not change them.
type KeySet struct {
	// Body is the JSON document.
	Body []byte
	// ETag is a strong entity tag, with its quotes (RFC 9110 §8.8.3).
	ETag string
	// CacheControl is the header's value, such as "public, max-age=300".
	CacheControl string
}

// JWKS is the key set for tokens: next, active and retiring keys, the active
// one of each algorithm first.
func (s *Snapshot) JWKS() KeySet { return s.keySet(s.tokens) }

// FeedJWKS is the key set of the revocation feed.
func (s *Snapshot) FeedJWKS() KeySet { return s.keySet(s.feed) }

// CheckpointJWKS is the key set of the record's checkpoints: every key that
// ever signed one and was not revoked.
func (s *Snapshot) CheckpointJWKS() KeySet { return s.keySet(s.audit) }

// keySet fills in how long the set may be cached. A key that this replica has
// not heard of can have been published right after the ring was read, and may
// begin to sign PublishLead later: the set is good until then. In touch that
// is JWKSMaxAge or more; cut off from the database it dwindles to nothing, so
// that no cache outlives what we know.
func (s *Snapshot) keySet(set KeySet) KeySet {
	left := s.readAt.Add(s.config.PublishLead - s.config.margin() + s.config.SyncEvery).Sub(s.clock.Now())
	if left < s.config.JWKSMaxAge {
		set.CacheControl = cacheControl(left)
	}
	return set
}

func newKeySet(keys [][]byte, maxAge time.Duration) KeySet {
	body := []byte(`{"keys":[`)
	body = append(body, bytes.Join(keys, []byte(","))...)
	body = append(body, "]}"...)
	sum := sha256.Sum256(body)
	return KeySet{
		Body:         body,
		ETag:         `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`,
		CacheControl: cacheControl(maxAge),
	}
}

func cacheControl(age time.Duration) string {
	return fmt.Sprintf("public, max-age=%d", max(0, int64(age/time.Second)))
}

// PEM returns the public half as a SubjectPublicKeyInfo (RFC 7468 §13).
func (i Info) PEM() (string, error) {
	der, err := x509.MarshalPKIXPublicKey(i.public)
	if err != nil {
		return "", fmt.Errorf("keys: encode %s: %w", i.KID, err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), nil
}
