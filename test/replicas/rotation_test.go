package replicas_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// ahead is a replica's clock that runs ahead of the others.
type ahead struct {
	clock.Clock
	by time.Duration
}

func (a ahead) Now() time.Time { return a.Clock.Now().Add(a.by) }

// verifier is somebody else's resource server: it keeps the JWKS for as long as
// Cache-Control says and, stricter than most, never fetches it for a kid that
// it does not know.
type verifier struct {
	c     caller
	clock clock.Clock
	set   jose.JSONWebKeySet
	until time.Time
}

func (v *verifier) verify(ctx context.Context, in *harness.Instance, compact string) error {
	if !v.clock.Now().Before(v.until) {
		if err := v.fetch(ctx, in); err != nil {
			return err
		}
	}
	jws, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return err
	}
	kid := jws.Signatures[0].Header.KeyID
	found := v.set.Key(kid)
	if len(found) != 1 {
		return fmt.Errorf("unknown kid %s, cached until %v, now %v", kid, v.until, v.clock.Now())
	}
	_, err = jws.Verify(found[0])
	return err
}

func (v *verifier) fetch(ctx context.Context, in *harness.Instance) error {
	at := v.clock.Now()
	a := v.c.get(ctx, in.URL+"/.well-known/jwks.json")
	if a.err != nil || a.status != http.StatusOK {
		return fmt.Errorf("jwks: %d %w", a.status, a.err)
	}
	_, age, ok := strings.Cut(a.header.Get("Cache-Control"), "max-age=")
	seconds, err := strconv.Atoi(age)
	if !ok || err != nil || seconds < 60 {
		return fmt.Errorf("jwks: Cache-Control %q", a.header.Get("Cache-Control"))
	}
	v.set, v.until = jose.JSONWebKeySet{}, at.Add(time.Duration(seconds)*time.Second)
	return json.Unmarshal([]byte(a.body), &v.set)
}

// TestRotationUnderLoad: keys rotate by themselves and by command, at replicas
// whose clocks differ, while tokens are issued and verified all the time. No
// verifier ever meets a key that it does not know.
func TestRotationUnderLoad(t *testing.T) {
	t.Parallel()
	const (
		verifiers = 3
		long      = 45 * time.Minute
		every     = 10 * time.Second // of load
	)
	clk := harness.FakeClock()
	db := servers.Postgres(t)
	o := harness.Options{DatabaseURL: db, MasterKey: harness.MasterKey, Clock: clk, Env: []string{"SIGNET_KEYS_ROTATION=8m"}}
	w := &world{all: []*harness.Instance{harness.Start(t, o)}}
	o.Issuer, o.Clock = w.all[0].Issuer, ahead{clk, 20 * time.Second}
	w.all = append(w.all, harness.Start(t, o))
	_, secret := w.at(0).Service(t, "orders", "", storage.ClientMetadata{Scope: "orders:read", TokenEndpointAuthMethod: "client_secret_post"})
	w.sync(t)

	type issued struct {
		text  string
		until time.Time
	}
	var mu sync.Mutex
	var pool []issued
	kids := map[string]bool{}
	load := func(v *verifier, rnd *rand.Rand) error {
		in := w.at(rnd.IntN(2))
		a := v.c.post(t.Context(), in.URL+"/oauth2/token", url.Values{
			"grant_type": {"client_credentials"}, "client_id": {"orders"}, "client_secret": {secret},
		})
		if a.err != nil || a.status != http.StatusOK {
			return fmt.Errorf("token: %d %s %w", a.status, a.body, a.err)
		}
		text := a.field("access_token")
		if err := v.verify(t.Context(), w.at(rnd.IntN(2)), text); err != nil {
			return fmt.Errorf("a fresh token: %w", err)
		}
		mu.Lock()
		kids[headerKID(t, text)] = true
		for len(pool) > 0 && !clk.Now().Before(pool[0].until) {
			pool = pool[1:]
		}
		pool = append(pool, issued{text, clk.Now().Add(10 * time.Minute)})
		old := []issued{pool[0], pool[rnd.IntN(len(pool))]}
		mu.Unlock()
		for _, k := range old {
			if err := v.verify(t.Context(), w.at(rnd.IntN(2)), k.text); err != nil {
				return fmt.Errorf("a token that lives until %v: %w", k.until, err)
			}
		}
		return nil
	}
	group := make([]*verifier, verifiers)
	for i := range group {
		group[i] = &verifier{c: newCaller(t, 2), clock: clk}
	}
	commands := map[time.Duration]int{3 * time.Minute: 0, 14 * time.Minute: 1, 30 * time.Minute: 0}
	start := clk.Now()
	for past := time.Duration(0); past < long; past = clk.Now().Sub(start) {
		var errs [verifiers + 1]error
		var wg sync.WaitGroup
		if n, due := commands[past]; due {
			wg.Go(func() { _, errs[verifiers] = w.at(n).Keys.Rotate(t.Context(), keys.ES256) })
		}
		for i, v := range group {
			rnd := rand.New(rand.NewPCG(uint64(past), uint64(i)))
			wg.Go(func() { errs[i] = load(v, rnd) })
		}
		wg.Wait()
		if err := errors.Join(errs[:]...); err != nil {
			t.Fatalf("after %v: %v", past, err)
		}
		for range 2 {
			clk.Advance(every / 2)
			for _, in := range w.all {
				wg.Go(func() {
					if err := in.Keys.Tick(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
	}
	byCommand := eventCount(t, w.at(0), "key.rotated")
	t.Logf("%d keys signed in %v; %d rotations by command", len(kids), long, byCommand)
	if byCommand != len(commands) || len(kids) < 1+len(commands)+3 {
		t.Errorf("%d keys signed, %d rotations by command: too few to tell anything", len(kids), byCommand)
	}
}

func eventCount(t *testing.T, in *harness.Instance, kind string) (n int) {
	t.Helper()
	for _, e := range log(t, in) {
		if e.Type == kind {
			n++
		}
	}
	return n
}

// TestTwoRotateAtOnce: two replicas that rotate at the same moment, by command
// or because it is time, make one rotation and one event.
func TestTwoRotateAtOnce(t *testing.T) {
	t.Parallel()
	clk := harness.FakeClock()
	w := &world{all: harness.Replicas(t, 2, harness.Options{DatabaseURL: servers.Postgres(t), Clock: clk})}
	created := eventCount(t, w.at(0), "key.created")
	for round := 1; round <= 10; round++ {
		clk.Advance(10 * time.Minute) // the next key is known to everybody
		type result struct {
			change keys.Change
			err    error
		}
		got := parallel(2, func(i int) result {
			c, err := w.at(i).Keys.Rotate(t.Context(), keys.ES256)
			return result{c, err}
		})
		if err := errors.Join(got[0].err, got[1].err); err != nil {
			t.Fatal(err)
		}
		if got[0].change.KID != got[1].change.KID || !got[0].change.At.Equal(clk.Now()) {
			t.Fatalf("round %d: %+v and %+v", round, got[0].change, got[1].change)
		}
		if n := eventCount(t, w.at(0), "key.rotated"); n != round {
			t.Fatalf("round %d: %d rotations in the log", round, n)
		}
		if n := eventCount(t, w.at(0), "key.created"); n != created+round {
			t.Fatalf("round %d: %d new keys in the log", round, n-created)
		}
	}
	created = eventCount(t, w.at(0), "key.created")
	for round := 1; round <= 3; round++ {
		clk.Advance(30 * 24 * time.Hour)
		for _, err := range parallel(2, func(i int) error { return w.at(i).Keys.Tick(t.Context()) }) {
			if err != nil {
				t.Fatal(err)
			}
		}
		perRing := len(w.at(0).Keys.Snapshot().Algorithms()) + 2 // the feed's and the checkpoints'
		if n := eventCount(t, w.at(0), "key.created"); n != created+round*perRing {
			t.Fatalf("round %d: %d new keys in the log, want %d", round, n-created, round*perRing)
		}
		a, b := w.at(0).Keys.Snapshot(), w.at(1).Keys.Snapshot()
		sa, err := a.Signer(keys.ES256)
		if err != nil {
			t.Fatal(err)
		}
		sb, err := b.Signer(keys.ES256)
		if err != nil || sa.KID() != sb.KID() {
			t.Fatalf("round %d: replicas sign with different keys: %v", round, err)
		}
	}
}
