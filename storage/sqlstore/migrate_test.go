package sqlstore_test

import (
	"database/sql"
	"path/filepath"
	"sync"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // database/sql, past the store

	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

// open opens a store without migrating it.
func open(tb testing.TB, o sqlstore.Options) *sqlstore.Store {
	tb.Helper()
	s, err := sqlstore.Open(tb.Context(), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// raw opens the database past the store.
func raw(tb testing.TB, driver, dsn string) *sql.DB {
	tb.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

// A deployment starts all its replicas at once on an empty database.
func TestReplicasMigrateAtOnce(t *testing.T) {
	url := servers.Postgres(t)
	const replicas = 8
	var feeds [replicas]storage.FeedHead
	var wg sync.WaitGroup
	for i := range replicas {
		s := open(t, sqlstore.Options{URL: url, MaxConns: 2, Timeout: patience})
		wg.Go(func() {
			if err := s.Migrate(t.Context()); err != nil {
				t.Errorf("replica %d: %v", i, err)
				return
			}
			var err error
			if feeds[i], err = s.FeedHead(t.Context()); err != nil {
				t.Errorf("replica %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	for i, f := range feeds {
		if f.FeedID == "" || f != feeds[0] {
			t.Errorf("replica %d has the feed %+v, replica 0 %+v", i, f, feeds[0])
		}
	}
	var n int
	err := raw(t, "pgx", url).QueryRowContext(t.Context(),
		"SELECT count(*) - count(DISTINCT version_id) FROM "+engine.VersionTable).Scan(&n)
	if err != nil || n != 0 {
		t.Errorf("%d migrations ran twice (%v)", n, err)
	}
}

// rawDB opens the database past the store.
type rawDB func(t *testing.T) *sql.DB

func eachURL(t *testing.T, f func(t *testing.T, url string, raw rawDB)) {
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "signet.db")
		f(t, "sqlite:"+path, func(t *testing.T) *sql.DB { return raw(t, "sqlite", path) })
	})
	t.Run("postgresql", func(t *testing.T) {
		url := servers.Postgres(t)
		f(t, url, func(t *testing.T) *sql.DB { return raw(t, "pgx", url) })
	})
}

func TestMigrationStatus(t *testing.T) {
	eachURL(t, func(t *testing.T, url string, _ rawDB) {
		s := open(t, sqlstore.Options{URL: url, Timeout: patience})
		for _, migrated := range []bool{false, true, true} {
			list, err := s.MigrationStatus(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(list) < 2 || list[0].Version != 1 || list[0].Name != "0001_init.sql" {
				t.Fatalf("migrations are %+v", list)
			}
			for _, m := range list {
				if m.AppliedAt.IsZero() == migrated {
					t.Errorf("migration %d applied: %v, want %v", m.Version, !m.AppliedAt.IsZero(), migrated)
				}
			}
			if err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestNewerSchemaIsRefused(t *testing.T) {
	eachURL(t, func(t *testing.T, url string, raw rawDB) {
		s := open(t, sqlstore.Options{URL: url, Timeout: patience})
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		db := raw(t)
		if _, err := db.ExecContext(t.Context(), "INSERT INTO "+engine.VersionTable+
			" (version_id, is_applied, tstamp) VALUES (9999, true, CURRENT_TIMESTAMP)"); err != nil {
			t.Fatal(err)
		}
		wantIs(t, s.Migrate(t.Context()), storage.ErrSchemaTooNew)
	})
}
