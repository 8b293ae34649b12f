package ops

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signet-idp/signet/internal/clock"
)

// Options are what Ops depends on. Clock is required.
type Options struct {
	Service string // member service of /health
	Version string
	Mode    string // "embedded", "production", "development"
	Checks  []Check
	Clock   clock.Clock
	// ClockOffset is SIGNET_CLOCK_OFFSET; readiness says so when it is set.
	ClockOffset time.Duration
	Metrics     http.Handler // writes Prometheus text; nil: /metrics is not served
	Logger      *slog.Logger
}

// Ops answers the operational routes.
type Ops struct {
	o        Options
	checks   []*watched
	started  atomic.Bool
	draining atomic.Bool
}

// New returns an Ops that is neither started nor draining.
func New(o Options) *Ops {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	p := &Ops{o: o}
	for _, c := range o.Checks {
		p.checks = append(p.checks, &watched{Check: c, clock: o.Clock, log: o.Logger})
	}
	return p
}

// Started says that the process can serve: startupz succeeds from now on.
func (p *Ops) Started() { p.started.Store(true) }

// Drain makes readiness fail from now on; call it before closing listeners.
func (p *Ops) Drain() { p.draining.Store(true) }

// Draining reports whether Drain was called.
func (p *Ops) Draining() bool { return p.draining.Load() }

type outcome struct {
	*watched
	err error
}

// probe asks all checks at once, in the order given.
func (p *Ops) probe(ctx context.Context) []outcome {
	list := make([]outcome, len(p.checks))
	var wg sync.WaitGroup
	for i, c := range p.checks {
		list[i].watched = c
		wg.Go(func() { list[i].err = c.result(ctx) })
	}
	wg.Wait()
	return list
}
