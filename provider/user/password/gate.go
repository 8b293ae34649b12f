package password

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// ErrBusy means that too many hashes are running or waiting, or that this one
// waited too long. Nothing was computed; the caller may try again later (503).
var ErrBusy = errors.New("password hashing is at capacity")

// gate lets few callers through at once and a bounded number wait a bounded
// time, first come first served.
type gate struct {
	slots    chan struct{}
	waiting  atomic.Int64
	limit    int64
	patience time.Duration
	observe  func(waiting int)
}

func newGate(slots, limit int, patience time.Duration, observe func(int)) *gate {
	return &gate{slots: make(chan struct{}, slots), limit: int64(limit), patience: patience, observe: observe}
}

// do runs work inside the gate. It returns ErrBusy or the context's error
// without having run it.
func (g *gate) do(ctx context.Context, work func()) error {
	if err := g.enter(ctx); err != nil {
		return err
	}
	defer func() { <-g.slots }()
	// The caller may have gone while it waited; don't hash for nobody.
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("password: before hashing: %w", err)
	}
	work()
	return nil
}

func (g *gate) enter(ctx context.Context) error {
	// A freed slot goes to the first waiting sender, so this never overtakes.
	select {
	case g.slots <- struct{}{}:
		return nil
	default:
	}
	if g.waiting.Add(1) > g.limit {
		g.waiting.Add(-1)
		return ErrBusy
	}
	g.observe(int(g.waiting.Load()))
	defer func() { g.observe(int(g.waiting.Add(-1))) }()

	timer := time.NewTimer(g.patience)
	defer timer.Stop()
	select {
	case g.slots <- struct{}{}:
		return nil
	case <-timer.C:
		return ErrBusy
	case <-ctx.Done():
		return fmt.Errorf("password: waiting to hash: %w", ctx.Err())
	}
}
