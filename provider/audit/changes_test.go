//go:build !race

package audit_test

// changes is how many times the record is tampered with on each engine.
const changes = 10_000
