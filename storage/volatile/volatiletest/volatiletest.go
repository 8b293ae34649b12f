// Package volatiletest is the contract of package volatile as tests.
package volatiletest

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/volatile"
)

// Counters checks counters. Open returns two views of the same counters (two
// replicas, or twice the same), pass lets at least d go by for them.
func Counters(t *testing.T, open func(t *testing.T) (a, b volatile.Counters, pass func(d time.Duration))) {
	const window = time.Minute
	add := func(t *testing.T, c volatile.Counters, key string, n int64, want int64) time.Duration {
		t.Helper()
		total, reset, err := c.Add(t.Context(), key, n, window)
		if err != nil {
			t.Fatal(err)
		}
		if total != want {
			t.Fatalf("%s is %d, want %d", key, total, want)
		}
		if (total == 0 && n == 0) != (reset == 0) || reset < 0 || reset > window {
			t.Fatalf("%s resets after %s at %d", key, reset, total)
		}
		return reset
	}
	t.Run("add and look", func(t *testing.T) {
		a, b, _ := open(t)
		add(t, a, "k", 0, 0)
		add(t, a, "k", 1, 1)
		add(t, b, "k", 2, 3)
		add(t, b, "k", 0, 3)
		add(t, a, "other", 1, 1)
	})
	t.Run("a count does not move the window", func(t *testing.T) {
		a, _, pass := open(t)
		first := add(t, a, "k", 1, 1)
		pass(10 * time.Millisecond)
		if second := add(t, a, "k", 1, 2); second >= first {
			t.Errorf("the window was moved: %s left, then %s", first, second)
		}
	})
	t.Run("the window ends", func(t *testing.T) {
		a, b, pass := open(t)
		const short = 20 * time.Millisecond
		if _, _, err := a.Add(t.Context(), "k", 5, short); err != nil {
			t.Fatal(err)
		}
		pass(short)
		add(t, b, "k", 0, 0)
		add(t, b, "k", 1, 1)
	})
	t.Run("reset", func(t *testing.T) {
		a, b, _ := open(t)
		add(t, a, "k", 5, 5)
		if err := b.Reset(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
		if err := b.Reset(t.Context(), "none"); err != nil {
			t.Fatal(err)
		}
		add(t, a, "k", 1, 1)
	})
	t.Run("no count is lost", func(t *testing.T) {
		a, b, _ := open(t)
		const workers, each = 16, 25
		var wg sync.WaitGroup
		seen := make(chan int64, workers*each)
		for i := range workers {
			c := []volatile.Counters{a, b}[i%2]
			wg.Go(func() {
				for range each {
					total, _, err := c.Add(t.Context(), "k", 1, window)
					if err != nil {
						t.Error(err)
						return
					}
					seen <- total
				}
			})
		}
		wg.Wait()
		close(seen)
		distinct := map[int64]bool{}
		for n := range seen {
			distinct[n] = true
		}
		if len(distinct) != workers*each {
			t.Errorf("%d different totals of %d: two callers were told the same", len(distinct), workers*each)
		}
		add(t, a, "k", 0, workers*each)
	})
	t.Run("any key", func(t *testing.T) {
		a, _, _ := open(t)
		for i, key := range []string{"", " ", "a\x00b", "{slot}", "ключ*?[", string(bytes.Repeat([]byte("x"), 4096))} {
			add(t, a, key, int64(i+1), int64(i+1))
		}
	})
	t.Run("a request that was given up still counts", func(t *testing.T) {
		a, _, _ := open(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := a.Add(ctx, "k", 1, window); err != nil {
			t.Fatal(err)
		}
		add(t, a, "k", 0, 1)
	})
}

// Fanout checks a fan-out. Open returns two views of the same.
func Fanout(t *testing.T, open func(t *testing.T) (a, b volatile.Fanout)) {
	next := func(t *testing.T, c <-chan []byte) []byte {
		t.Helper()
		select {
		case m, ok := <-c:
			if !ok {
				t.Fatal("the channel was closed")
			}
			return m
		case <-time.After(10 * time.Second):
			t.Fatal("no message")
			return nil
		}
	}
	subscribe := func(t *testing.T, f volatile.Fanout, topic string) <-chan []byte {
		t.Helper()
		c, stop := f.Subscribe(t.Context(), topic)
		t.Cleanup(stop)
		if m := next(t, c); len(m) != 0 {
			t.Fatalf("first message is %q", m)
		}
		return c
	}
	publish := func(t *testing.T, f volatile.Fanout, topic, payload string) {
		t.Helper()
		if err := f.Publish(t.Context(), topic, []byte(payload)); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("everybody gets it, in order", func(t *testing.T) {
		a, b := open(t)
		topic := "t" + storage.NewID()
		subs := []<-chan []byte{subscribe(t, a, topic), subscribe(t, b, topic), subscribe(t, b, topic)}
		stranger := subscribe(t, a, topic+"x")
		for i := range 5 {
			publish(t, a, topic, fmt.Sprint(i))
		}
		publish(t, a, topic+"x", "end")
		for _, c := range subs {
			for i := range 5 {
				if m := next(t, c); string(m) != fmt.Sprint(i) {
					t.Fatalf("message %d is %q", i, m)
				}
			}
		}
		if m := next(t, stranger); string(m) != "end" {
			t.Errorf("another topic got %q", m)
		}
	})
	t.Run("bytes as they are", func(t *testing.T) {
		a, b := open(t)
		topic := "t" + storage.NewID()
		c := subscribe(t, b, topic)
		publish(t, a, topic, "\x00\xff\r\n$-1")
		if m := next(t, c); string(m) != "\x00\xff\r\n$-1" {
			t.Errorf("got %q", m)
		}
	})
	t.Run("a slow subscriber delays nobody", func(t *testing.T) {
		a, b := open(t)
		topic := "t" + storage.NewID()
		subscribe(t, a, topic) // never reads on
		quick := subscribe(t, b, topic)
		for i := range 500 {
			publish(t, a, topic, fmt.Sprint(i))
			if m := next(t, quick); string(m) != fmt.Sprint(i) {
				t.Fatalf("message %d is %q", i, m)
			}
		}
	})
	t.Run("stop and the context's end close the channel", func(t *testing.T) {
		a, _ := open(t)
		ctx, cancel := context.WithCancel(t.Context())
		byCtx, stop := a.Subscribe(ctx, "t"+storage.NewID())
		cancel()
		for range byCtx {
		}
		stop()
		byStop, stop := a.Subscribe(t.Context(), "t"+storage.NewID())
		stop()
		stop()
		for range byStop {
		}
	})
	t.Run("nobody listens", func(t *testing.T) {
		a, _ := open(t)
		publish(t, a, "t"+storage.NewID(), "x")
	})
}
