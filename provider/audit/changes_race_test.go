//go:build race

package audit_test

// changes are fewer under the race detector, which makes each several times
// slower and sees in these what it would see in all.
const changes = 1_000
