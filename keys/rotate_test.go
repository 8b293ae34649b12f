package keys_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/signet-idp/signet/keys"
)

func TestRotateByCommand(t *testing.T) {
	ctx := t.Context()
	h := newHouse(t)
	m, other := h.loaded(t), h.loaded(t)
	before := ring(m)

	// The two first keys were published together: the second may follow at once.
	change, err := m.Rotate(ctx, keys.ES256)
	must(t, err)
	if change.KID != before[1].KID || !change.At.Equal(h.clock.Now()) || change.Kind != keys.KeyRotated {
		t.Fatalf("%+v", change)
	}
	if signer(t, m, keys.ES256).KID() != before[1].KID || states(m) != "retiring active next" {
		t.Fatal(states(m))
	}
	// The other replica still signs with the old key, which still verifies.
	token, err := signer(t, other, keys.ES256).Sign("JWT", []byte("{}"))
	must(t, err)
	if _, err := m.Snapshot().Verify(token, "JWT"); err != nil {
		t.Fatal(err)
	}
	must(t, other.Tick(ctx))
	if signer(t, other, keys.ES256).KID() != before[1].KID {
		t.Fatal("other replica did not follow")
	}

	// Moments later it is still the same rotation.
	again, err := other.Rotate(ctx, keys.ES256)
	must(t, err)
	if again != change {
		t.Fatalf("%+v", again)
	}
	h.clock.Advance(2 * m.Config().SyncEvery)
	published := h.clock.Now().Add(-2 * m.Config().SyncEvery)

	// The third is new to the world: it has to wait for the lead time.
	change, err = other.Rotate(ctx, keys.ES256)
	must(t, err)
	at := published.Add(m.Config().PublishLead)
	if !change.At.Equal(at) || signer(t, other, keys.ES256).KID() != before[1].KID {
		t.Fatalf("%+v", change)
	}
	for _, r := range []*keys.Manager{m, other} {
		must(t, r.Tick(ctx))
	}
	h.clock.Set(at)
	for _, r := range []*keys.Manager{m, other} { // by the clock alone
		if signer(t, r, keys.ES256).KID() != change.KID {
			t.Fatal("not rotated at its time")
		}
	}
	if _, err := m.Rotate(ctx, keys.PS256); !errors.Is(err, keys.ErrNoActiveKey) {
		t.Fatal(err)
	}
}

func TestSigningGoesOnDuringRotation(t *testing.T) {
	ctx := t.Context()
	h := newHouse(t)
	m := h.loaded(t)
	stop := make(chan struct{})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				snap := m.Snapshot()
				s, err := snap.Signer(keys.ES256)
				if errors.Is(err, keys.ErrStale) && m.Snapshot() != snap {
					continue // the test's clock jumps between the two
				}
				if err != nil {
					t.Error(err)
					return
				}
				token, err := s.Sign("at+jwt", []byte("{}"))
				if err == nil {
					_, err = m.Snapshot().Verify(token, "at+jwt")
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 40 {
		h.clock.Advance(m.Config().PublishLead)
		must(t, m.Tick(ctx))
		_, err := m.Rotate(ctx, keys.ES256)
		must(t, err)
	}
	close(stop)
	group.Wait()
}

func TestAShorterRotationPullsTheNextKeyForward(t *testing.T) {
	h := newHouse(t)
	h.loaded(t)
	h.clock.Advance(10 * day)
	weekly := h.loaded(t, func(o *keys.Options) { o.Config.RotateEvery = 7 * day })
	if got := states(weekly); got != "retiring active next" {
		t.Fatal(got)
	}
	// A replica with the longer one does not push it back.
	monthly := h.loaded(t)
	if a, b := ring(weekly), ring(monthly); !a[2].ActivateAt.Equal(b[2].ActivateAt) {
		t.Fatal("replicas fight")
	}
}
