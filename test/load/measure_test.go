package main

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestFigures(t *testing.T) {
	t.Parallel()
	r := &running{op: operation{name: "x", promise: 10}}
	for n := 100; n >= 1; n-- {
		r.took = append(r.took, time.Duration(n)*time.Millisecond)
	}
	f := r.figures(2*time.Second, time.Second/2)
	if f.Wall != 50 || f.PerCore != 200 || f.CPU != 5000 {
		t.Errorf("rates: %+v", f)
	}
	if f.P50 != 51_000 || f.P95 != 96_000 || f.P99 != 100_000 || f.Max != 100_000 {
		t.Errorf("quantiles: %+v", f)
	}
}

func run4(once func(context.Context, *worker, *pool) error, count int64) *running {
	return &running{op: operation{once: once}, until: time.Now().Add(time.Minute), count: count}
}

func TestClosedLoop(t *testing.T) {
	t.Parallel()
	workers := []*worker{{}, {}, {}, {}}
	failure := errors.New("no")
	tests := map[string]struct {
		once             func(context.Context, *worker, *pool) error
		answered, failed int
	}{
		"ends at its count":         {func(context.Context, *worker, *pool) error { return nil }, 1000, 0},
		"gives up after 100 errors": {func(context.Context, *worker, *pool) error { return failure }, 0, errorsAllowed},
		"ends without new tokens":   {func(context.Context, *worker, *pool) error { return errEmpty }, 0, 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run4(tc.once, 1000)
			r.closed(t.Context(), workers)
			// Those under way when the last error came may add theirs.
			if failed := int(r.failed.Load()); len(r.took) != tc.answered || failed < tc.failed || failed >= tc.failed+len(workers) {
				t.Errorf("%d answered, %d failed", len(r.took), failed)
			}
		})
	}
}

// TestOpenLoopCountsTheWait: an operation that began late because all workers
// were busy is as slow as it is late.
func TestOpenLoopCountsTheWait(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	first := true
	r := run4(func(context.Context, *worker, *pool) error {
		if first {
			first = false
			<-release
		}
		return nil
	}, 5)
	time.AfterFunc(100*time.Millisecond, func() { close(release) })
	r.open(t.Context(), []*worker{{}}, 1000)
	if len(r.took) != 5 {
		t.Fatalf("%d answered", len(r.took))
	}
	for _, took := range r.took {
		if took < 50*time.Millisecond {
			t.Errorf("waited for a worker, and counts as %v", took)
		}
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	if all, err := choose("all"); err != nil || len(all) != len(names()) {
		t.Error(len(all), err)
	}
	if two, err := choose("code,login"); err != nil || len(two) != 2 || two[0].name != "code" {
		t.Error(two, err)
	}
	if _, err := choose("nonsense"); err == nil {
		t.Error("an unknown operation was chosen")
	}
}
