package password

import (
	"encoding/json"
	"math"
	"strings"

	"github.com/ccojocar/zxcvbn-go/data"
)

// wordLists are those of zxcvbn, commonest word first. Its data alone is
// imported: the estimator around it builds its tables when the program starts,
// which takes longer than all the rest of our start.
var wordLists = []string{"Passwords", "English", "FemaleNames", "MaleNames", "Surnames"}

const (
	shortestWord = 3
	longestWord  = 24
)

// dictionary says how many guesses a word takes, as a power of ten.
type dictionary map[string]float32

func readDictionary() dictionary {
	d := dictionary{}
	for _, name := range wordLists {
		raw, err := data.Asset("data/" + name + ".json")
		if err != nil {
			continue // it is part of the binary; a test reads each
		}
		var file struct{ List []string }
		if json.Unmarshal(raw, &file) != nil {
			continue
		}
		d.rank(file.List)
	}
	d.rank(strings.Fields(commonPasswords))
	return d
}

// rank adds words, commonest first.
func (d dictionary) rank(words []string) {
	for i, w := range words {
		guesses := float32(math.Log10(float64(i + 1)))
		if known, ok := d[w]; len(w) >= shortestWord && len(w) <= longestWord && (!ok || guesses < known) {
			d[w] = guesses
		}
	}
}
