package keys_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-idp/signet/keys"
)

func TestAFailedCommitChangesNothing(t *testing.T) {
	h := newHouse(t)
	refuse := false
	boom := errors.New("no event written")
	m := h.loaded(t, func(o *keys.Options) {
		o.Commit = func(ctx context.Context, _ keys.Change, write func(context.Context) error) error {
			if refuse {
				return boom
			}
			return write(ctx)
		}
	})
	refuse = true
	before := states(m)
	if _, err := m.Revoke(t.Context(), ring(m)[0].KID, "test"); !errors.Is(err, boom) {
		t.Fatal(err)
	}
	if _, err := m.Rotate(t.Context(), keys.ES256); !errors.Is(err, boom) {
		t.Fatal(err)
	}
	if states(m) != before {
		t.Fatal(states(m))
	}
}

func TestAReplicaCutOffStopsSigning(t *testing.T) {
	ctx := t.Context()
	h := newHouse(t)
	m := h.loaded(t)
	token, err := signer(t, m, keys.ES256).Sign("JWT", []byte("{}"))
	must(t, err)
	down := errors.New("down")
	h.store.Fail(down)
	for range 10 {
		h.clock.Advance(m.Config().PublishLead / 10)
		if err := m.Tick(ctx); !errors.Is(err, down) {
			t.Fatal(err)
		}
		signer(t, m, keys.ES256)
	}
	h.clock.Advance(time.Microsecond)
	if _, err := m.Snapshot().Signer(keys.ES256); !errors.Is(err, keys.ErrStale) {
		t.Fatal(err)
	}
	if _, err := m.Snapshot().FeedSigner(); !errors.Is(err, keys.ErrStale) {
		t.Fatal(err)
	}
	// It still verifies, and shows a JWKS that nobody should keep.
	if _, err := m.Snapshot().Verify(token, "JWT"); err != nil {
		t.Fatal(err)
	}
	if set := m.Snapshot().JWKS(); set.CacheControl != "public, max-age=0" || len(set.Body) < 100 {
		t.Fatalf("%+v", set)
	}
	h.store.Fail(nil)
	must(t, m.Tick(ctx))
	signer(t, m, keys.ES256)
	if got := m.Snapshot().JWKS().CacheControl; got != "public, max-age=300" {
		t.Fatal(got)
	}
}

func TestOfManyReplicasOneWins(t *testing.T) {
	ctx := t.Context()
	h := newHouse(t)
	const replicas = 8
	var wins sync.Map
	var count atomic.Int64
	managers := make([]*keys.Manager, replicas)
	for i := range managers {
		managers[i] = h.replica(t, func(o *keys.Options) {
			o.Commit = func(ctx context.Context, change keys.Change, write func(context.Context) error) error {
				err := write(ctx)
				if err == nil {
					count.Add(1)
					id := fmt.Sprint(change.Kind, change.Use)
					if _, twice := wins.LoadOrStore(id, i); twice {
						t.Errorf("two winners: %s", id)
					}
				}
				return err
			}
		})
	}
	everywhere := func(f func(*keys.Manager) error) {
		wins.Clear()
		count.Store(0)
		var group sync.WaitGroup
		for _, m := range managers {
			group.Go(func() {
				if err := f(m); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
	agree := func() {
		t.Helper()
		for _, m := range managers {
			must(t, m.Tick(ctx))
			if !bytes.Equal(m.Snapshot().JWKS().Body, managers[0].Snapshot().JWKS().Body) {
				t.Fatal("replicas disagree")
			}
		}
	}
	everywhere(func(m *keys.Manager) error { return m.Load(ctx) })
	if n := count.Load(); n != 3 {
		t.Fatalf("%d rings made, want 3", n)
	}
	agree()
	for range 3 {
		h.clock.Advance(30 * day)
		everywhere(func(m *keys.Manager) error { return m.Tick(ctx) })
		if n := count.Load(); n != 3 {
			t.Fatalf("%d rotations, want 3", n)
		}
		agree()
	}
	// So is a rotation by command at all of them: all are told of one.
	h.clock.Advance(day) // the next key is known by now
	kids := sync.Map{}
	everywhere(func(m *keys.Manager) error {
		change, err := m.Rotate(ctx, keys.ES256)
		kids.Store(fmt.Sprint(change), true)
		return err
	})
	n := 0
	kids.Range(func(any, any) bool { n++; return true })
	if n != 1 || count.Load() != 2 { // rotated, published
		t.Fatalf("%d rotations, %d changes", n, count.Load())
	}
	agree()
	// A rotation that waits for its time is not asked for again.
	h.clock.Advance(2 * managers[0].Config().SyncEvery)
	wins.Clear()
	change, err := managers[0].Rotate(ctx, keys.ES256)
	must(t, err)
	wins.Clear()
	count.Store(0)
	again, err := managers[1].Rotate(ctx, keys.ES256)
	must(t, err)
	if again != change || count.Load() != 0 || !change.At.After(h.clock.Now()) {
		t.Fatalf("%+v, then %+v", change, again)
	}
	// A revocation by all at once is one revocation.
	victim := ring(managers[0])[0].KID
	for _, k := range ring(managers[0]) {
		if k.State == keys.StateActive {
			victim = k.KID
		}
	}
	var done atomic.Int64
	everywhere(func(m *keys.Manager) error {
		_, err := m.Revoke(ctx, victim, "test")
		if err == nil {
			done.Add(1)
		} else if errors.Is(err, keys.ErrKeyRevoked) {
			err = nil
		}
		return err
	})
	if done.Load() != 1 {
		t.Fatalf("%d replicas revoked it", done.Load())
	}
	agree()
}
