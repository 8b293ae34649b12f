package user

import (
	"errors"
	"strings"

	"golang.org/x/net/idna"
)

// Bounds of RFC 5321 §4.5.3.1 (an address in a path is at most 254 bytes).
const (
	maxEmail     = 254
	maxLocalPart = 64
)

// ErrEmail means that the text is not an e-mail address that we take.
var ErrEmail = errors.New("user: not an e-mail address")

// Canonical returns the one form of an e-mail address under which an account is
// looked up, limited and locked:
//
//   - white space around it is cut off;
//   - the part before the @ is a dot-atom of ASCII (RFC 5321 §4.1.2, no quoted
//     strings), in lower case: mailboxes that differ only in case are one
//     person's everywhere that matters;
//   - the domain is in lower case and in its ASCII form (IDNA2008 lookup,
//     RFC 5891 §5), has at least two labels and is no address literal.
//
// Dots and +tags are kept: what they mean is the mail provider's business.
// Mailboxes that are not ASCII (RFC 6531) are refused: two that look alike must
// not be two accounts. Canonical of a canonical form is itself.
func Canonical(email string) (string, error) {
	email = strings.Trim(email, " \t\r\n")
	if len(email) > maxEmail {
		return "", ErrEmail
	}
	at := strings.LastIndexByte(email, '@')
	if at < 1 || at > maxLocalPart || !dotAtom(email[:at]) {
		return "", ErrEmail
	}
	domain, err := canonicalDomain(email[at+1:])
	if err != nil || at+1+len(domain) > maxEmail {
		return "", ErrEmail
	}
	return strings.ToLower(email[:at]) + "@" + domain, nil
}

// dotAtom says whether s is atoms of RFC 5322 §3.2.3 with single dots between.
func dotAtom(s string) bool {
	for atom := range strings.SplitSeq(s, ".") {
		if atom == "" {
			return false
		}
		for i := range len(atom) {
			if !atomByte(atom[i]) {
				return false
			}
		}
	}
	return true
}

func atomByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

func canonicalDomain(domain string) (string, error) {
	profile := idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true), idna.CheckHyphens(true))
	ascii, err := profile.ToASCII(domain)
	if err != nil {
		return "", ErrEmail
	}
	// What the conversion lets through must be a name in its own right: it makes
	// some of bytes that are no text.
	if again, err := profile.ToASCII(ascii); err != nil || again != ascii {
		return "", ErrEmail
	}
	labels := strings.Split(ascii, ".")
	if len(labels) < 2 || onlyDigits(labels[len(labels)-1]) {
		return "", ErrEmail
	}
	return ascii, nil
}

// onlyDigits: a last label of digits would make the domain an IPv4 address.
func onlyDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// CanonicalDomain returns the one form of a DNS domain: lower case, ASCII
// (IDNA2008), at least two labels, no address; ErrEmail when it is none.
func CanonicalDomain(domain string) (string, error) {
	return canonicalDomain(strings.TrimSuffix(strings.Trim(domain, " \t\r\n"), "."))
}
