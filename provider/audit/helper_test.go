package audit_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // past the store
	_ "modernc.org/sqlite"             // past the store

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/internal/testkit/testrecord"
	"github.com/signet-idp/signet/internal/testkit/teststore"
	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/keys/keytest"
	"github.com/signet-idp/signet/provider/audit"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore"
)

// record is a record with all that tends it.
type record struct {
	store     *sqlstore.Store
	raw       *sql.DB // the same database, past the store
	clock     *fakeclock.Clock
	keys      *keys.Manager
	recorder  *event.Recorder
	sequencer *event.Sequencer
	signer    *audit.Checkpointer
	path      string
	file      *audit.File
	events    int
	ctx       context.Context //nolint:containedctx // of the test
	// numbered goes before the rows of an INSERT that brings their numbers.
	numbered string
}

func onEngines(t *testing.T, test func(t *testing.T, r *record)) {
	t.Helper()
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, onSQLite(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, onPostgres(t))
	})
}

func onPostgres(tb testing.TB) *record {
	tb.Helper()
	url := servers.Postgres(tb)
	r := newRecord(tb, teststore.Open(tb, sqlstore.Options{URL: url, MaxConns: 4}), openRaw(tb, "pgx", url))
	r.numbered = "OVERRIDING SYSTEM VALUE"
	return r
}

func onSQLite(tb testing.TB) *record {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "signet.db")
	return newRecord(tb, teststore.Open(tb, sqlstore.Options{URL: "sqlite:" + path}), openRaw(tb, "sqlite", path+"?_pragma=busy_timeout(10000)&_pragma=synchronous(0)"))
}

func openRaw(tb testing.TB, driver, dsn string) *sql.DB {
	tb.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

func newRecord(tb testing.TB, store *sqlstore.Store, raw *sql.DB) *record {
	tb.Helper()
	clk := fakeclock.New(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	r := &record{store: store, raw: raw, clock: clk, keys: keytest.Manager(tb, clk), path: filepath.Join(tb.TempDir(), "checkpoints.jsonl"), ctx: context.WithoutCancel(tb.Context())}
	r.recorder, r.sequencer = testrecord.New(tb, store, clk)
	r.signer = r.checkpointer(tb, "a")
	var err error
	if r.file, err = audit.OpenFile(r.path, store, nil); err != nil {
		tb.Fatal(err)
	}
	return r
}

func (r *record) checkpointer(tb testing.TB, holder string) *audit.Checkpointer {
	tb.Helper()
	c, err := audit.NewCheckpointer(audit.CheckpointerConfig{
		Store: r.store, Recorder: r.recorder, Keys: r.keys, Clock: r.clock, Issuer: "https://id.example.com", Holder: holder,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// happen records n logins of a few people.
func (r *record) happen(tb testing.TB, n int) {
	tb.Helper()
	for range n {
		r.events++
		user := fmt.Sprintf("user-%d", r.events%7)
		e := event.Event{
			Type: event.UserLogin, Subject: user, Organization: fmt.Sprintf("org-%d", r.events%3),
			Data: map[string]any{"client_id": fmt.Sprintf("client-%d", r.events)}, PersonalOf: user, Personal: map[string]string{"ip_address": "192.0.2.7"},
		}
		if r.events%5 == 0 {
			e = event.Event{Type: event.GrantCreated, Subject: user, Data: map[string]any{"client_id": "web"}}
		}
		ctx := event.WithActor(tb.Context(), event.Actor{ID: user, Kind: event.ActorUser})
		if err := r.recorder.Record(ctx, e); err != nil {
			tb.Fatal(err)
		}
		r.clock.Advance(time.Second)
	}
	r.sequence(tb)
}

func (r *record) sequence(tb testing.TB) {
	tb.Helper()
	for {
		n, err := r.sequencer.Tick(context.WithoutCancel(tb.Context()))
		if err != nil {
			tb.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

// checkpoint signs, sequences the event and writes the file.
func (r *record) checkpoint(tb testing.TB) bool {
	tb.Helper()
	r.clock.Advance(time.Minute)
	if err := r.keys.Tick(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	done, err := r.signer.Tick(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	r.sequence(tb)
	if _, err := r.file.Tick(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return done
}

// verify verifies with the file.
func (r *record) verify(tb testing.TB) audit.Report {
	tb.Helper()
	f, err := os.Open(r.path)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	report, err := audit.Verify(tb.Context(), audit.FromStore(r.store, 17), audit.Options{Checkpoints: audit.ReadFile(f), Keys: r.keys.Snapshot()})
	if err != nil {
		tb.Fatal(err)
	}
	return report
}

// exec changes the database past the store.
func (r *record) exec(tb testing.TB, query string, args ...any) {
	tb.Helper()
	if _, err := r.raw.ExecContext(tb.Context(), query, args...); err != nil {
		tb.Fatalf("%s: %v", query, err)
	}
}

// rows reads the whole chain.
func (r *record) rows(tb testing.TB) []storage.Event {
	tb.Helper()
	all, err := r.store.EventsAfter(tb.Context(), 0, 10_000)
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

// keep remembers the rows and the cursors, restore puts those back that are not
// as they were.
func (r *record) keep(tb testing.TB) {
	tb.Helper()
	r.exec(tb, `CREATE TABLE kept AS SELECT * FROM events`)
	r.exec(tb, `CREATE TABLE kept_cursors AS SELECT * FROM event_cursors`)
}

func (r *record) restore(tb testing.TB) {
	tb.Helper()
	tx, err := r.raw.BeginTx(tb.Context(), nil)
	if err != nil {
		tb.Fatal(err)
	}
	for _, q := range []string{
		`DELETE FROM events WHERE id NOT IN (SELECT id FROM (SELECT * FROM events INTERSECT SELECT * FROM kept) same)`,
		`INSERT INTO events ` + r.numbered + ` SELECT * FROM kept WHERE id NOT IN (SELECT id FROM events)`,
		`UPDATE event_cursors SET seq = kept.seq FROM kept_cursors kept WHERE kept.name = event_cursors.name AND kept.seq <> event_cursors.seq`,
	} {
		if _, err := tx.ExecContext(tb.Context(), q); err != nil {
			tb.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		tb.Fatal(err)
	}
}
