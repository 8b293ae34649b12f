package audit_test

import (
	"testing"
	"time"

	"github.com/signet-idp/signet/provider/audit"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

const day = 24 * time.Hour

func (r *record) retention(tb testing.TB, holder string, consumers ...string) *audit.Retention {
	tb.Helper()
	out, err := audit.NewRetention(audit.RetentionConfig{
		Store: r.store, Recorder: r.recorder, Clock: r.clock, Holder: holder, Consumers: consumers,
		Keep: map[event.Class]time.Duration{event.ClassUsage: 30 * day, event.ClassSecurity: 90 * day},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func (r *record) holds() *audit.Holds {
	return &audit.Holds{Store: r.store, Change: change.Runner{Store: r.store, Events: r.recorder, Clock: r.clock, Longest: time.Hour}}
}

func (r *record) prune(tb testing.TB, by *audit.Retention) int64 {
	tb.Helper()
	n, err := by.Tick(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	r.sequence(tb)
	return n
}

// types counts what is kept.
func (r *record) types(tb testing.TB) map[string]int {
	tb.Helper()
	out := map[string]int{}
	for _, e := range r.rows(tb) {
		out[e.Type]++
	}
	return out
}

// What is too old goes, class by class, and the chain verifies as before.
func TestRetention(t *testing.T) {
	onEngines(t, func(t *testing.T, r *record) {
		keeper := r.retention(t, "a")
		r.happen(t, 50)
		r.clock.Advance(31 * day)
		if n := r.prune(t, keeper); n != 0 {
			t.Errorf("%d events were removed that no checkpoint covers", n)
		}
		r.checkpoint(t)
		if n := r.prune(t, keeper); n != 10 { // grants created
			t.Errorf("%d events of usage were removed, want 10", n)
		}
		if n := r.prune(t, keeper); n != 0 {
			t.Errorf("%d events were removed again", n)
		}
		r.happen(t, 10)
		r.checkpoint(t)
		if report := r.verify(t); !report.OK() || report.Pruned != 10 {
			t.Errorf("verify: %+v", report)
		}
		r.clock.Advance(60 * day)
		r.happen(t, 5)
		r.checkpoint(t)
		if n := r.prune(t, keeper); n != 40+2 { // the logins of the beginning, later grants
			t.Errorf("%d events were removed, want 42", n)
		}
		r.checkpoint(t)
		if report := r.verify(t); !report.OK() || report.Pruned != 52 {
			t.Errorf("verify: %+v", report)
		}
		if kept := r.types(t); kept["user.login"] != 12 || kept["grant.created"] != 1 {
			t.Errorf("kept: %v", kept)
		}
	})
}

// What is held stays, whatever its age, until the hold is lifted.
func TestHolds(t *testing.T) {
	onEngines(t, func(t *testing.T, r *record) {
		keeper, holds := r.retention(t, "a"), r.holds()
		r.happen(t, 42) // user-0 to user-6, six times each
		r.clock.Advance(100 * day)
		r.checkpoint(t)
		hold, err := holds.Add(t.Context(), storage.HoldSubject, "user-3", "case-17")
		if err != nil {
			t.Fatal(err)
		}
		all, err := holds.Add(t.Context(), storage.HoldAll, "", "audit-2026")
		if err != nil {
			t.Fatal(err)
		}
		if n := r.prune(t, keeper); n != 0 {
			t.Errorf("%d events were removed though all are held", n)
		}
		if _, err := holds.Remove(t.Context(), all.ID); err != nil {
			t.Fatal(err)
		}
		if n := r.prune(t, keeper); n != 36 {
			t.Errorf("%d events were removed, want 36", n)
		}
		for _, e := range r.rows(t) {
			if e.Subject != "user-3" && e.Subject != event.RecordSubject {
				t.Errorf("of %s an event is left", e.Subject)
			}
		}
		if _, err := holds.Remove(t.Context(), hold.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := holds.Remove(t.Context(), hold.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("lifted twice: %v", err)
		}
		if n := r.prune(t, keeper); n != 6 {
			t.Errorf("%d events were removed when the hold was lifted, want 6", n)
		}
		r.checkpoint(t)
		if report := r.verify(t); !report.OK() || report.Pruned != 42 {
			t.Errorf("verify: %+v", report)
		}
		if kept := r.types(t); kept["audit.hold_added"] != 2 || kept["audit.hold_removed"] != 2 {
			t.Errorf("what is on record of holds: %v", kept)
		}
	})
}

func TestHoldsAreChecked(t *testing.T) {
	t.Parallel()
	holds := onSQLite(t).holds()
	for _, h := range []storage.Hold{
		{Kind: "some", Value: "x", Reason: "r"},
		{Kind: storage.HoldAll, Value: "x", Reason: "r"},
		{Kind: storage.HoldSubject, Reason: "r"},
		{Kind: storage.HoldSubject, Value: "alice@acme.test", Reason: "r"},
		{Kind: storage.HoldAll},
		{Kind: storage.HoldAll, Reason: "two words"},
	} {
		if _, err := holds.Add(t.Context(), h.Kind, h.Value, h.Reason); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", h, err)
		}
	}
}

// Nobody who follows the record is cut off, and what is parked stays.
func TestRetentionWaitsForConsumers(t *testing.T) {
	t.Parallel()
	r := onSQLite(t)
	keeper := r.retention(t, "a", "kafka", "counts")
	r.happen(t, 50)
	r.clock.Advance(100 * day)
	r.checkpoint(t)
	move := func(name string, from, to int64) {
		if won, err := r.store.MoveEventCursor(t.Context(), name, from, to, r.clock.Now()); !won || err != nil {
			t.Fatal(won, err)
		}
	}
	move("counts", 0, 50)
	if n := r.prune(t, keeper); n != 0 {
		t.Errorf("%d events were removed before a consumer began", n)
	}
	move("kafka", 0, 20)
	if err := r.store.ParkEvents(t.Context(), storage.ParkedEvent{Consumer: "kafka", Seq: 11, ID: "x"}); err != nil {
		t.Fatal(err)
	}
	if n := r.prune(t, keeper); n != 10 {
		t.Errorf("%d events were removed up to a parked one, want 10", n)
	}
	if _, err := r.store.UnparkEvent(t.Context(), "kafka", 11); err != nil {
		t.Fatal(err)
	}
	if n := r.prune(t, keeper); n != 10 {
		t.Errorf("%d events were removed up to a cursor, want 10", n)
	}
	if report := r.verify(t); !report.OK() || report.Pruned != 20 {
		t.Errorf("verify: %+v", report)
	}
}

// One replica removes.
func TestOneReplicaRemoves(t *testing.T) {
	t.Parallel()
	r := onSQLite(t)
	first, second := r.retention(t, "a"), r.retention(t, "b")
	r.happen(t, 10)
	r.clock.Advance(100 * day)
	r.checkpoint(t)
	if n := r.prune(t, first); n != 10 {
		t.Errorf("%d removed", n)
	}
	r.happen(t, 1)
	if n := r.prune(t, second); n != 0 {
		t.Errorf("the second removed %d", n)
	}
}

// Whatever is done to the places of what was removed is found.
func TestPlacesCannotBeForged(t *testing.T) {
	t.Parallel()
	for name, statement := range map[string]string{
		"a row passed off as removed": `INSERT INTO pruned_events (seq, hash, prune) SELECT seq, hash, (SELECT id FROM events WHERE type = 'audit.pruned') FROM events WHERE seq = 3;
			DELETE FROM events WHERE seq = 3`,
		"a removal that nobody told of": `INSERT INTO pruned_events (seq, hash, prune) SELECT seq, hash, 'x' FROM events WHERE seq = 3; DELETE FROM events WHERE seq = 3`,
		"a place that is gone":          `DELETE FROM pruned_events WHERE seq = 5`,
		"a place with another value":    `UPDATE pruned_events SET hash = (SELECT hash FROM pruned_events WHERE seq = 10) WHERE seq = 5`,
		"all places gone":               `DELETE FROM pruned_events`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := onSQLite(t)
			r.happen(t, 20)
			r.clock.Advance(31 * day)
			r.checkpoint(t)
			if n := r.prune(t, r.retention(t, "a")); n != 4 {
				t.Fatalf("%d removed", n)
			}
			r.checkpoint(t)
			if report := r.verify(t); !report.OK() {
				t.Fatalf("before: %+v", report)
			}
			r.exec(t, statement)
			if report := r.verify(t); report.OK() {
				t.Error("not found")
			}
		})
	}
}
