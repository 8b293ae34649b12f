package password

import (
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxJudged bounds what Strength looks at, in characters: its work grows with
// the square of the length, and a longer password is strong unless its
// beginning is all it has.
const maxJudged = 64

// Strength estimates how hard a password is to guess for somebody who knows how
// people make them: 0 (at once), 1, 2, 3 to 4 (not even offline). It is advice
// and decides nothing: what Check refuses is 0, and what it accepts may be any.
// words are those of Check.
//
// It thinks as zxcvbn does (Wheeler, USENIX Security 2016): the password is cut
// into words, repetitions, runs along the alphabet or the keyboard, years, and
// characters that are none of these, so that the guesses for all parts together
// are fewest; the number of those is what it is worth.
func (p *Policy) Strength(pw string, words ...string) int {
	if p.Check(pw, words...) != nil {
		return 0
	}
	e := estimator{words: p.dictionary(), own: map[string]bool{}}
	for _, list := range [][]string{p.Words, words} {
		for _, w := range list {
			for _, part := range append(strings.FieldsFunc(fold(w), separates), bare(fold(w))) {
				if letters, _ := plain(part); len(letters) >= shortestWord {
					e.own[string(letters)] = true
				}
			}
		}
	}
	guesses := e.guesses(plain(pw))
	for score, limit := range []float64{3, 6, 8, 10} { // powers of ten
		if guesses < limit+0.01 {
			return score
		}
	}
	return 4
}

// plain is a password in lower-case ASCII, one byte for a character, and which
// of them were capitals. Accents are taken off, other letters become some letter
// each: what counts is where they repeat.
func plain(pw string) (letters []byte, capital []bool) {
	for _, r := range norm.NFKD.String(pw) {
		if len(letters) == maxJudged {
			break
		}
		if unicode.Is(unicode.Mn, r) {
			continue
		}
		low := unicode.ToLower(r)
		if low >= utf8.RuneSelf {
			low = 'a' + low%26
		}
		letters, capital = append(letters, byte(low)), append(capital, unicode.IsUpper(r))
	}
	return letters, capital
}

// estimator holds what is known beforehand. Guesses are powers of ten
// throughout, so that what is multiplied is added.
type estimator struct {
	words dictionary
	own   map[string]bool // of the person's surroundings
}

const (
	anyCharacter = 1.0 // of no pattern: ten guesses
	aYear        = 2.0
	aSwap        = 0.3 // letters replaced by the digits that look like them, or one capital in front
	someCapitals = 1.0
)

// guesses is how many the whole password takes.
func (e estimator) guesses(s []byte, capital []bool) float64 {
	ends := e.patterns(s, capital)
	for _, r := range repeats(s) {
		block := r.from + r.period
		cost := e.guesses(s[r.from:block], capital[r.from:block]) + math.Log10(float64(r.end-r.from)/float64(r.period))
		ends[r.end] = append(ends[r.end], part{r.from, cost})
	}
	return cheapest(s, ends)
}

// part is a pattern in a password: from where it begins, what it takes.
type part struct {
	from int
	cost float64
}

// cheapest cuts s into parts, given by where they end, so that they take the
// fewest guesses.
func cheapest(s []byte, ends [][]part) float64 {
	best := make([]float64, len(s)+1)
	for end := 1; end <= len(s); end++ {
		best[end] = best[end-1] + anyCharacter
		for _, p := range ends[end] {
			best[end] = min(best[end], best[p.from]+p.cost)
		}
	}
	return best[len(s)]
}

// patterns finds words, runs and years, by where they end.
func (e estimator) patterns(s []byte, capital []bool) [][]part {
	ends := make([][]part, len(s)+1)
	swapped := [][]byte{swap(s, 'i'), swap(s, 'l')}
	for from := range s {
		for end := from + shortestWord; end <= min(len(s), from+longestWord); end++ {
			cost := math.Inf(1)
			if own, ok := e.word(s[from:end]); ok {
				cost = own
			}
			for _, t := range swapped {
				if own, ok := e.word(t[from:end]); ok {
					cost = min(cost, own+aSwap)
				}
			}
			if !math.IsInf(cost, 1) {
				ends[end] = append(ends[end], part{from, cost + capitals(capital[from:end])})
			}
		}
		if end := run(s, from); end-from >= shortestWord {
			ends[end] = append(ends[end], part{from, math.Log10(float64(20 * (end - from)))})
		}
		if end := from + 4; end <= len(s) && year(s[from:end]) {
			ends[end] = append(ends[end], part{from, aYear})
		}
	}
	return ends
}

func (e estimator) word(s []byte) (cost float64, ok bool) {
	if e.own[string(s)] {
		return 0, true
	}
	c, ok := e.words[string(s)]
	return float64(c), ok
}

// swap turns digits and signs back into the letters they stand for.
func swap(s []byte, one byte) []byte {
	out := []byte(strings.NewReplacer("4", "a", "@", "a", "3", "e", "0", "o", "$", "s", "5", "s", "7", "t", "8", "b", "6", "g").Replace(string(s)))
	for i, c := range out {
		if c == '1' || c == '!' || c == '|' {
			out[i] = one
		}
	}
	return out
}

// capitals is what the capitals of a word add.
func capitals(capital []bool) float64 {
	n := 0
	for _, c := range capital {
		if c {
			n++
		}
	}
	switch {
	case n == 0:
		return 0
	case n == len(capital), n == 1 && (capital[0] || capital[len(capital)-1]):
		return aSwap
	}
	return someCapitals
}

// keyboards are the rows and columns of some, forwards and backwards.
var keyboards = strings.Fields(`
	1234567890 qwertyuiop asdfghjkl zxcvbnm qwertzuiop yxcvbnm azertyuiop qsdfghjklm wxcvbn
	1qaz2wsx3edc4rfv5tgb6yhn7ujm 1q2w3e4r5t6y7u8i9o0p qazwsxedcrfvtgb !@#$%^&*()
	0987654321 poiuytrewq lkjhgfdsa mnbvcxz poiuztrewq mnbvcxy poiuytreza mlkjhgfdsq nbvcxw`)

// run is where a run through the alphabet, the digits or a keyboard ends that
// begins at from.
func run(s []byte, from int) int {
	end := from + 1
	for step := 0; end < len(s); end++ {
		d := int(s[end]) - int(s[end-1])
		if d != 1 && d != -1 || step != 0 && d != step {
			break
		}
		step = d
	}
	for _, k := range keyboards {
		at := strings.IndexByte(k, s[from])
		if at < 0 {
			continue
		}
		n := 1
		for from+n < len(s) && at+n < len(k) && s[from+n] == k[at+n] {
			n++
		}
		end = max(end, from+n)
	}
	return end
}

// year is one that people choose.
func year(s []byte) bool {
	return (string(s[:2]) == "19" || string(s[:2]) == "20") && unicode.IsDigit(rune(s[2])) && unicode.IsDigit(rune(s[3]))
}

// repeat is a block said again and again.
type repeat struct{ from, end, period int }

// repeats finds them by their shortest block, so that what is within one is
// looked at once.
func repeats(s []byte) []repeat {
	var found []repeat
	for period := 1; 2*period <= len(s); period++ {
		for from := 0; from+2*period <= len(s); {
			end := from + period
			for end < len(s) && s[end] == s[end-period] {
				end++
			}
			r := repeat{from, end, period}
			if end-from >= max(2*period, shortestWord) && !slices.ContainsFunc(found, r.within) {
				found = append(found, r)
			}
			from = max(from+1, end-period+1)
		}
	}
	return found
}

func (r repeat) within(other repeat) bool { return other.from <= r.from && r.end <= other.end }
