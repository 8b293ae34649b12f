package event

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
	// followerLease is longer than a delivery takes, so that two replicas do not
	// take turns at delivering the same events.
	followerLease = 30 * time.Second
	followerPoll  = time.Second
	followerBatch = 500
	// gather is how long a follower waits after a kick: what comes close
	// together is one batch, and one transaction.
	gather = 200 * time.Millisecond
	// defaultPause is the longest between two tries when one fails after another.
	defaultPause = time.Minute
)

// FollowerStore is what a Follower needs of the store.
type FollowerStore interface {
	storage.Transactor
	storage.Leases
	LastEvent(ctx context.Context) (storage.Event, error)
	EventsAfter(ctx context.Context, after int64, limit int) ([]storage.Event, error)
	EventCursor(ctx context.Context, name string) (int64, error)
	MoveEventCursor(ctx context.Context, name string, from, to int64, at time.Time) (bool, error)
}

// FollowerConfig is what a Follower is made of.
type FollowerConfig struct {
	Store FollowerStore // required
	Clock clock.Clock   // required
	// Name is the consumer's, of its cursor and its lease; required.
	Name string
	// Holder names this replica in the lease; required, unique per process.
	Holder string
	// Tend is called before each look at the record, while this replica has the
	// lease; nil: nothing is to be done.
	Tend func(ctx context.Context) error
	// Deliver takes a batch to where it belongs, outside of any transaction,
	// before the cursor moves: every event arrives at least once.
	Deliver func(ctx context.Context, batch []storage.Event) error
	// Apply writes what follows from a batch, in the transaction that moves the
	// cursor: every event counts exactly once. Either may be nil.
	Apply func(ctx context.Context, batch []storage.Event) error
	// Done is called once a batch is behind the cursor; nil: nobody waits for it.
	Done func()
	// FromHead: a consumer that never began does not read what was before it.
	FromHead bool
	// Batch is how many events are handled at once (0, or more than 500: 500).
	Batch int
	// Poll is how often to look without being told (0: a second).
	Poll time.Duration
	// Pause is the longest between two tries when one fails after another (0: a
	// minute).
	Pause time.Duration
	Log   *slog.Logger // nil: none
}

// Follower reads the record in order behind a cursor of its own. Every replica
// runs one; the one that holds the consumer's lease works. The cursor moves by
// compare-and-swap under the lease's fence, so that a replica which lost the
// lease without noticing changes nothing.
type Follower struct {
	c    FollowerConfig
	kick chan struct{}
	// behind is the time of the oldest event not yet handled, microseconds; 0: none.
	behind atomic.Int64
	// working: this replica had the lease when it last looked.
	working atomic.Bool

	mu     sync.Mutex // one Tick at a time
	tenure Tenure
}

// NewFollower makes a Follower; start it with Run.
func NewFollower(c FollowerConfig) (*Follower, error) {
	if c.Store == nil || c.Clock == nil || c.Name == "" || c.Holder == "" {
		return nil, errors.New("event: follower: store, clock, name and holder are required")
	}
	if c.Batch <= 0 || c.Batch > followerBatch {
		c.Batch = followerBatch
	}
	if c.Poll <= 0 {
		c.Poll = followerPoll
	}
	if c.Pause <= 0 {
		c.Pause = defaultPause
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Follower{
		c: c, kick: make(chan struct{}, 1),
		tenure: NewTenure(c.Store, c.Clock, "follower-"+c.Name, c.Holder, followerLease),
	}, nil
}

// Name is the consumer's.
func (f *Follower) Name() string { return f.c.Name }

// Kick announces that events were sequenced. It never blocks.
func (f *Follower) Kick() {
	select {
	case f.kick <- struct{}{}:
	default:
	}
}

// Lag is the age of the oldest event that this replica has begun to handle and
// not finished; 0 when it is up to date or another replica does the work.
func (f *Follower) Lag() time.Duration {
	at := f.behind.Load()
	if at == 0 {
		return 0
	}
	return max(0, f.c.Clock.Now().Sub(time.UnixMicro(at)))
}

// Working tells whether this replica did the work when it last looked.
func (f *Follower) Working() bool { return f.working.Load() }

// Tick handles one batch, if this replica has or gets the lease, and returns
// how many events that were. A full batch means there is more to do.
func (f *Follower) Tick(ctx context.Context) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.tick(ctx)
	if errors.Is(err, storage.ErrVersion) {
		f.tenure.Lost()
		f.working.Store(false)
		f.behind.Store(0)
		f.c.Log.InfoContext(ctx, "event follower: another replica took over", slog.String("follower", f.c.Name))
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("event: follower %s: %w", f.c.Name, err)
	}
	return n, nil
}

func (f *Follower) tick(ctx context.Context) (int, error) {
	held, err := f.tenure.Hold(ctx)
	f.working.Store(held)
	if err != nil || !held {
		f.behind.Store(0)
		return 0, err
	}
	if f.c.Tend != nil {
		if err := f.c.Tend(ctx); err != nil {
			return 0, err
		}
	}
	from, err := f.c.Store.EventCursor(ctx, f.c.Name)
	if err != nil {
		return 0, err
	}
	if from == 0 && f.c.FromHead {
		return 0, f.begin(ctx)
	}
	batch, err := f.c.Store.EventsAfter(ctx, from, f.c.Batch)
	if err != nil {
		return 0, err
	}
	if len(batch) == 0 {
		f.behind.Store(0)
		return 0, nil
	}
	f.behind.Store(batch[0].Time.UnixMicro())
	if f.c.Deliver != nil {
		if err := f.c.Deliver(ctx, batch); err != nil {
			return 0, err
		}
	}
	if err := f.move(ctx, from, batch); err != nil {
		return 0, err
	}
	if len(batch) < f.c.Batch {
		f.behind.Store(0)
	}
	if f.c.Done != nil {
		f.c.Done()
	}
	return len(batch), nil
}

// begin puts the cursor at the head of the record. While there is no event at
// all there is nothing to begin at: a cursor at 0 says "never began".
func (f *Follower) begin(ctx context.Context) error {
	last, err := f.c.Store.LastEvent(ctx)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	_, err = f.c.Store.MoveEventCursor(ctx, f.c.Name, 0, last.Seq, f.c.Clock.Now())
	return err
}

// move moves the cursor past the batch, and applies it, under the fence.
func (f *Follower) move(ctx context.Context, from int64, batch []storage.Event) error {
	return f.c.Store.InTx(ctx, func(ctx context.Context) error {
		if err := f.tenure.Check(ctx); err != nil {
			return err
		}
		won, err := f.c.Store.MoveEventCursor(ctx, f.c.Name, from, batch[len(batch)-1].Seq, f.c.Clock.Now())
		if err != nil {
			return err
		}
		if !won {
			return fmt.Errorf("cursor: %w", storage.ErrVersion)
		}
		if f.c.Apply == nil {
			return nil
		}
		return f.c.Apply(ctx, batch)
	})
}

// Run follows until ctx ends, then gives the lease back. What fails is tried
// again after growing pauses, and nothing is skipped.
func (f *Follower) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	failures, gathering := 0, false
	for {
		select {
		case <-ctx.Done():
			return f.release(ctx)
		case <-f.kick:
			if failures == 0 && !gathering {
				gathering = true
				timer.Reset(min(gather, f.c.Poll))
			}
			continue
		case <-timer.C:
		}
		gathering = false
		n, err := f.Tick(ctx)
		wait := f.c.Poll
		switch {
		case err != nil:
			failures++
			wait = min(time.Second<<min(failures-1, 6), f.c.Pause)
			if failures == 1 && ctx.Err() == nil {
				f.c.Log.WarnContext(ctx, "event follower: events wait", slog.String("follower", f.c.Name), slog.Any("error", err))
			}
		case failures > 0:
			failures = 0
			f.c.Log.InfoContext(ctx, "event follower: working again", slog.String("follower", f.c.Name))
			wait = 0
		case n == f.c.Batch:
			wait = 0
		}
		timer.Reset(wait)
	}
}

func (f *Follower) release(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.tenure.Release(ctx); err != nil {
		return fmt.Errorf("event: follower %s: %w", f.c.Name, err)
	}
	return nil
}
