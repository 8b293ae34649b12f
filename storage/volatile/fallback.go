package volatile

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// Fallback counts in First while it answers, else in Second, so that limits
// hold (for each replica by itself) without the server that shares them. It
// never fails because First does, and says so once each way.
type Fallback struct {
	First, Second Counters
	Log           *slog.Logger
	away          atomic.Bool
}

var _ Counters = (*Fallback)(nil)

// Add implements Counters.
func (f *Fallback) Add(ctx context.Context, key string, n int64, window time.Duration) (int64, time.Duration, error) {
	total, reset, err := f.First.Add(ctx, key, n, window)
	if f.use(ctx, err) {
		return total, reset, nil
	}
	return f.Second.Add(ctx, key, n, window)
}

// Reset implements Counters: in both, since either may have counted.
func (f *Fallback) Reset(ctx context.Context, key string) error {
	f.use(ctx, f.First.Reset(ctx, key))
	return f.Second.Reset(ctx, key)
}

// use notes how First answered and says whether the answer counts.
func (f *Fallback) use(ctx context.Context, err error) bool {
	switch {
	case err == nil && f.away.CompareAndSwap(true, false):
		f.Log.InfoContext(ctx, "shared counters are back")
	case err != nil && f.away.CompareAndSwap(false, true):
		f.Log.WarnContext(ctx, "shared counters are away, counting in memory", "error", err)
	}
	return err == nil
}
