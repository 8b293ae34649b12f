package password

import (
	"strings"
	"testing"

	"github.com/ccojocar/zxcvbn-go/data"
	"pgregory.net/rapid"
)

func TestStrength(t *testing.T) {
	p := NewPolicy(0)
	p.Words = []string{"signet"}
	for _, tc := range []struct {
		name, password string
		least, most    int
	}{
		{"refused: common", "password1", 0, 0},
		{"refused: short", "kx7Qwp3", 0, 0},
		{"refused: a name", "Liddell1865", 0, 0},
		{"word and year", "monkey1999", 0, 1},
		{"word and digit", "dragonfly12", 1, 1},
		{"swapped letters", "P@ssw0rd2024!", 1, 2},
		{"a word twice", "monkeymonkey", 0, 0},
		{"keyboard row", "qwertyuiop", 0, 0},
		{"keyboard, back and forth", "zxcvbnmmnbvcxz", 0, 1},
		{"alphabet", "abcdefghijkl", 0, 0},
		{"backwards", "9876543210", 0, 0},
		{"one character", strings.Repeat("a", 20), 0, 0},
		{"a signed repetition", "xkcdxkcdxkcd", 1, 2},
		{"one emoji", "🙂🙂🙂🙂🙂🙂🙂🙂", 0, 0},
		{"accents", "pässwörd pässwörd", 0, 1},
		{"own name and more", "liddell caterpillar", 1, 3},
		{"service and more", "signet signet signet", 0, 1},
		{"eight by chance", "kx7Qwp3z", 2, 2},
		{"ten by chance", "kx7Qwp3z-T", 3, 3},
		{"twelve by chance", "jv8#Kd91!qpZ", 4, 4},
		{"four words", "correct horse battery staple", 4, 4},
		{"another script", "съешь ещё этих мягких", 4, 4},
		{"longest", strings.Repeat("jv8#Kd91!qpZrB_0", MaxLength/16), 4, 4},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := p.Strength(tc.password, "Alice Liddell"); got < tc.least || got > tc.most {
				t.Errorf("%q: %d, want %d to %d", tc.password, got, tc.least, tc.most)
			}
		})
	}
}

// TestDictionary: each list is where we look for it.
func TestDictionary(t *testing.T) {
	for _, name := range wordLists {
		if raw, err := data.Asset("data/" + name + ".json"); err != nil || len(raw) < 1000 {
			t.Errorf("%s: %d bytes, %v", name, len(raw), err)
		}
	}
	d := readDictionary()
	for _, w := range []string{"password", "horse", "mary", "james", "smith"} {
		if _, ok := d[w]; !ok {
			t.Errorf("%s is no word", w)
		}
	}
	if len(d) < 80_000 {
		t.Errorf("%d words", len(d))
	}
}

// TestStrengthTwice: nothing is worth more than its characters, and twice the
// same is hardly worth more than once.
func TestStrengthTwice(t *testing.T) {
	e := estimator{words: readDictionary()}
	guesses := func(pw string) float64 { return e.guesses(plain(pw)) }
	rapid.Check(t, func(t *rapid.T) {
		pw := rapid.StringMatching(`[ -~]{1,30}`).Draw(t, "password")
		g := guesses(pw)
		if g < 0 || g > float64(len(pw)) {
			t.Fatalf("%q takes 10^%.2f guesses", pw, g)
		}
		if twice := guesses(pw + pw); len(pw) > 1 && twice > g+1 {
			t.Fatalf("%q takes 10^%.2f guesses, twice the same 10^%.2f", pw, g, twice)
		}
	})
}

// BenchmarkStrength: what costs most of what may be asked.
func BenchmarkStrength(b *testing.B) {
	p := NewPolicy(0)
	for name, pw := range map[string]string{
		"usual":     "correct horse battery staple",
		"repeats":   strings.Repeat("a", MaxLength),
		"keyboards": strings.Repeat("1qaz2wsx", MaxLength/8),
		"swapped":   strings.Repeat("@4e3i1o0s$", MaxLength/10),
	} {
		b.Run(name, func(b *testing.B) {
			p.Strength(pw)
			for b.Loop() {
				p.Strength(pw)
			}
		})
	}
}
