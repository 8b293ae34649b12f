// Package change runs one change of state. Runner.Do is all of it: the rows,
// the events that say what happened and the revocation entries that end tokens
// early commit together or not at all, and a row that changed under the
// decision makes the decision fall anew.
package change

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/revocation"
	"github.com/signet-idp/signet/storage"
)

// Recorder writes events in the running transaction (*event.Recorder).
type Recorder interface {
	Record(ctx context.Context, events ...event.Event) error
	// Erase destroys a person's key in the running transaction.
	Erase(ctx context.Context, userID string) error
}

// Store is what a change needs of the storage besides its own nouns.
type Store interface {
	storage.Transactor
	storage.Configuration
	AppendRevocation(ctx context.Context, entries ...storage.Revocation) error
}

// Runner runs changes. Its fields are set once; it is safe for concurrent use.
type Runner struct {
	Store  Store
	Events Recorder
	Clock  clock.Clock
	// Longest is the longest lifetime of an access token: how long, with a
	// margin, a revocation entry must live.
	Longest time.Duration
}

// attempts is how often a decision is made anew when a row changed under it.
const attempts = 5

// Change collects what one change says and ends. It is made anew for every
// attempt.
type Change struct {
	// Now is the time of the change: the same for every row and entry.
	Now     time.Time
	expiry  time.Time
	events  []event.Event
	ended   []storage.Revocation
	erased  []string
	bumping bool
}

// Record adds an event, written after fn has returned: by then the row of its
// subject is locked.
func (c *Change) Record(e event.Event) { c.events = append(c.events, e) }

// Revoke adds an entry to the feed.
func (c *Change) Revoke(kind storage.RevocationKind, value string) {
	c.ended = append(c.ended, storage.Revocation{Kind: kind, Value: value, Expiry: c.expiry})
}

// Erase destroys a person's key in the record, once the events of this change
// are written: what was sealed under it cannot be read again.
func (c *Change) Erase(userID string) { c.erased = append(c.erased, userID) }

// Reconfigure makes every replica drop what it holds of clients, resources and
// roles.
func (c *Change) Reconfigure() { c.bumping = true }

// Do runs fn in a transaction, then writes what it recorded and revoked. fn may
// run several times and must have no effects of its own. Changes begun inside
// fn with its context join. An answer of storage.ErrVersion makes the outermost
// run again, a few times; after the last time it is fault.Conflict.
func (r Runner) Do(ctx context.Context, op string, fn func(ctx context.Context, c *Change) error) error {
	var err error
	var after *[]func()
	for range attempts {
		err = r.Store.InTx(ctx, func(ctx context.Context) error {
			if !Inside(ctx) {
				after = new([]func()) // of this attempt alone
				ctx = context.WithValue(ctx, insideKey{}, after)
			}
			now := r.Clock.Now()
			c := &Change{Now: now, expiry: revocation.Expiry(now, r.Longest)}
			if err := fn(ctx, c); err != nil {
				return err
			}
			return r.finish(ctx, c)
		})
		if !errors.Is(err, storage.ErrVersion) || ctx.Err() != nil || Inside(ctx) {
			break
		}
	}
	switch {
	case err == nil:
		if !Inside(ctx) {
			for _, f := range *after {
				f()
			}
		}
		return nil
	case errors.Is(err, storage.ErrVersion):
		return fmt.Errorf("%s: %w", op, fault.Wrap(err, fault.Conflict, "it was changed by somebody else meanwhile; read it again"))
	}
	return fmt.Errorf("%s: %w", op, err)
}

func (r Runner) finish(ctx context.Context, c *Change) error {
	for batch := range slices.Chunk(c.events, event.MaxBatch) {
		if err := r.Events.Record(ctx, batch...); err != nil {
			return err
		}
	}
	for _, userID := range c.erased {
		if err := r.Events.Erase(ctx, userID); err != nil {
			return err
		}
	}
	if c.bumping {
		if err := r.Store.BumpConfiguration(ctx); err != nil {
			return err
		}
	}
	if len(c.ended) > 0 {
		return r.Store.AppendRevocation(ctx, c.ended...)
	}
	return nil
}

// insideKey marks the context of a running change: one that is begun inside it
// joins its transaction, and a version mismatch must end the whole of it. Its
// value is what follows the commit.
type insideKey struct{}

func followUps(ctx context.Context) *[]func() {
	after, _ := ctx.Value(insideKey{}).(*[]func())
	return after
}

// After calls f once the change that ctx belongs to has committed, and not if
// it fails; outside a change at once. f must be quick and do nothing that
// matters if this process dies before it: it wakes those who look by themselves
// anyway.
func After(ctx context.Context, f func()) {
	if after := followUps(ctx); after != nil {
		*after = append(*after, f)
		return
	}
	f()
}

// Inside says whether ctx belongs to a running change. What is read with it may
// be uncommitted, and must not be remembered.
func Inside(ctx context.Context) bool {
	return followUps(ctx) != nil
}

// List cuts names to what a list in an event may hold, so that a strange name
// never stands in the way of the change it belongs to.
func List(names []string) []string {
	out := make([]string, 0, min(len(names), event.MaxListItems))
	for _, n := range names {
		if len(out) == event.MaxListItems {
			break
		}
		if event.ListItem(n) {
			out = append(out, n)
		}
	}
	return out
}

// Minus returns what is in a and not in b, in a's order.
func Minus(a, b []string) []string {
	in := make(map[string]struct{}, len(b))
	for _, s := range b {
		in[s] = struct{}{}
	}
	out := []string{}
	for _, s := range a {
		if _, ok := in[s]; !ok {
			out = append(out, s)
		}
	}
	return out
}
