package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
)

// Follower is the name of the consumer that publishes: of its cursor, its lease
// and what it parks.
const Follower = "kafka"

// Bounds of the relay.
const (
	// tendBatch is how many parked events are tried at once.
	tendBatch = 100
	// tendTime is how long one Tend goes on: well within the lease.
	tendTime = 5 * time.Second
	// firstRetry and lastRetry are the pauses before a parked event is tried
	// again; each is twice the one before.
	firstRetry = time.Minute
	lastRetry  = time.Hour
)

// Store is what a Relay needs of the store.
type Store interface {
	storage.ParkedEvents
	LastEvent(ctx context.Context) (storage.Event, error)
	EventsAfter(ctx context.Context, after int64, limit int) ([]storage.Event, error)
	EventCursor(ctx context.Context, name string) (int64, error)
}

// Sender is what publishes (*Publisher).
type Sender interface {
	Publish(ctx context.Context, messages []Message) (errs []error, err error)
}

// RelayConfig is what a Relay is made of.
type RelayConfig struct {
	Store  Store        // required
	Sender Sender       // required
	Clock  clock.Clock  // required
	Origin event.Origin // of the envelopes
	// Personal opens what is personal in events; nil: nothing personal is
	// published.
	Personal *Personal
	Log      *slog.Logger // nil: none
}

// Personal lets what is personal out to some topics.
type Personal struct {
	Opener Opener
	// Types are the event types whose topics get it; "*" stands for all.
	Types []string
}

// Opener opens what is personal in an event (*event.Recorder).
type Opener interface {
	Open(ctx context.Context, e storage.Event) (map[string]string, error)
}

// of is what is personal in an event, if its topic may have it: nothing of a
// person who was erased, or that cannot be opened.
func (p *Personal) of(ctx context.Context, e storage.Event) (map[string]string, error) {
	if p == nil || len(e.Personal) == 0 || !slices.Contains(p.Types, e.Type) && !slices.Contains(p.Types, "*") {
		return nil, nil
	}
	open, err := p.Opener.Open(ctx, e)
	if errors.Is(err, event.ErrErased) || errors.Is(err, event.ErrSealed) {
		return nil, nil
	}
	return open, err
}

// Relay is what a follower of the record does to publish it. Its methods are
// called by one goroutine at a time, but for the figures.
type Relay struct {
	c       RelayConfig
	aliases map[string][]string

	// refused is what Deliver found and Apply is to park.
	refused []storage.ParkedEvent

	backlog, parked, published atomic.Int64
}

// NewRelay makes a Relay.
func NewRelay(c RelayConfig) (*Relay, error) {
	if c.Store == nil || c.Sender == nil || c.Clock == nil {
		return nil, errors.New("kafka: relay: store, sender and clock are required")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	r := &Relay{c: c, aliases: aliases()}
	if c.Personal != nil {
		for _, name := range c.Personal.Types {
			if _, known := r.aliases[name]; !known && name != "*" {
				return nil, fmt.Errorf("kafka: personal topics: there is no type of event %q", name)
			}
		}
	}
	return r, nil
}

// aliases are the other names of types.
func aliases() map[string][]string {
	names := map[string][]string{}
	for _, e := range event.Catalogue() {
		names[string(e.Type)] = e.Aliases
	}
	return names
}

// Backlog is how many events had not been published when this replica last
// did the work.
func (r *Relay) Backlog() int64 { return r.backlog.Load() }

// Parked is how many events are parked, as Backlog.
func (r *Relay) Parked() int64 { return r.parked.Load() }

// Published is how many events this process has published.
func (r *Relay) Published() int64 { return r.published.Load() }

// Tend tries again what is parked and due. It is called before each look at the
// record, under the lease.
func (r *Relay) Tend(ctx context.Context) error {
	if err := r.measure(ctx); err != nil {
		return err
	}
	for until := r.c.Clock.Now().Add(tendTime); r.parked.Load() > 0 && r.c.Clock.Now().Before(until); {
		due, err := r.c.Store.DueParkedEvents(ctx, Follower, r.c.Clock.Now(), tendBatch)
		if err != nil {
			return err
		}
		if len(due) == 0 {
			return nil
		}
		if err := r.retry(ctx, due); err != nil {
			return err
		}
		if err := r.measure(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (r *Relay) measure(ctx context.Context) error {
	parked, err := r.c.Store.CountParkedEvents(ctx, Follower)
	if err != nil {
		return err
	}
	r.parked.Store(parked)
	last, err := r.c.Store.LastEvent(ctx)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		r.backlog.Store(0)
		return nil
	case err != nil:
		return err
	}
	cursor, err := r.c.Store.EventCursor(ctx, Follower)
	if err != nil {
		return err
	}
	r.backlog.Store(max(0, last.Seq-cursor))
	return nil
}

// retry publishes parked events, each the first of its subject. What is refused
// again waits longer; what was published is forgotten, and the next of its
// subject is due.
func (r *Relay) retry(ctx context.Context, due []storage.ParkedEvent) error {
	events := make([]storage.Event, 0, len(due))
	for _, d := range due {
		list, err := r.c.Store.EventsAfter(ctx, d.Seq-1, 1)
		if err != nil {
			return err
		}
		if len(list) == 0 || list[0].Seq != d.Seq { // the record does not keep it any more
			list = []storage.Event{{Seq: d.Seq, ID: d.ID, Type: d.Type, Data: []byte("{}")}}
		}
		events = append(events, list[0])
	}
	errs, err := r.publish(ctx, events)
	if err != nil {
		return err
	}
	for i, d := range due {
		if errs[i] == nil {
			if _, err := r.c.Store.UnparkEvent(ctx, Follower, d.Seq); err != nil {
				return err
			}
			r.c.Log.InfoContext(ctx, "kafka: a parked event was published", slog.Int64("seq", d.Seq))
			continue
		}
		d.Reason, d.DueAt = why(errs[i]), r.c.Clock.Now().Add(pause(d.Attempts))
		d.Attempts++
		if err := r.c.Store.PutOffParkedEvent(ctx, d); err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		r.alarm(ctx, d)
	}
	return nil
}

func pause(attempts int64) time.Duration {
	return min(firstRetry<<min(max(attempts, 0), 10), lastRetry)
}

// Deliver publishes a batch, but for what waits behind a parked event.
func (r *Relay) Deliver(ctx context.Context, batch []storage.Event) error {
	r.refused = nil
	free := make([]storage.Event, 0, len(batch))
	waits := map[string]bool{}
	for _, e := range batch {
		if r.parked.Load() > 0 && e.Subject != "" {
			behind, known := waits[e.Subject]
			if !known {
				var err error
				if behind, err = r.c.Store.SubjectParked(ctx, Follower, e.Subject); err != nil {
					return err
				}
				waits[e.Subject] = behind
			}
			if behind {
				r.park(e, "")
				continue
			}
		}
		free = append(free, e)
	}
	errs, err := r.publish(ctx, free)
	if err != nil {
		return err
	}
	for i, e := range free {
		switch {
		case errs[i] == nil:
		case errors.Is(errs[i], ErrBehind):
			r.park(e, "")
		default:
			r.park(e, why(errs[i]))
		}
	}
	return nil
}

// park notes an event that Apply is to park.
func (r *Relay) park(e storage.Event, reason string) {
	p := storage.ParkedEvent{
		Consumer: Follower, Seq: e.Seq, ID: e.ID, Type: e.Type, Subject: e.Subject, Reason: reason, ParkedAt: r.c.Clock.Now(),
	}
	p.DueAt = p.ParkedAt
	if reason != "" {
		p.Attempts, p.DueAt = 1, p.ParkedAt.Add(pause(0))
	}
	r.refused = append(r.refused, p)
}

// Apply parks what Deliver could not publish.
func (r *Relay) Apply(ctx context.Context, _ []storage.Event) error {
	if len(r.refused) == 0 {
		return nil
	}
	if err := r.c.Store.ParkEvents(ctx, r.refused...); err != nil {
		return err
	}
	for _, p := range r.refused {
		if p.Reason != "" {
			r.alarm(ctx, p)
		}
	}
	// The next batch must ask, even before anybody counts.
	r.parked.Add(int64(len(r.refused)))
	return nil
}

func (r *Relay) alarm(ctx context.Context, p storage.ParkedEvent) {
	r.c.Log.ErrorContext(ctx, "kafka: an event was refused and is parked; what follows about its subject waits",
		slog.String("event", "event_parked"), slog.Int64("seq", p.Seq), slog.String("id", p.ID), slog.String("type", p.Type),
		slog.String("reason", p.Reason), slog.Int64("attempts", p.Attempts), slog.Time("again_at", p.DueAt))
}

// publish publishes events under their type and its aliases and says what became
// of each.
func (r *Relay) publish(ctx context.Context, events []storage.Event) ([]error, error) {
	errs := make([]error, len(events))
	var messages []Message
	var of []int // which event a message is of
	stuck := map[string]bool{}
	for i, e := range events {
		if e.Subject != "" && stuck[e.Subject] {
			errs[i] = ErrBehind
			continue
		}
		personal, err := r.c.Personal.of(ctx, e)
		if err != nil {
			return nil, err
		}
		for _, name := range append([]string{e.Type}, r.aliases[e.Type]...) {
			envelope := r.c.Origin.Envelope(e)
			envelope.Type, envelope.Personal = name, personal
			value, err := envelope.Encode()
			if err != nil {
				errs[i], stuck[e.Subject] = RefusedError{reasonEncoding}, true
				break
			}
			messages, of = append(messages, Message{Topic: name, Subject: e.Subject, Value: value}), append(of, i)
		}
	}
	if len(messages) == 0 {
		return errs, nil
	}
	results, err := r.c.Sender.Publish(ctx, messages)
	if err != nil {
		return nil, err
	}
	for m, err := range results {
		if i := of[m]; errs[i] == nil {
			errs[i] = err
		}
	}
	for _, err := range errs {
		if err == nil {
			r.published.Add(1)
		}
	}
	return errs, nil
}

func why(err error) string {
	if r, ok := errors.AsType[RefusedError](err); ok {
		return r.Reason
	}
	return fmt.Sprint(err)
}
