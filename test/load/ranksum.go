package main

import (
	"math"
	"slices"
	"time"
)

// comparison says how far two samples of times differ.
type comparison struct {
	MedianA float64 `json:"median_a_us"`
	MedianB float64 `json:"median_b_us"`
	P99A    float64 `json:"p99_a_us"`
	P99B    float64 `json:"p99_b_us"`
	// Longer is how often one of A took longer than one of B, of all pairs that
	// could be made of them: 0.5 when the two do not differ.
	Longer float64 `json:"a_longer"`
	// P is the two-sided p-value of the Mann-Whitney U test: how probable a
	// Longer as far from 0.5 is when both come from the same distribution.
	P float64 `json:"p"`
}

// compare compares two samples, neither of them empty.
func compare(a, b []time.Duration) comparison {
	quantile := func(sample []time.Duration, q float64) float64 {
		sorted := slices.Sorted(slices.Values(sample))
		return micros(sorted[min(len(sorted)-1, int(q*float64(len(sorted))))])
	}
	c := comparison{MedianA: quantile(a, .5), MedianB: quantile(b, .5), P99A: quantile(a, .99), P99B: quantile(b, .99)}
	c.Longer, c.P = rankSum(a, b)
	return c
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// rankSum is the Mann-Whitney U test by the normal approximation, with the
// corrections for ties and for continuity; good from some ten of each on.
func rankSum(a, b []time.Duration) (longer, p float64) {
	type value struct {
		took time.Duration
		ofA  bool
	}
	all := make([]value, 0, len(a)+len(b))
	for _, d := range a {
		all = append(all, value{d, true})
	}
	for _, d := range b {
		all = append(all, value{d, false})
	}
	slices.SortFunc(all, func(x, y value) int { return int(x.took - y.took) })
	n, m, total := float64(len(a)), float64(len(b)), float64(len(all))
	var ranks, ties float64
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j].took == all[i].took {
			j++
		}
		rank, t := float64(i+j+1)/2, float64(j-i) // equal values share the mean of their ranks
		for _, v := range all[i:j] {
			if v.ofA {
				ranks += rank
			}
		}
		ties += t*t*t - t
		i = j
	}
	u := ranks - n*(n+1)/2
	deviation := math.Sqrt(n * m / 12 * (total + 1 - ties/(total*(total-1))))
	if deviation == 0 {
		return 0.5, 1 // all equal
	}
	z := max(0, math.Abs(u-n*m/2)-0.5) / deviation
	return u / (n * m), math.Erfc(z / math.Sqrt2)
}
