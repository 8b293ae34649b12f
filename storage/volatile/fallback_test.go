package volatile_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/storage/volatile"
	"github.com/signet-idp/signet/storage/volatile/inproc"
	"github.com/signet-idp/signet/storage/volatile/redis"
	"github.com/signet-idp/signet/storage/volatile/volatiletest"
)

// switched is a Counters that can be away.
type switched struct {
	volatile.Counters
	away bool
}

var errAway = errors.New("away")

func (s *switched) Add(ctx context.Context, key string, n int64, window time.Duration) (int64, time.Duration, error) {
	if s.away {
		return 0, 0, errAway
	}
	return s.Counters.Add(ctx, key, n, window)
}

func (s *switched) Reset(ctx context.Context, key string) error {
	if s.away {
		return errAway
	}
	return s.Counters.Reset(ctx, key)
}

func TestFallbackIsCounters(t *testing.T) {
	for name, away := range map[string]bool{"first there": false, "first away": true} {
		t.Run(name, func(t *testing.T) {
			volatiletest.Counters(t, func(*testing.T) (a, b volatile.Counters, pass func(time.Duration)) {
				c := fakeclock.New(time.Unix(1, 0))
				f := &volatile.Fallback{First: &switched{inproc.NewCounters(c, 0), away}, Second: inproc.NewCounters(c, 0), Log: slog.New(slog.DiscardHandler)}
				return f, f, c.Advance
			})
		})
	}
}

func TestFallbackLogsOnceEachWay(t *testing.T) {
	var log bytes.Buffer
	c := fakeclock.New(time.Unix(1, 0))
	first := &switched{Counters: inproc.NewCounters(c, 0)}
	f := &volatile.Fallback{First: first, Second: inproc.NewCounters(c, 0), Log: slog.New(slog.NewTextHandler(&log, nil))}
	count := func(times int, want int64) {
		t.Helper()
		var total int64
		for range times {
			var err error
			if total, _, err = f.Add(t.Context(), "k", 1, time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		if total != want {
			t.Fatalf("total is %d, want %d", total, want)
		}
	}
	count(3, 3)
	first.away = true
	count(3, 3) // the memory starts from nothing
	first.away = false
	count(2, 5)
	if err := f.Reset(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	count(1, 1)
	if n := strings.Count(log.String(), "are away"); n != 1 {
		t.Errorf("%d warnings:\n%s", n, log.String())
	}
	if n := strings.Count(log.String(), "are back"); n != 1 {
		t.Errorf("%d notes of coming back:\n%s", n, log.String())
	}
	first.away = true
	if err := f.Reset(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
}

// With a real client: Redis goes and no request fails.
func TestRedisGoes(t *testing.T) {
	m := miniredis.RunT(t)
	c, err := redis.Open(redis.Options{URL: "redis://" + m.Addr(), Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	f := &volatile.Fallback{First: c, Second: inproc.NewCounters(clock.System{}, 0), Log: slog.New(slog.DiscardHandler)}
	for i := range 200 {
		if i == 100 {
			m.Close()
		}
		total, _, err := f.Add(t.Context(), "k", 1, time.Minute)
		if want := int64(i%100 + 1); err != nil || total != want {
			t.Fatalf("count %d: %d, %v", i, total, err)
		}
	}
}
