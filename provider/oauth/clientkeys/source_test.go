package clientkeys

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/provider/oauth/internal/jwstest"
)

// registry is a fixed registration for each client.
type registry map[string]Registration

func (r registry) ClientKeys(_ context.Context, id string) (Registration, error) {
	if registration, ok := r[id]; ok {
		return registration, nil
	}
	return Registration{}, errors.New("no such client")
}

// web serves documents and counts how often it was asked.
type web struct {
	mu    sync.Mutex
	body  []byte
	err   error
	gets  int
	block chan struct{} // if not nil, answers wait for it
}

func (w *web) Get(_ context.Context, url, accept string) ([]byte, http.Header, error) {
	if !strings.Contains(accept, "application/jwk-set+json") {
		return nil, nil, fmt.Errorf("asked %s for %q", url, accept)
	}
	if w.block != nil {
		<-w.block
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gets++
	return w.body, nil, w.err
}

func (w *web) serve(body []byte, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.body, w.err = body, err
}

const uri = "https://client.example/jwks.json"

func start() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }

func TestRemoteKeysAreCached(t *testing.T) {
	client := jwstest.New(t)
	clock := fakeclock.New(start())
	net := &web{body: set(t, jose.JSONWebKey{Key: client.Ed.Public(), KeyID: "old"})}
	source := New(Config{Registry: registry{"web": {JWKSURI: uri}}, Fetcher: net, Clock: clock})
	away := errors.New("away")

	// Each step moves the clock, asks, and says what is to come of it.
	for _, step := range []struct {
		name   string
		pass   time.Duration
		force  bool
		serve  []byte
		broken error
		kid    string
		gets   int
	}{
		{name: "first", kid: "old", gets: 1},
		{name: "cached", pass: time.Second, kid: "old", gets: 1},
		{name: "unknown kid, but just read", pass: time.Second, force: true, kid: "old", gets: 1},
		{name: "unknown kid", pass: 3 * time.Second, force: true, serve: set(t, jose.JSONWebKey{Key: client.Ed.Public(), KeyID: "new"}), kid: "new", gets: 2},
		{name: "unknown kid again", force: true, kid: "new", gets: 2},
		{name: "still fresh", pass: 59 * time.Second, kid: "new", gets: 2},
		{name: "a minute old", pass: time.Second, kid: "new", gets: 3},
		{name: "out of reach while fresh", pass: 10 * time.Second, force: true, broken: away, kid: "new", gets: 4},
		{name: "not asked again at once", pass: 4 * time.Second, force: true, broken: away, kid: "new", gets: 4},
		{name: "out of reach when stale", pass: 46 * time.Second, broken: away, gets: 5},
		{name: "failure remembered", pass: time.Second, broken: away, gets: 5},
		{name: "failure remembered when forced", force: true, broken: away, gets: 5},
		{name: "back", pass: 4 * time.Second, serve: set(t, jose.JSONWebKey{Key: client.Ed.Public(), KeyID: "back"}), kid: "back", gets: 6},
	} {
		clock.Advance(step.pass)
		if step.serve != nil {
			net.serve(step.serve, nil)
		}
		if step.broken != nil {
			net.serve(nil, step.broken)
		}
		keys, err := source.Keys(t.Context(), "web", "k", step.force)
		switch {
		case step.kid == "" && !errors.Is(err, away):
			t.Fatalf("%s: err = %v", step.name, err)
		case step.kid != "" && (err != nil || len(keys.Keys) != 1 || keys.Keys[0].KeyID != step.kid):
			t.Fatalf("%s: %v, %v", step.name, keys, err)
		}
		if net.gets != step.gets {
			t.Fatalf("%s: read %d times, want %d", step.name, net.gets, step.gets)
		}
	}
}

func TestRemoteKeysRefused(t *testing.T) {
	client := jwstest.New(t)
	for name, tc := range map[string]struct {
		body []byte
		want error
	}{
		"private": {set(t, jose.JSONWebKey{Key: client.Ed}), ErrPrivate},
		"no set":  {[]byte("<html>"), ErrMalformed},
		"empty":   {[]byte(`{"keys":[]}`), ErrEmpty},
	} {
		source := New(Config{Registry: registry{"web": {JWKSURI: uri}}, Fetcher: &web{body: tc.body}, Clock: fakeclock.New(start())})
		for range 2 { // the second from memory
			if _, err := source.Keys(t.Context(), "web", "", false); !errors.Is(err, tc.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestOneFetchForMany: a hundred callers cause one fetch, and the first one's
// departure does not end it.
func TestOneFetchForMany(t *testing.T) {
	client := jwstest.New(t)
	body := set(t, client.Keys()...)
	synctest.Test(t, func(t *testing.T) {
		net := &web{body: body, block: make(chan struct{})}
		source := New(Config{Registry: registry{"web": {JWKSURI: uri}}, Fetcher: net, Clock: fakeclock.New(start())})
		first, leave := context.WithCancel(t.Context())
		go func() {
			if _, err := source.Keys(first, "web", "", false); !errors.Is(err, context.Canceled) {
				t.Errorf("the first caller got %v", err)
			}
		}()
		synctest.Wait()
		var wg sync.WaitGroup
		for i := range 99 {
			wg.Go(func() {
				if keys, err := source.Keys(t.Context(), "web", "", i%2 == 0); err != nil || len(keys.Keys) != 3 {
					t.Errorf("%d keys, %v", len(keys.Keys), err)
				}
			})
		}
		synctest.Wait()
		leave()
		synctest.Wait()
		close(net.block)
		wg.Wait()
		if net.gets != 1 {
			t.Errorf("read %d times", net.gets)
		}
	})
}

func TestInlineKeys(t *testing.T) {
	client := jwstest.New(t)
	clients := registry{
		"web":     {JWKS: set(t, client.Keys()...), JWKSURI: uri},
		"private": {JWKS: set(t, jose.JSONWebKey{Key: client.Ed})},
		"none":    {},
	}
	net := &web{err: errors.New("away")}
	source := New(Config{Registry: clients, Fetcher: net, Clock: fakeclock.New(start())})
	keys, err := source.Keys(t.Context(), "web", "x", true)
	if err != nil || len(keys.Keys) != 3 || net.gets != 0 {
		t.Fatalf("%d keys, %v, read %d times", len(keys.Keys), err, net.gets)
	}
	again, err := source.Keys(t.Context(), "web", "", false)
	if err != nil || &again.Keys[0] != &keys.Keys[0] {
		t.Errorf("parsed twice, %v", err)
	}
	clients["web"] = Registration{JWKS: set(t, jose.JSONWebKey{Key: client.Ed.Public(), KeyID: "new"})}
	changed, err := source.Keys(t.Context(), "web", "", false)
	if err != nil || len(changed.Keys) != 1 || changed.Keys[0].KeyID != "new" {
		t.Errorf("after a change: %v, %v", changed, err)
	}
	if _, err := source.Keys(t.Context(), "private", "", false); !errors.Is(err, ErrPrivate) {
		t.Error(err)
	}
	if _, err := source.Keys(t.Context(), "none", "", false); !errors.Is(err, ErrNoKeys) {
		t.Error(err)
	}
	if _, err := source.Keys(t.Context(), "absent", "", false); err == nil {
		t.Error("an unknown client has keys")
	}
}

// TestCachesAreBounded: many clients do not fill the memory.
func TestCachesAreBounded(t *testing.T) {
	client := jwstest.New(t)
	clients := registry{}
	for i := range maxEntries + 50 {
		clients[fmt.Sprint("i", i)] = Registration{JWKS: set(t, jose.JSONWebKey{Key: client.Ed.Public()})}
		clients[fmt.Sprint("r", i)] = Registration{JWKSURI: fmt.Sprint(uri, i)}
	}
	source := New(Config{Registry: clients, Fetcher: &web{body: set(t, client.Keys()...)}, Clock: fakeclock.New(start())})
	for id := range clients {
		if _, err := source.Keys(t.Context(), id, "", false); err != nil {
			t.Fatal(err)
		}
	}
	if len(source.inline) > maxEntries || len(source.fetched) > maxEntries {
		t.Errorf("%d inline, %d fetched", len(source.inline), len(source.fetched))
	}
}
