package replicas_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-idp/signet/gateway"
	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// TestSubscribers: many gateways on one replica refuse soon after a revocation
// was committed at the other one, told by Redis and by polling alone.
func TestSubscribers(t *testing.T) {
	redisOrNot(t, func(t *testing.T, w *world) {
		const subscribers, rounds = 200, 10
		in := w.at(0)
		_, secret := in.Service(t, "gateway", "", storage.ClientMetadata{Scope: "revocations:read"})
		client := &http.Client{Transport: harness.Transport(t, in.URL)}
		all := subscribe(t, subscribers, in.Issuer, secret, client.Transport, patience)
		var took []time.Duration
		for range rounds {
			took = append(took, w.refusals(t, all, patience, func() {})...)
		}
		tell(t, "revocation acknowledged at one replica to refusal at 200 gateways of the other", took)
	})
}

// subscribe starts many gateways that refuse what they do not know.
func subscribe(t *testing.T, n int, issuer, secret string, transport http.RoundTripper, maxStale time.Duration) []*gateway.Verifier {
	t.Helper()
	all := make([]*gateway.Verifier, n)
	var starting sync.WaitGroup
	for i := range all {
		starting.Go(func() {
			v, err := gateway.New(t.Context(), gateway.Config{
				Issuer: issuer, Audience: issuer, ClientID: "gateway", ClientSecret: secret, HTTPClient: &http.Client{Transport: transport},
				MaxStale: maxStale, OnStale: gateway.Refuse,
			})
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(v.Close)
			all[i] = v
		})
	}
	starting.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return all
}

// refusals revokes a token that all gateways take, after trouble has happened,
// and says how long after the acknowledgement each of them refused it.
func (w *world) refusals(t *testing.T, all []*gateway.Verifier, limit time.Duration, trouble func()) []time.Duration {
	t.Helper()
	l := w.login(t, w.at(1), w.person.ID, "openid", nil)
	for _, v := range all {
		if _, err := v.Verify(t.Context(), l.tokens.AccessToken); err != nil {
			t.Fatal(err)
		}
	}
	trouble()
	if err := revokeAt(t, w.at(1), "web", l.tokens.AccessToken); err != nil {
		t.Fatal(err)
	}
	acknowledged := time.Now()
	refused := make([]time.Duration, len(all))
	var waiting sync.WaitGroup
	for n, v := range all {
		waiting.Go(func() {
			for {
				_, err := v.Verify(t.Context(), l.tokens.AccessToken)
				if errors.Is(err, gateway.ErrRevoked) {
					break
				}
				if time.Since(acknowledged) > limit {
					t.Errorf("subscriber %d never refused: %v", n, err)
					return
				}
				time.Sleep(time.Millisecond)
			}
			refused[n] = time.Since(acknowledged)
		})
	}
	waiting.Wait()
	return refused
}

func tell(t *testing.T, what string, took []time.Duration) {
	t.Helper()
	slices.Sort(took)
	t.Logf("%s: p50 %v, p99 %v, max %v", what, took[len(took)/2], took[len(took)*99/100], took[len(took)-1])
}

// TestSubscribersThroughFaults: the same many gateways while Redis goes away,
// their replica is killed, and nothing can be reached at all: then they refuse
// what they cannot know, soon after the bound, and take it again afterwards.
func TestSubscribersThroughFaults(t *testing.T) {
	t.Parallel()
	const subscribers, bound = 200, patience
	redis, through := harness.NewProxy(t, servers.Redis(t))
	w := setup(t, 2, harness.Options{DatabaseURL: servers.Postgres(t), RedisURL: through})
	_, secret := w.at(0).Service(t, "gateway", "", storage.ClientMetadata{Scope: "revocations:read"})
	// What stands before the replicas: two ways, of which one is open.
	var ways [2]*harness.Proxy
	var to [2]*http.Transport
	for i := range ways {
		var at string
		ways[i], at = harness.NewProxy(t, w.at(i).URL)
		to[i] = harness.Transport(t, at)
	}
	var open atomic.Int32
	all := subscribe(t, subscribers, w.at(0).Issuer, secret, roundTripper(func(r *http.Request) (*http.Response, error) {
		return to[open.Load()].RoundTrip(r)
	}), bound)

	tell(t, "Redis gone", w.refusals(t, all, patience, redis.Cut))
	tell(t, "their replica killed", w.refusals(t, all, patience, func() {
		open.Store(1)
		ways[0].Cut()
	}))

	l := w.login(t, w.at(1), w.person.ID, "openid", nil)
	for _, v := range all {
		if _, err := v.Verify(t.Context(), l.tokens.AccessToken); err != nil {
			t.Fatal(err)
		}
	}
	ways[1].Cut()
	cut := time.Now()
	// What was told last may have been on its way for as long as a heartbeat.
	for n, v := range all {
		harness.Eventually(t, bound+patience, "a gateway that is cut off refuses", func() bool {
			age := v.Staleness() // before the verdict: nothing makes it less
			_, err := v.Verify(t.Context(), l.tokens.AccessToken)
			if err != nil && !errors.Is(err, gateway.ErrUnknown) {
				t.Fatalf("gateway %d: %v", n, err)
			}
			if err == nil && age > bound {
				t.Fatalf("gateway %d takes a token with news from %v ago", n, age)
			}
			return err != nil
		})
	}
	t.Logf("cut off: all refuse after %v, the bound is %v", time.Since(cut), bound)
	ways[1].Restore(t)
	for n, v := range all {
		harness.Eventually(t, patience, "a gateway that is back takes it again", func() bool {
			_, err := v.Verify(t.Context(), l.tokens.AccessToken)
			if err != nil && !errors.Is(err, gateway.ErrUnknown) {
				t.Fatalf("gateway %d: %v", n, err)
			}
			return err == nil
		})
	}
}

// TestGatewayGoesToAnotherReplica: a replica that is drained ends its streams;
// the gateway goes on at another one, and misses nothing.
func TestGatewayGoesToAnotherReplica(t *testing.T) {
	t.Parallel()
	w := setup(t, 2, harness.Options{DatabaseURL: servers.Postgres(t)})
	_, secret := w.at(0).Service(t, "gateway", "", storage.ClientMetadata{Scope: "revocations:read"})
	var mu sync.Mutex
	to := [2]*http.Transport{harness.Transport(t, w.at(0).URL), harness.Transport(t, w.at(1).URL)}
	now := 0
	v, err := gateway.New(t.Context(), gateway.Config{
		Issuer: w.at(0).Issuer, Audience: w.at(0).Issuer, ClientID: "gateway", ClientSecret: secret,
		HTTPClient: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			t := to[now]
			mu.Unlock()
			return t.RoundTrip(r)
		})},
		MaxStale: patience, OnStale: gateway.Refuse,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	l := w.login(t, w.at(1), w.person.ID, "openid", nil)
	mu.Lock()
	now = 1
	mu.Unlock()
	w.at(0).EndStreams()
	if err := revokeAt(t, w.at(1), "web", l.tokens.AccessToken); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, patience, "the gateway refuses", func() bool {
		_, err := v.Verify(t.Context(), l.tokens.AccessToken)
		return errors.Is(err, gateway.ErrRevoked)
	})
	if age := v.Staleness(); age > patience {
		t.Errorf("stale by %s", age)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestCatchUp: a gateway that was away for 100,000 entries has them again soon,
// and one that begins gets them all.
func TestCatchUp(t *testing.T) {
	t.Parallel()
	in := harness.Start(t, harness.Options{})
	_, secret := in.Service(t, "gateway", "", storage.ClientMetadata{Scope: "revocations:read"})
	token := in.Token(t, "gateway", secret, map[string][]string{
		"grant_type": {"client_credentials"}, "scope": {"revocations:read"}, "resource": {in.Issuer},
	}).AccessToken
	const entries, batch = 100_000, 5_000
	for from := 0; from < entries; from += batch {
		var list []storage.Revocation
		for n := range batch {
			list = append(list, storage.Revocation{
				Kind: storage.RevokeSID, Value: fmt.Sprint(from + n), Expiry: in.Clock.Now().Add(time.Hour),
			})
		}
		if err := in.Store.AppendRevocation(t.Context(), list...); err != nil {
			t.Fatal(err)
		}
	}
	in.Sync(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, in.URL+"/revocations/stream?after=0", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	start := time.Now()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 4<<20)
	chunks, position := 0, ""
	for lines.Scan() && lines.Text() != "event:heartbeat" {
		if id, ok := strings.CutPrefix(lines.Text(), "id:"); ok {
			chunks, position = chunks+1, id
		}
	}
	t.Logf("the stream told %d entries in %d messages and %v", entries, chunks, time.Since(start))
	if position != fmt.Sprint(entries) || chunks < 2 {
		t.Fatalf("at %q after %d messages", position, chunks)
	}
	// What an idle subscriber costs: the bytes of five heartbeats.
	bytes, beats := 0, 0
	for beats < 5 && lines.Scan() {
		bytes += len(lines.Bytes()) + 1
		if lines.Text() == "event:heartbeat" {
			beats++
		}
	}
	t.Logf("an idle subscriber costs %d bytes a second", bytes/5)
	if bytes/5 >= 400 {
		t.Errorf("a heartbeat has %d bytes", bytes/5)
	}
	start = time.Now()
	v := in.Gateway(t, "another", nil)
	t.Logf("a verifier has begun with %d entries after %v", entries, time.Since(start))
	if v.Position() < entries {
		t.Errorf("at %d", v.Position())
	}
}
