package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/storage"
)

// Follower is the name of the consumer that fans events out.
const Follower = "webhooks"

// Batch is how many events are fanned out in one transaction: each may make a
// row for every webhook of its organization and of the system.
const Batch = 100

const (
	// measureEvery is how often the backlogs are counted.
	measureEvery = 30 * time.Second
	// maxPending is how much may wait for one webhook. Whoever is behind by more
	// is disabled: the record keeps what it misses, and a replay brings it.
	maxPending = 100_000
	// keepUnsent is how long a delivery that nobody could try stays.
	keepUnsent = MaxAge + 30*24*time.Hour
)

// FanoutStore is what a Fanout needs of the store.
type FanoutStore interface {
	WebhooksFor(ctx context.Context, organizationIDs []string) ([]storage.Webhook, error)
	InsertWebhookDeliveries(ctx context.Context, deliveries ...storage.WebhookDelivery) error
	WebhookBacklogs(ctx context.Context) ([]storage.WebhookBacklog, error)
	WebhookByID(ctx context.Context, id string) (storage.Webhook, error)
	UpdateWebhook(ctx context.Context, w storage.Webhook) error
}

// Fanout is what a follower of the record does to give each webhook its events.
// Its methods are called by one goroutine at a time, but for the figures.
type Fanout struct {
	store   FanoutStore
	change  change.Runner
	clock   clock.Clock
	log     *slog.Logger
	matcher matcher
	limit   int64 // of what waits for one webhook

	measureAt time.Time
	pending   atomic.Int64
	oldest    atomic.Int64 // microseconds; 0: nothing waits
}

// NewFanout makes a Fanout; log may be nil.
func NewFanout(store FanoutStore, changes change.Runner, clk clock.Clock, log *slog.Logger) *Fanout {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Fanout{store: store, change: changes, clock: clk, log: log, matcher: newMatcher(), limit: maxPending}
}

// Apply makes the deliveries of a batch, in the transaction that moves the cursor.
func (f *Fanout) Apply(ctx context.Context, batch []storage.Event) error {
	var organizations []string
	for _, e := range batch {
		if e.Organization != "" {
			organizations = append(organizations, e.Organization)
		}
	}
	slices.Sort(organizations)
	hooks, err := f.store.WebhooksFor(ctx, slices.Compact(organizations))
	if err != nil {
		return fmt.Errorf("webhook: fan out: %w", err)
	}
	now := f.clock.Now()
	var out []storage.WebhookDelivery
	for _, e := range batch {
		for _, w := range hooks {
			if e.Seq > w.StartSeq && f.matcher.matches(w, e) {
				out = append(out, pending(w, e, now))
			}
		}
	}
	if err := f.store.InsertWebhookDeliveries(ctx, out...); err != nil {
		return fmt.Errorf("webhook: fan out: %w", err)
	}
	return nil
}

// pending is the delivery of an event that has not been tried yet.
func pending(w storage.Webhook, e storage.Event, now time.Time) storage.WebhookDelivery {
	return storage.WebhookDelivery{
		WebhookID: w.ID, Seq: e.Seq, EventID: e.ID, Type: e.Type, State: storage.DeliveryPending,
		BegunAt: now, DueAt: now, Expiry: now.Add(keepUnsent),
	}
}

// Tend counts what waits, and disables a webhook for which too much does. It is
// called before each look at the record, under the lease.
func (f *Fanout) Tend(ctx context.Context) error {
	now := f.clock.Now()
	if now.Before(f.measureAt) && f.measureAt.Sub(now) <= measureEvery {
		return nil
	}
	list, err := f.store.WebhookBacklogs(ctx)
	if err != nil {
		return fmt.Errorf("webhook: backlogs: %w", err)
	}
	f.measureAt = now.Add(measureEvery)
	var total int64
	var oldest time.Time
	for _, b := range list {
		total += b.Pending
		if oldest.IsZero() || b.Oldest.Before(oldest) {
			oldest = b.Oldest
		}
		if b.Pending <= f.limit {
			continue
		}
		f.log.WarnContext(ctx, "webhook disabled: too much waits for it", slog.String("webhook", b.WebhookID), slog.Int64("pending", b.Pending))
		if err := disable(ctx, f.change, f.store, b.WebhookID, reasonBacklog, map[string]any{"pending": b.Pending}); err != nil {
			return err
		}
	}
	f.pending.Store(total)
	f.oldest.Store(0)
	if !oldest.IsZero() {
		f.oldest.Store(oldest.UnixMicro())
	}
	return nil
}

// Pending is how many deliveries waited when this replica last counted.
func (f *Fanout) Pending() int64 { return f.pending.Load() }

// Oldest is how long the oldest of them has waited.
func (f *Fanout) Oldest() time.Duration {
	at := f.oldest.Load()
	if at == 0 {
		return 0
	}
	return max(0, f.clock.Now().Sub(time.UnixMicro(at)))
}

// Why a webhook is disabled.
const (
	reasonOperator = "operator"
	reasonGone     = "gone"
	reasonFailing  = "failing"
	reasonBacklog  = "backlog"
)

// disabling is what disable needs of the store.
type disabling interface {
	WebhookByID(ctx context.Context, id string) (storage.Webhook, error)
	UpdateWebhook(ctx context.Context, w storage.Webhook) error
}

// disable disables a webhook for a reason of ours, once.
func disable(ctx context.Context, changes change.Runner, store disabling, id, reason string, data map[string]any) error {
	return changes.Do(ctx, "webhook: disable", func(ctx context.Context, c *change.Change) error {
		w, err := store.WebhookByID(ctx, id)
		if errors.Is(err, storage.ErrNotFound) || err == nil && w.Status == storage.WebhookDisabled {
			return nil
		}
		if err != nil {
			return err
		}
		w.Status, w.Reason, w.UpdatedAt = storage.WebhookDisabled, reason, c.Now
		if err := store.UpdateWebhook(ctx, w); err != nil {
			return err
		}
		c.Record(disabledEvent(w, data))
		return nil
	})
}
