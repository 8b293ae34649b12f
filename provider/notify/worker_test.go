package notify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/internal/testkit/mailsink"
	"github.com/signet-idp/signet/provider/notify"
	"github.com/signet-idp/signet/storage"
)

// The rest of notify.Rows: what waits, in the order of insertion.

func (m *memory) TakeMessages(_ context.Context, now, retryAt time.Time, limit int) ([]storage.Message, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var taken []storage.Message
	for i := range m.rows {
		r := &m.rows[i]
		if len(taken) < limit && !r.DueAt.After(now) && r.Expiry.After(now) {
			r.Attempts++
			r.DueAt = retryAt
			taken = append(taken, *r)
		}
	}
	return taken, nil
}

func (m *memory) PostponeMessage(_ context.Context, id string, dueAt time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.rows {
		if m.rows[i].ID == id {
			m.rows[i].DueAt = dueAt
		}
	}
	return nil
}

func (m *memory) DeleteMessage(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows = slices.DeleteFunc(m.rows, func(r storage.Message) bool { return r.ID == id })
	return nil
}

// results counts what an Observer saw.
type results struct {
	mu   sync.Mutex
	seen map[string]int
}

func (r *results) Notified(channel, result string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen == nil {
		r.seen = map[string]int{}
	}
	r.seen[channel+" "+result]++
}

// sending is a Sender made of a function.
type sending func(ctx context.Context, d notify.Delivery) error

func (f sending) Send(ctx context.Context, d notify.Delivery) error { return f(ctx, d) }

type outbox struct {
	store  *memory
	clock  *fakeclock.Clock
	seen   *results
	log    *bytes.Buffer
	worker *notify.Worker
	queue  *notify.Service
}

func newOutbox(t testing.TB, mail notify.Sender) *outbox {
	t.Helper()
	o := &outbox{store: &memory{}, clock: fakeclock.New(epoch), seen: &results{}, log: &bytes.Buffer{}}
	var err error
	o.worker, err = notify.NewWorker(notify.WorkerConfig{
		Store: o.store, Key: cipher(t), Clock: o.clock, Senders: map[notify.Channel]notify.Sender{notify.Email: mail},
		Observer: o.seen, Log: slog.New(slog.NewTextHandler(o.log, nil)), Poll: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	o.queue = service(t, o.store, func(d *notify.Deps) { d.Clock, d.Kick = o.clock, o.worker.Kick })
	return o
}

func (o *outbox) put(t testing.TB, m notify.Message) {
	t.Helper()
	if err := o.queue.Queue(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

func (o *outbox) tick(t testing.TB) int {
	t.Helper()
	n, err := o.worker.Tick(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (o *outbox) saw(t testing.TB, want map[string]int) {
	t.Helper()
	if !maps.Equal(o.seen.seen, want) {
		t.Errorf("saw %v, want %v", o.seen.seen, want)
	}
}

func TestSentAndGone(t *testing.T) {
	sink := mailsink.Start(t)
	o := newOutbox(t, sender(t, sink))
	o.put(t, verify())
	if o.tick(t) != 1 || len(o.store.rows) != 0 {
		t.Fatalf("%d rows left", len(o.store.rows))
	}
	if m := sink.Wait(t, "alice@acme.test"); m.Token() != "secret-token" || !strings.HasPrefix(m.Links[0], issuer+"/ui/verify-email?") {
		t.Errorf("%q", m.Links)
	}
	o.saw(t, map[string]int{"email sent": 1})
	if log := o.log.String(); strings.Contains(log, "alice") || strings.Contains(log, "secret-token") {
		t.Errorf("the log tells: %s", log)
	}
}

func TestRefusedForGood(t *testing.T) {
	sink := mailsink.Open(t, mailsink.Options{Rcpt: func(to string) error { return mailsink.Reply(550, to+" unknown") }})
	o := newOutbox(t, sender(t, sink))
	o.put(t, verify())
	o.tick(t)
	o.saw(t, map[string]int{"email refused": 1})
	if len(o.store.rows) != 0 {
		t.Error("a refused message waits")
	}
	if log := o.log.String(); !strings.Contains(log, "550") || strings.Contains(log, "alice") {
		t.Errorf("log: %s", log)
	}
}

// What fails for now is tried after 30 s, a minute, two, ... an hour.
func TestTriedAgainUntilItExpires(t *testing.T) {
	attempts := 0
	o := newOutbox(t, sending(func(context.Context, notify.Delivery) error { attempts++; return errors.New("away") }))
	m := verify()
	m.Expiry = epoch.Add(6 * time.Hour)
	o.put(t, m)
	want, at := []time.Duration{}, time.Duration(0)
	for d := 30 * time.Second; at < 6*time.Hour; d = min(2*d, time.Hour) {
		want = append(want, at)
		at += d
	}
	var got []time.Duration
	for at := time.Duration(0); at < 7*time.Hour; at += 30 * time.Second {
		o.clock.Set(epoch.Add(at))
		if o.tick(t) == 1 {
			got = append(got, at)
		}
	}
	if !slices.Equal(got, want) || len(o.store.rows) != 0 {
		t.Errorf("tried at %v, want %v; %d rows left", got, want, len(o.store.rows))
	}
	o.saw(t, map[string]int{"email deferred": len(want) - 1, "email expired": 1})
}

func TestComesThroughInTheEnd(t *testing.T) {
	busy := true
	sink := mailsink.Open(t, mailsink.Options{Data: func(mailsink.Message) error {
		if busy {
			return mailsink.Reply(451, "busy")
		}
		return nil
	}})
	o := newOutbox(t, sender(t, sink))
	o.put(t, verify())
	o.tick(t)
	if o.tick(t) != 0 {
		t.Error("tried again at once")
	}
	busy = false
	o.clock.Advance(30 * time.Second)
	o.tick(t)
	o.saw(t, map[string]int{"email deferred": 1, "email sent": 1})
}

func TestUnreadableRows(t *testing.T) {
	o := newOutbox(t, sending(func(context.Context, notify.Delivery) error { t.Error("sent"); return nil }))
	o.put(t, verify())
	o.put(t, verify())
	// The second's content in the first's row does not open there.
	o.store.rows[0].Sealed = o.store.rows[1].Sealed
	o.store.rows[1].Sealed = []byte("noise")
	o.tick(t)
	o.saw(t, map[string]int{"email unreadable": 2})
	if len(o.store.rows) != 0 {
		t.Errorf("%d rows left", len(o.store.rows))
	}
}

// A channel that this replica does not serve waits for one that does.
func TestAnotherChannelWaits(t *testing.T) {
	o := newOutbox(t, &notify.Capture{})
	o.put(t, notify.Message{Channel: notify.SMS, Kind: notify.ConfirmPhone, To: "+4915112345678", Values: notify.Values{Code: "123456"}})
	o.tick(t)
	o.saw(t, map[string]int{"sms deferred": 1})
	if len(o.store.rows) != 1 {
		t.Errorf("%d rows", len(o.store.rows))
	}
}

// A message leaves as soon as it is queued, four at a time, and what was begun
// ends before Run returns.
func TestRun(t *testing.T) {
	var mu sync.Mutex
	most, now, sent := 0, 0, make(chan string, 100)
	release := make(chan struct{})
	o := newOutbox(t, sending(func(ctx context.Context, d notify.Delivery) error {
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		<-release
		mu.Lock()
		now--
		mu.Unlock()
		sent <- d.To
		return ctx.Err()
	}))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- o.worker.Run(ctx) }()
	for i := range 20 {
		m := verify()
		m.To = fmt.Sprintf("p%d@acme.test", i)
		o.put(t, m)
	}
	for range 18 {
		release <- struct{}{}
		<-sent
	}
	cancel()
	close(release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if most > 4 {
		t.Errorf("%d at a time", most)
	}
	left, _ := o.store.CountMessages(t.Context())
	if o.seen.seen["email sent"]+int(left) != 20 || o.seen.seen["email sent"] < 18 {
		t.Errorf("%v, %d left", o.seen.seen, left)
	}
}

func TestCaptureKeepsTheLast(t *testing.T) {
	c := &notify.Capture{}
	for i := range 250 {
		_ = c.Send(t.Context(), notify.Delivery{ID: fmt.Sprint(i)})
	}
	list := c.Messages()
	if len(list) != 200 || list[0].ID != "249" || list[199].ID != "50" {
		t.Errorf("%d, %s ... %s", len(list), list[0].ID, list[len(list)-1].ID)
	}
}
