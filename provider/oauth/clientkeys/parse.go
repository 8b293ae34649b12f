package clientkeys

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"github.com/signet-idp/signet/provider/oauth/internal/jws"
	"github.com/signet-idp/signet/provider/oauth/internal/strictjson"
)

// Bounds of a key set.
const (
	MaxSize = 64 << 10 // bytes
	MaxKeys = 32
)

var (
	// ErrMalformed means: not a JWK Set (RFC 7517 §5), or one beyond the bounds.
	ErrMalformed = errors.New("not a JWK Set of at most 32 keys and 64 KiB")
	// ErrPrivate means: the set holds a private or symmetric key. Nothing in it is
	// used, for whoever wrote it has published a secret.
	ErrPrivate = errors.New("JWK Set holds a private or symmetric key")
	// ErrEmpty means: the set holds no key that a client could sign with.
	ErrEmpty = errors.New("JWK Set holds no usable key")
)

// Parse reads a client's JWK Set and keeps the keys that can verify a signature
// with RS256, PS256, ES256 or EdDSA. Other keys are left out (RFC 7517 §5).
func Parse(raw []byte) (jose.JSONWebKeySet, error) {
	var set jose.JSONWebKeySet
	if len(raw) > MaxSize {
		return set, ErrMalformed
	}
	members, err := strictjson.Object(raw, 5)
	if err != nil {
		return set, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	var keys []json.RawMessage
	if err := json.Unmarshal(members["keys"], &keys); err != nil || keys == nil || len(keys) > MaxKeys {
		return set, ErrMalformed
	}
	for _, raw := range keys {
		key, usable, err := parseKey(raw)
		if err != nil {
			return jose.JSONWebKeySet{}, err
		}
		if usable {
			set.Keys = append(set.Keys, key)
		}
	}
	if len(set.Keys) == 0 {
		return set, ErrEmpty
	}
	return set, nil
}

func parseKey(raw json.RawMessage) (key jose.JSONWebKey, usable bool, err error) {
	members, err := strictjson.Object(raw, 4)
	if err != nil {
		return key, false, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if kty, _ := strictjson.String(members["kty"]); kty == "oct" {
		return key, false, ErrPrivate
	}
	// RFC 7518 §6.2.2, §6.3.2, §6.4.1; RFC 8037 §2; priv as newer kinds call it.
	for _, secret := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"} {
		if _, present := members[secret]; present {
			return key, false, ErrPrivate
		}
	}
	// What go-jose cannot read is of a kind or curve we don't know.
	known := key.UnmarshalJSON(raw) == nil
	if !known || !key.Valid() || !key.IsPublic() || (key.Use != "" && key.Use != "sig") {
		return key, false, nil
	}
	for _, algorithm := range jws.Algorithms() {
		if (key.Algorithm == "" || key.Algorithm == string(algorithm)) && jws.Usable(key, algorithm) {
			return key, true, nil
		}
	}
	return key, false, nil
}
