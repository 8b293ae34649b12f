package revocation_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/provider/revocation"
	"github.com/signet-idp/signet/storage"
)

func TestFreshness(t *testing.T) {
	t.Parallel()
	const bound = 30 * time.Second
	feed, clk := newFeed(), fakeclock.New(start())
	v := newView(t, feed, clk)
	if v.Fresh(time.Hour) || !v.AsOf().IsZero() {
		t.Error("a view that has read nothing is fresh")
	}
	sync_(t, v)
	if !v.Fresh(bound) || !v.AsOf().Equal(start()) {
		t.Errorf("after reading: fresh %v, as of %v", v.Fresh(bound), v.AsOf())
	}

	feed.change(func() { feed.fail = storage.ErrUnavailable })
	clk.Advance(bound)
	if err := v.Sync(t.Context()); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("Sync = %v, want ErrUnavailable", err)
	}
	if !v.Fresh(bound) {
		t.Error("stale at the bound, want fresh until past it")
	}
	clk.Advance(time.Millisecond)
	if v.Fresh(bound) {
		t.Error("fresh past the bound without reading the store")
	}

	feed.change(func() { feed.fail = nil })
	sync_(t, v)
	if !v.Fresh(bound) {
		t.Error("stale after reading again")
	}
	clk.Advance(-time.Minute)
	if v.Fresh(bound) {
		t.Error("fresh by a clock that was set back")
	}
}

func TestListSurvivesAnUnreachableStore(t *testing.T) {
	t.Parallel()
	feed, clk := newFeed(), fakeclock.New(start())
	v := newView(t, feed, clk)
	feed.append(entry(storage.RevokeSID, "sid-1"))
	sync_(t, v)
	feed.change(func() { feed.fail = storage.ErrUnavailable })
	if err := v.Sync(t.Context()); err == nil {
		t.Fatal("Sync = nil with a broken store")
	}
	ref := token()
	ref.PE = 0
	if got := v.Check(ref); got != revocation.SessionEnded {
		t.Errorf("Check = %v, want session_ended from memory", got)
	}
}

func TestExpiredEntriesVanish(t *testing.T) {
	t.Parallel()
	feed, clk := newFeed(), fakeclock.New(start())
	v := newView(t, feed, clk)
	for i := range 100 {
		feed.append(entry(storage.RevokeSID, fmt.Sprint("sid-", i)))
	}
	feed.append(entry(storage.RevokeMember, "o/u"), entry(storage.RevokeAll, ""))
	last := feed.append(storage.Revocation{Kind: storage.RevokeSub, Value: "kept", Expiry: start().Add(2 * time.Hour)})
	sync_(t, v)
	if got := v.Stats().Entries; got != 103 {
		t.Errorf("Entries = %d, want 103", got)
	}
	clk.Advance(time.Hour)
	sync_(t, v)
	if got := v.Stats().Entries; got != 1 {
		t.Errorf("Entries = %d after their expiry, want 1", got)
	}
	if got := v.Check(revocation.TokenRef{SID: "sid-7"}); got != revocation.OK {
		t.Errorf("Check = %v after expiry, want ok", got)
	}
	if got := v.Check(revocation.TokenRef{Sub: "kept"}); got != revocation.Revoked {
		t.Errorf("Check = %v, want revoked: this entry lives on", got)
	}
	if v.Head() != last {
		t.Errorf("Head = %d, want %d", v.Head(), last)
	}
}

// A value revoked twice keeps the later position and the later expiry.
func TestSweepKeepsTheLongerOfTwoEntries(t *testing.T) {
	t.Parallel()
	feed, clk := newFeed(), fakeclock.New(start())
	v := newView(t, feed, clk)
	long, short := entry(storage.RevokeSub, "u"), entry(storage.RevokeSub, "u")
	long.Expiry, short.Expiry = start().Add(2*time.Hour), start().Add(time.Minute)
	feed.append(long, short)
	sync_(t, v)
	clk.Advance(time.Hour)
	sync_(t, v)
	if got := v.Check(revocation.TokenRef{Sub: "u"}); got != revocation.Revoked {
		t.Errorf("Check = %v, want revoked by the entry that lives on", got)
	}
}

func TestFeedThatBeganAnew(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*memoryFeed)
	}{
		{"another feed id", func(f *memoryFeed) { f.head.FeedID = "feed-2" }},
		{"another feed id and a higher head", func(f *memoryFeed) { f.head.FeedID, f.head.Seq = "feed-2", 100 }},
		{"a lower head", func(f *memoryFeed) { f.head.Seq = 1 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			feed, clk := newFeed(), fakeclock.New(start())
			v := newView(t, feed, clk)
			var configs []int64
			v.OnConfig(func(version int64) { configs = append(configs, version) })
			feed.append(entry(storage.RevokeSID, "old-1"), entry(storage.RevokeSID, "old-2"))
			sync_(t, v)

			feed.change(func() {
				tt.change(feed)
				feed.entries = []storage.Revocation{{Seq: 1, Kind: storage.RevokeSID, Value: "new", Expiry: start().Add(time.Hour)}}
				feed.failEntries = storage.ErrUnavailable
			})
			if err := v.Sync(t.Context()); !errors.Is(err, storage.ErrUnavailable) {
				t.Errorf("Sync = %v, want ErrUnavailable", err)
			}
			if v.Fresh(time.Hour) {
				t.Error("fresh although the new feed could not be loaded")
			}
			feed.change(func() { feed.failEntries = nil })
			sync_(t, v)
			if !v.Fresh(0) {
				t.Error("stale after loading the new feed")
			}
			if got := v.Check(revocation.TokenRef{SID: "new"}); got != revocation.SessionEnded {
				t.Errorf("new entry: %v, want session_ended", got)
			}
			if got := v.Check(revocation.TokenRef{SID: "old-2"}); got != revocation.OK {
				t.Errorf("entry of the old feed: %v, want ok", got)
			}
			if got, want := v.Head(), feed.head.Seq; got != want {
				t.Errorf("Head = %d, want %d", got, want)
			}
			if len(configs) != 2 {
				t.Errorf("OnConfig called %d times, want once per load", len(configs))
			}
			if got := v.Stats(); got.Reloads != 2 || got.Gaps != 0 {
				t.Errorf("Stats = %+v, want 2 reloads and no gap", got)
			}
		})
	}
}

func TestGaps(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		gone func(storage.Revocation) bool
	}{
		{"first of the new", func(e storage.Revocation) bool { return e.Seq == 3 }},
		{"in the middle", func(e storage.Revocation) bool { return e.Seq == 5 }},
		{"last", func(e storage.Revocation) bool { return e.Seq == 7 }},
		{"all of the new", func(e storage.Revocation) bool { return e.Seq >= 3 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			feed := newFeed()
			v := newView(t, feed, fakeclock.New(start()))
			appendSIDs(feed, 2)
			sync_(t, v)
			appendSIDs(feed, 5) // 3..7
			feed.drop(tt.gone)
			sync_(t, v)
			if v.Head() != 7 {
				t.Errorf("Head = %d, want 7", v.Head())
			}
			if got := v.Stats(); got.Gaps != 1 || got.Reloads != 2 {
				t.Errorf("Stats = %+v, want 1 gap healed by a second load", got)
			}
			for _, e := range feed.entries {
				if got := v.Check(revocation.TokenRef{SID: e.Value}); got != revocation.SessionEnded {
					t.Errorf("entry %d: %v, want session_ended", e.Seq, got)
				}
			}
			appendSIDs(feed, 1)
			sync_(t, v)
			if got := v.Stats(); got.Gaps != 1 || got.Head != 8 {
				t.Errorf("Stats = %+v, want no further gap", got)
			}
		})
	}
}

// A clock that ran ahead sweeps what is alive; when it is set right the list
// has to be whole again.
func TestClockSetBackLoadsAnew(t *testing.T) {
	t.Parallel()
	feed, clk := newFeed(), fakeclock.New(start())
	v := newView(t, feed, clk)
	feed.append(entry(storage.RevokeSID, "sid-1"))
	clk.Advance(2 * time.Hour)
	sync_(t, v)
	if got := v.Check(revocation.TokenRef{SID: "sid-1"}); got != revocation.OK {
		t.Fatalf("Check = %v, want ok: expired by this clock", got)
	}
	clk.Set(start())
	sync_(t, v)
	if got := v.Check(revocation.TokenRef{SID: "sid-1"}); got != revocation.SessionEnded {
		t.Errorf("Check = %v, want session_ended", got)
	}
}

func TestManyPages(t *testing.T) {
	t.Parallel()
	feed := newFeed()
	v := newView(t, feed, fakeclock.New(start()))
	appendSIDs(feed, 2500)
	sync_(t, v)
	appendSIDs(feed, 3000)
	sync_(t, v)
	if got := v.Stats(); got.Head != 5500 || got.Entries != 5500 || got.Gaps != 0 || got.Reloads != 1 {
		t.Errorf("Stats = %+v, want 5500 entries from one load", got)
	}
}

// Entries that were committed after the head was read wait for the next step,
// since the configuration that changed with them is not known yet.
func TestHeadNeverPassesTheConfiguration(t *testing.T) {
	t.Parallel()
	feed := newFeed()
	v := newView(t, racingFeed{feed}, fakeclock.New(start()))
	var config int64
	v.OnConfig(func(version int64) { config = version })
	for range 50 {
		sync_(t, v)
		// racingFeed bumps both together, so they stay equal here.
		if v.Head() != config {
			t.Fatalf("Head = %d but caches know configuration %d", v.Head(), config)
		}
	}
}

// racingFeed commits an entry and a configuration change after every reading of
// the head.
type racingFeed struct{ *memoryFeed }

func (f racingFeed) FeedHead(ctx context.Context) (storage.FeedHead, error) {
	head, err := f.memoryFeed.FeedHead(ctx)
	f.change(func() { f.head.Config++ })
	f.append(entry(storage.RevokeRole, "o/r"))
	return head, err
}

func TestCachesAreToldBeforeTheHeadMoves(t *testing.T) {
	t.Parallel()
	feed := newFeed()
	v := newView(t, feed, fakeclock.New(start()))
	var applied, config []int64
	v.OnApply(func(entries []storage.Revocation) {
		for _, e := range entries {
			if v.Head() >= e.Seq {
				t.Errorf("entry %d is applied, but the head is %d already", e.Seq, v.Head())
			}
			applied = append(applied, e.Seq)
		}
	})
	v.OnConfig(func(version int64) {
		if v.Head() != 0 && v.Head() >= feed.head.Seq {
			t.Errorf("configuration %d is told at head %d, after the entries", version, v.Head())
		}
		config = append(config, version)
	})
	sync_(t, v)
	for i := int64(1); i <= 3; i++ {
		appendSIDs(feed, 1)
		feed.change(func() { feed.head.Config = i })
		sync_(t, v)
	}
	if fmt.Sprint(applied) != "[1 2 3]" || fmt.Sprint(config) != "[0 1 2 3]" {
		t.Errorf("applied %v, configurations %v", applied, config)
	}
	sync_(t, v)
	if len(config) != 4 {
		t.Errorf("configurations %v, want none without a change", config)
	}
}

// Who waits together reads once; who asks while a reading is under way gets a
// later one, since the first may have been too early.
func TestSyncSharesOneReading(t *testing.T) {
	t.Parallel()
	feed := newFeed()
	v := newView(t, feed, fakeclock.New(start()))
	sync_(t, v)
	feed.change(func() { feed.block, feed.entered = make(chan struct{}), make(chan struct{}, 100) })

	errs := make(chan error, 21)
	go func() { errs <- v.Sync(t.Context()) }()
	<-feed.entered // the first reading has its head, and hangs
	feed.append(entry(storage.RevokeSID, "late"))
	for range 20 {
		go func() { errs <- v.Sync(t.Context()) }()
	}
	for v.Stats().Waiting < 21 {
		runtime.Gosched()
	}
	close(feed.block)
	for range 21 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if got := v.Check(revocation.TokenRef{SID: "late"}); got != revocation.SessionEnded {
		t.Errorf("Check = %v after Sync, want session_ended", got)
	}
	if feed.heads != 3 { // the load, the one that hung, one for all others
		t.Errorf("the head was read %d times, want 3", feed.heads)
	}
}

func TestSyncHonoursItsContext(t *testing.T) {
	t.Parallel()
	feed := newFeed()
	feed.block, feed.entered = make(chan struct{}), make(chan struct{}, 2)
	v := newView(t, feed, fakeclock.New(start()))
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error, 2)
	go func() { errs <- v.Sync(ctx) }()
	<-feed.entered
	go func() { errs <- v.Sync(ctx) }() // waits for its turn
	cancel()
	for range 2 {
		if err := <-errs; !errors.Is(err, context.Canceled) {
			t.Errorf("Sync = %v, want context.Canceled", err)
		}
	}
}

func TestSlowStoreIsGivenUp(t *testing.T) {
	t.Parallel()
	feed := newFeed()
	feed.block = make(chan struct{})
	v, err := revocation.New(revocation.Config{Feed: feed, Clock: fakeclock.New(start()), Timeout: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Sync(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Sync = %v, want DeadlineExceeded", err)
	}
}

func TestWaitFor(t *testing.T) {
	t.Parallel()
	feed := newFeed()
	v := newView(t, feed, fakeclock.New(start()))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := v.WaitFor(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("WaitFor = %v, want context.Canceled", err)
	}
	done := make(chan error, 1)
	go func() { done <- v.WaitFor(t.Context(), 3) }()
	for range 3 {
		appendSIDs(feed, 1)
		sync_(t, v)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := v.WaitFor(ctx, 3); err != nil {
		t.Errorf("WaitFor = %v for a position already reached", err)
	}
}

// Run follows by itself: when told to look, by polling, and again after the
// store was away.
func TestRun(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		poll time.Duration
		look bool
	}{
		{"told to look", time.Hour, true},
		{"polling", 5 * time.Millisecond, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			feed := newFeed()
			feed.fail = storage.ErrUnavailable
			v, err := revocation.New(revocation.Config{Feed: feed, Clock: fakeclock.New(start()), Poll: tt.poll})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() {
				if err := v.Run(ctx); err != nil {
					t.Error(err)
				}
			})
			defer wg.Wait()
			defer cancel()
			feed.change(func() { feed.fail = nil })
			for range 20 {
				seq := appendSIDs(feed, 1)
				if tt.look {
					v.Look()
				}
				if err := v.WaitFor(t.Context(), seq); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// Whoever reads the head sees everything up to it, in the list and in caches,
// while entries keep coming. Run with -race.
func TestCheckWhileEntriesArrive(t *testing.T) {
	t.Parallel()
	const total = 3000
	feed, clk := newFeed(), fakeclock.New(start())
	v := newView(t, feed, clk)
	var cached atomic.Int64
	v.OnApply(func(entries []storage.Revocation) {
		for _, e := range entries {
			cached.Store(max(cached.Load(), e.Seq))
		}
	})
	sync_(t, v)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				head := v.Head()
				if head == 0 {
					continue
				}
				if got := cached.Load(); got < head {
					t.Errorf("head %d, caches told up to %d", head, got)
					return
				}
				ref := revocation.TokenRef{SID: sid(head), PE: head - 1}
				if got := v.Check(ref); got != revocation.SessionEnded {
					t.Errorf("head %d: Check = %v, want session_ended", head, got)
					return
				}
				ref = revocation.TokenRef{SID: sid(1 + head/2), PE: total, Roles: []string{"owner"}, OrgID: "o", Sub: "u"}
				if got := v.Check(ref); got != revocation.OK {
					t.Errorf("token of the future: %v, want ok", got)
					return
				}
			}
		})
	}
	for v.Head() < total {
		appendSIDs(feed, 7)
		clk.Advance(time.Second)
		sync_(t, v)
	}
	close(stop)
	wg.Wait()
}

func sid(seq int64) string { return fmt.Sprint("sid-", seq) }

// appendSIDs adds n entries of kind sid, named after their seq.
func appendSIDs(feed *memoryFeed, n int) int64 {
	feed.mu.Lock()
	defer feed.mu.Unlock()
	for range n {
		feed.head.Seq++
		feed.entries = append(feed.entries, storage.Revocation{
			Seq: feed.head.Seq, Kind: storage.RevokeSID, Value: sid(feed.head.Seq), Expiry: start().Add(24 * time.Hour),
		})
	}
	return feed.head.Seq
}
