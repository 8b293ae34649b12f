package storagetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/signet-idp/signet/storage"
)

func testRevocations(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	head := must(s.FeedHead(ctx))(t)
	if head.FeedID == "" || head.Seq != 0 {
		t.Fatalf("a new feed is %+v", head)
	}
	equal(t, must(r[len(r)-1].FeedHead(ctx))(t), head)
	a := storage.Revocation{Kind: storage.RevokeMember, Value: "org/sub", Expiry: epoch}
	b := storage.Revocation{Kind: storage.RevokeAll}
	noError(t, s.AppendRevocation(ctx))
	noError(t, s.AppendRevocation(ctx, a, b))
	noError(t, s.InTx(ctx, func(ctx context.Context) error {
		noError(t, s.AppendRevocation(ctx, b))
		return s.AppendRevocation(ctx, a)
	}))
	want := []storage.Revocation{a, b, b, a}
	for i := range want {
		want[i].Seq = int64(i + 1)
	}
	equal(t, must(s.RevocationsAfter(ctx, 0, 10))(t), want)
	equal(t, must(s.RevocationsAfter(ctx, 1, 2))(t), want[1:3])
	equal(t, must(s.RevocationsAfter(ctx, 4, 10))(t), []storage.Revocation(nil))
	equal(t, must(s.FeedHead(ctx))(t).Seq, int64(4))

	noError(t, s.ResetFeed(ctx, "restored"))
	got := must(r[len(r)-1].FeedHead(ctx))(t)
	equal(t, got.FeedID, "restored")
	if got.Seq < 4+1<<32 {
		t.Errorf("a reset feed goes on at %d: a token of the lost timeline may be above it", got.Seq)
	}
}

// testConfiguration: whatever replicas hold in memory, its change is numbered.
func testConfiguration(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	noError(t, s.InsertClient(ctx, storage.Client{ClientID: "old"}))
	for _, c := range []struct {
		name string
		do   func() error
	}{
		{"bump", func() error { return s.BumpConfiguration(ctx) }},
		{"insert client", func() error { return s.InsertClient(ctx, storage.Client{ClientID: "c"}) }},
		{"put secret", func() error { return s.PutClientSecret(ctx, "c", storage.ClientSecret{ID: "s", Hash: []byte{1}}) }},
		{"delete secret", func() error { return s.DeleteClientSecret(ctx, "c", "s") }},
		{"update client", func() error { return s.UpdateClient(ctx, storage.Client{ClientID: "c"}) }},
		{"delete client", func() error { return s.DeleteClient(ctx, "c") }},
		{"put resource", func() error { return s.PutResource(ctx, storage.Resource{Identifier: "r"}) }},
		{"delete resource", func() error { return s.DeleteResource(ctx, "r") }},
		{"put role", func() error { return s.PutRole(ctx, storage.Role{Scope: storage.ScopeSystem, Name: "x"}) }},
		{"delete role", func() error { return s.DeleteRole(ctx, storage.ScopeSystem, "", "x") }},
		{"replace ring", func() error { return errOf(s.ReplaceKeyRing(ctx, storage.KeyRing{Name: "sig/ES256"})) }},
		{"several in one", func() error {
			return s.InTx(ctx, func(ctx context.Context) error {
				return errors.Join(s.BumpConfiguration(ctx), s.PutResource(ctx, storage.Resource{Identifier: "r"}))
			})
		}},
	} {
		before := must(s.FeedHead(ctx))(t).Config
		noError(t, c.do())
		if got := must(s.FeedHead(ctx))(t).Config; got != before+1 {
			t.Errorf("%s: version went from %d to %d", c.name, before, got)
		}
	}
	before := must(s.FeedHead(ctx))(t)
	wantError(t, s.DeleteClient(ctx, "none"), storage.ErrNotFound)
	wantError(t, s.InsertClient(ctx, storage.Client{ClientID: "old"}), storage.ErrConflict)
	equal(t, must(s.FeedHead(ctx))(t), before)
}

// feedTx is what one writer does in one transaction.
type feedTx struct {
	entries  int
	bump     bool
	rollback bool
}

// testFeedOrder: with 16 writers on all replicas, some of whom roll back, the
// numbers have no gaps and follow the order of commits, and a reader that only
// ever asks for what is after the last number it saw misses nothing.
func testFeedOrder(t *testing.T, r []Store) {
	const writers = 16
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		plans := rapid.SliceOfN(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) feedTx {
			return feedTx{rapid.IntRange(0, 3).Draw(t, "entries"), rapid.Bool().Draw(t, "bump"), rapid.IntRange(0, 3).Draw(t, "fate") == 0}
		}), 0, 2), writers, writers).Draw(t, "plans")
		start := must(r[0].FeedHead(ctx))(t).Seq

		follow, stop := context.WithCancel(ctx)
		defer stop()
		var seen []storage.Revocation
		var reader, wg sync.WaitGroup
		reader.Go(func() {
			last, s := start, r[len(r)-1]
			for done := false; !done; {
				done = follow.Err() != nil // one more look after the last commit
				for {
					page, err := s.RevocationsAfter(ctx, last, 2)
					if err != nil {
						t.Errorf("follow: %v", err)
						return
					}
					if len(page) == 0 {
						break
					}
					seen = append(seen, page...)
					last = page[len(page)-1].Seq
				}
			}
		})

		var clock, committed atomic.Int64
		var mu sync.Mutex
		spans := map[string][2]int64{} // value -> began, committed on one logical clock
		for w, plan := range plans {
			s := r[w%len(r)]
			wg.Go(func() {
				for n, tx := range plan {
					value := fmt.Sprintf("%d/%d", w, n)
					began := clock.Add(1)
					err := s.InTx(ctx, func(ctx context.Context) error {
						for range tx.entries {
							if err := s.AppendRevocation(ctx, storage.Revocation{Kind: storage.RevokeSub, Value: value, Expiry: epoch}); err != nil {
								return err
							}
						}
						if tx.bump {
							if err := s.BumpConfiguration(ctx); err != nil {
								return err
							}
						}
						if tx.rollback {
							return errRollback
						}
						return nil
					})
					if tx.rollback != errors.Is(err, errRollback) || (!tx.rollback && err != nil) {
						t.Errorf("writer: %v", err)
						return
					}
					if !tx.rollback {
						committed.Add(int64(tx.entries))
						mu.Lock()
						spans[value] = [2]int64{began, clock.Add(1)}
						mu.Unlock()
					}
				}
			})
		}
		wg.Wait()
		stop()
		reader.Wait()

		if int64(len(seen)) != committed.Load() {
			t.Fatalf("the reader saw %d of %d entries", len(seen), committed.Load())
		}
		equal(t, must(r[0].FeedHead(ctx))(t).Seq, start+committed.Load())
		for i, e := range seen {
			if e.Seq != start+int64(i)+1 {
				t.Fatalf("entry %d has seq %d, want %d", i, e.Seq, start+int64(i)+1)
			}
			span, ok := spans[e.Value]
			if !ok {
				t.Fatalf("%s was rolled back and is in the feed", e.Value)
			}
			if i > 0 && span[1] < spans[seen[i-1].Value][0] {
				t.Fatalf("%s was committed before %s began, and is numbered after it", e.Value, seen[i-1].Value)
			}
		}
	})
}

var errRollback = errors.New("rolled back on purpose")
