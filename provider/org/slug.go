package org

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

const maxSlug = 63

// ValidSlug says whether s matches [a-z0-9][a-z0-9-]{0,62}, does not end in "-"
// and cannot be taken for an id.
func ValidSlug(s string) bool {
	if s == "" || len(s) > maxSlug || s[0] == '-' || s[len(s)-1] == '-' || looksLikeID(s) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !slugByte(c) && c != '-' {
			return false
		}
	}
	return true
}

func slugByte(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

// looksLikeID: an organization is found by id or slug, so no slug has the form
// of an id (8-4-4-4-12).
func looksLikeID(s string) bool {
	return len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-'
}

// SlugOf derives a slug from a name: letters without their accents, in lower
// case, with "-" for what lies between. It is "" when nothing is left.
func SlugOf(name string) string {
	var b strings.Builder
	dash := false
	for _, r := range norm.NFKD.String(strings.ToLower(name)) {
		switch {
		case r < 0x80 && slugByte(byte(r)):
			if dash && b.Len() > 0 {
				b.WriteByte('-')
			}
			b.WriteByte(byte(r))
			dash = false
		case r >= 0x300 && r <= 0x36f: // combining marks: the accents
		default:
			dash = true
		}
		if b.Len() >= maxSlug {
			break
		}
	}
	s := strings.TrimRight(b.String()[:min(b.Len(), maxSlug)], "-")
	if looksLikeID(s) {
		return ""
	}
	return s
}
