package revocation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/storage"
)

const (
	defaultPoll    = 100 * time.Millisecond // so that polling alone keeps within 250 ms
	defaultTimeout = 2 * time.Second
	sweepEvery     = 10 * time.Second
)

// Feed is what the View reads (storage.Revocations).
type Feed interface {
	RevocationsAfter(ctx context.Context, after int64, limit int) ([]storage.Revocation, error)
	FeedHead(ctx context.Context) (storage.FeedHead, error)
}

// Config is what a View is made of.
type Config struct {
	Feed  Feed        // required
	Clock clock.Clock // required
	// Poll is how often the head is read without being told to (0: 100 ms).
	Poll time.Duration
	// Timeout bounds one reading of the feed (0: 2 s).
	Timeout time.Duration
	Log     *slog.Logger // nil: none
}

// View is this replica's live list. Check, Head, AsOf, Fresh, Look, Sync,
// WaitFor and Stats are safe for concurrent use; OnApply, OnConfig and
// OnStep belong before the first Load.
type View struct {
	feed    Feed
	clock   clock.Clock
	poll    time.Duration
	timeout time.Duration
	log     *slog.Logger

	list atomic.Pointer[list]
	head atomic.Int64
	asOf atomic.Int64 // microseconds; 0: may not be trusted

	onApply  []func([]storage.Revocation)
	onConfig []func(int64)
	onStep   []func(Step)
	look     chan struct{}

	// turn is held by the one step that is running; begun counts steps, done is
	// the last one that succeeded.
	turn     chan struct{}
	begun    atomic.Int64
	done     atomic.Int64
	queueing atomic.Int64

	// Written by steps only.
	loaded    bool
	feedID    string
	config    int64
	lastStep  time.Time
	nextSweep time.Time

	entries atomic.Int64
	reloads atomic.Int64
	gaps    atomic.Int64

	waiting sync.Mutex
	moved   chan struct{} // closed when the head moves
}

// New makes a View. It trusts nothing (Fresh is false) until Load or Run has
// read the feed.
func New(c Config) (*View, error) {
	if c.Feed == nil || c.Clock == nil {
		return nil, errors.New("revocation: view: feed and clock are required")
	}
	if c.Poll <= 0 {
		c.Poll = defaultPoll
	}
	if c.Timeout <= 0 {
		c.Timeout = defaultTimeout
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	v := &View{
		feed: c.Feed, clock: c.Clock, poll: c.Poll, timeout: c.Timeout, log: c.Log,
		look: make(chan struct{}, 1), turn: make(chan struct{}, 1), moved: make(chan struct{}),
	}
	v.list.Store(newList())
	return v, nil
}

// OnApply has fn called with the entries that are about to take effect, before
// the list and the head change: the place to drop what caches hold. After a
// reload it gets the whole list. fn must not block.
//
// A cache that fills itself from the store must not keep an answer it asked for
// before fn was called.
func (v *View) OnApply(fn func(entries []storage.Revocation)) { v.onApply = append(v.onApply, fn) }

// OnConfig has fn called when the configuration version changed, before the
// head moves past what changed with it. fn must not block.
func (v *View) OnConfig(fn func(version int64)) { v.onConfig = append(v.onConfig, fn) }

// Step is what one reading of the feed brought.
type Step struct {
	FeedID string
	Head   int64
	AsOf   time.Time // when the head was read
	// Entries are those that took effect, in order; after a reload, Whole, all
	// that are alive.
	Entries []storage.Revocation
	Whole   bool
}

// OnStep has fn called after each successful reading of the feed, when its
// entries are enforced here. fn must not block.
func (v *View) OnStep(fn func(Step)) { v.onStep = append(v.onStep, fn) }

// Check says whether the list kills the token. It takes no lock, does no I/O
// and allocates nothing. It does not ask whether the list is Fresh.
func (v *View) Check(t TokenRef) Verdict { return v.list.Load().check(&t) }

// Head is the position up to which the feed is applied here. Read it before
// what goes into a token: it is the token's pe.
func (v *View) Head() int64 { return v.head.Load() }

// AsOf is when this replica last read the feed's head from the store; the zero
// time when the list cannot be trusted (not loaded, or the feed began anew).
func (v *View) AsOf() time.Time {
	at := v.asOf.Load()
	if at == 0 {
		return time.Time{}
	}
	return time.UnixMicro(at).UTC()
}

// Fresh says whether the head was read within maxStale. A clock that was set
// back makes the list stale until the next reading.
func (v *View) Fresh(maxStale time.Duration) bool {
	at := v.asOf.Load()
	if at == 0 {
		return false
	}
	age := v.clock.Now().UnixMicro() - at
	return age >= 0 && age <= maxStale.Microseconds()
}

// Stats are numbers for metrics.
type Stats struct {
	Head    int64
	AsOf    time.Time
	Entries int64 // marks held, as of the last sweep or load, and all added since
	Reloads int64 // full loads, the first included
	Gaps    int64 // positions missing where none should be
	Waiting int64 // callers inside Sync
}

// Stats returns the present numbers.
func (v *View) Stats() Stats {
	return Stats{
		Head: v.Head(), AsOf: v.AsOf(), Entries: v.entries.Load(),
		Reloads: v.reloads.Load(), Gaps: v.gaps.Load(), Waiting: v.queueing.Load(),
	}
}

// Look says that there is something new to read. It never blocks.
func (v *View) Look() {
	select {
	case v.look <- struct{}{}:
	default:
	}
}

// Load reads the feed now. The first time it loads the whole live list; a
// server is not ready before that has succeeded.
func (v *View) Load(ctx context.Context) error { return v.Sync(ctx) }

// Sync returns when everything that was committed before the call is applied
// here: what a logout waits for before it answers. Calls at the same time
// share one reading.
func (v *View) Sync(ctx context.Context) error {
	asked := v.begun.Load() // a step begun by now may have read too early
	v.queueing.Add(1)
	defer v.queueing.Add(-1)
	select {
	case v.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("revocation: sync: %w", ctx.Err())
	}
	defer func() { <-v.turn }()
	if v.done.Load() > asked {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	n := v.begun.Add(1)
	if err := v.step(ctx); err != nil {
		return fmt.Errorf("revocation: sync: %w", err)
	}
	v.done.Store(n)
	return nil
}

// WaitFor returns when the head has reached seq, or with the context's error.
// It does not read the feed itself: something else has to (Run).
func (v *View) WaitFor(ctx context.Context, seq int64) error {
	for {
		v.waiting.Lock()
		moved := v.moved
		v.waiting.Unlock()
		if v.Head() >= seq {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("revocation: wait for %d at %d: %w", seq, v.Head(), ctx.Err())
		}
	}
}

// Run follows the feed until ctx ends: at once when told to Look, and every
// Poll in any case. It returns nil; failures are logged and tried again.
func (v *View) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-v.look:
		case <-timer.C:
		}
		err := v.Sync(ctx)
		switch {
		case err != nil && ctx.Err() == nil && !failing:
			failing = true
			v.log.WarnContext(ctx, "revocation feed cannot be read", slog.Any("error", err), slog.Time("as_of", v.AsOf()))
		case err == nil && failing:
			failing = false
			v.log.InfoContext(ctx, "revocation feed is read again", slog.Int64("seq", v.Head()))
		}
		timer.Reset(v.poll)
	}
}
