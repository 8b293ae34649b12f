package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/internal/worker"
	"github.com/signet-idp/signet/storage"
)

const (
	// parallel is how many messages one replica sends at a time.
	parallel = 4
	// sendTime bounds one attempt. A row that was taken comes back after
	// leaseTime by itself, if the replica that took it died: later than any
	// attempt lasts, so that nobody sends what another is sending.
	sendTime  = 25 * time.Second
	leaseTime = time.Minute
	// writeTime bounds noting what came of an attempt.
	writeTime = 5 * time.Second

	firstRetry = 30 * time.Second
	lastRetry  = time.Hour

	defaultPoll = 5 * time.Second
)

// Rows is what a Worker needs of the store.
type Rows interface {
	TakeMessages(ctx context.Context, now, retryAt time.Time, limit int) ([]storage.Message, error)
	PostponeMessage(ctx context.Context, id string, dueAt time.Time) error
	DeleteMessage(ctx context.Context, id string) error
}

// Observer counts what came of messages: "sent", "deferred" (to be tried
// again), "refused", "expired" (given up), "unreadable" (dropped: it does not
// open).
type Observer interface {
	Notified(channel, result string)
}

// WorkerConfig is what a Worker is made of.
type WorkerConfig struct {
	Store    Rows               // required
	Key      Sealer             // required; that of the Service
	Clock    clock.Clock        // required
	Senders  map[Channel]Sender // what is taken for another channel waits
	Observer Observer           // nil: none
	Log      *slog.Logger       // nil: none
	// Poll is how often to look without being told, for what failed before and
	// what other replicas left; 0: 5 s.
	Poll time.Duration
}

// Worker sends what waits. Every replica runs one; each row goes to one of
// them.
type Worker struct {
	*worker.Loop
	config WorkerConfig
}

// NewWorker makes a Worker; start it with Run.
func NewWorker(c WorkerConfig) (*Worker, error) {
	if c.Store == nil || c.Key == nil || c.Clock == nil {
		return nil, errors.New("notify: worker: store, key and clock are required")
	}
	if c.Observer == nil {
		c.Observer = nobody{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Poll <= 0 {
		c.Poll = defaultPoll
	}
	w := &Worker{config: c}
	w.Loop = worker.New(worker.Each(parallel, w.take, w.deliver), c.Poll, c.Log, "messages")
	return w, nil
}

type nobody struct{}

func (nobody) Notified(string, string) {}

func (w *Worker) take(ctx context.Context, limit int) ([]storage.Message, error) {
	now := w.config.Clock.Now()
	rows, err := w.config.Store.TakeMessages(ctx, now, now.Add(leaseTime), limit)
	if err != nil {
		return nil, fmt.Errorf("notify: take: %w", err)
	}
	return rows, nil
}

// deliver sends one row and notes what came of it.
func (w *Worker) deliver(ctx context.Context, row storage.Message) {
	log := w.config.Log.With("id", row.ID, "channel", row.Channel, "attempt", row.Attempts)
	d, err := w.open(row)
	if err != nil {
		log.ErrorContext(ctx, "message dropped: it does not open", "error", err)
		w.settle(ctx, log, row, "unreadable", nil)
		return
	}
	log = log.With("kind", string(d.Kind))
	sender := w.config.Senders[d.Channel]
	if sender == nil {
		// A replica with another configuration may be able to; it is not lost yet.
		w.again(ctx, log, row, errors.New("nothing delivers on this channel"))
		return
	}
	attempt, cancel := context.WithTimeout(ctx, sendTime)
	err = sender.Send(attempt, d)
	cancel()
	switch {
	case err == nil:
		log.InfoContext(ctx, "message sent")
		w.settle(ctx, log, row, "sent", nil)
	case errors.Is(err, ErrRefused):
		w.settle(ctx, log, row, "refused", err)
	default:
		w.again(ctx, log, row, err)
	}
}

func (w *Worker) open(row storage.Message) (Delivery, error) {
	d := Delivery{ID: row.ID, CreatedAt: row.CreatedAt}
	plain, err := w.config.Key.Open(binding(row.ID, Channel(row.Channel)), row.Sealed)
	if err != nil {
		return d, err
	}
	if err := json.Unmarshal(plain, &d.Content); err != nil {
		return d, errors.New("it was written by another version") // err may quote it
	}
	return d, nil
}

// settle deletes a row. If that fails the message is sent once more, after the
// lease.
func (w *Worker) settle(ctx context.Context, log *slog.Logger, row storage.Message, result string, cause error) {
	w.config.Observer.Notified(row.Channel, result)
	if cause != nil {
		log.WarnContext(ctx, "message given up", "result", result, "error", cause)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime)
	defer cancel()
	if err := w.config.Store.DeleteMessage(ctx, row.ID); err != nil {
		log.ErrorContext(ctx, "message: delete", "error", err)
	}
}

// again lets a row wait for its next attempt, if there is one before it expires.
func (w *Worker) again(ctx context.Context, log *slog.Logger, row storage.Message, cause error) {
	due := w.config.Clock.Now().Add(backoff(row.Attempts))
	if !due.Before(row.Expiry) {
		w.settle(ctx, log, row, "expired", cause)
		return
	}
	w.config.Observer.Notified(row.Channel, "deferred")
	log.WarnContext(ctx, "message to be tried again", "due", due, "error", cause)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime)
	defer cancel()
	if err := w.config.Store.PostponeMessage(ctx, row.ID, due); err != nil {
		log.ErrorContext(ctx, "message: postpone", "error", err)
	}
}

// backoff is 30 s after the first attempt, doubling to an hour.
func backoff(attempts int64) time.Duration {
	d := firstRetry
	for i := int64(1); i < attempts && d < lastRetry; i++ {
		d *= 2
	}
	return min(d, lastRetry)
}
