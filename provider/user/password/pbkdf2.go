package password

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
)

// pbkdf2Hash is PBKDF2 (RFC 8018 §5.2) in one of three spellings:
//
//	pbkdf2_sha256$iterations$salt$key              Django; the salt is text, base64 padded
//	$pbkdf2-sha256$iterations$salt$key             passlib; base64 with . for +, not padded
//	$pbkdf2-sha256$i=iterations,l=length$salt$key  PHC
//
// the latter two also with sha512.
type pbkdf2Hash struct {
	digest     string
	iterations int
	salt, key  []byte
	spelling   pbkdf2Spelling
}

type pbkdf2Spelling int

const (
	django pbkdf2Spelling = iota
	passlib
	phc
)

func (h pbkdf2Hash) scheme() string { return "pbkdf2_" + h.digest }

func (h pbkdf2Hash) matches(pw []byte) bool {
	newDigest := sha256.New
	if h.digest == "sha512" {
		newDigest = sha512.New
	}
	key, err := pbkdf2.Key(newDigest, string(pw), h.salt, h.iterations, len(h.key))
	return err == nil && subtle.ConstantTimeCompare(h.key, key) == 1
}

func (h pbkdf2Hash) String() string {
	switch h.spelling {
	case django:
		return fmt.Sprintf("pbkdf2_sha256$%d$%s$%s", h.iterations, h.salt, base64.StdEncoding.EncodeToString(h.key))
	case passlib:
		return fmt.Sprintf("$pbkdf2-%s$%d$%s$%s", h.digest, h.iterations,
			passlibEncoding().EncodeToString(h.salt), passlibEncoding().EncodeToString(h.key))
	default:
		return fmt.Sprintf("$pbkdf2-%s$i=%d,l=%d$%s$%s", h.digest, h.iterations, len(h.key),
			base64.RawStdEncoding.EncodeToString(h.salt), base64.RawStdEncoding.EncodeToString(h.key))
	}
}

// passlibEncoding is standard base64 with a dot in the place of the plus sign.
func passlibEncoding() *base64.Encoding {
	return base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./").
		WithPadding(base64.NoPadding)
}

func parseDjangoPBKDF2(s string) (encoded, error) {
	parts, err := fields(s, "pbkdf2_sha256$", 3)
	if err != nil {
		return nil, err
	}
	h := pbkdf2Hash{digest: "sha256", spelling: django}
	if h.iterations, err = iterations(parts[0]); err != nil {
		return nil, err
	}
	if err := textSalt(parts[1]); err != nil {
		return nil, err
	}
	h.salt = []byte(parts[1])
	if h.key, err = decode(base64.StdEncoding, parts[2], sha256.Size, sha256.Size); err != nil {
		return nil, err
	}
	return h, nil
}

func parsePBKDF2(s string) (encoded, error) {
	parts, err := fields(s, "$pbkdf2-", 4)
	if err != nil {
		return nil, err
	}
	h := pbkdf2Hash{digest: parts[0], spelling: passlib}
	if h.digest != "sha256" && h.digest != "sha512" {
		return nil, ErrFormat
	}
	encoding, count, length := passlibEncoding(), parts[1], ""
	if strings.HasPrefix(count, "i=") {
		h.spelling, encoding = phc, base64.RawStdEncoding
		count, length, _ = strings.Cut(count[2:], ",")
	}
	if h.iterations, err = iterations(count); err != nil {
		return nil, err
	}
	if h.salt, err = decode(encoding, parts[2], minSalt, maxSalt); err != nil {
		return nil, err
	}
	if h.key, err = decode(encoding, parts[3], minKey, maxKey); err != nil {
		return nil, err
	}
	if h.spelling == phc && length != fmt.Sprintf("l=%d", len(h.key)) {
		return nil, ErrFormat
	}
	return h, nil
}

func iterations(s string) (int, error) {
	n, err := number(s)
	if err != nil {
		return 0, err
	}
	if n > maxPBKDF2Iterations {
		return 0, fmt.Errorf("%w: %d iterations", ErrCost, n)
	}
	return n, nil
}
