package activity_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-idp/signet/provider/activity"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore"
)

// counts reads the rows of those that events of record are about.
func counts(t *testing.T, store *sqlstore.Store) []storage.Rollup {
	t.Helper()
	var out []storage.Rollup
	for _, of := range [][2]string{
		{"system", ""}, {"user", "alice"}, {"user", "bob"}, {"user", "ghost"}, {"organization", "acme"}, {"member", "acme/alice"}, {"member", "acme/bob"},
	} {
		rows, err := store.RollupsOf(t.Context(), of[0], of[1], 0, 1<<40)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, rows...)
	}
	return out
}

// TestRecount: what is counted anew is what the follower had made, whatever
// became of it, and also beside a server whose follower counts.
func TestRecount(t *testing.T) {
	engines(t, func(t *testing.T, store *sqlstore.Store) {
		f := newFixture(t, store)
		const events = 1200 // more than two batches
		for i := range events {
			f.clock.Advance(time.Hour)
			err := f.rec.Record(t.Context(), event.Event{
				Type: []event.Type{event.UserLogin, event.UserLoginFailed, event.UserLogout}[i%3], Subject: []string{"alice", "bob"}[i%2],
				Organization: []string{"acme", ""}[i%5%2],
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		f.count()
		made := counts(t, store)
		if len(made) < 100 {
			t.Fatalf("%d rows", len(made))
		}
		recount := activity.Recount(store, f.clock)
		spoil := func() {
			t.Helper()
			if err := store.AddRollups(t.Context(), append(made[:9:9], storage.Rollup{Dimension: "user", Subject: "ghost", Type: "x", Total: 1})...); err != nil {
				t.Fatal(err)
			}
		}
		again := func() {
			t.Helper()
			total, err := recount.Restart(t.Context())
			if err != nil || total != events {
				t.Fatalf("restart: %d, %v", total, err)
			}
			for begin := time.Now(); ; {
				f.clock.Advance(time.Second) // who lost the lease asks for it again
				done, err := recount.Advance(t.Context(), total, time.Second)
				if err != nil {
					t.Fatal(err)
				}
				if done >= total {
					break
				}
				if time.Since(begin) > time.Minute {
					t.Fatalf("%d of %d after a minute", done, total)
				}
			}
			if diff := cmp.Diff(made, counts(t, store)); diff != "" {
				t.Errorf("(-the follower's +counted anew)\n%s", diff)
			}
		}

		spoil()
		f.clock.Advance(time.Hour) // the lease of those who counted before ends
		again()
		again() // nothing spoiled

		// Beside a server, and by two operators at once.
		ctx, cancel := context.WithCancel(t.Context())
		var servers sync.WaitGroup
		for _, holder := range []string{"one", "two"} {
			fl, err := event.NewFollower(event.FollowerConfig{
				Store: store, Clock: f.clock, Name: activity.Follower, Holder: holder, Apply: activity.Count(store), Batch: 50, Poll: time.Millisecond,
			})
			if err != nil {
				t.Fatal(err)
			}
			servers.Go(func() { _ = fl.Run(ctx) })
		}
		var operators sync.WaitGroup
		for range 2 {
			spoil()
			operators.Go(func() {
				if _, err := recount.Restart(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		operators.Wait()
		again()
		cancel()
		servers.Wait()
	})
}

// TestRecountOfNothing: an empty record is counted at once.
func TestRecountOfNothing(t *testing.T) {
	engines(t, func(t *testing.T, store *sqlstore.Store) {
		recount := activity.Recount(store, newFixture(t, store).clock)
		total, err := recount.Restart(t.Context())
		if err != nil || total != 0 {
			t.Fatalf("%d, %v", total, err)
		}
		if done, err := recount.Advance(t.Context(), total, time.Minute); done != 0 || err != nil {
			t.Fatalf("%d, %v", done, err)
		}
	})
}
