package keys_test

import (
	"bytes"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/clock"
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

func TestDefaultRings(t *testing.T) {
	h := newHouse(t)
	m := h.loaded(t, func(o *keys.Options) { o.Config.Algorithms = nil; o.Source = nil })
	if got := m.Snapshot().Algorithms(); !slices.Equal(got, []string{keys.ES256, keys.RS256}) {
		t.Fatal(got)
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

// Somebody who can write the database but has no master key gains nothing.
func TestForgedRowsAreRefused(t *testing.T) {
	ctx := t.Context()
	foreign := newHouse(t)
	foreign.loaded(t)
	foreignRings, err := foreign.store.KeyRings(ctx)
	must(t, err)
	var strange storage.SigningKey
	for _, r := range foreignRings {
		if r.Name == "sig/ES256" {
			strange = r.Keys[0]
		}
	}
	for _, c := range []struct {
		name  string
		forge func(own map[string]storage.KeyRing) storage.KeyRing
		want  error
	}{
		{"a key of somebody else", func(own map[string]storage.KeyRing) storage.KeyRing {
			r := own["sig/ES256"]
			r.Keys = append(r.Keys, strange)
			return r
		}, keys.ErrUnknownMaster},
		{"another public half", func(own map[string]storage.KeyRing) storage.KeyRing {
			r := own["sig/ES256"]
			r.Keys[0].PublicJWK = strange.PublicJWK
			return r
		}, keys.ErrTampered},
		{"another public half and its kid", func(own map[string]storage.KeyRing) storage.KeyRing {
			r := own["sig/ES256"]
			r.Keys[0].PublicJWK, r.Keys[0].KID = strange.PublicJWK, strange.KID
			return r
		}, keys.ErrSealed},
		{"a feed key among those for tokens", func(own map[string]storage.KeyRing) storage.KeyRing {
			r := own["sig/ES256"]
			k := own["feed/ES256"].Keys[0]
			k.Use = storage.KeyUseSig
			r.Keys = append(r.Keys, k)
			return r
		}, keys.ErrSealed},
		{"a key of another ring", func(own map[string]storage.KeyRing) storage.KeyRing {
			r := own["sig/ES256"]
			r.Keys = append(r.Keys, own["feed/ES256"].Keys[0])
			return r
		}, keys.ErrTampered},
		{"private halves exchanged", func(own map[string]storage.KeyRing) storage.KeyRing {
			r := own["sig/ES256"]
			r.Keys[0].PrivateSealed, r.Keys[1].PrivateSealed = r.Keys[1].PrivateSealed, r.Keys[0].PrivateSealed
			return r
		}, keys.ErrSealed},
		{"a private key for public", func(own map[string]storage.KeyRing) storage.KeyRing {
			r := own["sig/ES256"]
			r.Keys[0].PublicJWK = []byte(`{"kty":"oct","k":"AAAA"}`)
			return r
		}, keys.ErrTampered},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			running := h.loaded(t)
			rings, err := h.store.KeyRings(ctx)
			must(t, err)
			own := make(map[string]storage.KeyRing)
			for _, r := range rings {
				own[r.Name] = r
			}
			if won, err := h.store.ReplaceKeyRing(ctx, c.forge(own)); !won || err != nil {
				t.Fatal(won, err)
			}
			if err := h.replica(t).Load(ctx); !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			before := running.Snapshot().JWKS().ETag
			_ = running.Tick(ctx) // may fail; a running replica looks only at what it does not know
			if running.Snapshot().JWKS().ETag != before {
				t.Fatalf("JWKS shows a forged key: %s", running.Snapshot().JWKS().Body)
			}
		})
	}
}

func TestRewrapSigningKeys(t *testing.T) {
	ctx := t.Context()
	h := newHouse(t)
	before, both, after := masters(t)
	with := func(m *keys.Master) func(*keys.Options) { return func(o *keys.Options) { o.Master = m } }
	old := h.loaded(t, with(before))
	m := h.loaded(t, with(both))
	if n, err := m.Rewrap(ctx); n != 6 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := m.Rewrap(ctx); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	if signer(t, h.loaded(t, with(after)), keys.ES256).KID() != signer(t, old, keys.ES256).KID() {
		t.Fatal("another key")
	}
}

func TestJWKSShape(t *testing.T) {
	m := allRings()
	var set struct {
		Keys []map[string]string `json:"keys"`
	}
	body := m.Snapshot().JWKS().Body
	if err := json.Unmarshal(body, &set); err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != 8 {
		t.Fatalf("%d keys, want active and next of four rings", len(set.Keys))
	}
	for _, k := range set.Keys {
		want := map[string]string{
			keys.RS256: "alg e kid kty n use", keys.PS256: "alg e kid kty n use",
			keys.ES256: "alg crv kid kty use x y", keys.EdDSA: "alg crv kid kty use x",
		}[k["alg"]]
		var names []string
		for name := range k {
			names = append(names, name)
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != want || k["use"] != "sig" || len(k["kid"]) != 43 {
			t.Errorf("%s: members %q of %v", k["alg"], got, k)
		}
	}
	for _, k := range m.Snapshot().Keys() {
		text, err := k.PEM()
		if err != nil || !strings.HasPrefix(text, "-----BEGIN PUBLIC KEY-----\n") {
			t.Errorf("%q, %v", text, err)
		}
	}
	tag := m.Snapshot().JWKS().ETag
	if len(tag) != 24 || tag[0] != '"' || tag[23] != '"' {
		t.Errorf("ETag %s", tag)
	}
	first := set.Keys[0]["kid"]
	if s := signer(t, m, set.Keys[0]["alg"]); s.KID() != first {
		t.Error("the active key is not the first of its ring")
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []struct {
		name   string
		config keys.Config
		want   error
	}{
		{"zero", keys.Config{}, nil},
		{"lead too short", keys.Config{PublishLead: 5 * time.Minute}, keys.ErrConfig},
		{"rotation shorter than the lead", keys.Config{RotateEvery: time.Minute}, keys.ErrConfig},
		{"negative", keys.Config{MaxTokenLifetime: -1}, keys.ErrConfig},
		{"symmetric algorithm", keys.Config{Algorithms: []string{"HS256"}}, keys.ErrAlgorithm},
		{"none", keys.Config{Algorithms: []string{"none"}}, keys.ErrAlgorithm},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := keys.NewManager(keys.Options{Clock: clock.System{}, Config: c.config})
			if !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Fatalf("error %v, want %v", err, c.want)
			}
		})
	}
}
