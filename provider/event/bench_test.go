package event_test

import (
	"context"
	"testing"

	"github.com/signet-idp/signet/internal/testkit/teststore"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage/sqlstore"
)

func benchEngines(b *testing.B, fn func(b *testing.B, store *sqlstore.Store)) {
	b.Helper()
	b.Run("sqlite", func(b *testing.B) { fn(b, teststore.New(b)) })
	b.Run("postgres", func(b *testing.B) { fn(b, teststore.Postgres(b, 1)[0]) })
}

// BenchmarkRecord is a transaction that writes nothing but one event; its
// overhead over BenchmarkEmptyTransaction is what an event adds to a change.
func BenchmarkRecord(b *testing.B) {
	tests := []struct {
		name  string
		event event.Event
	}{
		{"plain", event.Event{Type: event.UserLogin, Subject: "user-1", Data: map[string]any{
			"client_id": "web", "session_id": "0195b2c4-0000-7000-8000-000000000001", "acr": "aal1", "amr": []string{"pwd"},
		}}},
		{"personal", personalLogin("user-1", map[string]string{"ip_address": "192.0.2.7", "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0)"})},
	}
	for _, tt := range tests {
		b.Run(tt.name, func(b *testing.B) {
			benchEngines(b, func(b *testing.B, store *sqlstore.Store) {
				r := recorders(b, []*sqlstore.Store{store}, newClock())[0]
				b.ReportAllocs()
				for b.Loop() {
					record(b, r, tt.event)
				}
			})
		})
	}
}

func BenchmarkEmptyTransaction(b *testing.B) {
	benchEngines(b, func(b *testing.B, store *sqlstore.Store) {
		for b.Loop() {
			if err := store.InTx(b.Context(), func(context.Context) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkSequencer sequences full batches.
func BenchmarkSequencer(b *testing.B) {
	benchEngines(b, func(b *testing.B, store *sqlstore.Store) {
		clk := newClock()
		r := recorders(b, []*sqlstore.Store{store}, clk)[0]
		s := sequencer(b, store, clk, "r")
		total := 0
		for b.Loop() {
			b.StopTimer()
			record(b, r, logins(500)...)
			b.StartTimer()
			total += drain(b, s)
		}
		b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "events/s")
	})
}

// BenchmarkIdleTick is what a look costs that finds nothing.
func BenchmarkIdleTick(b *testing.B) {
	benchEngines(b, func(b *testing.B, store *sqlstore.Store) {
		s := sequencer(b, store, newClock(), "r")
		for b.Loop() {
			drain(b, s)
		}
	})
}

func BenchmarkHash(b *testing.B) {
	e, previous := golden(), event.Genesis()
	b.ReportAllocs()
	for b.Loop() {
		previous = event.Hash(previous, e)
	}
}
