package password

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// bcryptBytes is how much of a password bcrypt reads. The systems that made
// these strings cut longer passwords there without a word, so verifying one has
// to cut at the same place; Verify then asks for an upgrade.
const bcryptBytes = 72

// bcryptHash is $2a$, $2b$ or $2y$ (the same algorithm; $2x$, which some
// systems computed wrongly, is not read), two digits of cost, 22 characters of
// salt and 31 of key. Django puts bcrypt$ before it, or bcrypt_sha256$ where
// bcrypt was given the hexadecimal SHA-256 of the password.
type bcryptHash struct {
	prefix string
	crypt  string
	sha256 bool
}

func (h bcryptHash) scheme() string {
	if h.sha256 {
		return "bcrypt_sha256"
	}
	return "bcrypt"
}

func (h bcryptHash) matches(pw []byte) bool {
	if h.sha256 {
		sum := sha256.Sum256(pw)
		pw = []byte(hex.EncodeToString(sum[:]))
	}
	if len(pw) > bcryptBytes {
		pw = pw[:bcryptBytes]
	}
	return bcrypt.CompareHashAndPassword([]byte(h.crypt), pw) == nil
}

func (h bcryptHash) String() string { return h.prefix + h.crypt }

func parseDjangoBcrypt(s string) (encoded, error) { return readBcrypt(s, "bcrypt$", false) }

func parseDjangoBcryptSHA256(s string) (encoded, error) {
	return readBcrypt(s, "bcrypt_sha256$", true)
}

func parseBcrypt(s string) (encoded, error) { return readBcrypt(s, "", false) }

func readBcrypt(s, prefix string, sha256 bool) (encoded, error) {
	crypt := strings.TrimPrefix(s, prefix)
	if len(crypt) != 60 || crypt[0] != '$' || crypt[3] != '$' || crypt[6] != '$' {
		return nil, ErrFormat
	}
	if version := crypt[1:3]; version != "2a" && version != "2b" && version != "2y" {
		return nil, ErrFormat
	}
	if strings.Trim(crypt[7:], "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return nil, ErrFormat
	}
	tens, ones := crypt[4]-'0', crypt[5]-'0'
	if tens > 9 || ones > 9 {
		return nil, ErrFormat
	}
	if cost := int(tens)*10 + int(ones); cost < bcrypt.MinCost || cost > maxBcryptCost {
		return nil, ErrCost
	}
	return bcryptHash{prefix: prefix, crypt: crypt, sha256: sha256}, nil
}
