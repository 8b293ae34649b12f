package password

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// MaxEncoded is the length of the longest stored string that is read.
const MaxEncoded = 512

// Bounds on what a stored string may ask for. They admit what other systems
// make by default, and twice that; the worst costs some three seconds and
// 128 MiB behind the gate.
const (
	maxMemory           = 128 << 20 // bytes, argon2id and scrypt
	maxArgon2Work       = 1 << 30   // bytes written: memory times passes
	maxScryptWork       = 512 << 20 // bytes mixed: memory times parallelism
	maxLanes            = 16
	maxPBKDF2Iterations = 3_000_000
	maxBcryptCost       = 15
	minSalt, maxSalt    = 1, 64 // bytes; old systems used short ones
	minKey, maxKey      = 16, 64
)

var (
	// ErrFormat means: the stored string is not one of the formats we read.
	ErrFormat = errors.New("unknown or malformed password hash")
	// ErrCost means: the stored string asks for more work or memory than we give.
	ErrCost = errors.New("password hash parameters are out of bounds")
)

// encoded is a stored password hash, read and within bounds.
type encoded interface {
	// scheme names the algorithm, for metrics.
	scheme() string
	// matches derives from pw and compares in constant time.
	matches(pw []byte) bool
	// String is the stored string again, byte for byte.
	String() string
}

// Recognize reports whether Verify could use a stored string and names its
// scheme (argon2id, bcrypt, bcrypt_sha256, pbkdf2_sha256, pbkdf2_sha512,
// scrypt). Otherwise it returns ErrFormat or ErrCost. Imports ask before they
// write.
func Recognize(encoded string) (scheme string, err error) {
	stored, err := parse(encoded)
	if err != nil {
		return "", err
	}
	return stored.scheme(), nil
}

// parse reads the formats that the package knows. It computes nothing.
func parse(s string) (encoded, error) {
	if len(s) > MaxEncoded {
		return nil, ErrFormat
	}
	for _, format := range []struct {
		prefix string
		parse  func(string) (encoded, error)
	}{
		{"$argon2id$", parseArgon2},
		{"argon2$argon2id$", parseDjangoArgon2},
		{"$2", parseBcrypt},
		{"bcrypt$", parseDjangoBcrypt},
		{"bcrypt_sha256$", parseDjangoBcryptSHA256},
		{"pbkdf2_sha256$", parseDjangoPBKDF2},
		{"$pbkdf2-", parsePBKDF2},
		{"$scrypt$", parseScrypt},
		{"scrypt$", parseDjangoScrypt},
	} {
		if strings.HasPrefix(s, format.prefix) {
			return format.parse(s)
		}
	}
	return nil, ErrFormat
}

// fields splits at dollar signs into exactly n fields, leaving out the prefix.
func fields(s, prefix string, n int) ([]string, error) {
	parts := strings.Split(strings.TrimPrefix(s, prefix), "$")
	if len(parts) != n {
		return nil, ErrFormat
	}
	return parts, nil
}

// options reads "a=1,b=2" with exactly these names in this order (PHC string
// format).
func options(s string, names ...string) ([]int, error) {
	parts := strings.Split(s, ",")
	if len(parts) != len(names) {
		return nil, ErrFormat
	}
	values := make([]int, len(names))
	for i, name := range names {
		text, found := strings.CutPrefix(parts[i], name+"=")
		if !found {
			return nil, ErrFormat
		}
		var err error
		if values[i], err = number(text); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// number reads a positive decimal without sign or leading zeros.
func number(s string) (int, error) {
	if s == "" || strings.Trim(s, "0123456789") != "" || s[0] == '0' {
		return 0, ErrFormat
	}
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return 0, ErrCost
	}
	return int(n), nil
}

// decode decodes base64 strictly and bounds the length of what it holds.
func decode(encoding *base64.Encoding, s string, shortest, longest int) ([]byte, error) {
	b, err := encoding.Strict().DecodeString(s)
	// Decoding skips line breaks even when strict.
	if err != nil || strings.ContainsAny(s, "\r\n") {
		return nil, ErrFormat
	}
	if len(b) < shortest || len(b) > longest {
		return nil, fmt.Errorf("%w: %d bytes of salt or key", ErrCost, len(b))
	}
	return b, nil
}

// textSalt accepts the salt of Django's formats, which is used as its text.
func textSalt(s string) error {
	if len(s) < minSalt || len(s) > maxSalt || strings.ContainsFunc(s, func(r rune) bool { return r < '!' || r > '~' }) {
		return ErrFormat
	}
	return nil
}
