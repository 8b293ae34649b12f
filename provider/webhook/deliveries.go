package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// TestType is the type of the message that Test sends. It is no event: nothing
// of it is recorded.
const TestType = "webhook.test"

// Result is what came of a test.
type Result struct {
	ID        string // the webhook-id that was sent
	Delivered bool
	Status    int    // of the answer; 0: there was none
	Problem   string // why not, in a few words
	Took      time.Duration
}

// Test sends a message that says nothing, signed like all others, and returns
// what came of it. It is tried once, and also when the webhook is disabled.
func (s *Service) Test(ctx context.Context, organizationID, id string) (Result, error) {
	w, err := s.Get(ctx, organizationID, id)
	if err != nil {
		return Result{}, err
	}
	data, err := json.Marshal(map[string]string{"webhook_id": w.ID})
	if err != nil {
		return Result{}, fmt.Errorf("webhook: test: %w", err)
	}
	actor := event.ActorFrom(ctx)
	e := storage.Event{
		ID: storage.NewID(), Type: TestType, Time: s.Clock.Now(), Actor: actor.ID, ActorKind: string(actor.Kind),
		Subject: w.ID, Organization: w.OrganizationID, Data: data,
	}
	body, err := s.Origin.Envelope(e).Encode()
	if err != nil {
		return Result{}, fmt.Errorf("webhook: test: %w", err)
	}
	out, err := s.sender.send(ctx, w, e.ID, body)
	if err != nil {
		return Result{}, fmt.Errorf("webhook: test: %w", err)
	}
	return Result{ID: e.ID, Delivered: out.delivered(), Status: out.status, Problem: out.problem, Took: out.took}, nil
}

// Deliveries lists what a webhook was or is to be sent, the newest first.
func (s *Service) Deliveries(ctx context.Context, organizationID, id string, q storage.DeliveryQuery) ([]storage.WebhookDelivery, error) {
	if _, err := s.Get(ctx, organizationID, id); err != nil {
		return nil, err
	}
	q.WebhookID = id
	list, err := s.Store.QueryWebhookDeliveries(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("webhook: deliveries: %w", err)
	}
	return list, nil
}

// Retry sends an event again, whatever came of it before, and as if it were the
// first time. fault.NotFound, fault.Conflict when the webhook is disabled, or
// the event is no longer in the record: retention keeps what waits to be sent,
// but no event longer than it may because a receiver once refused it.
func (s *Service) Retry(ctx context.Context, organizationID, id, eventID string) (storage.WebhookDelivery, error) {
	var d storage.WebhookDelivery
	err := s.Store.InTx(ctx, func(ctx context.Context) error {
		w, err := s.enabled(ctx, organizationID, id)
		if err != nil {
			return err
		}
		if d, err = s.Store.WebhookDelivery(ctx, id, eventID); err != nil {
			if errors.Is(err, storage.ErrNotFound) {
				err = fault.Wrap(err, fault.NotFound, "there is no such delivery")
			}
			return err
		}
		if kept, err := s.Store.EventsBySeq(ctx, []int64{d.Seq}); err != nil {
			return err
		} else if len(kept) == 0 {
			return fault.New(fault.Conflict, "the event is no longer in the record: retention has removed it, and it cannot be sent again")
		}
		now := s.Clock.Now()
		if d.State == storage.DeliveryPending { // it does not wait any more
			d.DueAt = now
			return s.Store.SettleWebhookDelivery(ctx, d)
		}
		d = pending(w, storage.Event{Seq: d.Seq, ID: d.EventID, Type: d.Type}, now)
		return s.Store.ReopenWebhookDeliveries(ctx, d)
	})
	if err != nil {
		return d, fmt.Errorf("webhook: retry: %w", err)
	}
	s.kick()
	return d, nil
}

func (s *Service) enabled(ctx context.Context, organizationID, id string) (storage.Webhook, error) {
	w, err := s.Get(ctx, organizationID, id)
	if err == nil && w.Status != storage.WebhookEnabled {
		err = fault.New(fault.Conflict, "the webhook is disabled; enable it first")
	}
	return w, err
}

// Bounds of one call of Replay.
const (
	// replayEvents is how many events are looked at.
	replayEvents = 10_000
	replayPage   = 500
)

// Range is a stretch of the record, from seq to seq, both included; To 0: to
// what was fanned out last.
type Range struct{ From, To int64 }

// Replayed is what a replay did.
type Replayed struct {
	From, To   int64 // what was looked at
	Deliveries int64
	// More: the stretch was longer than one call looks at; go on behind To.
	More bool
}

// Replay puts events of the past in a webhook's queue again, those among them
// that it is told of, also such as happened before it was made or while it was
// disabled. They have the ids they had. fault.Invalid, fault.Conflict when the
// webhook is disabled.
func (s *Service) Replay(ctx context.Context, organizationID, id string, r Range) (Replayed, error) {
	if r.From < 1 || r.To < 0 || r.To != 0 && r.To < r.From {
		return Replayed{}, fault.Field("from", "a replay goes from an event's seq, 1 or above, to a later one")
	}
	var out Replayed
	err := s.Change.Do(ctx, "webhook: replay", func(ctx context.Context, c *change.Change) error {
		w, err := s.enabled(ctx, organizationID, id)
		if err != nil {
			return err
		}
		// What is not fanned out yet comes by itself.
		until, err := s.Store.EventCursor(ctx, Follower)
		if err != nil {
			return err
		}
		if r.To > 0 {
			until = min(until, r.To)
		}
		if out, err = s.reopen(ctx, w, r.From, until, c.Now); err != nil {
			return err
		}
		// The row that the event is about, before the event.
		if err := s.Store.NoteWebhook(ctx, w.ID, w.FailingSince, w.PausedUntil); err != nil {
			return err
		}
		c.Record(webhookEvent(event.WebhookReplayed, w, map[string]any{"from": out.From, "to": out.To, "deliveries": out.Deliveries}))
		return nil
	})
	if err == nil {
		s.kick()
	}
	return out, err
}

// reopen makes the deliveries of a stretch of the record pending.
func (s *Service) reopen(ctx context.Context, w storage.Webhook, from, until int64, now time.Time) (Replayed, error) {
	out := Replayed{From: from, To: max(until, from-1)}
	after := from - 1
	for seen := 0; after < until; {
		if seen >= replayEvents {
			out.To, out.More = after, true
			return out, nil
		}
		page, err := s.events(ctx, w.OrganizationID, after)
		if err != nil {
			return out, err
		}
		var list []storage.WebhookDelivery
		for _, e := range page {
			if e.Seq <= until && s.matcher.matches(w, e) {
				list = append(list, pending(w, e, now))
			}
		}
		if err := s.Store.ReopenWebhookDeliveries(ctx, list...); err != nil {
			return out, err
		}
		out.Deliveries += int64(len(list))
		seen += len(page)
		after = math.MaxInt64
		if len(page) == replayPage {
			after = page[len(page)-1].Seq
		}
	}
	return out, nil
}

// events reads what an organization may know of, or all.
func (s *Service) events(ctx context.Context, organizationID string, after int64) ([]storage.Event, error) {
	if organizationID == "" {
		return s.Store.EventsAfter(ctx, after, replayPage)
	}
	return s.Store.OrganizationEventsAfter(ctx, organizationID, after, replayPage)
}
