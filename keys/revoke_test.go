package keys_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/keys"
)

func TestRevoke(t *testing.T) {
	ctx := t.Context()
	for _, c := range []struct {
		name   string
		which  int // in "retiring active next"
		states string
	}{
		{"retiring", 0, "revoked active next"},
		{"active", 1, "retiring revoked active next"},
		{"next", 2, "retiring active revoked next"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			var changes []keys.Change
			m := h.loaded(t, func(o *keys.Options) {
				o.Commit = func(ctx context.Context, change keys.Change, write func(context.Context) error) error {
					if err := write(ctx); err != nil {
						return err
					}
					changes = append(changes, change)
					return nil
				}
			})
			old, err := signer(t, m, keys.ES256).Sign("JWT", []byte("{}"))
			must(t, err)
			h.clock.Advance(30 * day)
			must(t, m.Tick(ctx))
			now, err := signer(t, m, keys.ES256).Sign("JWT", []byte("{}"))
			must(t, err)
			victim := ring(m)[c.which].KID
			changes = nil

			change, err := m.Revoke(ctx, victim, "test")
			must(t, err)
			if change.Kind != keys.KeyRevoked || change.KID != victim || changes[0] != change {
				t.Fatalf("%+v, commit saw %+v", change, changes)
			}
			if got := ring(m); len(got) != len(strings.Fields(c.states)) {
				t.Fatalf("states %q", states(m))
			}
			if got := strings.Fields(states(m)); !sameMembers(got, strings.Fields(c.states)) {
				t.Fatalf("states %q, want %q", got, c.states)
			}
			active := signer(t, m, keys.ES256).KID()
			if active == victim {
				t.Fatal("signs with a revoked key")
			}
			for i, token := range []string{old, now} {
				_, err := m.Snapshot().Verify(token, "JWT")
				_, hint := m.Snapshot().VerifyHint(token, "JWT")
				if i == c.which {
					if !errors.Is(err, keys.ErrKeyRevoked) || !errors.Is(hint, keys.ErrKeyRevoked) {
						t.Fatalf("token %d: %v, %v", i, err, hint)
					}
				} else if err != nil || hint != nil {
					t.Fatalf("token %d: %v, %v", i, err, hint)
				}
			}
			if strings.Contains(string(m.Snapshot().JWKS().Body), victim) {
				t.Fatal("JWKS shows a revoked key")
			}
			if _, err := m.Revoke(ctx, victim, "test"); !errors.Is(err, keys.ErrKeyRevoked) {
				t.Fatalf("revoked twice: %v", err)
			}
			// The private half is destroyed, and the ring still loads.
			again := h.loaded(t)
			if signer(t, again, keys.ES256).KID() != active {
				t.Fatal("another active key after a restart")
			}
		})
	}
	if _, err := newHouse(t).loaded(t).Revoke(ctx, "nobody", "test"); !errors.Is(err, keys.ErrUnknownKey) {
		t.Fatal(err)
	}
}

func sameMembers(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

func TestRevokingReachesAReplicaWhoseClockIsBehind(t *testing.T) {
	h := newHouse(t)
	m := h.loaded(t)
	slow := fakeclock.New(h.clock.Now().Add(-30 * time.Second))
	behind := h.loaded(t, func(o *keys.Options) { o.Clock = slow })
	first := ring(m)
	_, err := m.Revoke(t.Context(), first[0].KID, "test")
	must(t, err)
	must(t, behind.Tick(t.Context()))
	if got := signer(t, behind, keys.ES256).KID(); got != first[1].KID {
		t.Fatalf("signs with %s", got)
	}
}

func TestRevokeEveryKeyOneAfterTheOther(t *testing.T) {
	h := newHouse(t)
	m := h.loaded(t)
	for range 6 {
		_, err := m.Revoke(t.Context(), signer(t, m, keys.ES256).KID(), "test")
		must(t, err)
		token, err := signer(t, m, keys.ES256).Sign("JWT", []byte("{}"))
		must(t, err)
		if _, err := m.Snapshot().Verify(token, "JWT"); err != nil {
			t.Fatal(err)
		}
	}
}
