package event

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/storage"
)

// Recount lets a follower begin anew: what comes out is what it would have made
// of the whole record, whatever stood there before. Where retention has removed
// events, that is only so from the first day on of which all are there; what was
// counted of earlier days stays.
//
//	Restart -> Advance -> Advance -> … until all is counted
//
// It may be left at any time, and servers go on where it was left.
type Recount struct {
	Store RecountStore
	Clock clock.Clock
	Name  string // the follower's
	// Apply is the follower's, and Clear forgets what it ever wrote of a day, in
	// days since 1970-01-01 UTC, and later ones.
	Apply func(ctx context.Context, batch []storage.Event) error
	Clear func(ctx context.Context, from int64) error
}

// RecountStore is what a Recount needs of the store.
type RecountStore interface {
	FollowerStore
	QueryEvents(ctx context.Context, q storage.EventQuery) ([]storage.Event, error)
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
		since, err := r.Since(ctx)
		if err != nil {
			return err
		}
		last, err := r.before(ctx, since)
		if err != nil {
			return err
		}
		// A follower that counts at the same time moves the cursor, and then one
		// of the two does not commit. What it has not come to, it will.
		to := min(last, at)
		moved, err := r.Store.MoveEventCursor(ctx, r.Name, at, to, r.Clock.Now())
		if err == nil && !moved {
			err = storage.ErrVersion
		}
		if err != nil {
			return err
		}
		if err := r.Clear(ctx, since.Unix()/secondsOfDay); err != nil {
			return err
		}
		return r.early(ctx, since, to)
	})
}

const secondsOfDay = 24 * 60 * 60

// Since is the first day of which retention has removed nothing; 1970-01-01
// when it has never removed anything.
func (r Recount) Since(ctx context.Context) (time.Time, error) {
	latest := int64(0)
	for q := (storage.EventQuery{Types: []string{string(AuditPruned)}, OldestFirst: true, Limit: recountPage}); ; {
		list, err := r.Store.QueryEvents(ctx, q)
		if err != nil {
			return time.Time{}, err
		}
		for _, e := range list {
			var told struct {
				Before int64 `json:"before"`
			}
			if err := json.Unmarshal(e.Data, &told); err != nil {
				return time.Time{}, fmt.Errorf("event %d: %w", e.Seq, err)
			}
			latest = max(latest, told.Before)
		}
		if len(list) < recountPage {
			return time.Unix((latest+secondsOfDay-1)/secondsOfDay*secondsOfDay, 0).UTC(), nil
		}
		q.After = list[len(list)-1].Seq
	}
}

const recountPage = 500

// before is the seq of the last event that happened before a time; 0: none did.
func (r Recount) before(ctx context.Context, t time.Time) (int64, error) {
	list, err := r.Store.QueryEvents(ctx, storage.EventQuery{To: t, Limit: 1})
	if err != nil || len(list) == 0 {
		return 0, err
	}
	return list[0].Seq, nil
}

// early counts what happened since a time, and stands up to a seq all the same:
// the order of the record is not quite that of the clocks.
func (r Recount) early(ctx context.Context, since time.Time, to int64) error {
	for q := (storage.EventQuery{From: since, Before: to + 1, OldestFirst: true, Limit: recountPage}); to > 0; {
		list, err := r.Store.QueryEvents(ctx, q)
		if err != nil || len(list) == 0 {
			return err
		}
		if err := r.Apply(ctx, list); err != nil {
			return err
		}
		q.After = list[len(list)-1].Seq
	}
	return nil
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
