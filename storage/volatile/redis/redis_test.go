package redis_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
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
		case <-time.After(3 * patience): // a handshake with a server that is going may take one
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

// A connection that takes what it is sent and answers nothing is given up: a
// firewall that dropped its state looks like that.
func TestSubscriptionOnADeadConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan struct{}, 16)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- struct{}{}
			go serveThenHang(conn)
		}
	}()
	c := openWith(t, redis.Options{URL: "redis://" + l.Addr().String() + "?protocol=2"})
	messages, stop := c.Subscribe(t.Context(), "t")
	defer stop()
	for i := range 2 {
		select {
		case v := <-messages:
			if len(v) != 0 {
				t.Fatalf("got %q", v)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("subscribed %d times only, over %d connections", i, len(accepted))
		}
	}
}

// serveThenHang confirms a subscription and answers anything else before it
// with +OK; afterwards it reads and says nothing.
func serveThenHang(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	subscribed := false
	for {
		head, err := r.ReadString('\n')
		if err != nil {
			return
		}
		n, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(head, "*")))
		if err != nil {
			return
		}
		var words []string
		for range n {
			if _, err := r.ReadString('\n'); err != nil { // the length
				return
			}
			word, err := r.ReadString('\n')
			if err != nil {
				return
			}
			words = append(words, strings.TrimSpace(word))
		}
		switch {
		case subscribed:
		case strings.EqualFold(words[0], "hello"): // as servers before 6 do
			fmt.Fprint(conn, "-ERR unknown command\r\n")
		case len(words) == 2 && strings.EqualFold(words[0], "subscribe"):
			fmt.Fprintf(conn, "*3\r\n$9\r\nsubscribe\r\n$%d\r\n%s\r\n:1\r\n", len(words[1]), words[1])
			subscribed = true
		default:
			fmt.Fprint(conn, "+OK\r\n")
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
