package sqlstore_test

import (
	"testing"

	"github.com/signet-idp/signet/internal/testkit/teststore"
	"github.com/signet-idp/signet/storage/storagetest"
)

func TestSQLite(t *testing.T) {
	storagetest.Run(t, func(tb testing.TB) []storagetest.Store {
		return []storagetest.Store{teststore.New(tb)}
	})
}

// Two replicas over one database: whatever holds within a process has to hold
// between them.
func TestPostgreSQL(t *testing.T) {
	storagetest.Run(t, func(tb testing.TB) []storagetest.Store {
		replicas := teststore.Postgres(tb, 2)
		return []storagetest.Store{replicas[0], replicas[1]}
	})
}
