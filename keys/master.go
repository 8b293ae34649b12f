package keys

import (
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

const (
	masterKeySize = 32
	maxMasterID   = 32
	sealedFormat  = 1 // first byte of what Master.Seal makes
)

// Master is the set of master keys. The first seals, all open: to replace a
// master key, put the new one in front, let Rewrap run, then take the old one
// away. It seals the few dozen keys of the rings; everything else is sealed
// under those (envelope encryption).
type Master struct {
	current string
	ciphers map[string]*Cipher
}

// ParseMaster reads master keys written "id:base64 of 32 bytes", comma
// separated, the first being the one that seals. Ids are 1 to 32 letters,
// digits, '-' and '_'. Any base64 alphabet will do, with padding or without.
// Errors wrap ErrMaster and never quote the text.
func ParseMaster(text string) (*Master, error) {
	m := &Master{ciphers: make(map[string]*Cipher)}
	seen := make(map[string]bool)
	for i, part := range strings.Split(text, ",") {
		id, encoded, ok := strings.Cut(strings.TrimSpace(part), ":")
		if !ok || !validID(id, maxMasterID) {
			return nil, fmt.Errorf("keys: parse master key %d: want id:base64: %w", i+1, ErrMaster)
		}
		key, err := decodeMaster(encoded)
		if err != nil {
			return nil, fmt.Errorf("keys: parse master key %q: %w", id, err)
		}
		if m.ciphers[id] != nil || seen[string(key)] {
			return nil, fmt.Errorf("keys: parse master key %q: given twice: %w", id, ErrMaster)
		}
		seen[string(key)] = true
		if m.ciphers[id], err = NewCipher(key); err != nil {
			return nil, fmt.Errorf("keys: parse master key %q: %w", id, err)
		}
		if i == 0 {
			m.current = id
		}
	}
	return m, nil
}

// GenerateMaster makes a new master key in the text form that ParseMaster
// reads. Its id is random as well, so that two generated keys can be told
// apart.
func GenerateMaster(rand io.Reader) (string, error) {
	buf := make([]byte, 4+masterKeySize)
	if _, err := io.ReadFull(rand, buf); err != nil {
		return "", fmt.Errorf("keys: generate master key: %w", err)
	}
	return fmt.Sprintf("m%x:%s", buf[:4], base64.StdEncoding.EncodeToString(buf[4:])), nil
}

// Current is the id of the master key that seals.
func (m *Master) Current() string { return m.current }

// Older are the ids of the others, sorted.
func (m *Master) Older() []string {
	others := maps.Clone(m.ciphers)
	delete(others, m.current)
	return slices.Sorted(maps.Keys(others))
}

// Seal encrypts plaintext under the first master key and binds it to aad (see
// Binding). The result is a format byte, the key's id with its length, then
// what Cipher.Seal makes.
func (m *Master) Seal(aad, plaintext []byte) []byte {
	out := make([]byte, 0, 2+len(m.current)+len(plaintext)+Overhead)
	out = append(out, sealedFormat, byte(len(m.current)))
	out = append(out, m.current...)
	return m.ciphers[m.current].appendSeal(out, aad, plaintext)
}

// Open undoes Seal. Errors: ErrUnknownMaster, ErrSealed.
func (m *Master) Open(aad, sealed []byte) ([]byte, error) {
	id, body, ok := splitSealed(sealed)
	if !ok {
		return nil, fmt.Errorf("keys: open under master key: %w", ErrSealed)
	}
	c := m.ciphers[id]
	if c == nil {
		return nil, fmt.Errorf("keys: open under master key %q: %w", id, ErrUnknownMaster)
	}
	plaintext, err := c.Open(aad, body)
	if err != nil {
		return nil, fmt.Errorf("keys: open under master key %q: %w", id, err)
	}
	return plaintext, nil
}

// Rewrap seals a value anew under the first master key. It reports false, and
// returns the value as it is, if it is sealed under that one already.
func (m *Master) Rewrap(aad, sealed []byte) ([]byte, bool, error) {
	if id, _, ok := splitSealed(sealed); ok && id == m.current {
		return sealed, false, nil
	}
	plaintext, err := m.Open(aad, sealed)
	if err != nil {
		return nil, false, err
	}
	defer clear(plaintext)
	return m.Seal(aad, plaintext), true, nil
}

// sealsNothing reports whether sealed is an empty plaintext under some master key.
func sealsNothing(sealed []byte) bool {
	_, body, ok := splitSealed(sealed)
	return ok && len(body) == Overhead
}

func splitSealed(sealed []byte) (id string, body []byte, ok bool) {
	if len(sealed) < 2 || sealed[0] != sealedFormat {
		return "", nil, false
	}
	end := 2 + int(sealed[1])
	if len(sealed) < end || !validID(string(sealed[2:end]), maxMasterID) {
		return "", nil, false
	}
	return string(sealed[2:end]), sealed[end:], true
}

func decodeMaster(encoded string) ([]byte, error) {
	encoded = strings.TrimRight(encoded, "=")
	encoded = strings.NewReplacer("-", "+", "_", "/").Replace(encoded)
	key, err := base64.RawStdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(key) != masterKeySize {
		return nil, fmt.Errorf("want base64 of %d bytes: %w", masterKeySize, ErrMaster)
	}
	same := true
	for _, b := range key {
		same = same && b == key[0]
	}
	if same {
		return nil, fmt.Errorf("all bytes alike, not a random key: %w", ErrMaster)
	}
	return key, nil
}

// validID reports whether s is 1 to limit letters, digits, '-' and '_'.
func validID(s string, limit int) bool {
	if s == "" || len(s) > limit {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}
