package apply

import "slices"

// nearest returns the name that was most likely meant, or "".
func nearest(name string, names []string) string {
	best, at := "", 3 // at most two letters off
	slices.Sort(names)
	for _, n := range names {
		if d := distance(name, n); d < at && d < len(n) {
			best, at = n, d
		}
	}
	return best
}

// distance counts the letters to insert, drop or change between two short words.
func distance(a, b string) int {
	if len(a) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
