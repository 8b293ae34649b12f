package revocation_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/internal/testkit/teststore"
	"github.com/signet-idp/signet/provider/revocation"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore"
)

// replica is one server: a store of its own over the common database, and a
// view that follows it.
type replica struct {
	store *sqlstore.Store
	view  *revocation.View
}

// replicas starts n of them over one PostgreSQL. announce is called after each
// commit that is news.
func replicas(t *testing.T, n int, poll time.Duration, announce func(all []*replica)) []*replica {
	t.Helper()
	url := servers.Postgres(t)
	all := make([]*replica, n)
	var ready atomic.Bool
	for i := range all {
		store := teststore.Open(t, sqlstore.Options{URL: url, Notify: func(context.Context, string) {
			if ready.Load() && announce != nil {
				announce(all)
			}
		}})
		view, err := revocation.New(revocation.Config{Feed: store, Clock: clock.System{}, Poll: poll})
		if err != nil {
			t.Fatal(err)
		}
		all[i] = &replica{store: store, view: view}
		if err := view.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ready.Store(true)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	for _, r := range all {
		wg.Go(func() {
			if err := r.view.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() { cancel(); wg.Wait() })
	return all
}

// TestReplicasSeeARevocationWithinASecond: with a fan-out in the process, with
// one over Redis, and with nothing but polling.
func TestReplicasSeeARevocationWithinASecond(t *testing.T) {
	t.Parallel()
	lookAll := func(all []*replica) {
		for _, r := range all {
			r.view.Look()
		}
	}
	t.Run("in process", func(t *testing.T) {
		t.Parallel()
		measure(t, replicas(t, 2, time.Hour, lookAll))
	})
	t.Run("polling", func(t *testing.T) {
		t.Parallel()
		measure(t, replicas(t, 2, 0, nil))
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		options, err := redis.ParseURL(servers.Redis(t))
		if err != nil {
			t.Fatal(err)
		}
		client := redis.NewClient(options)
		t.Cleanup(func() { _ = client.Close() })
		channel := fmt.Sprint("look-", storage.NewID())
		all := replicas(t, 2, time.Hour, func([]*replica) {
			if err := client.Publish(context.WithoutCancel(t.Context()), channel, "feed").Err(); err != nil {
				t.Error(err)
			}
		})
		subscription := client.Subscribe(t.Context(), channel)
		t.Cleanup(func() { _ = subscription.Close() })
		if _, err := subscription.Receive(t.Context()); err != nil { // the subscription stands
			t.Fatal(err)
		}
		messages := subscription.Channel()
		go func() {
			for range messages {
				lookAll(all)
			}
		}()
		measure(t, all)
	})
}

// measure revokes on the first replica and looks how long each needs.
func measure(t *testing.T, all []*replica) {
	t.Helper()
	const rounds, bound = 20, time.Second
	var took []time.Duration
	for i := range rounds {
		ref := revocation.TokenRef{SID: fmt.Sprint("sid-", i), PE: all[0].view.Head()}
		for _, r := range all {
			if got := r.view.Check(ref); got != revocation.OK {
				t.Fatalf("before the revocation: %v", got)
			}
		}
		e := storage.Revocation{Kind: storage.RevokeSID, Value: ref.SID, Expiry: time.Now().Add(time.Hour)}
		if err := all[0].store.AppendRevocation(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 10*bound)
		for n, r := range all {
			if err := r.view.WaitFor(ctx, ref.PE+1); err != nil {
				t.Fatalf("replica %d: %v", n, err)
			}
			if got := r.view.Check(ref); got != revocation.SessionEnded {
				t.Errorf("replica %d at head %d: %v, want session_ended", n, r.view.Head(), got)
			}
		}
		cancel()
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	t.Logf("commit to enforced on all replicas: median %v, worst %v", took[rounds/2], took[rounds-1])
	if worst := took[rounds-1]; worst > bound {
		t.Errorf("worst %v, want under %v", worst, bound)
	}
}

func onEngines(t *testing.T, fn func(t *testing.T, stores []*sqlstore.Store)) {
	t.Helper()
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		fn(t, []*sqlstore.Store{teststore.New(t)})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		fn(t, teststore.Postgres(t, 2))
	})
}

func viewOf(t *testing.T, store revocation.Feed) *revocation.View {
	t.Helper()
	v, err := revocation.New(revocation.Config{Feed: store, Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// What was committed before Sync is enforced when it returns, on whichever
// replica it was committed.
func TestSyncReadsWhatWasCommitted(t *testing.T) {
	onEngines(t, func(t *testing.T, stores []*sqlstore.Store) {
		writer, v := stores[0], viewOf(t, stores[len(stores)-1])
		for i := range 10 {
			ref := revocation.TokenRef{Sub: fmt.Sprint("sub-", i), PE: v.Head()}
			e := storage.Revocation{Kind: storage.RevokeSub, Value: ref.Sub, Expiry: time.Now().Add(time.Hour)}
			if err := writer.AppendRevocation(t.Context(), e); err != nil {
				t.Fatal(err)
			}
			sync_(t, v)
			if got := v.Check(ref); got != revocation.Revoked {
				t.Errorf("after Sync: %v, want revoked", got)
			}
			ref.PE = v.Head()
			if got := v.Check(ref); got != revocation.OK {
				t.Errorf("token minted after: %v, want ok", got)
			}
		}
	})
}

// Writers on all replicas append as fast as they can, each with a change of
// configuration in the same transaction. Views that follow get every entry
// once, in order, without a gap, and never an entry whose configuration they
// were not told of.
func TestFollowersMissNothing(t *testing.T) {
	onEngines(t, func(t *testing.T, stores []*sqlstore.Store) {
		const writers, each = 8, 30
		head, err := stores[0].FeedHead(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		offset := head.Config - head.Seq // both rise by one with each transaction
		var following, writing sync.WaitGroup
		stop := make(chan struct{})
		views := make([]*revocation.View, len(stores))
		for i, store := range stores {
			v := viewOf(t, store)
			views[i] = v
			var config, next int64 = 0, head.Seq + 1
			v.OnConfig(func(version int64) { config = version })
			v.OnApply(func(entries []storage.Revocation) {
				for _, e := range entries {
					if e.Seq != next {
						t.Errorf("entry %d, want %d", e.Seq, next)
					}
					if config < e.Seq+offset {
						t.Errorf("entry %d came before its configuration, known is %d", e.Seq, config)
					}
					next = e.Seq + 1
				}
			})
			sync_(t, v)
			following.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						if err := v.Sync(t.Context()); err != nil {
							t.Error(err)
							return
						}
					}
				}
			})
		}
		for w := range writers {
			store := stores[w%len(stores)]
			writing.Go(func() {
				for i := range each {
					err := store.InTx(t.Context(), func(ctx context.Context) error {
						e := storage.Revocation{Kind: storage.RevokeJTI, Value: fmt.Sprint(w, "-", i), Expiry: time.Now().Add(time.Hour)}
						if err := store.AppendRevocation(ctx, e); err != nil {
							return err
						}
						return store.BumpConfiguration(ctx)
					})
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		writing.Wait()
		close(stop)
		following.Wait()
		for i, v := range views {
			sync_(t, v)
			if got := v.Stats(); got.Gaps != 0 || got.Reloads != 1 || got.Head != head.Seq+writers*each {
				t.Errorf("view %d: %+v, want head %d from one load without gaps", i, got, head.Seq+writers*each)
			}
			for w := range writers {
				for n := range each {
					if v.Check(revocation.TokenRef{JTI: fmt.Sprint(w, "-", n), PE: 1 << 40}) != revocation.Revoked {
						t.Errorf("view %d: %d-%d is missing", i, w, n)
					}
				}
			}
		}
	})
}

// The store sweeps what has expired; a view that starts after that sees a gap
// in the numbers that is none in the list.
func TestSweptEntries(t *testing.T) {
	onEngines(t, func(t *testing.T, stores []*sqlstore.Store) {
		store := stores[0]
		old := viewOf(t, store)
		sync_(t, old)
		for i := range 10 {
			e := storage.Revocation{Kind: storage.RevokeJTI, Value: fmt.Sprint(i), Expiry: time.Now().Add(time.Hour)}
			if i%2 == 0 {
				e.Expiry = time.Now().Add(-time.Hour)
			}
			if err := store.AppendRevocation(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := store.Sweep(t.Context(), time.Now(), 100); err != nil {
			t.Fatal(err)
		}
		fresh := viewOf(t, store)
		for name, v := range map[string]*revocation.View{"late": old, "fresh": fresh} {
			sync_(t, v)
			for i := range 10 {
				want := revocation.OK
				if i%2 == 1 {
					want = revocation.Revoked
				}
				if got := v.Check(revocation.TokenRef{JTI: fmt.Sprint(i)}); got != want {
					t.Errorf("%s view: entry %d: %v, want %v", name, i, got, want)
				}
			}
		}
		if old.Head() != fresh.Head() {
			t.Errorf("heads %d and %d", old.Head(), fresh.Head())
		}
	})
}

func TestResetFeedIsSeen(t *testing.T) {
	onEngines(t, func(t *testing.T, stores []*sqlstore.Store) {
		store := stores[0]
		v := viewOf(t, store)
		sync_(t, v)
		err := store.InTx(t.Context(), func(ctx context.Context) error {
			if err := store.ResetFeed(ctx, storage.NewID()); err != nil {
				return err
			}
			return store.AppendRevocation(ctx, storage.Revocation{Kind: storage.RevokeAll, Expiry: time.Now().Add(time.Hour)})
		})
		if err != nil {
			t.Fatal(err)
		}
		ref := revocation.TokenRef{Sub: "anyone", PE: v.Head()}
		sync_(t, v)
		if got := v.Check(ref); got != revocation.Revoked {
			t.Errorf("Check = %v, want revoked", got)
		}
		if got := v.Stats().Reloads; got != 2 {
			t.Errorf("Reloads = %d, want 2", got)
		}
	})
}
