package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/internal/testkit/teststore"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/event/kafka"
	"github.com/signet-idp/signet/storage"
)

// moody is a Kafka that refuses topics, breaks off, and says nothing after it
// took everything. It keeps a publisher's promises.
type moody struct {
	mu      sync.Mutex
	refuses map[string]bool
	breaks  int // 0: works; 1: before, 2: after it took the messages
	got     []kafka.Message
}

var errBroken = errors.New("broken off")

func (m *moody) Publish(_ context.Context, messages []kafka.Message) ([]error, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.breaks == 1 {
		return nil, errBroken
	}
	errs, stuck := make([]error, len(messages)), map[string]bool{}
	for i, msg := range messages {
		switch {
		case msg.Subject != "" && stuck[msg.Subject]:
			errs[i] = kafka.ErrBehind
		case m.refuses[msg.Topic]:
			errs[i] = kafka.RefusedError{Reason: "invalid_record"}
			stuck[msg.Subject] = true
		default:
			m.got = append(m.got, msg)
		}
	}
	if m.breaks == 2 {
		return nil, errBroken
	}
	return errs, nil
}

// Whatever is refused, breaks off, is tried again or taken over by another
// relay: in the end every event was published, and those of each subject for the
// first time in the order of the record.
func TestOrderWhateverHappens(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	clk := fakeclock.New(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	r := newRecord(t, store, clk)
	rapid.Check(t, func(rt *rapid.T) {
		clk.Advance(time.Hour)
		begun := int64(0)
		if events := r.all(); len(events) > 0 {
			begun = events[len(events)-1].Seq
		}
		broker := &moody{refuses: map[string]bool{}}
		relays := []relay{}
		for i := range 2 {
			relays = append(relays, r.relay(fmt.Sprint(storage.NewID(), i), broker, func(c *event.FollowerConfig) { c.Batch = 4 }))
		}
		tick := func(i int) {
			if _, err := relays[i].Tick(t.Context()); err != nil && !errors.Is(err, errBroken) {
				rt.Fatal(err)
			}
		}
		subject := rapid.SampledFrom([]string{"a", "b", "c"})
		rt.Repeat(map[string]func(*rapid.T){
			"record": func(rt *rapid.T) {
				var events []event.Event
				for range rapid.IntRange(1, 6).Draw(rt, "n") {
					e := login(subject.Draw(rt, "subject"))
					if rapid.Bool().Draw(rt, "profile") {
						e = profile(e.Subject)
					}
					events = append(events, e)
				}
				r.add(events...)
			},
			"tick":    func(rt *rapid.T) { tick(rapid.IntRange(0, 1).Draw(rt, "relay")) },
			"refuse":  func(*rapid.T) { broker.refuses["user.profile_updated"] = true },
			"accept":  func(*rapid.T) { broker.refuses = map[string]bool{} },
			"break":   func(rt *rapid.T) { broker.breaks = rapid.IntRange(0, 2).Draw(rt, "how") },
			"time":    func(*rapid.T) { clk.Advance(40 * time.Second) }, // longer than a lease
			"command": func(*rapid.T) { _, _ = store.HastenParkedEvents(t.Context(), kafka.Follower, 0, clk.Now()) },
		})
		broker.refuses, broker.breaks = map[string]bool{}, 0
		for range 3 {
			clk.Advance(2 * time.Hour)
			for range 200 {
				tick(0)
			}
		}
		inOrder(rt, r.all(), begun, broker.got)
	})
}

func inOrder(rt *rapid.T, record []storage.Event, begun int64, got []kafka.Message) {
	rt.Helper()
	position := map[string]int{}
	for i, m := range got {
		if _, again := position[string(m.Value)]; !again {
			position[string(m.Value)] = i
		}
	}
	last := map[string]int{}
	for _, e := range record {
		if e.Seq <= begun {
			continue
		}
		value, err := origin.Envelope(e).Encode()
		if err != nil {
			rt.Fatal(err)
		}
		at, ok := position[string(value)]
		if !ok {
			rt.Fatalf("event %d was not published", e.Seq)
		}
		if before, ok := last[e.Subject]; ok && at < before {
			rt.Fatalf("event %d of %s was published before an earlier one", e.Seq, e.Subject)
		}
		last[e.Subject] = at
	}
}
