package pages

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestClean(t *testing.T) {
	for _, c := range []struct {
		name, in string
		max      int
		want     string
	}{
		{"plain", "Acme Orders", 80, "Acme Orders"},
		{"exactly as long as allowed", "12345", 5, "12345"},
		{"one too long", "123456", 5, "1234…"},
		{"runes, not bytes", "ééééé", 5, "ééééé"},
		{"spaces and lines become one space", " a \t\r\n b ", 80, "a b"},
		{"controls", "a\x00b\x1b[31mc\u0085d", 80, "ab[31mc d"}, // U+0085 is a line break
		{"direction marks", "a\u202eb\u2066c\u200fd\u061ce", 80, "abcde"},
		{"invisible", "a\u200bb\ufeffc\u00add", 80, "abcd"},
		{"joiners stay", "👩\u200d💻", 80, "👩\u200d💻"},
		{"a tower of accents is levelled", "e" + strings.Repeat("\u0301", 40), 80, "e" + strings.Repeat("\u0301", 4)},
		{"broken UTF-8", "a\xffb", 80, "ab"},
		{"only what is taken out", "\u202e\u200b\x00", 80, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := clean(c.in, c.max); got != c.want {
				t.Errorf("clean(%q, %d) = %q, want %q", c.in, c.max, got, c.want)
			}
		})
	}
}

func TestCleanProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ -~\x{200b}-\x{202e}\x{300}-\x{310}]*`)).Draw(t, "in")
		if rapid.Bool().Draw(t, "long") {
			in = strings.Repeat(in, 50)
		}
		max := rapid.IntRange(2, 100).Draw(t, "max")
		got := clean(in, max)
		if n := utf8.RuneCountInString(got); n > max {
			t.Fatalf("%d runes of at most %d", n, max)
		}
		if !utf8.ValidString(got) {
			t.Fatal("not UTF-8")
		}
		for _, r := range got {
			if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
				t.Fatalf("%q holds %U", got, r)
			}
		}
		if again := clean(got, max); again != got {
			t.Fatalf("not stable: %q, then %q", got, again)
		}
	})
}

func TestInitial(t *testing.T) {
	for in, want := range map[string]string{"acme": "A", "«élan»": "É", "7 seas": "7", "日本": "日", "": "•", "--": "•"} {
		if got := initial(in); got != want {
			t.Errorf("initial(%q) = %q, want %q", in, got, want)
		}
	}
}
