package token

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// OpaquePrefix begins an opaque access token: the claims, sealed. It has no row
// and is verified like a JWT, but by this installation alone.
const OpaquePrefix = "sgt_"

// Sealer seals the claims of opaque tokens (keys.Purpose).
type Sealer interface {
	Seal(aad, plaintext []byte) []byte
}

// Opener opens them again.
type Opener interface {
	Open(aad, sealed []byte) ([]byte, error)
}

// opaqueAAD binds what is sealed to what it is: an access token.
const opaqueAAD = TypeAccessToken

// maxOpaque bounds what is decoded.
const maxOpaque = 8 << 10

var errNoSealer = errors.New("token: opaque tokens are not set up")

// Seal makes an opaque access token of the claims.
func (m *Minter) Seal(c *Claims) (string, error) {
	if m.sealer == nil {
		return "", errNoSealer
	}
	payload, err := c.appendJSON(make([]byte, 0, payloadSize))
	if err != nil {
		return "", err
	}
	return OpaquePrefix + base64.RawURLEncoding.EncodeToString(m.sealer.Seal([]byte(opaqueAAD), payload)), nil
}

// open returns the claims of an opaque token.
func (v *Verifier) open(raw string) ([]byte, error) {
	text := strings.TrimPrefix(raw, OpaquePrefix)
	if v.opener == nil || len(text) > maxOpaque || strings.ContainsAny(text, "\r\n") { // the decoder skips line breaks
		return nil, fmt.Errorf("%w: opaque", ErrMalformed)
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%w: opaque", ErrMalformed)
	}
	payload, err := v.opener.Open([]byte(opaqueAAD), sealed)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return payload, nil
}
