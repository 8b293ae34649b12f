// Package teststore gives tests a migrated store in one call.
package teststore

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/storage/sqlstore"
)

// New returns a migrated store over an SQLite file of its own, closed when the
// test ends.
func New(tb testing.TB) *sqlstore.Store {
	tb.Helper()
	return Open(tb, sqlstore.Options{URL: "sqlite:" + filepath.Join(tb.TempDir(), "signet.db")})
}

// Postgres returns n migrated stores, as many replicas, over one new
// PostgreSQL database.
func Postgres(tb testing.TB, n int) []*sqlstore.Store {
	tb.Helper()
	url := servers.Postgres(tb)
	stores := make([]*sqlstore.Store, n)
	for i := range stores {
		stores[i] = Open(tb, sqlstore.Options{URL: url, MaxConns: 4})
	}
	return stores
}

// patience is the default deadline of a statement: on a busy test machine a
// second and a half can pass without anything being wrong.
const patience = 10 * time.Second

// Open opens and migrates a store with the given options, closed when the test
// ends.
func Open(tb testing.TB, o sqlstore.Options) *sqlstore.Store {
	tb.Helper()
	if o.Timeout == 0 {
		o.Timeout = patience
	}
	s, err := sqlstore.Open(tb.Context(), o)
	if err != nil {
		tb.Fatalf("teststore: %v", err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("teststore: %v", err)
		}
	})
	if err := s.Migrate(tb.Context()); err != nil {
		tb.Fatalf("teststore: %v", err)
	}
	return s
}
