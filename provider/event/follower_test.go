package event_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore"
)

func follower(tb testing.TB, c event.FollowerConfig) *event.Follower {
	tb.Helper()
	if c.Name == "" {
		c.Name = "test"
	}
	f, err := event.NewFollower(c)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// collector remembers the seq of what it was handed.
type collector struct {
	mu   sync.Mutex
	seen []int64
	fail error
}

func (c *collector) take(_ context.Context, batch []storage.Event) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail != nil {
		return c.fail
	}
	for _, e := range batch {
		c.seen = append(c.seen, e.Seq)
	}
	return nil
}

func upTo(n int) []int64 {
	out := make([]int64, n)
	for i := range out {
		out[i] = int64(i + 1)
	}
	return out
}

func tick(t *testing.T, f *event.Follower) int {
	t.Helper()
	n, err := f.Tick(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestFollowerReadsInOrderAndGoesOn(t *testing.T) {
	onEngines(t, func(t *testing.T, replicas []*sqlstore.Store) {
		clk, store := newClock(), replicas[0]
		r, s := recorders(t, replicas, clk)[0], sequencer(t, store, clk, "r")
		record(t, r, logins(5)...)
		drain(t, s)
		got := &collector{}
		c := event.FollowerConfig{Store: store, Clock: clk, Holder: "one", Deliver: got.take, Batch: 2}
		f := follower(t, c)
		if n := []int{tick(t, f), tick(t, f), tick(t, f), tick(t, f)}; !slices.Equal(n, []int{2, 2, 1, 0}) {
			t.Errorf("batches of %v", n)
		}
		// A process that starts anew goes on where the last one was.
		record(t, r, logins(2)...)
		drain(t, s)
		again := follower(t, c)
		tick(t, again)
		if !slices.Equal(got.seen, upTo(7)) {
			t.Errorf("seen %v", got.seen)
		}
	})
}

func TestFollowerDeliversAtLeastOnce(t *testing.T) {
	onEngines(t, func(t *testing.T, replicas []*sqlstore.Store) {
		clk, store := newClock(), replicas[0]
		record(t, recorders(t, replicas, clk)[0], logins(3)...)
		drain(t, sequencer(t, store, clk, "r"))
		got, away := &collector{}, errors.New("away")
		got.fail = away
		f := follower(t, event.FollowerConfig{Store: store, Clock: clk, Holder: "one", Deliver: got.take})
		clk.Advance(time.Minute)
		for range 3 {
			if _, err := f.Tick(t.Context()); !errors.Is(err, away) {
				t.Fatalf("Tick = %v", err)
			}
		}
		if lag := f.Lag(); lag < time.Minute {
			t.Errorf("lag %s while the events wait", lag)
		}
		got.fail = nil
		if tick(t, f); !slices.Equal(got.seen, upTo(3)) || f.Lag() != 0 {
			t.Errorf("seen %v, lag %s", got.seen, f.Lag())
		}
	})
}

// What a batch is applied to, and the cursor, are one transaction: a failure
// behind the apply takes both back.
func TestFollowerAppliesExactlyOnce(t *testing.T) {
	onEngines(t, func(t *testing.T, replicas []*sqlstore.Store) {
		clk, store := newClock(), replicas[0]
		record(t, recorders(t, replicas, clk)[0], logins(4)...)
		drain(t, sequencer(t, store, clk, "r"))
		boom, fail := errors.New("boom"), true
		f := follower(t, event.FollowerConfig{Store: store, Clock: clk, Holder: "one", Apply: func(ctx context.Context, batch []storage.Event) error {
			rows := make([]storage.Rollup, 0, len(batch))
			for _, e := range batch {
				rows = append(rows, storage.Rollup{Dimension: "user", Subject: e.Subject, Type: e.Type, Outcome: "success", Total: 1})
			}
			if err := store.AddRollups(ctx, rows...); err != nil || !fail {
				return err
			}
			return boom
		}})
		if _, err := f.Tick(t.Context()); !errors.Is(err, boom) {
			t.Fatalf("Tick = %v", err)
		}
		fail = false
		tick(t, f)
		tick(t, f)
		for i := range 4 {
			rows, err := store.RollupsOf(t.Context(), "user", fmt.Sprint("user-", i), 0, 0)
			if err != nil || len(rows) != 1 || rows[0].Total != 1 {
				t.Errorf("user %d: %v, %v", i, rows, err)
			}
		}
	})
}

func TestFollowerFromHead(t *testing.T) {
	onEngines(t, func(t *testing.T, replicas []*sqlstore.Store) {
		clk, store := newClock(), replicas[0]
		r, s := recorders(t, replicas, clk)[0], sequencer(t, store, clk, "r")
		got := &collector{}
		c := event.FollowerConfig{Store: store, Clock: clk, Holder: "one", Deliver: got.take, FromHead: true}
		f := follower(t, c)
		tick(t, f) // an empty record
		record(t, r, logins(3)...)
		drain(t, s)
		tick(t, f) // begins here
		record(t, r, logins(2)...)
		drain(t, s)
		tick(t, follower(t, c)) // a restart does not begin anew
		if !slices.Equal(got.seen, []int64{4, 5}) {
			t.Errorf("seen %v", got.seen)
		}
	})
}

// One replica works at a time, and another takes over when it is gone.
func TestFollowersTakeTurns(t *testing.T) {
	onEngines(t, func(t *testing.T, replicas []*sqlstore.Store) {
		clk, store := newClock(), replicas[0]
		r, s := recorders(t, replicas, clk)[0], sequencer(t, store, clk, "r")
		got := &collector{}
		replica := func(holder string, clk *fakeclock.Clock) *event.Follower {
			return follower(t, event.FollowerConfig{
				Store: replicas[len(replicas)-1], Clock: clk, Holder: holder, Deliver: got.take,
			})
		}
		one, two := replica("one", clk), replica("two", clk)
		record(t, r, logins(1)...)
		drain(t, s)
		if a, b := tick(t, one), tick(t, two); a != 1 || b != 0 {
			t.Fatalf("%d and %d", a, b)
		}
		record(t, r, logins(1)...)
		drain(t, s)
		clk.Advance(time.Minute) // the lease is over
		if b, a := tick(t, two), tick(t, one); a != 0 || b != 1 {
			t.Errorf("%d and %d", a, b)
		}
		if !slices.Equal(got.seen, upTo(2)) {
			t.Errorf("seen %v", got.seen)
		}
	})
}

// A replica whose lease was taken while it delivered moves nothing.
func TestFollowerFence(t *testing.T) {
	onEngines(t, func(t *testing.T, replicas []*sqlstore.Store) {
		clk, store := newClock(), replicas[0]
		record(t, recorders(t, replicas, clk)[0], logins(2)...)
		drain(t, sequencer(t, store, clk, "r"))
		other := &collector{}
		two := follower(t, event.FollowerConfig{Store: store, Clock: clk, Holder: "two", Deliver: other.take})
		applied := 0
		one := follower(t, event.FollowerConfig{
			Store: store, Clock: clk, Holder: "one",
			Deliver: func(context.Context, []storage.Event) error {
				clk.Advance(time.Hour)
				tick(t, two)
				return nil
			},
			Apply: func(context.Context, []storage.Event) error { applied++; return nil },
		})
		if n := tick(t, one); n != 0 || applied != 0 || !slices.Equal(other.seen, upTo(2)) {
			t.Errorf("handled %d, applied %d, the other saw %v", n, applied, other.seen)
		}
	})
}

func TestFollowerRuns(t *testing.T) {
	onEngines(t, func(t *testing.T, replicas []*sqlstore.Store) {
		clk, store := newClock(), replicas[0]
		done := make(chan int, 16)
		f := follower(t, event.FollowerConfig{
			Store: store, Clock: clk, Holder: "one", Poll: time.Hour,
			Deliver: func(_ context.Context, batch []storage.Event) error { done <- len(batch); return nil },
		})
		s, err := event.NewSequencer(event.SequencerConfig{Store: store, Clock: clk, Holder: "s", Notify: f.Kick})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := f.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		record(t, recorders(t, replicas, clk)[0], logins(3)...)
		drain(t, s) // which kicks
		total := 0
		for total < 3 {
			total += <-done
		}
		cancel()
		wg.Wait()
		// The lease was given back: somebody else need not wait.
		if _, held, err := store.AcquireLease(t.Context(), "follower-test", "two", clk.Now(), clk.Now().Add(time.Second)); err != nil || !held {
			t.Errorf("held %v, %v", held, err)
		}
	})
}

func TestNewFollowerAsksForWhatItNeeds(t *testing.T) {
	t.Parallel()
	if _, err := event.NewFollower(event.FollowerConfig{}); err == nil {
		t.Error("a follower without anything")
	}
}
