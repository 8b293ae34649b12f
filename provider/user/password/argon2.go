package password

import (
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

const (
	argon2SaltLength = 16
	argon2KeyLength  = 32
)

// Argon2 is the cost of argon2id (RFC 9106 §3.1).
type Argon2 struct {
	MemoryKiB uint32
	Passes    uint32
	Lanes     uint8
}

// DefaultArgon2 is 19 MiB, 2 passes, 1 lane.
func DefaultArgon2() Argon2 { return Argon2{MemoryKiB: 19 << 10, Passes: 2, Lanes: 1} }

func (a Argon2) check() error {
	memory := uint64(a.MemoryKiB) << 10
	switch {
	case a.Lanes < 1 || a.Lanes > maxLanes,
		a.Passes < 1,
		uint64(a.MemoryKiB) < 8*uint64(a.Lanes), // RFC 9106 §3.1
		memory > maxMemory,
		uint64(a.Passes) > maxArgon2Work/memory:
		return fmt.Errorf("%w: argon2id m=%d t=%d p=%d", ErrCost, a.MemoryKiB, a.Passes, a.Lanes)
	}
	return nil
}

// argon2Hash is an argon2id string, version 19, in PHC format:
// $argon2id$v=19$m=19456,t=2,p=1$salt$key. Django puts argon2 before it.
type argon2Hash struct {
	Argon2
	salt, key []byte
	django    bool
}

func (argon2Hash) scheme() string { return "argon2id" }

func (h argon2Hash) derive(pw []byte, length uint32) []byte {
	return argon2.IDKey(pw, h.salt, h.Passes, h.MemoryKiB, h.Lanes, length)
}

func (h argon2Hash) matches(pw []byte) bool {
	// parse bounds the key to 64 bytes.
	return subtle.ConstantTimeCompare(h.key, h.derive(pw, uint32(len(h.key)))) == 1
}

func (h argon2Hash) String() string {
	prefix := ""
	if h.django {
		prefix = "argon2"
	}
	return fmt.Sprintf("%s$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", prefix, argon2.Version, h.MemoryKiB, h.Passes, h.Lanes,
		base64.RawStdEncoding.EncodeToString(h.salt), base64.RawStdEncoding.EncodeToString(h.key))
}

func parseDjangoArgon2(s string) (encoded, error) {
	h, err := readArgon2(strings.TrimPrefix(s, "argon2"))
	h.django = true
	return h, err
}

func parseArgon2(s string) (encoded, error) { return readArgon2(s) }

func readArgon2(s string) (h argon2Hash, err error) {
	parts, err := fields(s, "$argon2id$", 4)
	if err != nil {
		return h, err
	}
	if parts[0] != "v=19" {
		return h, ErrFormat
	}
	cost, err := options(parts[1], "m", "t", "p")
	if err != nil {
		return h, err
	}
	if cost[2] > maxLanes {
		return h, ErrCost
	}
	// number() keeps all three within 31 bits.
	h.Argon2 = Argon2{MemoryKiB: uint32(cost[0]), Passes: uint32(cost[1]), Lanes: uint8(cost[2])}
	if err := h.check(); err != nil {
		return h, err
	}
	if h.salt, err = decode(base64.RawStdEncoding, parts[2], minSalt, maxSalt); err != nil {
		return h, err
	}
	h.key, err = decode(base64.RawStdEncoding, parts[3], minKey, maxKey)
	return h, err
}
