package user

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/storage"
)

// Bounds of the words by which a person is found.
const (
	MaxTerms = 24 // of one person, and of one query
	maxTerm  = 64 // bytes
	maxQuery = 1024
)

// Terms folds what somebody searches for into words: each is the beginning of a
// word of those it finds (storage.MemberQuery, storage.UserQuery). "ADA Love"
// gives "ada" and "love"; "ada@" finds by the whole address, "acme.test" by its
// domain. It never returns more than MaxTerms.
func Terms(query string) []string {
	terms := list{}
	terms.whole(query)
	return terms.words
}

// termsOf are the words an account is found by: those of the names, each whole
// and by its parts, and of the address the mailbox, the domain and the whole.
func termsOf(u storage.User) []string {
	if u.Status == storage.UserDeleted {
		return nil
	}
	terms := list{}
	mailbox, domain, _ := strings.Cut(u.EmailCanonical, "@")
	terms.add(u.EmailCanonical)
	terms.add(domain)
	names := []string{mailbox}
	for _, member := range []string{"family_name", "given_name", "preferred_username", "name"} {
		if s, ok := u.Profile[member].(string); ok {
			names = append(names, s)
		}
	}
	for _, s := range names {
		terms.whole(s)
	}
	for _, s := range names {
		terms.parts(s)
	}
	return terms.words
}

// Reindex makes the words anew by which people are found, of a page of accounts
// in the order of their ids; it returns the last id and how many they were. It
// is for accounts that were written before there were words, or by other rules.
func (s *Service) Reindex(ctx context.Context, after string, limit int) (last string, n int, err error) {
	page, err := s.List(ctx, after, limit)
	if err != nil {
		return after, 0, err
	}
	for _, listed := range page {
		err := s.changes.Do(ctx, "user: reindex", func(ctx context.Context, _ *change.Change) error {
			// Whoever changes the name at the same time comes before or after.
			if err := s.store.LockUser(ctx, listed.ID); err != nil {
				return err
			}
			u, err := s.store.UserByID(ctx, listed.ID)
			if err != nil {
				return err
			}
			return s.store.PutUserTerms(ctx, u.ID, termsOf(u))
		})
		if err != nil {
			return after, n, err
		}
		after = listed.ID
		n++
	}
	return after, n, nil
}

// list collects folded words, each once.
type list struct{ words []string }

func (l *list) add(word string) {
	word = cutTerm(word)
	if word == "" || len(l.words) == MaxTerms {
		return
	}
	for _, have := range l.words {
		if have == word {
			return
		}
	}
	l.words = append(l.words, word)
}

// whole adds what stands between blanks, without the punctuation around it.
func (l *list) whole(s string) {
	for _, word := range strings.FieldsFunc(fold(s), func(r rune) bool { return unicode.IsSpace(r) || r == ',' || r == ';' }) {
		l.add(strings.TrimFunc(word, func(r rune) bool { return !letter(r) && r != '@' }))
	}
}

// parts adds what stands between any two marks: of jean-luc, jean and luc.
func (l *list) parts(s string) {
	for _, word := range strings.FieldsFunc(fold(s), func(r rune) bool { return !letter(r) }) {
		l.add(word)
	}
}

func letter(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// fold makes words that people take for the same the same bytes: compatibility
// forms decomposed (Unicode UAX #15, NFKC), case folded, accents taken off.
func fold(s string) string {
	if len(s) > maxQuery {
		s = s[:maxQuery]
	}
	s = strings.ToValidUTF8(s, "")
	strip := transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn)), norm.NFKC)
	plain, _, err := transform.String(strip, cases.Fold().String(norm.NFKC.String(s)))
	if err != nil {
		return ""
	}
	// Folding may make what decomposes anew (and the reverse), so once more.
	return cases.Fold().String(plain)
}

func cutTerm(word string) string {
	if len(word) <= maxTerm {
		return word
	}
	n := maxTerm
	for n > 0 && !utf8.RuneStart(word[n]) {
		n--
	}
	return word[:n]
}
