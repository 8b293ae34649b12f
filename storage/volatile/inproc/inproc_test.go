package inproc_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/storage/volatile"
	"github.com/signet-idp/signet/storage/volatile/inproc"
	"github.com/signet-idp/signet/storage/volatile/volatiletest"
)

var start = time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)

func TestCounters(t *testing.T) {
	volatiletest.Counters(t, func(*testing.T) (a, b volatile.Counters, pass func(time.Duration)) {
		clock := fakeclock.New(start)
		c := inproc.NewCounters(clock, 0)
		return c, c, clock.Advance
	})
}

func TestFanout(t *testing.T) {
	volatiletest.Fanout(t, func(*testing.T) (a, b volatile.Fanout) {
		f := new(inproc.Fanout)
		return f, f
	})
}

// Whatever strangers send, memory is bounded and a count is never too high.
func TestCountersAreBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const limit = 8
		clock := fakeclock.New(start)
		c := inproc.NewCounters(clock, limit)
		model := map[string]int64{} // never forgets; windows aside an upper bound
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				key := fmt.Sprint(rapid.IntRange(0, 30).Draw(t, "key"))
				n := rapid.Int64Range(0, 3).Draw(t, "n")
				window := time.Duration(rapid.IntRange(1, 60).Draw(t, "window")) * time.Second
				total, reset, err := c.Add(t.Context(), key, n, window)
				model[key] += n
				if err != nil || total < n || total > model[key] || reset < 0 || reset > time.Minute {
					t.Fatalf("%s: %d, %s, %v; counted at most %d", key, total, reset, err, model[key])
				}
			},
			"pass": func(t *rapid.T) {
				clock.Advance(time.Duration(rapid.IntRange(0, 90).Draw(t, "seconds")) * time.Second)
			},
			"": func(t *rapid.T) {
				if n := c.Len(); n > limit {
					t.Fatalf("%d keys held, limit %d", n, limit)
				}
			},
		})
	})
}

// A flood of single counts does not push out the one account under attack.
func TestFloodKeepsTheHighCount(t *testing.T) {
	const limit = 64 // one batch sees all
	c := inproc.NewCounters(fakeclock.New(start), limit)
	if _, _, err := c.Add(t.Context(), "victim", 9, time.Hour); err != nil {
		t.Fatal(err)
	}
	for i := range 10 * limit {
		if _, _, err := c.Add(t.Context(), fmt.Sprint("flood", i), 1, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if total, _, _ := c.Add(t.Context(), "victim", 1, time.Hour); total != 10 {
		t.Errorf("the victim's count is %d, want 10", total)
	}
}

func BenchmarkCounters(b *testing.B) {
	c := inproc.NewCounters(fakeclock.New(start), 0)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := c.Add(b.Context(), "login:alice@acme.test", 1, time.Minute); err != nil {
			b.Fatal(err)
		}
	}
}
