package redis_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	goredis "github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/storage/volatile"
	"github.com/signet-idp/signet/storage/volatile/redis"
	"github.com/signet-idp/signet/storage/volatile/volatiletest"
)

// patience is for servers that are there, on a busy test machine.
const patience = 10 * time.Second

func open(tb testing.TB, url string) *redis.Client {
	tb.Helper()
	return openWith(tb, redis.Options{URL: url, Timeout: patience, TracerProvider: noop.NewTracerProvider()})
}

func openWith(tb testing.TB, o redis.Options) *redis.Client {
	tb.Helper()
	c, err := redis.Open(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := c.Close(); err != nil {
			tb.Error(err)
		}
	})
	return c
}

func TestCounters(t *testing.T) {
	t.Run("redis", func(t *testing.T) {
		volatiletest.Counters(t, func(t *testing.T) (a, b volatile.Counters, pass func(time.Duration)) {
			url := servers.Redis(t)
			c := open(t, url)
			opts, err := goredis.ParseURL(url)
			if err != nil {
				t.Fatal(err)
			}
			rdb := goredis.NewClient(opts)
			t.Cleanup(func() { rdb.Close() })
			return c, open(t, url), func(d time.Duration) { // the server's own time
				begin := rdb.Time(t.Context()).Val()
				for rdb.Time(t.Context()).Val().Sub(begin) <= d {
				}
			}
		})
	})
	t.Run("miniredis", func(t *testing.T) {
		volatiletest.Counters(t, func(t *testing.T) (a, b volatile.Counters, pass func(time.Duration)) {
			m := miniredis.RunT(t)
			return open(t, "redis://"+m.Addr()), open(t, "redis://"+m.Addr()), m.FastForward
		})
	})
}

func TestFanout(t *testing.T) {
	volatiletest.Fanout(t, func(t *testing.T) (a, b volatile.Fanout) {
		url := servers.Redis(t)
		return open(t, url), open(t, url)
	})
}

func TestOpenRefusesWithoutTellingTheURL(t *testing.T) {
	_, err := redis.Open(redis.Options{URL: "http://:secret@localhost"})
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("error is %v", err)
	}
}

// A server that hangs costs the callers one short wait, then nothing.
func TestHangingServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // accepts in the kernel, never answers
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := openWith(t, redis.Options{URL: "redis://" + l.Addr().String()})
	begin := time.Now()
	for range 1000 {
		if _, _, err := c.Add(t.Context(), "k", 1, time.Minute); err == nil {
			t.Fatal("a counter without a server")
		}
	}
	if d := time.Since(begin); d > 3*time.Second {
		t.Errorf("1000 counts took %s", d)
	}
	if err := c.Ping(t.Context()); err == nil {
		t.Error("ping went well")
	}
}

func TestServerErrorsAreErrors(t *testing.T) {
	m := miniredis.RunT(t)
	c := open(t, "redis://"+m.Addr())
	m.SetError("OOM command not allowed")
	if _, _, err := c.Add(t.Context(), "k", 1, time.Minute); err == nil {
		t.Error("Add went well")
	}
	if err := c.Publish(t.Context(), "t", nil); err == nil {
		t.Error("Publish went well")
	}
	if err := c.Reset(t.Context(), "k"); err == nil {
		t.Error("Reset went well")
	}
}

// A subscription outlives its server and says when it stands again.
func TestSubscriptionComesBack(t *testing.T) {
	m := miniredis.RunT(t)
	c := open(t, "redis://"+m.Addr())
	messages, stop := c.Subscribe(t.Context(), "t")
	defer stop()
	next := func() []byte {
		t.Helper()
		select {
		case v := <-messages:
			return v
		case <-time.After(10 * time.Second):
			t.Fatal("no message")
			return nil
		}
	}
	for range 2 {
		if v := next(); len(v) != 0 {
			t.Fatalf("got %q", v)
		}
		m.Publish("signet:t", "x")
		if v := next(); string(v) != "x" {
			t.Fatalf("got %q", v)
		}
		m.Close()
		if err := m.Restart(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSubscribeBeforeTheServerIsThere(t *testing.T) {
	m := miniredis.RunT(t)
	c := open(t, "redis://"+m.Addr())
	m.Close()
	messages, stop := c.Subscribe(t.Context(), "t")
	defer stop()
	if err := m.Restart(); err != nil {
		t.Fatal(err)
	}
	select {
	case v := <-messages:
		if len(v) != 0 {
			t.Errorf("got %q", v)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("never subscribed")
	}
}

func TestClosed(t *testing.T) {
	c, err := redis.Open(redis.Options{URL: "redis://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Publish(context.Background(), "t", nil); !errors.Is(err, goredis.ErrClosed) {
		t.Errorf("error is %v", err)
	}
}

func BenchmarkAdd(b *testing.B) {
	c := open(b, servers.Redis(b))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := c.Add(b.Context(), "login:alice@acme.test", 1, time.Minute); err != nil {
			b.Fatal(err)
		}
	}
}
