package password

import (
	"context"
	_ "embed"
	"errors"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/signet-idp/signet/provider/fault"
)

// DefaultMinLength of a new password, in characters (NIST SP 800-63B-4
// §3.1.1.2).
const DefaultMinLength = 8

// Why a new password is refused. What cannot be a password at all is
// ErrPassword.
var (
	ErrTooShort = errors.New("password is too short")
	ErrTooLong  = errors.New("password is too long")
	// ErrCommon: it is in the embedded list.
	ErrCommon = errors.New("password is one of the most common")
	// ErrKnown: it is in the operator's list, or the range service knows it from
	// a breach.
	ErrKnown = errors.New("password is publicly known")
	// ErrPersonal: it is a word of its surroundings, such as the person's name.
	ErrPersonal = errors.New("password is a name or address that belongs to it")
)

//go:embed common.txt
var commonPasswords string

// Policy says which new passwords are good enough, after NIST SP 800-63B-4
// §3.1.1.2: it asks for length and against passwords that are known or easily
// guessed, and for no kinds of characters. Its exported fields are set before
// it is used; then it is safe for concurrent use.
type Policy struct {
	// Words of every password's surroundings: this service's names and host.
	Words []string
	// Refused is the operator's own list; nil: there is none.
	Refused *Refused
	// Range is asked by Judge; nil: nobody is.
	Range *Range

	minLength  int
	common     map[string]bool
	dictionary func() dictionary // made when it is first needed
}

// NewPolicy returns a policy that asks for minLength characters; 0 means
// DefaultMinLength.
func NewPolicy(minLength int) *Policy {
	if minLength <= 0 {
		minLength = DefaultMinLength
	}
	p := &Policy{minLength: minLength, common: map[string]bool{}, dictionary: sync.OnceValue(readDictionary)}
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
// MaxLength bytes), ErrCommon, ErrKnown, ErrPersonal or ErrPassword. A code
// point counts as one character, after normalization. words are names and
// addresses of the person whose password it shall be, and of their
// organizations.
func (p *Policy) Check(pw string, words ...string) error {
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
	nfc := string(text.nfc)
	switch {
	case p.common[strings.ToLower(nfc)]:
		return ErrCommon
	case p.Refused.Holds(nfc):
		return ErrKnown
	case made(nfc, p.Words) || made(nfc, words):
		return ErrPersonal
	}
	return nil
}

// Judge is Check for whoever sets a password, in the field of that name, and
// asks the range service last. It answers fault.WeakPassword or
// fault.BreachedPassword. Never called inside a transaction.
func (p *Policy) Judge(ctx context.Context, field, pw string, words ...string) error {
	err := p.Check(pw, words...)
	if err == nil && p.Range != nil {
		err = p.Range.Check(ctx, pw)
	}
	return p.Explain(field, err)
}

// Explain tells whoever typed a password into the field what Check found wrong
// with it. Other errors, and nil, are returned as they are.
func (p *Policy) Explain(field string, err error) error {
	var code fault.Code
	var text string
	switch {
	case errors.Is(err, ErrTooShort):
		code, text = fault.WeakPassword, "a password has at least "+strconv.Itoa(p.minLength)+" characters"
	case errors.Is(err, ErrTooLong):
		code, text = fault.WeakPassword, "the password is too long"
	case errors.Is(err, ErrPassword):
		code, text = fault.WeakPassword, "the password holds characters that it cannot have"
	case errors.Is(err, ErrPersonal):
		code, text = fault.WeakPassword, "the password is a name or an address that others know; choose another"
	case errors.Is(err, ErrCommon):
		code, text = fault.BreachedPassword, "the password is among the most common ones; choose another"
	case errors.Is(err, ErrKnown):
		code, text = fault.BreachedPassword, "the password is publicly known; choose another"
	default:
		return err
	}
	e := fault.Wrap(err, code, text)
	e.Fields = []fault.FieldError{{Field: field, Message: text, Type: "value_error.password"}}
	return e
}
