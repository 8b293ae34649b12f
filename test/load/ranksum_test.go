package main

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func sample(values ...int) []time.Duration {
	out := make([]time.Duration, len(values))
	for i, v := range values {
		out[i] = time.Duration(v) * time.Microsecond
	}
	return out
}

func TestRankSum(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		a, b      []time.Duration
		longer, p float64
	}{
		// U = 0, mean 4.5, variance 3·3·7/12: z = 4/√5.25.
		{"apart", sample(1, 2, 3), sample(4, 5, 6), 0, math.Erfc(4 / math.Sqrt(5.25) / math.Sqrt2)},
		{"apart, the other way", sample(4, 5, 6), sample(1, 2, 3), 1, math.Erfc(4 / math.Sqrt(5.25) / math.Sqrt2)},
		{"the same", sample(1, 2, 3), sample(1, 2, 3), 0.5, 1},
		{"all equal", sample(7, 7), sample(7, 7, 7), 0.5, 1},
		// Ranks of A 2.5, 2.5, 4.5: U = 3.5, and two ties of two and of two.
		{"ties", sample(2, 2, 3), sample(1, 3, 4), 3.5 / 9, math.Erfc(0.5 / math.Sqrt(9./12*(7-12./30)) / math.Sqrt2)},
	} {
		longer, p := rankSum(c.a, c.b)
		if math.Abs(longer-c.longer) > 1e-9 || math.Abs(p-c.p) > 1e-9 {
			t.Errorf("%s: %v, p %v; want %v, p %v", c.name, longer, p, c.longer, c.p)
		}
	}
}

// TestRankSumSides: which of the two is called A plays no part, nor does the
// order of measurement.
func TestRankSumSides(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		times := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) time.Duration { return time.Duration(rapid.IntRange(1, 20).Draw(t, "took")) }), 1, 40)
		a, b := times.Draw(t, "a"), times.Draw(t, "b")
		longer, p := rankSum(a, b)
		other, q := rankSum(rapid.Permutation(b).Draw(t, "b again"), rapid.Permutation(a).Draw(t, "a again"))
		if math.Abs(longer+other-1) > 1e-9 || math.Abs(p-q) > 1e-9 || p < 0 || p > 1 {
			t.Fatalf("%v, p %v; the other way %v, p %v", longer, p, other, q)
		}
	})
}
