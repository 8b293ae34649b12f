package webhook_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/internal/testkit/teststore"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/webhook"
	"github.com/signet-idp/signet/storage"
)

func TestDelivered(t *testing.T) {
	t.Parallel()
	r := onSQLite(t)
	in := newReceiver(t, nil)
	before := r.record(logins(1)...)
	w, secret := r.create("", in.URL, "user.*")
	ids := r.record(logins(3)...)
	r.record(added(r.organization())) // nobody asked for it
	r.fan()
	if n, err := r.worker.Tick(t.Context()); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	got := in.ids()
	for _, id := range ids {
		if got[id] != 1 {
			t.Errorf("%s arrived %d times", id, got[id])
		}
	}
	if len(got) != 3 || got[before[0]] != 0 {
		t.Errorf("arrived: %v", got)
	}
	for _, m := range in.messages() {
		if err := verify(t, secret, m); err != nil {
			t.Error(err)
		}
		m.body[len(m.body)/2]++
		if err := verify(t, secret, m); err == nil {
			t.Error("a message that was changed on the way is accepted")
		}
		m.body[len(m.body)/2]--
		e := decode(t, m)
		if e.ID != m.id || e.Type != "user.login" || e.Source != "https://id.example.test" || e.Seq == 0 || m.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %v", m.body, m.header)
		}
	}
	for _, d := range r.deliveries(w, "") {
		if d.State != storage.DeliveryDelivered || d.Attempts != 1 || d.Status != http.StatusNoContent || d.Error != "" || !d.DueAt.IsZero() {
			t.Errorf("%+v", d)
		}
	}
	if r.observed.results["delivered"] != 3 {
		t.Errorf("counted %v", r.observed.results)
	}
	if n, err := r.worker.Tick(t.Context()); n != 0 || err != nil || len(in.messages()) != 3 {
		t.Error("something is sent again")
	}
}

// The schedule: five seconds, then growing, three days in all, then the delivery
// is given up; a webhook for which nothing else succeeded is disabled.
func TestScheduleToTheEnd(t *testing.T) {
	t.Parallel()
	r := onSQLite(t, func(c *webhook.WorkerConfig) { c.DisableAfter = webhook.MaxAge })
	in := newReceiver(t, status(http.StatusInternalServerError))
	w, _ := r.create("", in.URL, "user.login", "webhook.disabled")
	id := r.record(logins(1)...)[0]
	r.fan()
	begun := r.clock.Now()
	var waits []time.Duration
	for {
		r.send()
		list := r.deliveries(w, "")
		i := slices.IndexFunc(list, func(d storage.WebhookDelivery) bool { return d.EventID == id })
		d := list[i]
		if d.State != storage.DeliveryPending {
			if d.State != storage.DeliveryDead || d.Status != 500 || d.Error != "HTTP 500" || d.Attempts != int64(len(waits)+1) {
				t.Errorf("%+v", d)
			}
			break
		}
		if len(waits) > 50 {
			t.Fatalf("it goes on for ever: %v %+v", waits, d)
		}
		waits = append(waits, d.DueAt.Sub(r.clock.Now()))
		r.clock.Advance(d.DueAt.Sub(r.clock.Now()) - time.Millisecond)
		n := len(in.messages())
		if r.send(); len(in.messages()) != n && len(list) == 1 {
			t.Error("it was tried before its time")
		}
		r.clock.Advance(time.Millisecond)
	}
	if waits[0] != 5*time.Second {
		t.Errorf("the first retry after %s", waits[0])
	}
	for i := 1; i < len(waits)-1 && i < 10; i++ {
		if waits[i] <= waits[i-1] {
			t.Errorf("waits do not grow: %v", waits)
		}
	}
	if all := r.clock.Now().Sub(begun); all < webhook.MaxAge || all > webhook.MaxAge+time.Minute {
		t.Errorf("given up after %s", all)
	}
	if got := r.get(w); got.Status != storage.WebhookDisabled || got.Reason != "failing" {
		t.Errorf("the webhook: %s %q", got.Status, got.Reason)
	}
	t.Logf("%d attempts: %v", len(waits)+1, waits)

	// That it was disabled is on record and goes to others, not to itself.
	types := r.types()
	if types["webhook.disabled"] != 1 || types["webhook.created"] != 1 {
		t.Errorf("recorded: %v", types)
	}
	n := len(in.messages())
	r.fan()
	r.clock.Advance(24 * time.Hour)
	r.send()
	if len(in.messages()) != n {
		t.Error("a disabled webhook is told something")
	}
	if r.observed.dead == 0 {
		t.Error("nobody counted what was given up")
	}
}

// One success in between, and the webhook stays.
func TestFailingWebhookThatAnswersSometimesStays(t *testing.T) {
	t.Parallel()
	r := onSQLite(t, func(c *webhook.WorkerConfig) { c.DisableAfter = webhook.MaxAge })
	var good atomic.Value
	good.Store("")
	in := newReceiver(t, func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Webhook-Id") != good.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	w, _ := r.create("", in.URL, "user.login")
	r.record(logins(1)...)
	r.fan()
	r.send()
	r.clock.Advance(webhook.MaxAge / 2)
	good.Store(r.record(logins(1)...)[0])
	r.fan()
	r.send()
	if got := r.get(w); !got.FailingSince.IsZero() && len(r.deliveries(w, storage.DeliveryDelivered)) != 1 {
		t.Errorf("after a success: %+v", got)
	}
	r.clock.Advance(webhook.MaxAge)
	r.send()
	if got := r.get(w); got.Status != storage.WebhookEnabled {
		t.Errorf("disabled: %q", got.Reason)
	}
	if dead := r.deliveries(w, storage.DeliveryDead); len(dead) != 1 {
		t.Errorf("given up: %+v", dead)
	}
}

func TestWhatReceiversDo(t *testing.T) {
	t.Parallel()
	elsewhere := newReceiver(t, nil)
	date := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
	for _, c := range []struct {
		name      string
		answer    http.HandlerFunc
		delivered bool
		status    int64
		problem   string
		waits     time.Duration // until the next attempt; within a second
	}{
		{"200", status(200), true, 200, "", 0},
		{"204", status(204), true, 204, "", 0},
		{"a large answer", func(w http.ResponseWriter, _ *http.Request) {
			page := make([]byte, 1<<20)
			for range 10 {
				_, _ = w.Write(page)
			}
		}, true, 200, "", 0},
		{"an answer that does not end", func(w http.ResponseWriter, req *http.Request) {
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			<-req.Context().Done()
		}, true, 200, "", 0},
		{"400", status(400), false, 400, "HTTP 400", 5 * time.Second},
		{"500", status(500), false, 500, "HTTP 500", 5 * time.Second},
		{"a redirect", func(w http.ResponseWriter, req *http.Request) {
			http.Redirect(w, req, elsewhere.URL, http.StatusTemporaryRedirect)
		}, false, 307, "HTTP 307: redirects are not followed", 5 * time.Second},
		{"503 that asks for time", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(http.StatusServiceUnavailable)
		}, false, 503, "HTTP 503", 2 * time.Minute},
		{"429 with a date", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", date(10*time.Minute))
			w.WriteHeader(http.StatusTooManyRequests)
		}, false, 429, "HTTP 429", 10 * time.Minute},
		{"429 that asks for a year", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", strconv.Itoa(365*24*3600))
			w.WriteHeader(http.StatusTooManyRequests)
		}, false, 429, "HTTP 429", time.Hour},
		{"500 that asks for time, which it may not", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(http.StatusInternalServerError)
		}, false, 500, "HTTP 500", 5 * time.Second},
		{"nothing", func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, false, 0, "the connection failed", 5 * time.Second},
		{"silence", func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() }, false, 0, "no answer in time", 5 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := onSQLite(t)
			in := newReceiver(t, c.answer)
			w, secret := r.create("", in.URL+"/path-that-is-a-secret", "user.login")
			r.record(logins(1)...)
			r.fan()
			r.send()
			d := r.deliveries(w, "")[0]
			if d.Status != c.status || d.Error != c.problem || d.Attempts != 1 || (d.State == storage.DeliveryDelivered) != c.delivered {
				t.Errorf("%+v", d)
			}
			if wait := d.DueAt.Sub(r.clock.Now()); !c.delivered && (wait-c.waits).Abs() > 2*time.Second {
				t.Errorf("tried again after %s, want %s", wait, c.waits)
			}
			if !c.delivered {
				// It comes right at last.
				in.set(nil)
				r.clock.Advance(d.DueAt.Sub(r.clock.Now()))
				r.send()
				if d := r.deliveries(w, "")[0]; d.State != storage.DeliveryDelivered || d.Attempts != 2 || d.Error != "" {
					t.Errorf("at last: %+v", d)
				}
				if got := in.ids(); got[d.EventID] != 2 {
					t.Errorf("with one id: %v", got)
				}
			}
			if len(elsewhere.messages()) > 0 {
				t.Error("a redirect was followed")
			}
			if said := r.log.String(); strings.Contains(said, "path-that-is-a-secret") || strings.Contains(said, secret[6:20]) {
				t.Errorf("the log tells secrets: %s", said)
			}
		})
	}
}

func TestGone(t *testing.T) {
	t.Parallel()
	r := onSQLite(t)
	in := newReceiver(t, status(http.StatusGone))
	other := newReceiver(t, nil)
	w, _ := r.create("", in.URL, "*")
	r.create("", other.URL, "webhook.disabled")
	r.record(logins(40)...)
	r.fan()
	r.send()
	if got := r.get(w); got.Status != storage.WebhookDisabled || got.Reason != "gone" {
		t.Errorf("%+v", got)
	}
	if n := len(in.messages()); n > webhook.DefaultPerWebhook {
		t.Errorf("who is gone was told %d times", n)
	}
	r.fan()
	r.send()
	if got := other.messages(); len(got) != 1 || decode(t, got[0]).Subject != w.ID || !strings.Contains(string(got[0].body), `"reason":"gone"`) {
		t.Errorf("others are told: %s", got)
	}
	// Enabled again it gets what waited.
	in.set(nil)
	enabled := true
	if _, err := r.service.Update(t.Context(), "", w.ID, webhook.Patch{Enabled: &enabled}); err != nil {
		t.Fatal(err)
	}
	r.clock.Advance(webhook.ClaimTime)
	r.send()
	if left := r.deliveries(w, storage.DeliveryPending); len(left) != 0 {
		t.Errorf("%d wait", len(left))
	}
}

// A receiver that hangs holds up nobody else: while its requests hang, another
// webhook gets everything.
func TestHangingReceiverHoldsUpNobody(t *testing.T) {
	t.Parallel()
	r := onSQLite(t, func(c *webhook.WorkerConfig) { c.Concurrency = 8 })
	release := make(chan struct{})
	var hanging atomic.Int64
	slow := newReceiver(t, func(_ http.ResponseWriter, req *http.Request) {
		hanging.Add(1)
		defer hanging.Add(-1)
		select {
		case <-release:
		case <-req.Context().Done():
		}
	})
	fast := newReceiver(t, nil)
	w, _ := r.create("", slow.URL, "user.login")
	r.create("", fast.URL, "user.login")
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = r.worker.Run(ctx) })
	ids := r.record(logins(200)...)
	r.fan()
	await(t, "one receiver to hang", func() bool { return hanging.Load() > 0 })
	await(t, "the other to have everything", func() bool { return len(fast.ids()) == len(ids) })
	if n := len(slow.messages()); n > webhook.DefaultPerWebhook {
		t.Errorf("who hangs got %d requests, more than its share", n)
	}
	await(t, "the one that hangs to be left alone", func() bool { return !r.get(w).PausedUntil.IsZero() })
	close(release)
	slow.set(nil)
	stop()
	running.Wait()
	if len(slow.messages()) > 2*webhook.DefaultPerWebhook {
		t.Errorf("%d requests while nobody answers", len(slow.messages()))
	}
	// And it gets everything once it answers.
	for range 50 {
		r.clock.Advance(webhook.ClaimTime)
		r.send()
	}
	if got := slow.ids(); len(got) != len(ids) {
		t.Errorf("%d of %d arrived at last", len(got), len(ids))
	}
}

// Who does not answer is left alone for as long as that has been so, and then
// one message goes ahead.
func TestSilenceIsLeftAlone(t *testing.T) {
	t.Parallel()
	r := onSQLite(t)
	in := newReceiver(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	w, _ := r.create("", in.URL, "user.login")
	r.record(logins(50)...)
	r.fan()
	r.send()
	n := len(in.messages())
	if n == 0 || n > webhook.DefaultPerWebhook {
		t.Errorf("%d messages at first", n)
	}
	for _, pause := range []time.Duration{5 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second} {
		if left := r.get(w).PausedUntil.Sub(r.clock.Now()); left != pause {
			t.Errorf("left alone for %s, want %s", left, pause)
		}
		r.clock.Advance(pause - time.Millisecond)
		r.send()
		if got := len(in.messages()); got != n {
			t.Errorf("%d messages in the pause", got-n)
		}
		r.clock.Advance(time.Millisecond)
		r.send()
		if got := len(in.messages()); got != n+1 {
			t.Errorf("%d messages go ahead, want one", got-n)
		}
		n = len(in.messages())
	}
	in.set(nil)
	r.clock.Advance(webhook.MaxAge / 3)
	r.send()
	if left := r.deliveries(w, storage.DeliveryPending); len(left) != 0 {
		t.Errorf("%d wait", len(left))
	}
}

// dying is a store whose process dies before it can write what came of an attempt.
type dying struct {
	webhook.WorkerStore
	dead atomic.Bool
}

var errKilled = errors.New("killed")

func (d *dying) SettleWebhookDelivery(ctx context.Context, v storage.WebhookDelivery) error {
	if d.dead.Load() {
		return errKilled
	}
	return d.WorkerStore.SettleWebhookDelivery(ctx, v)
}

// A process dies again and again between sending and marking. Nothing is lost,
// and what comes twice has the id it had.
func TestKilledBeforeItMarks(t *testing.T) {
	t.Parallel()
	r := onSQLite(t)
	in := newReceiver(t, nil)
	w, secret := r.create("", in.URL, "user.login")
	ids := r.record(logins(60)...)
	r.fan()
	for range 3 {
		store := &dying{WorkerStore: r.store}
		store.dead.Store(true)
		c := r.config
		c.Store = store
		dies, err := webhook.NewWorker(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := dies.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		if done := r.deliveries(w, storage.DeliveryDelivered); len(done) != 0 {
			t.Fatalf("%d are marked", len(done))
		}
		n := len(in.messages())
		r.send()
		if len(in.messages()) != n {
			t.Error("what another has claimed is sent")
		}
		r.clock.Advance(webhook.ClaimTime)
	}
	r.send()
	got := in.ids()
	for _, id := range ids {
		if got[id] != 4 {
			t.Errorf("%s arrived %d times, want one for each death and the last", id, got[id])
		}
	}
	if len(got) != len(ids) || len(r.deliveries(w, storage.DeliveryDelivered)) != len(ids) {
		t.Errorf("%d ids", len(got))
	}
	for _, m := range in.messages() {
		if err := verifyWhenever(t, secret, m); err != nil {
			t.Fatal(err)
		}
	}
}

// Two replicas share the work: nothing twice, nothing lost.
func TestReplicasShareTheWork(t *testing.T) {
	t.Parallel()
	clk := fakeclock.New(start())
	key := secretKey(t, clk)
	stores := teststore.Postgres(t, 2)
	a, b := newReplica(t, stores[0], clk, key), newReplica(t, stores[1], clk, key)
	var receivers []*receiver
	for range 3 {
		in := newReceiver(t, nil)
		receivers = append(receivers, in)
		a.create("", in.URL, "user.login")
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for _, r := range []*replica{a, b} {
		running.Go(func() { _ = r.worker.Run(ctx) })
	}
	ids := a.record(logins(300)...)
	a.fan()
	for _, in := range receivers {
		await(t, "everything to arrive", func() bool { return len(in.ids()) == len(ids) })
	}
	stop()
	running.Wait()
	for _, in := range receivers {
		for id, n := range in.ids() {
			if n != 1 {
				t.Errorf("%s arrived %d times", id, n)
			}
		}
	}
	if a.observed.results["delivered"] == 0 || b.observed.results["delivered"] == 0 {
		t.Errorf("one did it all: %v, %v", a.observed.results, b.observed.results)
	}
}

// The messages stop with the process, and what had begun is done.
func TestStops(t *testing.T) {
	t.Parallel()
	r := onSQLite(t)
	arrived, release := make(chan struct{}, 1), make(chan struct{})
	in := newReceiver(t, func(http.ResponseWriter, *http.Request) {
		select {
		case arrived <- struct{}{}:
		default:
		}
		<-release
	})
	w, _ := r.create("", in.URL, "user.login")
	r.record(logins(100)...)
	r.fan()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.worker.Run(ctx) }()
	<-arrived
	stop()
	close(release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	delivered := r.deliveries(w, storage.DeliveryDelivered)
	if n := len(in.messages()); len(delivered) != n || n > 2*webhook.DefaultPerWebhook {
		t.Errorf("%d arrived, %d marked", n, len(delivered))
	}
	r.send() // what was given back needs no claim to end
	if n := len(r.deliveries(w, storage.DeliveryPending)); n != 0 {
		t.Errorf("%d wait", n)
	}
}

// A webhook that is told of everything and takes nothing makes no events of its
// own failures.
func TestFailuresMakeNoEvents(t *testing.T) {
	t.Parallel()
	r := onSQLite(t)
	in := newReceiver(t, status(http.StatusTeapot))
	r.create("", in.URL, "*")
	r.record(logins(5)...)
	r.fan()
	before := r.types()
	for range 10 {
		r.send()
		r.fan()
		r.clock.Advance(time.Hour)
	}
	if after := r.types(); !maps.Equal(before, after) {
		t.Errorf("recorded %v, before %v", after, before)
	}
}

// What waits is counted, and who is behind by too much is disabled.
func TestBacklog(t *testing.T) {
	t.Parallel()
	r := onSQLite(t)
	r.fanout.Limit(20)
	in := newReceiver(t, status(http.StatusInternalServerError))
	w, _ := r.create("", in.URL, "user.login")
	small, _ := r.create("", in.URL, "organization.*")
	r.record(logins(30)...)
	r.record(added(r.organization()))
	r.fan()
	r.clock.Advance(webhook.MeasureEvery)
	r.fan()
	if r.fanout.Pending() != 31 || r.fanout.Oldest() != webhook.MeasureEvery {
		t.Errorf("%d wait, the oldest for %s", r.fanout.Pending(), r.fanout.Oldest())
	}
	if got := r.get(w); got.Status != storage.WebhookDisabled || got.Reason != "backlog" {
		t.Errorf("%+v", got)
	}
	if got := r.get(small); got.Status != storage.WebhookEnabled {
		t.Errorf("the other: %+v", got)
	}
	r.record(logins(30)...)
	r.fan()
	if n := len(r.deliveries(w, "")); n != 30 {
		t.Errorf("%d deliveries of a disabled webhook", n)
	}
	if r.types()[string(event.WebhookDisabled)] != 1 {
		t.Error("nobody wrote down that it was disabled")
	}
}
