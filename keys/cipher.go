package keys

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// Overhead is how many bytes a Cipher adds to a plaintext.
const Overhead = chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead

// Cipher seals values under one 256-bit key with XChaCha20-Poly1305. Its
// nonces are 192 bits, so that random ones never run out: AES-GCM's 96 bits
// would allow 2³² values a key, which a busy installation seals in weeks.
type Cipher struct {
	aead cipher.AEAD
}

// NewCipher makes a Cipher from a key of 32 bytes.
func NewCipher(key []byte) (*Cipher, error) {
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, fmt.Errorf("keys: new cipher: %w", err)
	}
	return &Cipher{aead: aead}, nil
}

// Seal encrypts plaintext and binds it to aad. The result is nonce,
// ciphertext, tag: len(plaintext) + Overhead bytes.
func (c *Cipher) Seal(aad, plaintext []byte) []byte {
	return c.appendSeal(make([]byte, 0, len(plaintext)+Overhead), aad, plaintext)
}

// appendSeal is Seal appending to dst. The nonce source is not injectable:
// a repeated nonce would give away both plaintexts.
func (c *Cipher) appendSeal(dst, aad, plaintext []byte) []byte {
	var nonce [chacha20poly1305.NonceSizeX]byte
	rand.Read(nonce[:]) // never fails: crypto/rand aborts the process instead
	dst = append(dst, nonce[:]...)
	return c.aead.Seal(dst, nonce[:], plaintext, aad)
}

// Open undoes Seal. It returns ErrSealed unless sealed was made by Seal with
// the same key and aad.
func (c *Cipher) Open(aad, sealed []byte) ([]byte, error) {
	if len(sealed) < Overhead {
		return nil, ErrSealed
	}
	nonce, text := sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:]
	plaintext, err := c.aead.Open(nil, nonce, text, aad)
	if err != nil {
		return nil, ErrSealed
	}
	return plaintext, nil
}

// Binding makes the associated data that ties a sealed value to its place,
// such as Binding("signing_keys", "private_sealed", kid): a value copied to
// another table, column or row does not open there. Each part is preceded by
// its length, so that no two lists of parts give the same bytes.
func Binding(parts ...string) []byte {
	size := 0
	for _, p := range parts {
		size += 4 + len(p)
	}
	out := make([]byte, 0, size)
	for _, p := range parts {
		out = binary.BigEndian.AppendUint32(out, uint32(len(p)))
		out = append(out, p...)
	}
	return out
}
