package password

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// made says whether a password is one of the words and at most digits around
// it ("alice2024"), in any case; spaces and punctuation do not count. A name or
// host is taken whole and in its parts, an address also by what stands before
// the @.
func made(pw string, words []string) bool {
	if len(words) == 0 {
		return false
	}
	folded := fold(pw)
	plain := bare(folded)
	for _, w := range words {
		if w = fold(w); w != "" && w == folded {
			return true
		}
		for _, form := range forms(w) {
			if form = bare(form); form != "" && form == plain {
				return true
			}
		}
	}
	return false
}

// forms are a word, what stands before its @, its labels and its parts.
func forms(w string) []string {
	local, _, _ := strings.Cut(w, "@")
	labels := strings.FieldsFunc(w, func(r rune) bool { return strings.ContainsRune(".@ ", r) })
	return slices.Concat([]string{w, local}, labels, strings.FieldsFunc(w, separates))
}

// fold makes text equal that people read as the same.
func fold(s string) string { return cases.Fold().String(norm.NFKC.String(s)) }

func separates(r rune) bool { return !unicode.In(r, unicode.L, unicode.M, unicode.N) }

// bare is text without what separates words and without digits at its ends.
func bare(s string) string {
	s = strings.Map(func(r rune) rune {
		if separates(r) {
			return -1
		}
		return r
	}, s)
	return strings.TrimFunc(s, unicode.IsDigit)
}

// WordsOf are the words of a person: their address and the claims of their
// profile that name them (OpenID Connect Core §5.1).
func WordsOf(email string, profile map[string]any) []string {
	words := []string{email}
	for _, claim := range []string{"name", "given_name", "middle_name", "family_name", "nickname", "preferred_username"} {
		if text, _ := profile[claim].(string); text != "" {
			words = append(words, text)
		}
	}
	return words
}
