package audit

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
)

const (
	// Every is how often the chain's value is signed while things happen.
	Every = time.Minute
	// checkpointLease outlasts a pause between two checkpoints, so that the
	// replicas do not take turns.
	checkpointLease = 90 * time.Second
)

// Store is what a Checkpointer and a File need of the store.
type Store interface {
	storage.Transactor
	storage.Leases
	ChainStore
	QueryEvents(ctx context.Context, q storage.EventQuery) ([]storage.Event, error)
}

// Recorder writes events (*event.Recorder).
type Recorder interface {
	Record(ctx context.Context, events ...event.Event) error
}

// KeyRing lends the signing key (*keys.Manager).
type KeyRing interface{ Snapshot() *keys.Snapshot }

// CheckpointerConfig is what a Checkpointer is made of.
type CheckpointerConfig struct {
	Store    Store
	Recorder Recorder
	Keys     KeyRing
	Clock    clock.Clock
	Issuer   string
	Holder   string       // this replica in the lease, unique per process
	Log      *slog.Logger // nil: none
}

// Checkpointer signs what the chain's value is and records it as an event. Every
// replica runs one; the one that holds the lease works.
type Checkpointer struct {
	c      CheckpointerConfig
	tenure event.Tenure
	broken atomic.Int64
}

// NewCheckpointer makes a Checkpointer; start it with Run.
func NewCheckpointer(c CheckpointerConfig) (*Checkpointer, error) {
	if c.Store == nil || c.Recorder == nil || c.Keys == nil || c.Clock == nil || c.Holder == "" {
		return nil, errors.New("audit: checkpointer: store, recorder, keys, clock and holder are required")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Checkpointer{c: c, tenure: event.NewTenure(c.Store, c.Clock, "checkpoints", c.Holder, checkpointLease)}, nil
}

// Broken is how often what came since the last checkpoint did not hold together.
func (c *Checkpointer) Broken() int64 { return c.broken.Load() }

// Tick signs one checkpoint, if this replica has or gets the lease and anything
// but checkpoints came since the last. It says whether it did.
func (c *Checkpointer) Tick(ctx context.Context) (bool, error) {
	held, err := c.tenure.Hold(ctx)
	if err != nil || !held {
		return false, wrap("checkpoint", err)
	}
	last, err := c.last(ctx)
	if err != nil {
		return false, wrap("checkpoint", err)
	}
	moved, err := c.moved(ctx, last.Seq)
	if err != nil || !moved {
		return false, wrap("checkpoint", err)
	}
	// What is signed was read again: a change in the rows since the last
	// checkpoint is noticed within the minute.
	report, err := Verify(ctx, FromStore(c.c.Store, 0), Options{Start: last, Pause: pause})
	if err != nil {
		return false, err
	}
	if !report.OK() {
		c.broken.Add(1)
		c.c.Log.ErrorContext(ctx, "the record's chain does not hold: run signet audit verify",
			slog.Int64("since", last.Seq), slog.String("finding", report.Findings[0].String()))
		// It is signed all the same: that the value was this, not that all is
		// well. The break cannot be mended behind a signature, and one changed row
		// does not leave everything after it unsigned.
	}
	hash, err := hex.DecodeString(report.Hash)
	if err != nil {
		return false, wrap("checkpoint", err)
	}
	return c.record(ctx, Position{report.Head, hash})
}

// pause waits for the sequencer, which takes some 100 ms.
func pause(ctx context.Context) error {
	t := time.NewTimer(200 * time.Millisecond)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// last is the position of the newest checkpoint in the chain.
func (c *Checkpointer) last(ctx context.Context) (Position, error) {
	list, err := c.c.Store.QueryEvents(ctx, storage.EventQuery{Types: []string{string(event.AuditCheckpoint)}, Limit: 1})
	if err != nil || len(list) == 0 {
		return Position{}, err
	}
	s, err := FromEvent(list[0])
	if err == nil {
		if hash, err := hex.DecodeString(s.Hash); err == nil {
			return Position{s.Seq, hash}, nil
		}
	}
	return Position{}, nil // none to go on from: the whole chain is read
}

// moved says whether anything but checkpoints is behind a seq: on an idle server
// they would else follow one another for ever.
func (c *Checkpointer) moved(ctx context.Context, seq int64) (bool, error) {
	for {
		list, err := c.c.Store.EventsAfter(ctx, seq, 16)
		if err != nil {
			return false, err
		}
		for _, e := range list {
			if e.Type != string(event.AuditCheckpoint) {
				return true, nil
			}
			seq = e.Seq
		}
		if len(list) < 16 {
			return false, nil
		}
	}
}

// record signs a position and records it under the lease's fence.
func (c *Checkpointer) record(ctx context.Context, at Position) (bool, error) {
	key, err := c.c.Keys.Snapshot().CheckpointSigner()
	if err != nil {
		return false, wrap("checkpoint", err)
	}
	signed, err := sign(key, c.c.Issuer, at, c.c.Clock.Now())
	if err != nil {
		return false, err
	}
	err = c.c.Store.InTx(ctx, func(ctx context.Context) error {
		if err := c.tenure.Check(ctx); err != nil {
			return err
		}
		return c.c.Recorder.Record(ctx, event.Event{Type: event.AuditCheckpoint, Subject: event.RecordSubject, Data: signed.data()})
	})
	if errors.Is(err, storage.ErrVersion) {
		c.tenure.Lost()
		return false, nil
	}
	return err == nil, wrap("checkpoint", err)
}

// Run signs until ctx ends, then gives the lease back.
func (c *Checkpointer) Run(ctx context.Context) error {
	return every(ctx, Every, c.c.Log, "checkpoint", func(ctx context.Context) error {
		_, err := c.Tick(ctx)
		return err
	}, c.tenure.Release)
}

// every calls task each period until ctx ends, and end then. The first failure
// of several is told.
func every(ctx context.Context, period time.Duration, log *slog.Logger, what string, task, end func(context.Context) error) error {
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return end(ctx)
		case <-ticker.C:
		}
		err := task(ctx)
		switch {
		case err != nil && ctx.Err() == nil && !failing:
			failing = true
			log.WarnContext(ctx, "audit: a task waits", slog.String("task", what), slog.Any("error", err))
		case err == nil && failing:
			failing = false
			log.InfoContext(ctx, "audit: a task works again", slog.String("task", what))
		}
	}
}

func wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("audit: %s: %w", op, err)
}
