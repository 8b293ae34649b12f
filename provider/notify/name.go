package notify

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName bounds, in runes, a name in a message.
const maxName = 64

// maxMarks is how many combining marks one letter may carry; no living
// orthography needs more.
const maxMarks = 4

// The joiners are format characters that several scripts and emoji need.
const (
	zwnj = '\u200c'
	zwj  = '\u200d'
)

// name makes a stranger's words fit for a message that we sign: one line, at
// most maxName runes, no control characters, nothing that changes the direction
// of the text around it, no towers of accents, and nothing that a mail program
// would make a link of.
func name(s string) string {
	if limit := 16 * maxName; len(s) > limit {
		s = s[:limit]
	}
	runes := []rune(unlink(oneLine(strings.ToValidUTF8(s, ""))))
	if len(runes) > maxName {
		return strings.TrimRightFunc(string(runes[:maxName-1]), unicode.IsSpace) + "…"
	}
	return string(runes)
}

func oneLine(s string) string {
	var b strings.Builder
	marks, space := 0, false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			space = b.Len() > 0
			continue
		case r == utf8.RuneError, unicode.IsControl(r), unicode.Is(unicode.Cf, r) && r != zwj && r != zwnj:
			continue
		case unicode.In(r, unicode.Mn, unicode.Me):
			if marks++; marks > maxMarks {
				continue
			}
		default:
			marks = 0
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

// unlink takes apart what mail programs turn into links: schemes
// (http://evil.example), host names and addresses (evil.example, me@evil.example,
// 192.0.2.1), and what headers would be decoded by (=?utf-8?q?...?=, RFC 2047):
// a subject that looks encoded already is sent as it is. A gap after the dot
// leaves names like "Acme Inc." and "St. Gallen" as they are and "Booking.com"
// readable.
func unlink(s string) string {
	var b strings.Builder
	runes := []rune(s)
	for i, r := range runes {
		switch {
		case isSlash(r) && i > 0 && (isSlash(runes[i-1]) || runes[i-1] == ':'):
			continue
		case (isSlash(r) || r == ':') && i+1 < len(runes) && isSlash(runes[i+1]):
			b.WriteByte(' ') // for the whole of "://" or "//"
			continue
		}
		b.WriteRune(r)
		if i+1 < len(runes) && parts(r, runes[i+1]) {
			b.WriteByte(' ')
		}
	}
	return oneLine(b.String())
}

// parts says whether two neighbours must not stay together.
func parts(r, next rune) bool {
	if r == '=' {
		return next == '?'
	}
	return (isDot(r) || r == '@' || r == '＠' || r == ':') && !unicode.IsSpace(next)
}

func isSlash(r rune) bool { return r == '/' || r == '\\' || r == '／' || r == '⁄' || r == '∕' }

// isDot knows what UTS #46 takes for the dot between the labels of a host, and
// the leaders that look like one.
func isDot(r rune) bool {
	return r == '.' || r == '。' || r == '．' || r == '｡' || r == '․'
}

// MaskEmail shows enough of an address for its owner to know it, and too little
// for others to learn it: a•••@e•••.test for alice@example.test.
func MaskEmail(address string) string {
	local, host, ok := strings.Cut(address, "@")
	if !ok {
		return "•••"
	}
	top := ""
	if i := strings.LastIndexByte(host, '.'); i > 0 {
		host, top = host[:i], host[i:]
	}
	return oneLine(first(local) + "•••@" + first(host) + "•••" + top)
}

// MaskPhone shows the last two digits of a number: •••• 67 for +4915123456767.
func MaskPhone(number string) string {
	if len(number) < 6 {
		return "••••"
	}
	return "•••• " + oneLine(number[len(number)-2:])
}

func first(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}
