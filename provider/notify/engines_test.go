package notify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/mailsink"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/change/changetest"
	"github.com/signet-idp/signet/provider/notify"
)

func workerOn(t testing.TB, f *changetest.Fixture, s notify.Sender) *notify.Worker {
	t.Helper()
	w, err := notify.NewWorker(notify.WorkerConfig{
		Store: f.Store, Key: cipher(t), Clock: f.Clock, Senders: map[notify.Channel]notify.Sender{notify.Email: s}, Poll: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func queueOn(t testing.TB, f *changetest.Fixture, kick func()) *notify.Service {
	t.Helper()
	return service(t, f.Store, func(d *notify.Deps) { d.Clock, d.Kick = f.Clock, kick })
}

func drain(t testing.TB, w *notify.Worker) {
	t.Helper()
	for {
		n, err := w.Tick(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

// TestWithTheChange: a message leaves if the change it tells of commits, right
// after it, and not otherwise.
func TestWithTheChange(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		f, sink := fs[0], mailsink.Start(t)
		w := workerOn(t, f, sender(t, sink))
		kicks := 0
		q := queueOn(t, f, func() { kicks++; w.Kick() })
		boom := errors.New("boom")
		err := f.Changes.Do(t.Context(), "fails", func(ctx context.Context, _ *change.Change) error {
			return errors.Join(q.Queue(ctx, verify()), boom)
		})
		if n, _ := q.Waiting(t.Context()); !errors.Is(err, boom) || n != 0 || kicks != 0 {
			t.Fatalf("%v, %d waiting, %d kicks", err, n, kicks)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx) }()
		err = f.Changes.Do(t.Context(), "commits", func(ctx context.Context, _ *change.Change) error {
			if err := q.Queue(ctx, verify()); err != nil {
				return err
			}
			if kicks != 0 {
				t.Error("kicked before the commit")
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		sink.Wait(t, "alice@acme.test") // the poll is an hour away
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if n, _ := q.Waiting(t.Context()); n != 0 || kicks != 1 {
			t.Errorf("%d waiting, %d kicks", n, kicks)
		}
	})
}

// TestRestart: what a process that died had not sent, the next one sends; what
// it was sending when it died, a minute later.
func TestRestart(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		f, sink := fs[0], mailsink.Start(t)
		q := queueOn(t, f, nil)
		if err := q.Queue(t.Context(), verify()); err != nil {
			t.Fatal(err)
		}
		// The row that dies in flight: taken, and nothing noted.
		now := f.Clock.Now()
		rows, err := f.Store.TakeMessages(t.Context(), now, now.Add(time.Minute), 4)
		if err != nil || len(rows) != 1 {
			t.Fatal(rows, err)
		}
		for _, secret := range []string{"alice", "secret-token", "id.example"} {
			if bytes.Contains(rows[0].Sealed, []byte(secret)) {
				t.Errorf("the row holds %q in clear", secret)
			}
		}
		second := verify()
		second.To = "bob@acme.test"
		if err := q.Queue(t.Context(), second); err != nil {
			t.Fatal(err)
		}
		w := workerOn(t, f, sender(t, sink))
		drain(t, w)
		sink.Wait(t, "bob@acme.test")
		if len(sink.Messages()) != 1 {
			t.Error("what another may be sending was sent")
		}
		f.Clock.Advance(time.Minute)
		drain(t, w)
		sink.Wait(t, "alice@acme.test")
		// What expires is not sent any more, and swept.
		if err := q.Queue(t.Context(), verify()); err != nil {
			t.Fatal(err)
		}
		f.Clock.Advance(2 * time.Hour)
		drain(t, w)
		if _, err := f.Store.Sweep(t.Context(), f.Clock.Now(), 100); err != nil {
			t.Fatal(err)
		}
		if n, _ := q.Waiting(t.Context()); n != 0 || len(sink.Messages()) != 2 {
			t.Errorf("%d waiting, %d sent", n, len(sink.Messages()))
		}
	})
}

// TestEachOnce: workers beside each other send every message once.
func TestEachOnce(t *testing.T) {
	const messages = 60
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		var mu sync.Mutex
		sent := map[string]int{}
		all := make(chan struct{})
		count := sending(func(_ context.Context, d notify.Delivery) error {
			mu.Lock()
			defer mu.Unlock()
			if sent[d.To]++; len(sent) == messages && sent[d.To] == 1 {
				close(all)
			}
			return nil
		})
		workers := []*notify.Worker{workerOn(t, fs[0], count), workerOn(t, fs[len(fs)-1], count), workerOn(t, fs[0], count)}
		q := queueOn(t, fs[0], func() {
			for _, w := range workers {
				w.Kick()
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for _, w := range workers {
			running.Go(func() {
				if err := w.Run(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		for i := range messages {
			m := verify()
			m.To = fmt.Sprintf("p%d@acme.test", i)
			if err := q.Queue(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
		select {
		case <-all:
		case <-time.After(20 * time.Second):
			mu.Lock()
			t.Errorf("%d of %d were sent", len(sent), messages)
			mu.Unlock()
		}
		cancel()
		running.Wait()
		for to, n := range sent {
			if n != 1 {
				t.Errorf("%s got %d", to, n)
			}
		}
		if n, _ := q.Waiting(t.Context()); n != 0 {
			t.Errorf("%d still wait", n)
		}
	})
}
