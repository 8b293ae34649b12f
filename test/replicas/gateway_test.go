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
		all := make([]*gateway.Verifier, subscribers)
		var starting sync.WaitGroup
		for n := range all {
			starting.Go(func() {
				v, err := gateway.New(t.Context(), gateway.Config{
					Issuer: in.Issuer, Audience: in.Issuer, ClientID: "gateway", ClientSecret: secret, HTTPClient: client,
					MaxStale: patience, OnStale: gateway.Refuse,
				})
				if err != nil {
					t.Error(err)
					return
				}
				t.Cleanup(v.Close)
				all[n] = v
			})
		}
		starting.Wait()
		if t.Failed() {
			return
		}
		var took []time.Duration
		for range rounds {
			l := w.login(t, in, w.person.ID, "openid", nil)
			for _, v := range all {
				if _, err := v.Verify(t.Context(), l.tokens.AccessToken); err != nil {
					t.Fatal(err)
				}
			}
			if err := revokeAt(t, w.at(1), "web", l.tokens.AccessToken); err != nil {
				t.Fatal(err)
			}
			acknowledged := time.Now()
			refused := make([]time.Duration, subscribers)
			var waiting sync.WaitGroup
			for n, v := range all {
				waiting.Go(func() {
					for {
						_, err := v.Verify(t.Context(), l.tokens.AccessToken)
						if errors.Is(err, gateway.ErrRevoked) {
							break
						}
						if time.Since(acknowledged) > patience {
							t.Errorf("subscriber %d never refused: %v", n, err)
							return
						}
						time.Sleep(time.Millisecond)
					}
					refused[n] = time.Since(acknowledged)
				})
			}
			waiting.Wait()
			took = append(took, refused...)
		}
		slices.Sort(took)
		t.Logf("revocation acknowledged at one replica to refusal at %d gateways of the other: p50 %v, p99 %v, max %v",
			subscribers, took[len(took)/2], took[len(took)*99/100], took[len(took)-1])
	})
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
