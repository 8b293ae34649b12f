package password

import (
	_ "embed"
	"errors"
	"strings"
	"unicode/utf8"
)

// DefaultMinLength of a new password, in characters (NIST SP 800-63B).
const DefaultMinLength = 8

// Why a new password is refused. What cannot be a password at all is
// ErrPassword.
var (
	ErrTooShort = errors.New("password is too short")
	ErrTooLong  = errors.New("password is too long")
	ErrCommon   = errors.New("password is one of the most common")
)

//go:embed common.txt
var commonPasswords string

// Policy says which new passwords are good enough. It asks for length and
// against the best-known passwords, and for no kinds of characters. It is safe
// for concurrent use.
type Policy struct {
	minLength int
	common    map[string]bool
}

// NewPolicy returns a policy that asks for minLength characters; 0 means
// DefaultMinLength.
func NewPolicy(minLength int) *Policy {
	if minLength <= 0 {
		minLength = DefaultMinLength
	}
	p := &Policy{minLength: minLength, common: map[string]bool{}}
	for line := range strings.Lines(commonPasswords) {
		if line = strings.TrimSpace(line); line != "" {
			p.common[line] = true
		}
	}
	return p
}

// MinLength is the shortest length accepted, in characters, for hints on pages.
func (p *Policy) MinLength() int { return p.minLength }

// Check returns nil for a good password, or ErrTooShort, ErrTooLong (more than
// MaxLength bytes), ErrCommon or ErrPassword. A code point counts as one
// character, after normalization.
func (p *Policy) Check(pw string) error {
	if len(pw) > MaxLength {
		return ErrTooLong
	}
	if pw == "" {
		return ErrTooShort
	}
	text, usable := normalize(pw)
	if !usable {
		return ErrPassword
	}
	if utf8.RuneCount(text.nfc) < p.minLength {
		return ErrTooShort
	}
	if p.common[strings.ToLower(string(text.nfc))] {
		return ErrCommon
	}
	return nil
}
