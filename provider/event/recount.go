package event

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/storage"
)

// Recount lets a follower begin anew: what comes out is what it would have made
// of the whole record, whatever stood there before.
//
//	Restart -> Advance -> Advance -> … until all is counted
//
// It may be left at any time, and servers go on where it was left.
type Recount struct {
	Store FollowerStore
	Clock clock.Clock
	Name  string // the follower's
	// Apply is the follower's, and Clear forgets all that it ever wrote.
	Apply func(ctx context.Context, batch []storage.Event) error
	Clear func(ctx context.Context) error
}

// Restart forgets what was counted and sends the follower back to the beginning
// of the record, in one transaction: counts are then too low for a while, and
// never too high. It returns where the record ends now.
func (r Recount) Restart(ctx context.Context) (total int64, err error) {
	last, err := r.Store.LastEvent(ctx)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return 0, fmt.Errorf("event: recount: %w", err)
	}
	for range restarts {
		if err = r.restart(ctx); !errors.Is(err, storage.ErrVersion) {
			break
		}
	}
	if err != nil {
		return 0, fmt.Errorf("event: recount: %w", err)
	}
	return last.Seq, nil
}

// restarts is how often Restart begins again when somebody counts meanwhile.
const restarts = 100

func (r Recount) restart(ctx context.Context) error {
	return r.Store.InTx(ctx, func(ctx context.Context) error {
		at, err := r.Store.EventCursor(ctx, r.Name)
		if err != nil {
			return err
		}
		// A follower that counts at the same time moves the cursor, and then one
		// of the two does not commit.
		moved, err := r.Store.MoveEventCursor(ctx, r.Name, at, 0, r.Clock.Now())
		if err == nil && !moved {
			err = storage.ErrVersion
		}
		if err != nil {
			return err
		}
		return r.Clear(ctx)
	})
}

// look is how often Advance sees how far the counting is.
const look = 20 * time.Millisecond

// Advance counts until the end that Restart returned, or for a while, and says
// how far it is. Where a server runs, its follower may do the work.
func (r Recount) Advance(ctx context.Context, total int64, while time.Duration) (done int64, err error) {
	f, err := NewFollower(FollowerConfig{
		Store: r.Store, Clock: r.Clock, Name: r.Name, Holder: storage.NewID(), Apply: r.Apply,
	})
	if err != nil {
		return 0, err
	}
	counting, stop := context.WithTimeout(ctx, while)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- f.Run(counting) }()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		if done, err = r.Store.EventCursor(ctx, r.Name); err != nil || done >= total {
			stop()
		}
		select {
		case e := <-ended:
			if err = errors.Join(err, e); err != nil {
				return done, fmt.Errorf("event: recount: %w", err)
			}
			return done, nil
		case <-tick.C:
		}
	}
}
