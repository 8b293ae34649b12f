// Package worker runs work that waits in a database: it looks for what is due
// when it is told to and every so often, does it beside, and ends once what it
// had begun is done. What is due, and that nobody else takes it, is the caller's.
//
// New makes a Loop of a Look; Each makes a Look of rows that are taken one by one.
package worker

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// drain is what work under way gets to end when the process does.
const drain = 10 * time.Second

// Look finds what is due, hands each piece to begin, and returns how many pieces
// that were. begin does not wait for them. A piece that answers true asks for
// another look at once. Its context outlives that of Run for a while, so that
// what was begun can end.
type Look func(ctx context.Context, begin func(piece func(ctx context.Context) (again bool))) (int, error)

// Loop looks again and again. Every replica runs one.
type Loop struct {
	look   Look
	poll   time.Duration
	failed func(ctx context.Context, err error)
	kick   chan struct{}
	flying sync.WaitGroup
}

// New makes a Loop that looks every poll without being told; start it with Run.
// what names it in the log (nil: none), which hears of looks that fail.
func New(look Look, poll time.Duration, log *slog.Logger, what string) *Loop {
	failed := func(context.Context, error) {}
	if log != nil {
		failed = func(ctx context.Context, err error) {
			log.ErrorContext(ctx, "worker: look", slog.String("worker", what), slog.Any("error", err))
		}
	}
	return &Loop{look: look, poll: poll, failed: failed, kick: make(chan struct{}, 1)}
}

// Kick announces that something is due. It never blocks.
func (l *Loop) Kick() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// Run works until ctx ends, and returns when what it had begun is done.
func (l *Loop) Run(ctx context.Context) error {
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	poll := time.NewTicker(l.poll)
	defer poll.Stop()
	for {
		if _, err := l.begin(ctx, working); err != nil && ctx.Err() == nil {
			l.failed(ctx, err)
		}
		select {
		case <-ctx.Done():
			cut := time.AfterFunc(drain, stop)
			l.flying.Wait()
			cut.Stop()
			return nil
		case <-l.kick:
		case <-poll.C:
		}
	}
}

// Tick does what is due, as much as goes at once, and returns how much that was.
// Run does the same without waiting for the end.
func (l *Loop) Tick(ctx context.Context) (int, error) {
	n, err := l.begin(ctx, ctx)
	l.flying.Wait()
	return n, err
}

func (l *Loop) begin(ctx, working context.Context) (int, error) {
	return l.look(ctx, func(piece func(context.Context) bool) {
		l.flying.Go(func() {
			if piece(working) {
				l.Kick()
			}
		})
	})
}

// Each is a Look that takes as many rows as there are free places, of so many,
// and does each beside. Each that ends makes room for the next.
func Each[T any](places int, take func(ctx context.Context, limit int) ([]T, error), do func(ctx context.Context, row T)) Look {
	taken := make(chan struct{}, places)
	return func(ctx context.Context, begin func(func(context.Context) bool)) (int, error) {
		free := places - len(taken)
		if free == 0 {
			return 0, nil
		}
		rows, err := take(ctx, free)
		if err != nil {
			return 0, err
		}
		for _, row := range rows {
			taken <- struct{}{}
			begin(func(ctx context.Context) bool {
				do(ctx, row)
				<-taken
				return true
			})
		}
		return len(rows), nil
	}
}
