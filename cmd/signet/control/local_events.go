package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/event/kafka"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// replayStep is how long one step may publish.
const replayStep = time.Second

// Events implements Operations.
func (l Local) Events(ctx context.Context, r EventPage) ([]event.Envelope, error) {
	if r.After < 0 {
		last, err := l.Core.Store.LastEvent(ctx)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return nil, err
		}
		r.After = max(0, last.Seq+r.After)
	}
	rows, err := l.Core.Store.EventsAfter(ctx, r.After, limit(r.Limit))
	if err != nil {
		return nil, err
	}
	list := make([]event.Envelope, 0, len(rows))
	for _, e := range rows {
		list = append(list, l.Core.Origin().Envelope(e))
	}
	return list, nil
}

func limit(n int) int {
	if n <= 0 || n > pageSize {
		return pageSize
	}
	return n
}

// ReplayEvents implements Operations.
func (l Local) ReplayEvents(ctx context.Context, r Replaying) (Replaying, error) {
	if r.From < 1 || r.To != 0 && r.To < r.From {
		return r, fault.New(fault.Invalid, "a replay goes from an event's seq, 1 or above, to a later one")
	}
	if len(l.Core.Config.Kafka.Brokers) == 0 {
		return r, fault.New(fault.Invalid, "there is no Kafka to publish to: set SIGNET_KAFKA_BROKERS")
	}
	publisher, err := l.Core.Publisher()
	if err != nil {
		return r, err
	}
	defer publisher.Close()
	replay := kafka.Replay{Store: l.Core.Store, Sender: publisher, Origin: l.Core.Origin(), Personal: l.Core.Published()}
	if !r.Begun {
		r.Begun, r.After = true, r.From-1
		r.To, err = replay.Begin(ctx, r.To)
		r.Finished = r.After >= r.To
		return r, err
	}
	for until := l.Core.Clock.Now().Add(replayStep); r.After < r.To && l.Core.Clock.Now().Before(until); {
		last, n, err := replay.Advance(ctx, r.After, r.To)
		if err != nil {
			return r, fmt.Errorf("behind event %d: %w", r.After, err)
		}
		r.After, r.Published = last, r.Published+int64(n)
	}
	r.Finished = r.After >= r.To
	return r, nil
}

// ParkedEvents implements Operations.
func (l Local) ParkedEvents(ctx context.Context, r EventPage) ([]ParkedEvent, error) {
	rows, err := l.Core.Store.ParkedEventsAfter(ctx, kafka.Follower, r.After, limit(r.Limit))
	if err != nil {
		return nil, err
	}
	list := make([]ParkedEvent, 0, len(rows))
	for _, p := range rows {
		list = append(list, ParkedEvent{
			Seq: p.Seq, ID: p.ID, Type: p.Type, Subject: p.Subject, Reason: p.Reason, Attempts: p.Attempts, ParkedAt: p.ParkedAt, DueAt: p.DueAt,
		})
	}
	return list, nil
}

// RetryParked implements Operations: the relay does it when it looks next.
func (l Local) RetryParked(ctx context.Context, r ParkedRequest) (ParkedResult, error) {
	n, err := l.Core.Store.HastenParkedEvents(ctx, kafka.Follower, r.Seq, l.Core.Clock.Now())
	if err == nil && n == 0 && r.Seq != 0 {
		err = notParked(r.Seq)
	}
	return ParkedResult{Events: n}, err
}

// DiscardParked implements Operations. The event stays in the record, and is
// never published.
func (l Local) DiscardParked(ctx context.Context, r ParkedRequest) (ParkedResult, error) {
	found, err := l.Core.Store.UnparkEvent(ctx, kafka.Follower, r.Seq)
	if err != nil {
		return ParkedResult{}, err
	}
	if !found {
		return ParkedResult{}, notParked(r.Seq)
	}
	l.Core.Log.WarnContext(ctx, "kafka: a parked event was given up by command", slog.String("event", "event_discarded"), slog.Int64("seq", r.Seq))
	return ParkedResult{Events: 1}, nil
}

func notParked(seq int64) error {
	return fault.New(fault.NotFound, fmt.Sprintf("event %d is not parked", seq))
}
