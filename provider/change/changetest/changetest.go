// Package changetest gives tests of changes a store, a clock and a recorder in
// one call, and the questions they ask afterwards.
package changetest

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/internal/testkit/teststore"
	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore"
)

// Fixture is what a change needs.
type Fixture struct {
	Store    *sqlstore.Store
	Clock    *fakeclock.Clock
	Changes  change.Runner
	Resolver *access.Resolver
}

// New makes a fixture over a new SQLite file.
func New(tb testing.TB) *Fixture {
	tb.Helper()
	return On(tb, teststore.New(tb))
}

// Engines runs a test over SQLite and over two replicas on PostgreSQL: fixtures
// has one or two members over the same database.
func Engines(t *testing.T, test func(t *testing.T, fixtures []*Fixture)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, []*Fixture{New(t)}) })
	t.Run("postgres", func(t *testing.T) {
		var fixtures []*Fixture
		for _, s := range teststore.Postgres(t, 2) {
			fixtures = append(fixtures, On(t, s))
		}
		test(t, fixtures)
	})
}

// On makes a fixture over a migrated store.
func On(tb testing.TB, store *sqlstore.Store) *Fixture {
	tb.Helper()
	clk := fakeclock.New(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	cipher, err := keys.NewCipher(key)
	if err != nil {
		tb.Fatal(err)
	}
	recorder, err := event.NewRecorder(event.Config{Store: store, Sealer: cipher, Clock: clk, Random: rand.Reader})
	if err != nil {
		tb.Fatal(err)
	}
	resolver, err := access.NewResolver(store, clk)
	if err != nil {
		tb.Fatal(err)
	}
	return &Fixture{
		Store: store, Clock: clk, Resolver: resolver,
		Changes: change.Runner{Store: store, Events: recorder, Clock: clk, Longest: time.Hour},
	}
}

// Mark is a moment in the record.
type Mark struct {
	number, seq int64
}

// Mark remembers where the record and the feed are now.
func (f *Fixture) Mark(tb testing.TB) Mark {
	tb.Helper()
	var m Mark
	for _, e := range f.events(tb) {
		m.number = max(m.number, e.Number)
	}
	head, err := f.Store.FeedHead(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	m.seq = head.Seq
	return m
}

// Events lists the types of the events since the mark, in order.
func (f *Fixture) Events(tb testing.TB, since Mark) []string {
	tb.Helper()
	types := []string{}
	for _, e := range f.events(tb) {
		if e.Number > since.number {
			types = append(types, e.Type)
		}
	}
	return types
}

// Ended lists the feed entries since the mark as "kind value".
func (f *Fixture) Ended(tb testing.TB, since Mark) []string {
	tb.Helper()
	entries, err := f.Store.RevocationsAfter(tb.Context(), since.seq, 1000)
	if err != nil {
		tb.Fatal(err)
	}
	ended := []string{}
	for _, e := range entries {
		ended = append(ended, string(e.Kind)+" "+e.Value)
	}
	return ended
}

func (f *Fixture) events(tb testing.TB) []storage.Event {
	tb.Helper()
	events, err := f.Store.UnsequencedEvents(tb.Context(), 10_000)
	if err != nil {
		tb.Fatal(err)
	}
	return events
}
