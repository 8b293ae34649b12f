package answers_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// checkLimit holds an answer's headers against what is left of a limit.
func checkLimit(t *testing.T, a answer, limit, remaining int) {
	t.Helper()
	got := func(name string) string { return a.header.Get("X-RateLimit-" + name) }
	if got("Limit") != strconv.Itoa(limit) || got("Remaining") != strconv.Itoa(remaining) {
		t.Errorf("%d: %s of %s left, want %d of %d", a.status, got("Remaining"), got("Limit"), remaining, limit)
	}
	// A second more for what rounds, and for the clock of another server.
	at, err := strconv.ParseInt(got("Reset"), 10, 64)
	if wait := time.Until(time.Unix(at, 0)); err != nil || wait < -2*time.Second || wait > time.Minute+2*time.Second {
		t.Errorf("%d: X-RateLimit-Reset %q is in %v", a.status, got("Reset"), wait)
	}
}

// checkRefused wants a refusal that says when to come back.
func checkRefused(t *testing.T, a answer, limit int) {
	t.Helper()
	if a.status != http.StatusTooManyRequests || a.text("error_code") != "AUTH_004" {
		t.Fatalf("beyond the limit: %d %s", a.status, a.raw)
	}
	if after, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || after < 1 || after > 61 {
		t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
	}
	checkLimit(t, a, limit, 0)
}

// TestLimits: a limit is one for all replicas and for both names of a route, and
// every answer tells how much is left of it.
func TestLimits(t *testing.T) {
	t.Parallel()
	const limit = 5
	env := []string{
		"SIGNET_LIMITS_LOGINS_PER_ADDR=5", "SIGNET_LIMITS_READS_PER_CALLER=5", "SIGNET_TRUSTED_PROXIES=127.0.0.0/8",
	}
	engines(t, env, func(t *testing.T, w *world) {
		in := w.all[0]
		ada, grace := in.User(t, "ada@acme.test", password), in.User(t, "grace@acme.test", password)
		in.Client(t, "web", storage.ClientMetadata{TokenEndpointAuthMethod: "none", FirstParty: true, Scope: "openid account"})
		w.sync(t)

		// By address.
		login := func(i int, from string) answer {
			path := []string{"/auth/login", "/api/v1/auth/login"}[i%2]
			return send(t, w.at(i/2), http.MethodPost, path, m{"email": "ada@acme.test", "password": password}, "X-Forwarded-For", from)
		}
		for i := range limit {
			a := login(i, "192.0.2.1")
			if a.status != http.StatusOK {
				t.Fatalf("login %d: %d %s", i+1, a.status, a.raw)
			}
			checkLimit(t, a, limit, limit-1-i)
		}
		for i := range 4 {
			checkRefused(t, login(i, "192.0.2.1"), limit)
		}
		if a := login(0, "192.0.2.2"); a.status != http.StatusOK {
			t.Errorf("from another address: %d %s", a.status, a.raw)
		}
		if a := send(t, in, http.MethodPost, "/auth/validate", m{"token": "x"}, "X-Forwarded-For", "192.0.2.1"); a.status != http.StatusOK {
			t.Errorf("a route without a limit: %d %s", a.status, a.raw)
		}

		// By caller, wherever the calls come from.
		bearer := map[string]string{}
		for _, u := range []storage.User{ada, grace} {
			bearer[u.ID] = "Bearer " + in.AccessToken(t, u.ID, "web", "openid account")
		}
		w.sync(t)
		read := func(i int, u storage.User) answer {
			return send(t, w.at(i), http.MethodGet, "/auth/me", nil, "Authorization", bearer[u.ID], "X-Forwarded-For", "198.51.100."+strconv.Itoa(i+1))
		}
		for i := range limit {
			a := read(i, ada)
			if a.status != http.StatusOK {
				t.Fatalf("read %d: %d %s", i+1, a.status, a.raw)
			}
			checkLimit(t, a, limit, limit-1-i)
		}
		for i := range 2 {
			checkRefused(t, read(i, ada), limit)
		}
		if a := read(0, grace); a.status != http.StatusOK {
			t.Errorf("another person: %d %s", a.status, a.raw)
		}
	})
}

// TestLimitEnds: after what Retry-After says, the next request is answered.
func TestLimitEnds(t *testing.T) {
	t.Parallel()
	clock := harness.FakeClock()
	in := harness.Start(t, harness.Options{Clock: clock, Env: []string{"SIGNET_LIMITS_LOGINS_PER_ADDR=1"}})
	login := func() answer {
		return send(t, in, http.MethodPost, "/auth/login", m{"email": "nobody@acme.test", "password": password})
	}
	if err := in.Applier().EnsureBuiltin(t.Context()); err != nil {
		t.Fatal(err)
	}
	in.Sync(t)
	for round := range 3 {
		if a := login(); a.status != http.StatusUnauthorized {
			t.Fatalf("round %d: %d %s", round, a.status, a.raw)
		}
		a := login()
		after, err := strconv.Atoi(a.header.Get("Retry-After"))
		if a.status != http.StatusTooManyRequests || err != nil {
			t.Fatalf("round %d: %d, Retry-After %q", round, a.status, a.header.Get("Retry-After"))
		}
		clock.Advance(time.Duration(after) * time.Second)
	}
}
