package password

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestWords(t *testing.T) {
	p := NewPolicy(0)
	p.Words = []string{"signet", "login.acme-corp.example"}
	words := append(WordsOf("alice.liddell+home@wonder.land", map[string]any{
		"name": "Alice Pleasance Liddell", "given_name": "Alice", "family_name": "Straße", "nickname": 7, "website": "https://rabbithole.example",
	}), "Looking-Glass House", "李")
	for _, tc := range []struct {
		name, password string
		want           error
	}{
		{"address", "alice.liddell+home@wonder.land", ErrPersonal},
		{"address in capitals", "ALICE.LIDDELL+HOME@WONDER.LAND", ErrPersonal},
		{"local part", "alice.liddell+home", ErrPersonal},
		{"local part without its signs", "aliceliddellhome", ErrPersonal},
		{"part of a name, digits after", "alice2024", ErrPersonal},
		{"digits before", "1865Liddell", ErrPersonal},
		{"on both sides", "18Liddell65", ErrPersonal},
		{"whole name", "Alice Pleasance Liddell", ErrPersonal},
		{"whole name, joined", "alicepleasanceliddell7", ErrPersonal},
		{"case that changes length", "STRASSE1865", ErrPersonal},
		{"wide letters", "ａｌｉｃｅ２０２４", ErrPersonal},
		{"punctuation around digits", "alice-2024!!", ErrPersonal},
		{"organization", "looking-glass house", ErrPersonal},
		{"another script", "李20240101", ErrPersonal},
		{"digits of another script", "alice٢٠٢٤", ErrPersonal},
		{"host", "login.acme-corp.example", ErrPersonal},
		{"label of the host", "acme-corp99", ErrPersonal},
		{"service", "Signet2024", ErrPersonal},
		{"host of the address", "wonder2024", ErrPersonal},
		{"a name and more", "alice and the caterpillar", nil},
		{"letters around", "xalicex99", nil},
		{"a word twice", "alicealice", nil},
		{"not a name", "rabbithole9", nil},
		{"signs only", "!!!!!!!!!", nil},
		{"digits only", "8362947561", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if err := p.Check(tc.password, words...); !errors.Is(err, tc.want) {
				t.Fatalf("err = %v, want %v", err, tc.want)
			}
		})
	}
}

// TestWordsAround: whatever the word, digits around it make no password, and a
// letter more does.
func TestWordsAround(t *testing.T) {
	p := NewPolicy(0)
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a-zäöü]{6,12}`).Draw(t, "word")
		before, after := rapid.StringMatching(`[0-9]{1,4}`).Draw(t, "before"), rapid.StringMatching(`[0-9]{1,4}`).Draw(t, "after")
		if err := p.Check(before+strings.ToUpper(word)+after, word); !errors.Is(err, ErrPersonal) {
			t.Fatalf("%s%s%s: %v", before, word, after, err)
		}
		if err := p.Check(before+word+"x"+after, word); errors.Is(err, ErrPersonal) {
			t.Fatal("a letter more is another word")
		}
	})
}
