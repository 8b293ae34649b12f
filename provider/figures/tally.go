package figures

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/provider/event"
)

// Tally counts tokens in memory, so that issuing one writes no row, and records
// the counts from time to time. It is safe for concurrent use.
type Tally struct {
	// Record writes events (event.Recorder.Record).
	Record func(ctx context.Context, events ...event.Event) error
	Clock  clock.Clock

	mu     sync.Mutex
	counts map[tallied]*count
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
// time.
func (t *Tally) Flush(ctx context.Context) error {
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
	for some := range slices.Chunk(keys, event.MaxBatch) {
		events := make([]event.Event, len(some))
		for i, k := range some {
			c := counts[k]
			events[i] = event.Event{
				Type: event.TokenIssuedCounted, Subject: k.client, Organization: k.organization, Data: map[string]any{
					"grant_type": k.grant, "issued": c.issued, "refused": c.refused, "from": c.from.Unix(), "to": now.Unix(),
				},
			}
		}
		if err := t.Record(ctx, events...); err != nil {
			t.restore(counts)
			return fmt.Errorf("figures: tally: %w", err)
		}
		for _, k := range some {
			delete(counts, k)
		}
	}
	return nil
}

func (t *Tally) restore(counts map[tallied]*count) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = counts
		return
	}
	for k, c := range counts {
		if have := t.counts[k]; have != nil {
			have.issued, have.refused, have.from = have.issued+c.issued, have.refused+c.refused, c.from
		} else {
			t.counts[k] = c
		}
	}
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
