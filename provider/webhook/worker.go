package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/internal/worker"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
)

// Defaults and bounds of a Worker.
const (
	DefaultConcurrency = 32
	DefaultPerWebhook  = 4
	DefaultDisable     = 5 * 24 * time.Hour
	defaultPoll        = time.Second
	// maxLanes is how many webhooks are looked after at once.
	maxLanes = 256
	// laneBatch is how much a lane takes at once; it comes back by itself after
	// claimTime, should this replica die. What is not begun well before is left
	// to whoever takes it then.
	laneBatch   = 16
	laneBatches = 64
	claimTime   = 2 * time.Minute
	spareTime   = 30 * time.Second // longer than an attempt lasts
	writeTime   = 5 * time.Second

	keepDelivered = 7 * 24 * time.Hour
	keepDead      = 30 * 24 * time.Hour
)

// WorkerStore is what a Worker needs of the store.
type WorkerStore interface {
	storage.WebhookDeliveries
	WebhookByID(ctx context.Context, id string) (storage.Webhook, error)
	UpdateWebhook(ctx context.Context, w storage.Webhook) error
	NoteWebhook(ctx context.Context, id string, failingSince, pausedUntil time.Time) error
	DueWebhooks(ctx context.Context, now time.Time, after string, limit int) ([]string, error)
}

// Observer counts attempts: result "delivered", "refused" (an answer other than
// 2xx), "gone" (410), "unreachable" (none); and deliveries that are given up.
type Observer interface {
	WebhookAttempt(result string, took time.Duration)
	WebhookDead()
}

// WorkerConfig is what a Worker is made of.
type WorkerConfig struct {
	Store  WorkerStore   // required
	Change change.Runner // required
	Client Client        // required
	Key    Sealer        // required; of SecretPurpose
	Clock  clock.Clock   // required
	Random io.Reader     // required
	Origin event.Origin  // of the envelopes
	// Concurrency is how many attempts this replica makes at once, PerWebhook how
	// many of them to one webhook.
	Concurrency, PerWebhook int
	// MaxAge is how long a delivery is tried (0: MaxAge).
	MaxAge time.Duration
	// DisableAfter is how long a webhook has to have failed when a delivery is
	// given up for it to be disabled (0: DefaultDisable).
	DisableAfter time.Duration
	// Poll is how often to look without being told, for what is to be tried again
	// and what other replicas have fanned out (0: a second).
	Poll     time.Duration
	Observer Observer     // nil: none
	Log      *slog.Logger // nil: none
}

// Worker sends what is due. Every replica runs one; each delivery goes to one of
// them.
type Worker struct {
	*worker.Loop
	c      WorkerConfig
	sender sender
	slots  chan struct{}

	mu    sync.Mutex
	lanes map[string]bool
	after string // the webhook that was last looked at
}

// NewWorker makes a Worker; start it with Run.
func NewWorker(c WorkerConfig) (*Worker, error) {
	if c.Store == nil || c.Change.Store == nil || c.Client == nil || c.Key == nil || c.Clock == nil || c.Random == nil {
		return nil, errors.New("webhook: worker: store, change, client, key, clock and random are required")
	}
	c.Concurrency, c.PerWebhook = or(c.Concurrency, DefaultConcurrency), or(c.PerWebhook, DefaultPerWebhook)
	c.MaxAge, c.DisableAfter, c.Poll = or(c.MaxAge, MaxAge), or(c.DisableAfter, DefaultDisable), or(c.Poll, defaultPoll)
	if c.Observer == nil {
		c.Observer = nobody{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	w := &Worker{
		c: c, sender: sender{c.Client, c.Key, c.Clock}, slots: make(chan struct{}, c.Concurrency), lanes: map[string]bool{},
	}
	w.Loop = worker.New(w.look, c.Poll, c.Log, "webhooks")
	return w, nil
}

func or[T int | time.Duration](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}

type nobody struct{}

func (nobody) WebhookAttempt(string, time.Duration) {}
func (nobody) WebhookDead()                         {}

// look opens a lane for each webhook that has something due and none yet. It
// goes round: who was left out this time comes first the next.
func (w *Worker) look(ctx context.Context, begin func(func(context.Context) bool)) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	free := maxLanes - len(w.lanes)
	if free <= 0 {
		return 0, nil
	}
	now := w.c.Clock.Now()
	ids, err := w.c.Store.DueWebhooks(ctx, now, w.after, free)
	if err == nil && w.after != "" && len(ids) < free {
		var more []string
		more, err = w.c.Store.DueWebhooks(ctx, now, "", free-len(ids))
		ids = append(ids, more...)
	}
	if err != nil {
		return 0, fmt.Errorf("webhook: due: %w", err)
	}
	w.after = ""
	if len(ids) == free {
		w.after = ids[len(ids)-1]
	}
	begun := 0
	for _, id := range ids {
		if !w.lanes[id] {
			w.lanes[id] = true
			begun++
			begin(func(sending context.Context) bool { return w.lane(ctx, sending, id) })
		}
	}
	return begun, nil
}

// lane sends what is due for one webhook until nothing is, or nobody answers; or
// for a while, and then whether it still may be told is judged again. It says
// whether it sent anything: then something may have become due since it looked.
func (w *Worker) lane(ctx, sending context.Context, id string) (sent bool) {
	log := w.c.Log.With(slog.String("webhook", id))
	for range laneBatches {
		if ctx.Err() != nil {
			break
		}
		more, err := w.batch(ctx, sending, log, id)
		if err != nil && ctx.Err() == nil {
			log.ErrorContext(ctx, "webhook: send", "error", err)
		}
		if !more || err != nil {
			break
		}
		sent = true
	}
	w.mu.Lock()
	delete(w.lanes, id)
	w.mu.Unlock()
	return sent
}

// batch takes some deliveries and sends them; more: there may be others.
func (w *Worker) batch(ctx, sending context.Context, log *slog.Logger, id string) (more bool, err error) {
	hook, err := w.c.Store.WebhookByID(ctx, id)
	if errors.Is(err, storage.ErrNotFound) || err == nil && hook.Status != storage.WebhookEnabled {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	limit, parallel := laneBatch, w.c.PerWebhook
	if !hook.FailingSince.IsZero() {
		limit, parallel = 1, 1 // see first whether it answers again
	}
	now := w.c.Clock.Now()
	until := now.Add(claimTime)
	list, err := w.c.Store.TakeWebhookDeliveries(ctx, id, now, until, limit)
	if err != nil || len(list) == 0 {
		return false, err
	}
	bodies, err := w.bodies(ctx, list)
	if err != nil {
		return false, err
	}
	b := &begun{hook: hook, until: until.Add(-spareTime)}
	places := make(chan struct{}, parallel)
	var sent sync.WaitGroup
	for i, d := range list {
		places <- struct{}{}
		if b.over(ctx, w.c.Clock.Now()) {
			w.giveBack(ctx, log, list[i:])
			break
		}
		sent.Go(func() {
			defer func() { <-places }()
			w.slots <- struct{}{}
			defer func() { <-w.slots }()
			if b.over(ctx, w.c.Clock.Now()) {
				w.giveBack(ctx, log, list[i:i+1])
				return
			}
			w.deliver(sending, log, b, d, bodies[d.Seq])
		})
	}
	sent.Wait()
	return !b.over(ctx, w.c.Clock.Now()), nil
}

// begun is a batch on its way, with the webhook as its attempts leave it.
type begun struct {
	until time.Time

	mu      sync.Mutex
	hook    storage.Webhook
	stopped bool // nobody answers, or nobody is to be told any more
}

func (b *begun) over(ctx context.Context, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stopped || ctx.Err() != nil || now.After(b.until)
}

// bodies are the messages of deliveries by seq.
func (w *Worker) bodies(ctx context.Context, list []storage.WebhookDelivery) (map[int64][]byte, error) {
	seqs := make([]int64, len(list))
	for i, d := range list {
		seqs[i] = d.Seq
	}
	events, err := w.c.Store.EventsBySeq(ctx, seqs)
	if err != nil {
		return nil, err
	}
	out := make(map[int64][]byte, len(events))
	for _, e := range events {
		if out[e.Seq], err = w.c.Origin.Envelope(e).Encode(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// giveBack makes what was taken and not tried due again. What cannot be written
// comes back by itself.
func (w *Worker) giveBack(ctx context.Context, log *slog.Logger, list []storage.WebhookDelivery) {
	for _, d := range list {
		d.DueAt = w.c.Clock.Now()
		w.settle(ctx, log, d)
	}
}

// deliver makes one attempt and writes what came of it.
func (w *Worker) deliver(ctx context.Context, log *slog.Logger, b *begun, d storage.WebhookDelivery, body []byte) {
	log = log.With(slog.String("event", d.EventID), slog.Int64("attempt", d.Attempts+1))
	if body == nil { // the record keeps no event for ever
		w.bury(ctx, log, d, "the event is no longer in the record")
		return
	}
	b.mu.Lock()
	hook := b.hook
	b.mu.Unlock()
	out, err := w.sender.send(ctx, hook, d.EventID, body)
	if err != nil { // not the receiver's fault: it comes back when the claim ends
		log.ErrorContext(ctx, "webhook: cannot be signed", "error", err)
		b.stop()
		return
	}
	if out.problem != "" && ctx.Err() != nil {
		return // cut off by the end of this process; it comes back when the claim ends
	}
	now := w.c.Clock.Now()
	w.c.Observer.WebhookAttempt(out.result(), out.took)
	d.Attempts, d.Status, d.Error = d.Attempts+1, int64(out.status), out.problem
	w.note(ctx, log, b, out, now)
	if out.delivered() {
		d.State, d.DueAt, d.SettledAt, d.Expiry = storage.DeliveryDelivered, time.Time{}, now, now.Add(keepDelivered)
		w.settle(ctx, log, d)
		return
	}
	log.InfoContext(ctx, "webhook: not delivered", slog.String("problem", out.problem))
	last := d.BegunAt.Add(w.c.MaxAge)
	switch {
	case out.status == http.StatusGone:
		w.bury(ctx, log, d, out.problem)
		b.stop()
		w.disable(ctx, log, hook, reasonGone)
	case !now.Before(last):
		w.bury(ctx, log, d, out.problem)
		if w.failed(b, now) {
			b.stop()
			w.disable(ctx, log, hook, reasonFailing)
		}
	default:
		d.DueAt = now.Add(max(wait(d.Attempts, w.c.Random), out.after))
		if d.DueAt.After(last) {
			d.DueAt = last // one last time
		}
		w.settle(ctx, log, d)
	}
}

func (b *begun) stop() {
	b.mu.Lock()
	b.stopped = true
	b.mu.Unlock()
}

// failed says whether nothing has succeeded for so long that it is no use going on.
func (w *Worker) failed(b *begun, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.hook.FailingSince.IsZero() && now.Sub(b.hook.FailingSince) >= w.c.DisableAfter
}

// note writes how the webhook fares, where an attempt changes that.
func (w *Worker) note(ctx context.Context, log *slog.Logger, b *begun, out outcome, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	since, paused := b.hook.FailingSince, b.hook.PausedUntil
	switch {
	case out.delivered():
		since, paused = time.Time{}, time.Time{}
	case since.IsZero():
		since = now
	}
	if out.silent {
		b.stopped = true
		paused = now.Add(max(pause(now.Sub(since)), out.after))
	}
	if since.Equal(b.hook.FailingSince) && paused.Equal(b.hook.PausedUntil) {
		return
	}
	b.hook.FailingSince, b.hook.PausedUntil = since, paused
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime)
	defer cancel()
	if err := w.c.Store.NoteWebhook(ctx, b.hook.ID, since, paused); err != nil {
		log.ErrorContext(ctx, "webhook: note", "error", err)
	}
}

// bury gives a delivery up.
func (w *Worker) bury(ctx context.Context, log *slog.Logger, d storage.WebhookDelivery, why string) {
	now := w.c.Clock.Now()
	d.State, d.Error, d.DueAt, d.SettledAt, d.Expiry = storage.DeliveryDead, why, time.Time{}, now, now.Add(keepDead)
	w.c.Observer.WebhookDead()
	log.WarnContext(ctx, "webhook: delivery given up", slog.String("problem", why))
	w.settle(ctx, log, d)
}

// settle writes a delivery. If that fails it is sent once more, after the claim.
func (w *Worker) settle(ctx context.Context, log *slog.Logger, d storage.WebhookDelivery) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime)
	defer cancel()
	if err := w.c.Store.SettleWebhookDelivery(ctx, d); err != nil {
		log.ErrorContext(ctx, "webhook: settle", "error", err)
	}
}

func (w *Worker) disable(ctx context.Context, log *slog.Logger, hook storage.Webhook, reason string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime)
	defer cancel()
	data := map[string]any{}
	if !hook.FailingSince.IsZero() {
		data["failing_since"] = hook.FailingSince.Unix()
	}
	if err := disable(ctx, w.c.Change, w.c.Store, hook.ID, reason, data); err != nil {
		log.ErrorContext(ctx, "webhook: disable", "error", err)
		return
	}
	log.WarnContext(ctx, "webhook disabled", slog.String("reason", reason))
}
