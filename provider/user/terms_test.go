package user_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/change/changetest"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/storage"
)

func TestTerms(t *testing.T) {
	for _, c := range []struct {
		query string
		want  []string
	}{
		{"", nil},
		{"  ", nil},
		{"ADA Love", []string{"ada", "love"}},
		{"ada ada", []string{"ada"}},
		{"José Müller", []string{"jose", "muller"}},
		{"STRASSE straße", []string{"strasse"}},
		{"ﬁne Ａda", []string{"fine", "ada"}}, // compatibility forms
		{"Ada@Acme.Test", []string{"ada@acme.test"}},
		{"@acme.test", []string{"@acme.test"}},
		{"acme.test,bob; (carol)", []string{"acme.test", "bob", "carol"}},
		{"Jean-Luc", []string{"jean-luc"}},
		{"İstanbul", []string{"istanbul"}},
		{"Ωmega", []string{"ωmega"}},
		{"a\x00b\xff", []string{"a\x00b"}},
		{strings.Repeat("ü", 40), []string{strings.Repeat("u", 40)}},
		{strings.Repeat("ж", 40), []string{strings.Repeat("ж", 32)}}, // cut between characters
	} {
		if got := user.Terms(c.query); !slices.Equal(got, c.want) {
			t.Errorf("Terms(%q) = %q, want %q", c.query, got, c.want)
		}
	}
	if got := user.Terms(strings.Repeat("a b c d e f g h i j k l m n o p q r s t u v w x y z ", 100)); len(got) != user.MaxTerms {
		t.Errorf("%d terms of a long query", len(got))
	}
}

// Folding what is folded changes nothing, and what comes out is bounded text.
func FuzzTerms(f *testing.F) {
	for _, seed := range []string{"Ada Lovelace", "ﬁ ŉ ΐ", "ẞß", "İi̇", "\u0345", "a\u0300\u0301", "𝔄𝔡𝔞", "ﷺ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		terms := user.Terms(query)
		if len(terms) > user.MaxTerms {
			t.Fatalf("%d terms", len(terms))
		}
		for _, term := range terms {
			if term == "" || len(term) > 64 || !utf8.ValidString(term) {
				t.Fatalf("%q gives %q", query, term)
			}
		}
	})
}

// found says whom a query finds, by what stands in the store.
func found(t *testing.T, f *changetest.Fixture, query string) []string {
	t.Helper()
	users, err := f.Store.QueryUsers(t.Context(), storage.UserQuery{Terms: user.Terms(query), Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{}
	for _, u := range users {
		ids = append(ids, u.ID)
	}
	return ids
}

func TestPeopleAreFoundByNameAndAddress(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		f := fs[0]
		s, _ := services(f)
		u, err := s.Create(t.Context(), access.Root(), user.Account{
			Email: "Jean.Picard@Enterprise.test", Source: "admin",
			Profile: map[string]any{"name": "Jean-Luc Picard", "given_name": "Jean-Luc", "family_name": "Picard", "preferred_username": "Captain_P"},
		})
		if err != nil {
			t.Fatal(err)
		}
		create(t, s, "data@enterprise.test")
		finds := func(query string, want bool) {
			t.Helper()
			if got := slices.Contains(found(t, f, query), u.ID); got != want {
				t.Errorf("%q finds: %v, want %v", query, got, want)
			}
		}
		for _, query := range []string{"jean", "PICARD", "jean-l", "luc pic", "jean.pic", "jean.picard@e", "enterprise.te", "captain", "Ｐicard"} {
			finds(query, true)
		}
		for _, query := range []string{"icard", "jean data", "data@", "test"} {
			finds(query, false)
		}
		if _, err := s.UpdateProfile(t.Context(), u.ID, map[string]any{"family_name": "Locutus", "name": "Locutus"}, "self"); err != nil {
			t.Fatal(err)
		}
		finds("locutus", true)
		finds("luc picard", true) // the given name, and the mailbox
		if _, err := s.SetEmail(t.Context(), u.ID, "l@borg.test", true, "admin"); err != nil {
			t.Fatal(err)
		}
		finds("borg.test", true)
		finds("picard", false)
		s.DeletionGrace = 1
		if _, err := s.Delete(t.Context(), u.ID, "own_wish"); err != nil {
			t.Fatal(err)
		}
		finds("locutus", false)
	})
}

// TestReindex: accounts from before there were words are found by name again,
// page by page, whoever changes their name meanwhile.
func TestReindex(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		f := fs[0]
		s, _ := services(f)
		var people []storage.User
		for _, name := range []string{"ada", "grace", "joan", "mary", "radia"} {
			u := create(t, s, name+"@acme.test")
			if err := f.Store.PutUserTerms(t.Context(), u.ID, nil); err != nil {
				t.Fatal(err)
			}
			people = append(people, u)
		}
		if _, err := s.Delete(t.Context(), people[4].ID, "test"); err != nil {
			t.Fatal(err)
		}
		found := func(word string) int {
			t.Helper()
			list, err := f.Store.QueryUsers(t.Context(), storage.UserQuery{Terms: user.Terms(word), Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			return len(list)
		}
		if found("ada") != 0 {
			t.Fatal("found without a word")
		}
		var renaming sync.WaitGroup
		renaming.Go(func() {
			for i := range 20 {
				if _, err := s.UpdateProfile(t.Context(), people[0].ID, map[string]any{"name": []string{"Augusta", "Byron"}[i%2]}, "test"); err != nil {
					t.Error(err)
				}
			}
		})
		pages := 0
		for after := ""; ; pages++ {
			last, n, err := s.Reindex(t.Context(), after, 2)
			if err != nil {
				t.Fatal(err)
			}
			if n < 2 {
				break
			}
			after = last
		}
		renaming.Wait()
		if pages != 2 {
			t.Errorf("%d full pages of five people", pages)
		}
		for word, want := range map[string]int{"ada": 1, "byron": 1, "augusta": 0, "grace": 1, "mary@acme.test": 1, "acme.test": 4, "radia": 0} {
			if got := found(word); got != want {
				t.Errorf("%q finds %d, want %d", word, got, want)
			}
		}
	})
}
