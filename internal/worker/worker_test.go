package worker_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/worker"
)

// queue is work that waits.
type queue struct {
	mu   sync.Mutex
	rows []int
}

func (q *queue) take(_ context.Context, limit int) ([]int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(limit, len(q.rows))
	out := q.rows[:n]
	q.rows = q.rows[n:]
	return out, nil
}

func upTo(n int) *queue {
	q := &queue{}
	for i := range n {
		q.rows = append(q.rows, i)
	}
	return q
}

func TestTickWaitsForWhatItBegan(t *testing.T) {
	t.Parallel()
	var done atomic.Int64
	l := worker.New(worker.Each(4, upTo(6).take, func(context.Context, int) { done.Add(1) }), time.Hour, nil, "")
	for i, want := range []int{4, 2, 0} {
		n, err := l.Tick(t.Context())
		if n != want || err != nil || done.Load() != int64(min(4*(i+1), 6)) {
			t.Errorf("tick %d: %d, %v, %d done", i, n, err, done.Load())
		}
	}
}

// Nobody polls here: each piece that ends makes room for the next, and no more
// are under way than there are places.
func TestRunDoesAllThatIsDue(t *testing.T) {
	t.Parallel()
	var now, most, done atomic.Int64
	over := make(chan struct{})
	l := worker.New(worker.Each(3, upTo(50).take, func(context.Context, int) {
		most.Store(max(most.Load(), now.Add(1)))
		now.Add(-1)
		if done.Add(1) == 50 {
			close(over)
		}
	}), time.Hour, nil, "")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	<-over
	cancel()
	if err := <-ended; err != nil || most.Load() > 3 {
		t.Error(err, most.Load())
	}
}

func TestRunEndsWhatItHadBegun(t *testing.T) {
	t.Parallel()
	begun, release := make(chan struct{}), make(chan struct{})
	var cut error
	l := worker.New(worker.Each(1, upTo(2).take, func(ctx context.Context, _ int) {
		begun <- struct{}{}
		<-release
		cut = ctx.Err()
	}), time.Hour, nil, "")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	<-begun
	cancel()
	select {
	case <-ended:
		t.Fatal("it ended before its work did")
	default:
	}
	close(release)
	if err := <-ended; err != nil || cut != nil {
		t.Error(err, cut)
	}
}

// Many kicks are one look, and a piece that does not ask for another gets none.
func TestKick(t *testing.T) {
	t.Parallel()
	looked := make(chan struct{}, 100)
	l := worker.New(func(_ context.Context, begin func(func(context.Context) bool)) (int, error) {
		looked <- struct{}{}
		begin(func(context.Context) bool { return false })
		return 1, nil
	}, time.Hour, nil, "")
	for range 50 {
		l.Kick()
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	<-looked // as it began
	<-looked // for the kicks
	cancel()
	if err := <-ended; err != nil || len(looked) != 0 {
		t.Error(err, len(looked), "looks more")
	}
}

func TestLookThatFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("the database is away")
	var log bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	first := true
	l := worker.New(func(context.Context, func(func(context.Context) bool)) (int, error) {
		if !first {
			cancel()
			return 0, context.Canceled
		}
		first = false
		return 0, broken
	}, time.Millisecond, slog.New(slog.NewTextHandler(&log, nil)), "messages")
	if err := l.Run(ctx); err != nil {
		t.Error(err)
	}
	if out := log.String(); strings.Count(out, "\n") != 1 || !strings.Contains(out, "worker=messages") || !strings.Contains(out, broken.Error()) {
		t.Error(out)
	}
	l = worker.New(worker.Each(1, func(context.Context, int) ([]int, error) { return nil, broken }, func(context.Context, int) {}), time.Hour, nil, "")
	if _, err := l.Tick(t.Context()); !errors.Is(err, broken) {
		t.Error(err)
	}
}
