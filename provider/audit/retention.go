package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
)

const (
	// pruneEvery is how often retention looks for what is too old.
	pruneEvery = 10 * time.Minute
	pruneLease = 15 * time.Minute
	// pruneBatch bounds one transaction.
	pruneBatch = 500
	// pruneBatches bounds one look: what is left waits for the next.
	pruneBatches = 200
)

// RetentionStore is what Retention needs of the store.
type RetentionStore interface {
	Store
	storage.Audit
	EventCursor(ctx context.Context, name string) (int64, error)
}

// RetentionConfig is what a Retention is made of.
type RetentionConfig struct {
	Store    RetentionStore
	Recorder Recorder
	Clock    clock.Clock
	Holder   string // this replica in the lease, unique per process
	// Keep is how long events of a class are kept; 0, or not there: for ever.
	Keep map[event.Class]time.Duration
	// Consumers are those who follow the record: what they have not read stays.
	Consumers []string
	Log       *slog.Logger // nil: none
}

// Retention removes events that are older than their class is kept. What is held
// stays, as does what a consumer has yet to read or has parked, and what no
// checkpoint covers. Of each removed event its place in the chain stays, and an
// event tells of every removal, so that the chain can be verified as before.
type Retention struct {
	c       RetentionConfig
	tenure  event.Tenure
	removed atomic.Int64
}

// NewRetention makes a Retention; start it with Run.
func NewRetention(c RetentionConfig) (*Retention, error) {
	if c.Store == nil || c.Recorder == nil || c.Clock == nil || c.Holder == "" {
		return nil, errors.New("audit: retention: store, recorder, clock and holder are required")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Retention{c: c, tenure: event.NewTenure(c.Store, c.Clock, "retention", c.Holder, pruneLease)}, nil
}

// Removed is how many events this process has removed.
func (r *Retention) Removed() int64 { return r.removed.Load() }

// kept are the types that no retention removes: they tell of removals.
func kept(t event.Type) bool {
	return t == event.AuditPruned || t == event.AuditHoldAdded || t == event.AuditHoldRemoved
}

// Tick removes what is due, if this replica has or gets the lease, and returns
// how many events that were.
func (r *Retention) Tick(ctx context.Context) (int64, error) {
	held, err := r.tenure.Hold(ctx)
	if err != nil || !held {
		return 0, wrap("retention", err)
	}
	bound, err := r.bound(ctx)
	if err != nil {
		return 0, wrap("retention", err)
	}
	total, left := int64(0), pruneBatches
	for _, e := range event.Catalogue() {
		keep := r.c.Keep[e.Class]
		if keep <= 0 || kept(e.Type) {
			continue
		}
		n, err := r.removeType(ctx, e, r.c.Clock.Now().Add(-keep), bound, &left)
		total += n
		r.removed.Add(n)
		if errors.Is(err, storage.ErrVersion) {
			r.tenure.Lost()
			return total, nil
		}
		if err != nil {
			return total, wrap("retention", err)
		}
	}
	return total, nil
}

// bound is the last seq that may be removed: one that a checkpoint covers, that
// every consumer has read and none has parked.
func (r *Retention) bound(ctx context.Context) (int64, error) {
	list, err := r.c.Store.QueryEvents(ctx, storage.EventQuery{Types: []string{string(event.AuditCheckpoint)}, Limit: 1})
	if err != nil || len(list) == 0 {
		return 0, err
	}
	last, err := FromEvent(list[0])
	if err != nil {
		return 0, err
	}
	// The newest checkpoint itself stays, and with it the end of the chain.
	bound := min(last.Seq, list[0].Seq-1)
	for _, name := range r.c.Consumers {
		seq, err := r.c.Store.EventCursor(ctx, name)
		if err != nil {
			return 0, err
		}
		bound = min(bound, seq)
	}
	waiting, err := r.c.Store.OldestWaitingEvent(ctx)
	if err == nil && waiting > 0 {
		bound = min(bound, waiting-1)
	}
	return bound, err
}

// removeType removes events of one type, batch by batch.
func (r *Retention) removeType(ctx context.Context, e event.Entry, before time.Time, bound int64, left *int) (total int64, err error) {
	after := int64(0)
	for *left > 0 {
		list, err := r.c.Store.QueryEvents(ctx, storage.EventQuery{
			Types: []string{string(e.Type)}, To: before, Before: bound + 1, After: after, OldestFirst: true, Limit: pruneBatch,
		})
		if err != nil || len(list) == 0 {
			return total, err
		}
		after = list[len(list)-1].Seq
		*left--
		n, err := r.remove(ctx, e.Class, before, list)
		total += n
		if err != nil || len(list) < pruneBatch {
			return total, err
		}
	}
	return total, nil
}

// remove removes those of a batch that nothing holds, with the event that tells
// of it, under the lease's fence.
func (r *Retention) remove(ctx context.Context, class event.Class, before time.Time, batch []storage.Event) (n int64, err error) {
	err = r.c.Store.InTx(ctx, func(ctx context.Context) error {
		n = 0
		if err := r.tenure.Check(ctx); err != nil {
			return err
		}
		// A hold that is added meanwhile comes before this, or after.
		if err := r.c.Store.GuardHolds(ctx); err != nil {
			return err
		}
		holds, err := r.c.Store.Holds(ctx)
		if err != nil {
			return err
		}
		free := make([]storage.Event, 0, len(batch))
		digest := sha256.New()
		for _, e := range batch {
			if !holdsEvent(holds, e) {
				free = append(free, e)
				digestPlace(digest, e.Seq, e.Hash)
			}
		}
		if len(free) == 0 {
			return nil
		}
		told := event.Event{ID: storage.NewID(), Type: event.AuditPruned, Subject: event.RecordSubject, Data: map[string]any{
			"class": string(class), "before": before.Unix(), "first": free[0].Seq, "last": free[len(free)-1].Seq,
			"events": len(free), "digest": hex.EncodeToString(digest.Sum(nil)),
		}}
		if err := r.c.Store.PruneEvents(ctx, told.ID, free); err != nil {
			return err
		}
		n = int64(len(free))
		return r.c.Recorder.Record(ctx, told)
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// holdsEvent says whether any hold keeps an event.
func holdsEvent(holds []storage.Hold, e storage.Event) bool {
	for _, h := range holds {
		switch h.Kind {
		case storage.HoldAll:
			return true
		case storage.HoldSubject:
			if h.Value == e.Subject || h.Value == e.Actor || h.Value == e.PersonalOf || mentions(e.Data, h.Value) {
				return true
			}
		case storage.HoldOrganization:
			if h.Value == e.Organization || h.Value == e.Subject {
				return true
			}
		}
	}
	return false
}

// Run removes until ctx ends, then gives the lease back.
func (r *Retention) Run(ctx context.Context) error {
	return every(ctx, pruneEvery, r.c.Log, "retention", func(ctx context.Context) error {
		n, err := r.Tick(ctx)
		if n > 0 {
			r.c.Log.InfoContext(ctx, "audit: retention removed events", slog.Int64("events", n))
		}
		return err
	}, r.tenure.Release)
}
