package revocation_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/provider/revocation"
	"github.com/signet-idp/signet/storage"
)

// memoryFeed is a feed in memory that can be broken on purpose.
type memoryFeed struct {
	mu          sync.Mutex
	head        storage.FeedHead
	entries     []storage.Revocation
	fail        error
	failEntries error
	heads       int
	block       chan struct{} // when set, FeedHead waits for it
	entered     chan struct{} // when set, FeedHead says that it was called
}

func newFeed() *memoryFeed { return &memoryFeed{head: storage.FeedHead{FeedID: "feed-1"}} }

func (f *memoryFeed) FeedHead(ctx context.Context) (storage.FeedHead, error) {
	f.mu.Lock()
	f.heads++
	head, fail, block, entered := f.head, f.fail, f.block, f.entered
	f.mu.Unlock()
	if entered != nil {
		entered <- struct{}{}
	}
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			return storage.FeedHead{}, ctx.Err()
		}
	}
	return head, fail
}

func (f *memoryFeed) RevocationsAfter(_ context.Context, after int64, limit int) ([]storage.Revocation, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := errors.Join(f.fail, f.failEntries); err != nil {
		return nil, err
	}
	var page []storage.Revocation
	for _, e := range f.entries {
		if e.Seq > after && len(page) < limit {
			page = append(page, e)
		}
	}
	return page, nil
}

func (f *memoryFeed) append(entries ...storage.Revocation) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range entries {
		f.head.Seq++
		e.Seq = f.head.Seq
		f.entries = append(f.entries, e)
	}
	return f.head.Seq
}

func (f *memoryFeed) change(fn func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn()
}

// drop removes entries as a sweep does.
func (f *memoryFeed) drop(gone func(storage.Revocation) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var kept []storage.Revocation
	for _, e := range f.entries {
		if !gone(e) {
			kept = append(kept, e)
		}
	}
	f.entries = kept
}

func start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func newView(tb testing.TB, feed revocation.Feed, clk *fakeclock.Clock) *revocation.View {
	tb.Helper()
	v, err := revocation.New(revocation.Config{Feed: feed, Clock: clk})
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func sync_(tb testing.TB, v *revocation.View) {
	tb.Helper()
	if err := v.Sync(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

func entry(kind storage.RevocationKind, value string) storage.Revocation {
	return storage.Revocation{Kind: kind, Value: value, Expiry: start().Add(time.Hour)}
}
