package keys_test

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/keys/keytest"
	"github.com/signet-idp/signet/storage"
)

// house is an installation: what all replicas share.
type house struct {
	store  *keytest.Store
	master *keys.Master
	clock  *fakeclock.Clock
	made   atomic.Int64 // keys generated
}

func newHouse(t testing.TB) *house {
	return &house{store: keytest.NewStore(), master: keytest.Master(t), clock: start()}
}

// Generate and Open implement keys.Source, counting.
func (h *house) Generate(ctx context.Context, alg string) (crypto.Signer, []byte, error) {
	h.made.Add(1)
	return keys.Software{}.Generate(ctx, alg)
}

func (h *house) Open(ctx context.Context, alg string, handle []byte) (crypto.Signer, error) {
	return keys.Software{}.Open(ctx, alg, handle)
}

// replica returns a Manager that has not loaded. Without algorithms: ES256.
func (h *house) replica(t testing.TB, change ...func(*keys.Options)) *keys.Manager {
	t.Helper()
	o := keys.Options{
		Store: h.store, Master: h.master, Clock: h.clock, Source: h,
		Config: keys.Config{Algorithms: []string{keys.ES256}},
	}
	for _, c := range change {
		c(&o)
	}
	m, err := keys.NewManager(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (h *house) loaded(t testing.TB, change ...func(*keys.Options)) *keys.Manager {
	t.Helper()
	m := h.replica(t, change...)
	must(t, m.Load(t.Context()))
	return m
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// states lists the states of the ES256 ring for tokens, in order of signing.
func states(m *keys.Manager) string {
	var out []string
	for _, k := range ring(m) {
		out = append(out, string(k.State))
	}
	return strings.Join(out, " ")
}

func ring(m *keys.Manager) []keys.Info {
	return slices.DeleteFunc(m.Snapshot().Keys(), func(k keys.Info) bool {
		return k.Use != storage.KeyUseSig || k.Algorithm != keys.ES256
	})
}

const day = 24 * time.Hour

func TestLifeOfAKey(t *testing.T) {
	h := newHouse(t)
	m := h.loaded(t)
	lead := m.Config().PublishLead
	token, err := signer(t, m, keys.ES256).Sign("at+jwt", []byte("{}"))
	must(t, err)
	first := ring(m)[0].KID

	for _, step := range []struct {
		name         string
		advance      time.Duration
		states       string
		verify, hint error
		shown        bool // first in the JWKS
	}{
		{"at first start", 0, "active next", nil, nil, true},
		{"a moment before the next one's turn", 30*day - time.Second, "active next", nil, nil, true},
		{"its turn: a new next one is published", time.Second, "retiring active next", nil, nil, true},
		{"the last token is nearly dead", day, "retiring active next", nil, nil, true},
		{"the last token is dead", 2*lead + time.Minute, "gone active next", keys.ErrKeyRetired, nil, false},
		{"a second rotation", 30 * day, "gone gone active next", keys.ErrKeyRetired, nil, false},
		{"a day before it is forgotten", 368 * day, "gone gone gone active next", keys.ErrKeyRetired, nil, false},
		{"forgotten", day, "gone gone retiring active next", keys.ErrUnknownKey, keys.ErrUnknownKey, false},
	} {
		h.clock.Advance(step.advance)
		must(t, m.Tick(t.Context()))
		if got := states(m); got != step.states {
			t.Errorf("%s: states %q, want %q", step.name, got, step.states)
		}
		if _, err := m.Snapshot().Verify(token, "at+jwt"); !errors.Is(err, step.verify) || step.verify == nil && err != nil {
			t.Errorf("%s: verify: %v, want %v", step.name, err, step.verify)
		}
		if _, err := m.Snapshot().VerifyHint(token, "at+jwt"); !errors.Is(err, step.hint) || step.hint == nil && err != nil {
			t.Errorf("%s: hint: %v, want %v", step.name, err, step.hint)
		}
		if strings.Contains(string(m.Snapshot().JWKS().Body), first) != step.shown {
			t.Errorf("%s: JWKS %s", step.name, m.Snapshot().JWKS().Body)
		}
	}
}

func TestFirstStartMakesEveryRingAndARestartNone(t *testing.T) {
	h := newHouse(t)
	m := h.loaded(t)
	if n := h.made.Load(); n != 6 {
		t.Fatalf("%d keys made, want active and next for sig, feed and checkpoint", n)
	}
	again := h.loaded(t)
	if n := h.made.Load(); n != 6 {
		t.Fatalf("a restart made %d keys", n-6)
	}
	if signer(t, m, keys.ES256).KID() != signer(t, again, keys.ES256).KID() {
		t.Fatal("another active key after a restart")
	}
	if !bytes.Equal(m.Snapshot().JWKS().Body, again.Snapshot().JWKS().Body) || m.Snapshot().JWKS().ETag != again.Snapshot().JWKS().ETag {
		t.Fatal("two replicas, two JWKS")
	}
}

func TestNothingBeforeLoad(t *testing.T) {
	m := newHouse(t).replica(t)
	if _, err := m.Snapshot().Signer(keys.ES256); !errors.Is(err, keys.ErrStale) {
		t.Fatal(err)
	}
	token, err := signer(t, allRings(), keys.ES256).Sign("JWT", []byte("{}"))
	must(t, err)
	if _, err := m.Snapshot().Verify(token, "JWT"); !errors.Is(err, keys.ErrUnknownKey) {
		t.Fatal(err)
	}
	if got := string(m.Snapshot().JWKS().Body); got != `{"keys":[]}` {
		t.Fatal(got)
	}
}

func TestEnsureAlgorithms(t *testing.T) {
	h := newHouse(t)
	m := h.loaded(t)
	if _, err := m.Snapshot().Signer(keys.EdDSA); !errors.Is(err, keys.ErrNoActiveKey) {
		t.Fatal(err)
	}
	must(t, m.EnsureAlgorithms(t.Context(), keys.EdDSA, keys.ES256))
	signer(t, m, keys.EdDSA)
	reads := h.store.Reads
	must(t, m.EnsureAlgorithms(t.Context(), keys.EdDSA, keys.ES256))
	if h.store.Reads != reads {
		t.Fatal("asked the store for what is there")
	}
	if err := m.EnsureAlgorithms(t.Context(), "HS256"); !errors.Is(err, keys.ErrAlgorithm) {
		t.Fatal(err)
	}
	// A replica that was not asked learns of the ring, and keeps it going.
	other := h.loaded(t)
	signer(t, other, keys.EdDSA)
	h.clock.Advance(30 * day)
	must(t, other.Tick(t.Context()))
	signer(t, other, keys.EdDSA)
}
