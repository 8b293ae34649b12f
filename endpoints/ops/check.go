package ops

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/signet-idp/signet/internal/clock"
)

// Check is one thing the process depends on.
type Check struct {
	Name string // "database", "cache", "migrations", "keys", "kafka", ...
	// Probe returns nil when the thing works. Its error is logged, never shown.
	Probe func(ctx context.Context) error
	// Optional: without it the service is degraded, not unready.
	Optional bool
	// Embedded: part of this process; /health says "embedded" for "connected".
	Embedded bool
}

const (
	probeTimeout = time.Second
	freshFor     = time.Second
)

var errSlow = errors.New("ops: the probe takes longer than a second")

// watched is a Check with its latest result. However many ask, one probe at a
// time runs, and its result serves for a second: probing from outside cannot
// hammer a database, and a probe that hangs does not pile up.
type watched struct {
	Check
	clock clock.Clock
	log   *slog.Logger

	mu      sync.Mutex
	known   bool
	at      time.Time
	err     error
	running chan struct{} // closed when the probe in flight ends; nil: none
}

// result returns the latest result, probing anew when it is older than a
// second. It answers within a second whatever the probe does.
func (w *watched) result(ctx context.Context) error {
	w.mu.Lock()
	if age := w.clock.Now().Sub(w.at); w.known && age >= 0 && age < freshFor {
		defer w.mu.Unlock()
		return w.err
	}
	if w.running == nil {
		w.running = make(chan struct{})
		// Detached: a caller that hangs up must not leave its cancellation as
		// everybody's result.
		go w.run(context.WithoutCancel(ctx), w.running)
	}
	running := w.running
	w.mu.Unlock()

	timer := time.NewTimer(probeTimeout)
	defer timer.Stop()
	select {
	case <-running:
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.err
	case <-timer.C:
		return errSlow
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *watched) run(ctx context.Context, done chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	err := w.probe(ctx)
	w.mu.Lock()
	before, known := w.err, w.known
	w.mu.Unlock()
	switch {
	case err != nil && (!known || before == nil):
		w.log.LogAttrs(ctx, slog.LevelWarn, "a dependency fails", slog.String("event", "check_failed"), slog.String("check", w.Name), slog.Any("error", err))
	case err == nil && before != nil:
		w.log.LogAttrs(ctx, slog.LevelInfo, "a dependency works again", slog.String("event", "check_recovered"), slog.String("check", w.Name))
	}
	w.mu.Lock()
	w.known, w.at, w.err, w.running = true, w.clock.Now(), err, nil
	w.mu.Unlock()
	close(done)
}

func (w *watched) probe(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("ops: probe %s: panic: %v", w.Name, p)
		}
	}()
	return w.Probe(ctx)
}
