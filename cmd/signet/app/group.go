package app

import (
	"context"
	"errors"
	"sync"
	"time"
)

// group runs tasks until their context ends and collects their errors.
type group struct {
	ctx  context.Context //nolint:containedctx // the group is the context's lifetime
	wg   sync.WaitGroup
	mu   sync.Mutex
	errs []error
}

func newGroup(ctx context.Context) *group { return &group{ctx: ctx} }

func (g *group) run(task func(ctx context.Context) error) {
	g.wg.Add(1)
	go func() {
		defer g.wg.Done()
		if err := task(g.ctx); err != nil && !errors.Is(err, context.Canceled) {
			g.mu.Lock()
			g.errs = append(g.errs, err)
			g.mu.Unlock()
		}
	}()
}

func (g *group) wait() error {
	g.wg.Wait()
	return errors.Join(g.errs...)
}

// every calls f each period until ctx ends.
func every(ctx context.Context, period time.Duration, f func()) {
	t := time.NewTicker(period)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			f()
		}
	}
}
