package figures

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
)

// Tally counts tokens in memory, so that issuing one writes no row, and records
// the counts from time to time. It is safe for concurrent use.
type Tally struct {
	// Record writes events (event.Recorder.Record).
	Record func(ctx context.Context, events ...event.Event) error
	Clock  clock.Clock

	mu     sync.Mutex
	counts map[tallied]*count

	flush  sync.Mutex // one at a time
	unsent []event.Event
}

type tallied struct{ client, organization, grant string }

type count struct {
	issued, refused int64
	from            time.Time
}

// maxTallied bounds what is kept; the grants of further clients are counted
// under a client without a name until the next Flush.
const maxTallied = 10_000

// Add counts a token that a client was issued or refused by a grant.
func (t *Tally) Add(client, organization, grant string, issued bool) {
	key := tallied{client, organization, grant}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[tallied]*count{}
	}
	c := t.counts[key]
	if c == nil {
		if len(t.counts) >= maxTallied {
			key = tallied{grant: grant}
			c = t.counts[key]
		}
		if c == nil {
			c = &count{from: t.Clock.Now()}
			t.counts[key] = c
		}
	}
	if issued {
		c.issued++
	} else {
		c.refused++
	}
}

// Flush records what was counted. What cannot be written is kept for the next
// time, and has the same ids then: a commit that succeeded although it did not
// seem to is recognized, and nothing counts twice.
func (t *Tally) Flush(ctx context.Context) error {
	t.flush.Lock()
	defer t.flush.Unlock()
	if err := t.send(ctx); err != nil { // what is counted meanwhile adds up in the memory that it has anyway
		return err
	}
	t.unsent = t.cut()
	return t.send(ctx)
}

// cut takes what was counted, as events.
func (t *Tally) cut() []event.Event {
	t.mu.Lock()
	counts := t.counts
	t.counts = nil
	t.mu.Unlock()
	keys := make([]tallied, 0, len(counts))
	for k := range counts {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b tallied) int {
		return cmp.Or(cmp.Compare(a.client, b.client), cmp.Compare(a.organization, b.organization), cmp.Compare(a.grant, b.grant))
	})
	now := t.Clock.Now()
	events := make([]event.Event, len(keys))
	for i, k := range keys {
		c := counts[k]
		events[i] = event.Event{
			ID: storage.NewID(), Type: event.TokenIssuedCounted, Subject: k.client, Organization: k.organization, Data: map[string]any{
				"grant_type": k.grant, "issued": c.issued, "refused": c.refused, "from": c.from.Unix(), "to": now.Unix(),
			},
		}
	}
	return events
}

// send records what was cut, a batch at a time. A batch with an id that is
// there was written before, and as a whole.
func (t *Tally) send(ctx context.Context) error {
	for len(t.unsent) > 0 {
		some := t.unsent[:min(len(t.unsent), event.MaxBatch)]
		if err := t.Record(ctx, some...); err != nil && !errors.Is(err, storage.ErrConflict) {
			return fmt.Errorf("figures: tally: %w", err)
		}
		t.unsent = t.unsent[len(some):]
	}
	return nil
}

// Run flushes each period until ctx ends, and once more then.
func (t *Tally) Run(ctx context.Context, period time.Duration, failed func(error)) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			t.last(ctx, failed)
			return
		case <-tick.C:
			if err := t.Flush(ctx); err != nil {
				failed(err)
			}
		}
	}
}

func (t *Tally) last(ctx context.Context, failed func(error)) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
	defer cancel()
	if err := t.Flush(ctx); err != nil {
		failed(err)
	}
}

// lastFlush is how long a server that ends waits for its last counts.
const lastFlush = 2 * time.Second
