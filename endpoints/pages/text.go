package pages

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds, in runes, on what strangers may put on a page.
const (
	maxName        = 80
	maxIdentifier  = 320
	maxDescription = 400
	maxScopes      = 56       // those of a request, and those that its claims parameter reaches into
	maxHidden      = 16 << 10 // bytes of the transaction and CSRF parameters
)

// clean makes a stranger's string fit for display: one line, at most max
// runes, without control characters, without the marks that change the
// direction of the text around them (Trojan Source, CVE-2021-42574) and
// without towers of accents that reach into the lines above. Long strings are
// cut before anything else is done with them.
func clean(s string, max int) string {
	if plain(s) && len(s) <= max {
		return s
	}
	if limit := 8 * max; len(s) > limit {
		s = s[:limit]
	}
	var b strings.Builder
	n, end, marks, space := 0, 0, 0, false // end: length up to rune max-1
	put := func(r rune) {
		b.WriteRune(r)
		if n++; n == max-1 {
			end = b.Len()
		}
	}
	for _, r := range s {
		switch {
		case n > max:
			return b.String()[:end] + "…"
		case unicode.IsSpace(r):
			space = n > 0
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
			put(' ')
			space = false
		}
		put(r)
	}
	if n > max {
		return b.String()[:end] + "…"
	}
	return b.String()
}

// maxMarks is how many combining marks one letter may carry; no living
// orthography needs more.
const maxMarks = 4

// The joiners are format characters that several scripts and emoji need.
const (
	zwnj = '\u200c'
	zwj  = '\u200d'
)

// plain reports whether s is printable ASCII without spaces at its ends or in
// a row, which clean would return unchanged.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == ' ' && (i == 0 || i == len(s)-1 || s[i-1] == ' ') {
			return false
		}
	}
	return true
}

// initial is the letter that stands for a name without a picture.
func initial(name string) string {
	for _, r := range name {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return string(unicode.ToUpper(r))
		}
	}
	return "•"
}
