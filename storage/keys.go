package storage

import (
	"context"
	"time"
)

// KeyUse says what a signing key is for. A key made for one use is never
// accepted for another.
type KeyUse string

// The uses of signing keys.
const (
	// KeyUseSig signs access tokens, ID tokens and logout tokens; its public
	// halves are the JWKS.
	KeyUseSig KeyUse = "sig"
	// KeyUseFeed signs the revocation feed.
	KeyUseFeed KeyUse = "feed"
	// KeyUseCheckpoint signs the checkpoints of the event log.
	KeyUseCheckpoint KeyUse = "checkpoint"
)

// SigningKey is one row of a key ring. Its state is derived from its times;
// a zero time is one that is not set.
type SigningKey struct {
	// KID is the RFC 7638 SHA-256 thumbprint of the public half.
	KID string
	// Use is what the key may sign.
	Use KeyUse
	// Algorithm is the one JWS algorithm (RFC 7518 §3.1) the key is used with.
	Algorithm string
	// PublicJWK is the public half as a JWK (RFC 7517), JSON.
	PublicJWK []byte
	// PrivateSealed is the private half, or the handle of one in a hardware
	// module, sealed under a master key. Never empty: once the private half
	// has been destroyed it seals nothing, and still proves the row genuine.
	PrivateSealed []byte
	// CreatedAt is when the key was made.
	CreatedAt time.Time
	// PublishAt is since when the public half counts as shown in the JWKS.
	// Before CreatedAt if no JWKS ever showed the ring without it.
	PublishAt time.Time
	// ActivateAt is when the key begins to sign.
	ActivateAt time.Time
	// RetireAt is when it stops: the ActivateAt of its successor. Zero while
	// there is no successor.
	RetireAt time.Time
	// DropAt is when the last token it can have signed is dead and the public
	// half leaves the JWKS. Set together with RetireAt.
	DropAt time.Time
	// RevokedAt is set when the key was revoked; nothing it signed counts.
	RevokedAt time.Time
}

// KeyRing is all keys of one use and algorithm, with the version that guards
// every change to them.
type KeyRing struct {
	// Name is "use/algorithm", such as "sig/ES256".
	Name string
	// Version grows by one with each change; 0 is a ring not yet stored.
	Version int64
	// Keys are the ring's keys, in no particular order.
	Keys []SigningKey
}

// SigningKeys keeps the key rings.
type SigningKeys interface {
	// KeyRings returns every ring with its keys, read in one statement so that
	// keys and version belong together.
	KeyRings(ctx context.Context) ([]KeyRing, error)
	// KeyRingVersions returns the version of every ring by name: the cheap
	// question whether anything has changed.
	KeyRingVersions(ctx context.Context) (map[string]int64, error)
	// ReplaceKeyRing makes ring.Keys the keys of that ring and its version
	// ring.Version+1, in one transaction (the caller's, if ctx carries one),
	// provided that the stored version still is ring.Version (0: no such ring).
	// Otherwise it changes nothing and reports false: another replica won.
	ReplaceKeyRing(ctx context.Context, ring KeyRing) (won bool, err error)
}

// DataKey is a key for sealing and keyed hashing, itself sealed under a master
// key. A purpose has one key per generation; the newest active one seals, all
// that are not retired open.
type DataKey struct {
	// Purpose names what the key is for, such as "refresh".
	Purpose string
	// Generation counts the keys of a purpose from 1. With the purpose it is
	// the key's identity; sealed values and keyed hashes carry it.
	Generation int64
	// Sealed is the key, sealed under a master key.
	Sealed []byte
	// CreatedAt is when the key was made.
	CreatedAt time.Time
	// ActivateAt is when the key begins to seal: late enough that every
	// replica can open by then.
	ActivateAt time.Time
	// RetiredAt is since when the key is refused altogether; zero while it is
	// good.
	RetiredAt time.Time
}

// DataKeys keeps the data keys.
type DataKeys interface {
	// DataKeys returns every data key.
	DataKeys(ctx context.Context) ([]DataKey, error)
	// InsertDataKey stores key unless its purpose already has one of that
	// generation; then it changes nothing and reports false. The first writer
	// wins and everyone reads the same.
	InsertDataKey(ctx context.Context, key DataKey) (won bool, err error)
	// UpdateDataKey writes Sealed and RetiredAt of the key with the given
	// purpose and generation.
	UpdateDataKey(ctx context.Context, key DataKey) error
}
