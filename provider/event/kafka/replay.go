package kafka

import (
	"context"
	"fmt"

	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
)

// Replay publishes again what was published before, in order, beside a relay
// that goes on. It never overtakes the relay, so that no event appears for the
// first time out of order; what is parked is left out.
type Replay struct {
	Store  Store
	Sender Sender
	Origin event.Origin
	// Personal is as the relay's.
	Personal *Personal
}

// replayBatch is how many events one step publishes.
const replayBatch = 500

// Begin returns the last event that is published again: to, or as far as the
// relay has come, if that is less or to is 0.
func (r Replay) Begin(ctx context.Context, to int64) (int64, error) {
	cursor, err := r.Store.EventCursor(ctx, Follower)
	if err != nil {
		return 0, fmt.Errorf("kafka: replay: %w", err)
	}
	if to == 0 || to > cursor {
		return cursor, nil
	}
	return to, nil
}

// Advance publishes the next events behind after, up to to, and returns the last
// of them and how many they were. It has finished when that is none.
func (r Replay) Advance(ctx context.Context, after, to int64) (last int64, published int, err error) {
	for after < to && published == 0 {
		batch, err := r.Store.EventsAfter(ctx, after, replayBatch)
		if err != nil {
			return after, 0, fmt.Errorf("kafka: replay: %w", err)
		}
		if len(batch) == 0 {
			return to, 0, nil
		}
		parked, err := r.parked(ctx, after, batch[len(batch)-1].Seq)
		if err != nil {
			return after, 0, fmt.Errorf("kafka: replay: %w", err)
		}
		relay := Relay{c: RelayConfig{Origin: r.Origin, Sender: r.Sender, Personal: r.Personal}, aliases: aliases()}
		var again []storage.Event
		for _, e := range batch {
			if e.Seq <= to && !parked[e.Seq] {
				again = append(again, e)
			}
		}
		errs, err := relay.publish(ctx, again)
		if err != nil {
			return after, 0, fmt.Errorf("kafka: replay: %w", err)
		}
		for i, err := range errs {
			if err != nil {
				return after, 0, fmt.Errorf("kafka: replay: event %d: %w", again[i].Seq, err)
			}
		}
		after, published = min(batch[len(batch)-1].Seq, to), len(again)
	}
	return after, published, nil
}

// parked names the parked events in a stretch of the record.
func (r Replay) parked(ctx context.Context, after, to int64) (map[int64]bool, error) {
	parked := map[int64]bool{}
	for after < to {
		list, err := r.Store.ParkedEventsAfter(ctx, Follower, after, replayBatch)
		if err != nil {
			return nil, err
		}
		if len(list) == 0 {
			break
		}
		for _, p := range list {
			parked[p.Seq] = true
		}
		after = list[len(list)-1].Seq
	}
	return parked, nil
}
