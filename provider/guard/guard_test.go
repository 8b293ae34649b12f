package guard_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/provider/guard"
	"github.com/signet-idp/signet/storage/volatile/inproc"
)

func newGuard(c *fakeclock.Clock) *guard.Guard {
	return guard.New(inproc.NewCounters(c, 0), guard.DefaultLimits())
}

// TestNoted: failures are told of once, and forgotten with their window.
func TestNoted(t *testing.T) {
	c := fakeclock.New(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	g, ctx, who := newGuard(c), t.Context(), guard.Who{Identifier: "a@example.test", Address: "192.0.2.1"}
	expect := func(want int64) {
		t.Helper()
		if n, err := g.Failed(ctx, who.Identifier); err != nil || n != want {
			t.Fatalf("%d failures, want %d: %v", n, want, err)
		}
	}
	check := func(succeed bool) {
		t.Helper()
		err := g.Check(ctx, who)
		if err == nil && succeed {
			err = g.Succeeded(ctx, who)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	note := func() {
		t.Helper()
		if err := g.Noted(ctx, who.Identifier); err != nil {
			t.Fatal(err)
		}
	}
	note()
	expect(0)
	for range 3 {
		check(false)
	}
	check(true)
	expect(3)
	note()
	note()
	expect(0)
	check(false)
	expect(1)
	who.Known = "laptop" // counts for everybody
	check(false)
	expect(2)
	c.Advance(guard.DefaultLimits().Window)
	expect(0)
	check(false)
	expect(1)
}

// tries counts how many attempts of n pass, and the pause told with the last refusal.
func tries(t *testing.T, g *guard.Guard, identifier, address string, n int) (passed int, retry time.Duration) {
	t.Helper()
	for range n {
		err := g.Check(context.Background(), guard.Who{Identifier: identifier, Address: address})
		var locked *guard.LockedError
		var limited *guard.LimitedError
		switch {
		case err == nil:
			passed++
		case errors.As(err, &locked):
			retry = locked.RetryAfter
		case errors.As(err, &limited):
			retry = limited.RetryAfter
		default:
			t.Fatal(err)
		}
	}
	return passed, retry
}

func TestLockAfterFailures(t *testing.T) {
	t.Parallel()
	c := fakeclock.New(time.Unix(1_800_000_000, 0))
	g := newGuard(c)
	// The last failure comes near the end of the window; the lock lasts its
	// full time all the same.
	tries(t, g, "a@b.test", "1", 1)
	c.Advance(14 * time.Minute)
	if passed, retry := tries(t, g, "a@b.test", "1", 12); passed != 9 || retry != 15*time.Minute {
		t.Fatalf("passed %d more, retry after %v; want 9 and 15m", passed, retry)
	}
	if passed, _ := tries(t, g, "c@d.test", "1", 1); passed != 1 {
		t.Fatal("another identifier is locked too")
	}
	for _, lock := range []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour} {
		c.Advance(lock - time.Second)
		if passed, _ := tries(t, g, "a@b.test", "1", 1); passed != 0 {
			t.Fatalf("the lock ended before %v", lock)
		}
		c.Advance(time.Second)
		if passed, _ := tries(t, g, "a@b.test", "1", 11); passed != 10 {
			t.Fatalf("after a lock of %v %d attempts passed, want 10", lock, passed)
		}
	}
	c.Advance(48 * time.Hour)
	if passed, retry := tries(t, g, "a@b.test", "1", 11); passed != 10 || retry != 15*time.Minute {
		t.Fatalf("two days later: passed %d, retry after %v; want 10 and 15m", passed, retry)
	}
}

func TestSuccessIsNoFailure(t *testing.T) {
	t.Parallel()
	g := newGuard(fakeclock.New(time.Unix(1_800_000_000, 0)))
	for range 50 {
		if passed, _ := tries(t, g, "a@b.test", "1", 1); passed != 1 {
			t.Fatal("locked out by successes")
		}
		if err := g.Succeeded(t.Context(), guard.Who{Identifier: "a@b.test"}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestParallelAttemptsGetNoMore(t *testing.T) {
	t.Parallel()
	c := fakeclock.New(time.Unix(1_800_000_000, 0))
	g := newGuard(c)
	var passed atomic.Int64
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			if g.Check(context.Background(), guard.Who{Identifier: "a@b.test", Address: "1"}) == nil {
				passed.Add(1)
			}
		})
	}
	wg.Wait()
	if passed.Load() != 10 {
		t.Fatalf("%d of 64 at once passed, want 10", passed.Load())
	}
	if _, retry := tries(t, g, "a@b.test", "1", 1); retry != 15*time.Minute {
		t.Fatalf("many at once locked for %v, want 15m once", retry)
	}
}

func TestAddressLimit(t *testing.T) {
	t.Parallel()
	c := fakeclock.New(time.Unix(1_800_000_000, 0))
	g := newGuard(c)
	if passed, _ := tries(t, g, "", "1", 101); passed != 100 {
		t.Fatalf("%d attempts from one address passed, want 100", passed)
	}
	c.Advance(time.Minute)
	if passed, _ := tries(t, g, "", "1", 1); passed != 1 {
		t.Fatal("still refused a minute later")
	}
}

// A stranger who hammers locks strangers out and not who is known; and what the
// known one gets wrong counts for strangers as well.
func TestKnown(t *testing.T) {
	t.Parallel()
	c := fakeclock.New(time.Unix(1_800_000_000, 0))
	g := newGuard(c)
	try := func(known string, n int) (passed int) {
		t.Helper()
		for range n {
			err := g.Check(t.Context(), guard.Who{Identifier: "a@b.test", Known: known, Address: "1"})
			var locked *guard.LockedError
			if err == nil {
				passed++
			} else if !errors.As(err, &locked) {
				t.Fatal(err)
			}
		}
		return passed
	}
	if n := try("", 12); n != 10 {
		t.Fatalf("the stranger passed %d times, want 10", n)
	}
	if n := try("laptop", 12); n != 10 {
		t.Fatalf("the owner's laptop passed %d times, want 10", n)
	}
	if n := try("phone", 1); n != 1 {
		t.Fatal("the owner's phone is locked by the laptop")
	}
	c.Advance(24*time.Hour + 16*time.Minute)
	if n := try("phone", 6); n != 6 {
		t.Fatalf("the phone passed %d times, want 6", n)
	}
	if n := try("", 12); n != 4 {
		t.Fatalf("a stranger passed %d times after 6 failures inside, want 4", n)
	}
	who := guard.Who{Identifier: "x@y.test", Known: "phone", Address: "2"}
	for range 30 { // who succeeds has no failures
		if err := g.Check(t.Context(), who); err != nil {
			t.Fatal(err)
		}
		if err := g.Succeeded(t.Context(), who); err != nil {
			t.Fatal(err)
		}
	}
}
