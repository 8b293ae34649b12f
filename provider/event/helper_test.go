package event_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/internal/testkit/teststore"
	"github.com/signet-idp/signet/keys/keytest"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore"
)

// onEngines runs fn over SQLite (one store) and PostgreSQL (two, as replicas).
func onEngines(t *testing.T, fn func(t *testing.T, replicas []*sqlstore.Store)) {
	t.Helper()
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		fn(t, []*sqlstore.Store{teststore.New(t)})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		fn(t, teststore.Postgres(t, 2))
	})
}

// recorders makes a Recorder for each replica, all under one data key.
func recorders(tb testing.TB, replicas []*sqlstore.Store, clk clock.Clock) []*event.Recorder {
	tb.Helper()
	purpose, err := keytest.DataKeyring(tb, clk).Purpose(tb.Context(), "person")
	if err != nil {
		tb.Fatal(err)
	}
	out := make([]*event.Recorder, len(replicas))
	for i, s := range replicas {
		out[i], err = event.NewRecorder(event.Config{Store: s, Sealer: purpose, Clock: clk, Random: rand.Reader})
		if err != nil {
			tb.Fatal(err)
		}
	}
	return out
}

func sequencer(tb testing.TB, store event.SequencerStore, clk clock.Clock, holder string) *event.Sequencer {
	tb.Helper()
	s, err := event.NewSequencer(event.SequencerConfig{Store: store, Clock: clk, Holder: holder})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func newClock() *fakeclock.Clock {
	return fakeclock.New(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
}

// waiting lists the events that were recorded and not sequenced.
func waiting(tb testing.TB, store storage.Events) []storage.Event {
	tb.Helper()
	events, err := store.UnsequencedEvents(tb.Context(), 10_000)
	if err != nil {
		tb.Fatal(err)
	}
	return events
}

// sequenced reads the whole record.
func sequenced(tb testing.TB, store storage.Events) []storage.Event {
	tb.Helper()
	var all []storage.Event
	for {
		after := int64(0)
		if len(all) > 0 {
			after = all[len(all)-1].Seq
		}
		page, err := store.EventsAfter(tb.Context(), after, 500)
		if err != nil {
			tb.Fatal(err)
		}
		if len(page) == 0 {
			return all
		}
		all = append(all, page...)
	}
}

func record(tb testing.TB, r *event.Recorder, events ...event.Event) {
	tb.Helper()
	if err := r.Record(tb.Context(), events...); err != nil {
		tb.Fatal(err)
	}
}

// logins is n logins of as many people.
func logins(n int) []event.Event {
	out := make([]event.Event, n)
	for i := range out {
		out[i] = event.Event{Type: event.UserLogin, Subject: fmt.Sprint("user-", i), Data: map[string]any{"client_id": "web"}}
	}
	return out
}

// drain ticks until nothing is left.
func drain(tb testing.TB, s *event.Sequencer) (total int) {
	tb.Helper()
	for {
		n, err := s.Tick(context.WithoutCancel(tb.Context()))
		if err != nil {
			tb.Fatal(err)
		}
		if n == 0 {
			return total
		}
		total += n
	}
}
