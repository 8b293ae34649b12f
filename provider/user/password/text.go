package password

import (
	"errors"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxLength of a password in bytes of UTF-8, as typed. Longer ones are refused,
// never cut.
const MaxLength = 1024

// ErrPassword means that a string cannot be a password: empty, longer than
// MaxLength, not UTF-8, or with a NUL, at which older systems stop reading.
var ErrPassword = errors.New("not usable as a password")

// text is a password in the forms it may have been hashed in.
type text struct {
	nfc   []byte
	typed []byte // nil if the same as nfc
}

// normalize gives the forms; ok is false if pw is not usable as a password.
func normalize(pw string) (forms text, ok bool) {
	if pw == "" || len(pw) > MaxLength || !utf8.ValidString(pw) || strings.IndexByte(pw, 0) >= 0 {
		return text{}, false
	}
	nfc := norm.NFC.String(pw)
	if nfc == pw {
		return text{nfc: []byte(nfc)}, true
	}
	return text{nfc: []byte(nfc), typed: []byte(pw)}, true
}
