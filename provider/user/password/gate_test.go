package password

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestGateLimits: of 64 callers two run at a time, none is refused within its
// patience, and they are served in the order they came.
func TestGateLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		observed := &observer{}
		g := newGate(2, 64, 2*time.Second, observed.HashQueueDepth)
		var running, most atomic.Int64
		var order []int
		var mu sync.Mutex
		for i := range 64 {
			go func() {
				err := g.do(t.Context(), func() {
					most.Store(max(most.Load(), running.Add(1)))
					time.Sleep(25 * time.Millisecond) // the bubble's clock
					mu.Lock()
					order = append(order, i)
					mu.Unlock()
					running.Add(-1)
				})
				if err != nil {
					t.Errorf("caller %d: %v", i, err)
				}
			}()
			synctest.Wait() // one after the other
		}
		time.Sleep(time.Second) // 32 rounds of 25 ms
		synctest.Wait()
		if len(order) != 64 || most.Load() != 2 {
			t.Fatalf("%d served, %d at once", len(order), most.Load())
		}
		for i, caller := range order {
			if caller/2 != i/2 {
				t.Fatalf("served in the order %v", order)
			}
		}
		if observed.deepest != 62 || observed.last != 0 {
			t.Errorf("deepest queue %d, now %d", observed.deepest, observed.last)
		}
	})
}

func TestGatePatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, 10, 2*time.Second, func(int) {})
		release := make(chan struct{})
		go func() { _ = g.do(t.Context(), func() { <-release }) }()
		synctest.Wait()

		start := time.Now()
		err := g.do(t.Context(), func() { t.Error("ran") })
		if !errors.Is(err, ErrBusy) || time.Since(start) != 2*time.Second {
			t.Fatalf("%v after %v", err, time.Since(start))
		}
		close(release)
		synctest.Wait()
		ran := false
		if err := g.do(t.Context(), func() { ran = true }); err != nil || !ran {
			t.Fatalf("the gate stays shut: %v", err)
		}
	})
}

func TestGateQueueLength(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, 3, 2*time.Second, func(int) {})
		release := make(chan struct{})
		for range 4 { // one runs, three wait
			go func() {
				if err := g.do(t.Context(), func() { <-release }); err != nil {
					t.Error(err)
				}
			}()
		}
		synctest.Wait()
		start := time.Now()
		if err := g.do(t.Context(), func() { t.Error("ran") }); !errors.Is(err, ErrBusy) || time.Since(start) != 0 {
			t.Fatalf("%v after %v", err, time.Since(start))
		}
		close(release)
		synctest.Wait()
	})
}

func TestGateContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, 3, 2*time.Second, func(int) {})
		release := make(chan struct{})
		go func() { _ = g.do(t.Context(), func() { <-release }) }()
		synctest.Wait()

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		err := g.do(ctx, func() { t.Error("ran") })
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Fatalf("%v after %v", err, time.Since(start))
		}
		close(release)
		synctest.Wait()
		if err := g.do(ctx, func() { t.Error("ran for nobody") }); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if err := g.do(t.Context(), func() {}); err != nil {
			t.Fatalf("a slot was lost: %v", err)
		}
	})
}

// TestGateSurvivesPanics: a slot is given back whatever happens inside.
func TestGateSurvivesPanics(t *testing.T) {
	g := newGate(1, 1, time.Second, func(int) {})
	func() {
		defer func() { _ = recover() }()
		_ = g.do(t.Context(), func() { panic("inside") })
	}()
	if err := g.do(t.Context(), func() {}); err != nil {
		t.Fatal(err)
	}
}

// TestFloodStaysSmall: 64 logins at once on two slots take the memory of a few
// hashes, not of 64.
func TestFloodStaysSmall(t *testing.T) {
	const hashMiB = 8
	h := newHasher(t, Config{
		Argon2:      Argon2{MemoryKiB: hashMiB << 10, Passes: 1, Lanes: 1},
		Concurrency: 2, QueueLength: 64, QueueTimeout: time.Minute,
	})
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			if err := h.VerifyDummy(t.Context(), english); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	// HeapSys never shrinks, so it shows the peak. The collector lets some
	// garbage lie: allow for five times what two hashes need.
	runtime.ReadMemStats(&after)
	if grown := (after.HeapSys - before.HeapSys) >> 20; grown > 5*2*hashMiB {
		t.Errorf("64 logins took %d MiB", grown)
	}
}
