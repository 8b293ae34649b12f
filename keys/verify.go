package keys

import (
	"bytes"
	"encoding/base64"
	"time"

	"github.com/signet-idp/signet/storage"
)

// MaxJWS is the longest compact JWS that is looked at, in bytes.
const MaxJWS = 8 << 10

// strictBase64 refuses text whose unused last bits are not zero (RFC 4648
// §3.5), so that a value has one encoding only.
var strictBase64 = base64.RawURLEncoding.Strict()

// JWS is what a verified compact JWS says.
type JWS struct {
	KID       string
	Algorithm string
	// Type is the wanted typ that the header matched, in the caller's spelling.
	Type string
	// Header and Payload are the decoded bytes; the caller may keep them.
	Header, Payload []byte
}

// Verify checks a compact JWS against the keys for tokens, next, active and
// retiring ones. types are the acceptable values of typ; at least one. Times
// and other claims are the caller's to judge.
//
// Errors: ErrMalformed, ErrUnknownKey, ErrKeyRevoked, ErrKeyRetired,
// ErrAlgorithm, ErrType, ErrSignature.
func (s *Snapshot) Verify(compact string, types ...string) (JWS, error) {
	return s.verify(storage.KeyUseSig, compact, types, (*verifyKey).usable)
}

// VerifyHint is Verify for an id_token_hint: it also takes keys retired within
// HintRetention. Never use it to let anybody in.
func (s *Snapshot) VerifyHint(compact string, types ...string) (JWS, error) {
	return s.verify(storage.KeyUseSig, compact, types, (*verifyKey).usableForHint)
}

// VerifyFeed checks a JWS against the keys of the revocation feed.
func (s *Snapshot) VerifyFeed(compact string, types ...string) (JWS, error) {
	return s.verify(storage.KeyUseFeed, compact, types, (*verifyKey).usable)
}

// VerifyCheckpoint checks a JWS against all keys that ever signed checkpoints.
func (s *Snapshot) VerifyCheckpoint(compact string, types ...string) (JWS, error) {
	return s.verify(storage.KeyUseCheckpoint, compact, types, (*verifyKey).usableForever)
}

// verifyKey is a public half with the times until which it counts.
type verifyKey struct {
	*material
	revoked          bool
	dropAt, hintTill time.Time // zero: not set
}

func (k *verifyKey) usable(now time.Time) error {
	if !k.dropAt.IsZero() && !k.dropAt.After(now) {
		return ErrKeyRetired
	}
	return nil
}

func (k *verifyKey) usableForHint(now time.Time) error {
	if !k.hintTill.IsZero() && !k.hintTill.After(now) {
		return ErrKeyRetired
	}
	return nil
}

func (k *verifyKey) usableForever(time.Time) error { return nil }

func (s *Snapshot) verify(use storage.KeyUse, compact string, types []string, usable func(*verifyKey, time.Time) error) (JWS, error) {
	if len(compact) > MaxJWS {
		return JWS{}, ErrMalformed
	}
	raw := []byte(compact)
	input, head, payload, signature, ok := split(raw)
	if !ok || base64.RawURLEncoding.DecodedLen(len(head)) > maxHeader {
		return JWS{}, ErrMalformed
	}
	// One allocation holds the header and the payload.
	decoded, ok := decode(make([]byte, 0, len(raw)), head)
	if !ok {
		return JWS{}, ErrMalformed
	}
	headerLen := len(decoded)
	h, ok := parseHeader(decoded)
	if !ok {
		return JWS{}, ErrMalformed
	}
	key := s.public[use][string(h.kid)]
	switch {
	case key == nil:
		return JWS{}, ErrUnknownKey
	case key.revoked:
		return JWS{}, ErrKeyRevoked
	case string(h.alg) != key.alg:
		return JWS{}, ErrAlgorithm
	}
	if err := usable(key, s.clock.Now()); err != nil {
		return JWS{}, err
	}
	typ, ok := matchType(h.typ, types)
	if !ok {
		return JWS{}, ErrType
	}
	if decoded, ok = decode(decoded, payload); !ok {
		return JWS{}, ErrMalformed
	}
	var buf [rsaBits/8 + 8]byte
	if len(signature) > base64.RawURLEncoding.EncodedLen(rsaBits/8) {
		return JWS{}, ErrSignature
	}
	sig, ok := decode(buf[:0], signature)
	if !ok {
		return JWS{}, ErrMalformed
	}
	if !key.verify(input, sig) {
		return JWS{}, ErrSignature
	}
	return JWS{
		KID: key.kid, Algorithm: key.alg, Type: typ,
		Header: decoded[:headerLen:headerLen], Payload: decoded[headerLen:],
	}, nil
}

// split cuts a compact JWS at its two dots. All three parts must have bytes.
func split(raw []byte) (input, head, payload, signature []byte, ok bool) {
	first := bytes.IndexByte(raw, '.')
	last := bytes.LastIndexByte(raw, '.')
	if first <= 0 || last <= first+1 || last == len(raw)-1 {
		return nil, nil, nil, nil, false
	}
	// A third dot lies in the payload, where decode refuses it.
	return raw[:last], raw[:first], raw[first+1 : last], raw[last+1:], true
}

// decode appends what the base64url text stands for to dst.
func decode(dst, text []byte) ([]byte, bool) {
	// encoding/base64 skips line breaks, even when strict.
	if bytes.IndexByte(text, '\n') >= 0 || bytes.IndexByte(text, '\r') >= 0 {
		return nil, false
	}
	dst, err := strictBase64.AppendDecode(dst, text)
	return dst, err == nil
}
