package token

import (
	"fmt"
)

// TypeAccessToken is the typ of the JOSE header (RFC 9068 §2.1).
const TypeAccessToken = "at+jwt"

// TypeGate is the typ of the tokens in the cookies of gates for browsers. It
// differs so that neither passes for the other.
const TypeGate = "gate+jwt"

// Signer signs with the active key of an algorithm.
type Signer interface {
	Sign(alg, typ string, payload []byte) (compact string, err error)
}

// Minter makes access tokens.
type Minter struct {
	signer Signer
	sealer Sealer
}

// NewMinter returns a Minter that signs with signer and seals opaque tokens
// with sealer, which may be nil where none are made.
func NewMinter(signer Signer, sealer Sealer) *Minter { return &Minter{signer: signer, sealer: sealer} }

// payloadSize fits the claims of a usual token without growing.
const payloadSize = 1024

// Mint signs the claims with the active key of alg.
func (m *Minter) Mint(alg string, c *Claims) (string, error) { return m.mint(alg, TypeAccessToken, c) }

// MintGate makes the token of a gate's cookie.
func (m *Minter) MintGate(alg string, c *Claims) (string, error) { return m.mint(alg, TypeGate, c) }

func (m *Minter) mint(alg, typ string, c *Claims) (string, error) {
	payload, err := c.appendJSON(make([]byte, 0, payloadSize))
	if err != nil {
		return "", err
	}
	compact, err := m.signer.Sign(alg, typ, payload)
	if err != nil {
		return "", fmt.Errorf("token: mint: %w", err)
	}
	return compact, nil
}
