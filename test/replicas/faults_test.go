package replicas_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/provider/gate"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// writeBound is how soon a write has to be refused when the database is away
// (design §14), with something for a machine that is busy with other tests.
const writeBound = 2*time.Second + 500*time.Millisecond

// fragile is one server whose database can be taken away.
type fragile struct {
	*world
	in    *harness.Instance
	clk   *fakeclock.Clock
	proxy *harness.Proxy
	c     caller
}

func newFragile(t *testing.T) *fragile {
	t.Helper()
	proxy, through := harness.NewProxy(t, servers.Postgres(t))
	clk := harness.FakeClock()
	w := setup(t, 1, harness.Options{DatabaseURL: through, Clock: clk})
	return &fragile{w, w.at(0), clk, proxy, newCaller(t, 8)}
}

// memory asks for everything that is answered from memory.
func (f *fragile) memory(t *testing.T, token string, status int) {
	t.Helper()
	for path, want := range map[string]int{
		"/.well-known/openid-configuration": 200, "/.well-known/oauth-authorization-server": 200,
		"/.well-known/jwks.json": 200, "/livez": 200,
	} {
		if a := f.c.get(t.Context(), f.in.URL+path); a.status != want {
			t.Errorf("%s: %d %v", path, a.status, a.err)
		}
	}
	if token == "" {
		return
	}
	form := f.c.post(t.Context(), f.in.URL+"/auth/validate", url.Values{"token": {token}})
	header := f.c.validate(t.Context(), f.in, token)
	for _, a := range []answer{form, header} {
		if a.status != status {
			t.Errorf("validate: %d %s %v, want %d", a.status, a.body, a.err, status)
		}
	}
	if status == http.StatusServiceUnavailable {
		if form.field("error_code") != "SRV_002" || header.field("error_code") != "SRV_002" || header.header.Get("Retry-After") == "" {
			t.Errorf("validate: %s / %s", form.body, header.body)
		}
		return
	}
	if form.fields["valid"] != true || form.fields["as_of"] == nil {
		t.Errorf("validate: %s", form.body)
	}
}

// writes tries everything that needs the database; each has to answer 503 in
// time, and to say when to come back.
func (f *fragile) writes(t *testing.T, l login) {
	t.Helper()
	a := harness.NewAuthorization("web", "openid", map[string]string{"prompt": "none"})
	cookies := l.browser.Cookies()
	calls := map[string]func() answer{
		"refresh": func() answer {
			return f.c.post(t.Context(), f.in.URL+"/oauth2/token", refreshForm(l.tokens.RefreshToken))
		},
		"redeem": func() answer {
			return f.c.post(t.Context(), f.in.URL+"/oauth2/token", redeemForm(a, strings.Repeat("A", 43)))
		},
		"revoke": func() answer {
			return f.c.post(t.Context(), f.in.URL+"/oauth2/revoke", url.Values{"client_id": {"web"}, "token": {l.tokens.RefreshToken}})
		},
		"authorize": func() answer { return f.c.get(t.Context(), f.in.URL+a.Path(), cookies...) },
		"logout": func() answer {
			return f.c.get(t.Context(), f.in.URL+"/oauth2/logout?"+url.Values{"id_token_hint": {l.tokens.IDToken}}.Encode(), cookies...)
		},
		"userinfo": func() answer {
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, f.in.URL+"/oauth2/userinfo", http.NoBody)
			r.Header.Set("Authorization", "Bearer "+l.tokens.AccessToken)
			return f.c.do(r)
		},
	}
	names := slices.Sorted(maps.Keys(calls))
	type timed struct {
		answer
		took time.Duration
	}
	for i, got := range parallel(len(names), func(i int) timed {
		start := time.Now()
		a := calls[names[i]]()
		return timed{a, time.Since(start)}
	}) {
		name, took := names[i], got.took
		if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" || took > writeBound {
			t.Errorf("%s: %d after %v, Retry-After %q, %v %.200s", name, got.status, took, got.header.Get("Retry-After"), got.err, got.body)
		}
		t.Logf("%s: %d after %v", name, got.status, took.Round(time.Millisecond))
	}
}

// TestDatabaseAway: without its database a server verifies from memory as long
// as it may, refuses what it must within two seconds, and comes back by itself.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	f := newFragile(t)
	l := f.login(t, f.in, f.person.ID, "openid", nil)
	f.memory(t, l.tokens.AccessToken, 200)
	// Gates differ in what they do when nobody knows.
	for _, g := range []storage.Gate{{Name: "closed"}, {Name: "open", Fail: gate.FailOpen}} {
		if _, err := f.in.Gates.Put(t.Context(), g); err != nil {
			t.Fatal(err)
		}
	}
	f.in.Sync(t)
	revoked := f.login(t, f.in, f.person.ID, "openid", nil).tokens.AccessToken
	if err := revokeAt(t, f.in, "web", revoked); err != nil {
		t.Fatal(err)
	}
	f.in.Sync(t)
	gates := func(closed, open int) {
		t.Helper()
		for name, want := range map[string]int{"closed": closed, "open": open} {
			for token, want := range map[string]int{l.tokens.AccessToken: want, revoked: 401, l.tokens.AccessToken + "A": 401} {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.in.URL+"/auth/validate/"+name, nil)
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Authorization", "Bearer "+token)
				if a := f.c.do(r); a.status != want {
					t.Errorf("gate %s: %d, want %d: %s", name, a.status, want, a.body)
				}
			}
		}
	}
	gates(200, 200)

	f.proxy.Cut()
	f.writes(t, l)
	f.memory(t, l.tokens.AccessToken, 200)
	f.clk.Advance(29 * time.Second)
	f.memory(t, l.tokens.AccessToken, 200)
	f.clk.Advance(2 * time.Second) // SIGNET_REVOCATION_MAX_STALE is over
	f.memory(t, l.tokens.AccessToken, 503)
	gates(503, 200)
	if a := f.c.get(t.Context(), f.in.URL+"/readyz"); a.status != 503 {
		t.Errorf("ready without revocations: %d", a.status)
	}

	f.proxy.Restore(t)
	took := harness.Eventually(t, patience, "validate comes back", func() bool { return f.c.validate(t.Context(), f.in, l.tokens.AccessToken).status == 200 })
	took += harness.Eventually(t, patience, "refresh comes back", func() bool {
		a := f.c.post(t.Context(), f.in.URL+"/oauth2/token", refreshForm(l.tokens.RefreshToken))
		if a.status != 200 && a.status != 503 {
			t.Fatalf("refresh: %d %s", a.status, a.body)
		}
		l.tokens.RefreshToken = a.field("refresh_token")
		return a.status == 200
	})
	t.Logf("back %v after the database was", took.Round(time.Millisecond))
	f.clk.Advance(2 * time.Second) // probes are asked once a second
	if a := f.c.get(t.Context(), f.in.URL+"/readyz"); a.status != 200 {
		t.Errorf("not ready again: %d %s", a.status, a.body)
	}

	// JWKS and discovery answer without end, though nobody may cache them long.
	f.proxy.Cut()
	f.clk.Advance(24 * time.Hour)
	f.memory(t, "", 0)
	if cc := f.c.get(t.Context(), f.in.URL+"/.well-known/jwks.json").header.Get("Cache-Control"); !strings.HasSuffix(cc, "max-age=0") {
		t.Errorf("jwks of a replica cut off for a day: Cache-Control %q", cc)
	}
	f.proxy.Restore(t)
	harness.Eventually(t, patience, "it signs again", func() bool {
		if f.in.Keys.Tick(t.Context()) != nil { // which it does every five seconds of the machine's
			return false
		}
		_, err := f.in.Keys.Snapshot().Signer("ES256")
		return err == nil && f.in.View.Fresh(time.Second)
	})
	f.login(t, f.in, f.person.ID, "openid", nil)
}

// TestDatabaseHangs: a database that swallows everything is as good as none.
func TestDatabaseHangs(t *testing.T) {
	t.Parallel()
	f := newFragile(t)
	l := f.login(t, f.in, f.person.ID, "openid", nil)
	f.proxy.Stall()
	f.memory(t, l.tokens.AccessToken, 200)
	f.writes(t, l)
	f.memory(t, l.tokens.AccessToken, 200)
	f.proxy.Flow()
	harness.Eventually(t, patience, "refresh comes back", func() bool {
		a := f.c.post(t.Context(), f.in.URL+"/oauth2/token", refreshForm(l.tokens.RefreshToken))
		return a.status == 200
	})
}

// TestDatabaseSlow: a slow database makes slow answers, and none that takes
// longer than a request may; what was refused changed nothing.
func TestDatabaseSlow(t *testing.T) {
	t.Parallel()
	f := newFragile(t)
	l := f.login(t, f.in, f.person.ID, "openid", nil)
	f.proxy.Delay(200 * time.Millisecond)
	a := f.c.post(t.Context(), f.in.URL+"/oauth2/token", refreshForm(l.tokens.RefreshToken))
	if a.status != 200 {
		t.Fatalf("refresh over a slow database: %d %s %v", a.status, a.body, a.err)
	}
	refresh := a.field("refresh_token")
	f.proxy.Delay(3 * time.Second)
	start := time.Now()
	a = f.c.post(t.Context(), f.in.URL+"/oauth2/token", refreshForm(refresh))
	if took := time.Since(start); a.status != 503 || took > writeBound {
		t.Errorf("refresh over a database that answers after 3 s: %d after %v", a.status, took)
	}
	f.proxy.Delay(0)
	harness.Eventually(t, patience, "refresh comes back", func() bool {
		// Whether or not the refused step was made, the token is the current one
		// or its direct predecessor.
		return f.c.post(t.Context(), f.in.URL+"/oauth2/token", refreshForm(refresh)).status == 200
	})
}

// TestRedisAway: without Redis everything goes on, and nothing that was ended
// lives again, not even when Redis comes back without its memory.
func TestRedisAway(t *testing.T) {
	t.Parallel()
	proxy, through := harness.NewProxy(t, servers.Redis(t))
	w := setup(t, 2, harness.Options{DatabaseURL: servers.Postgres(t), RedisURL: through})
	c := newCaller(t, 4)
	dead := w.login(t, w.at(0), w.person.ID, "openid", nil)
	logout := func(l login, in *harness.Instance) {
		t.Helper()
		a := c.get(t.Context(), in.URL+"/oauth2/logout?"+url.Values{"id_token_hint": {l.tokens.IDToken}}.Encode(), l.browser.Cookies()...)
		if a.status != 200 {
			t.Fatalf("logout: %d %s", a.status, a.body)
		}
	}
	enforced := func(l login) {
		t.Helper()
		for _, in := range w.all {
			harness.Eventually(t, patience, "the logout is enforced", func() bool { return c.validate(t.Context(), in, l.tokens.AccessToken).status == 401 })
		}
	}
	logout(dead, w.at(1))
	enforced(dead)

	round := func(when string) {
		t.Helper()
		start := time.Now()
		b := w.at(1).NewBrowser(t)
		a := harness.NewAuthorization("web", "openid", nil)
		p := b.Get(a.Path())
		if p = b.SignIn(p, "alice@example.test", "wrong"); p.Status != 401 {
			t.Fatalf("%s: wrong password: %d", when, p.Status)
		}
		code := harness.CodeOf(t, b.SignIn(p, "alice@example.test", password))
		got := w.at(0).Redeem(t, "web", "", a, code)
		if got.Status != 200 {
			t.Fatalf("%s: redeem: %+v", when, got)
		}
		fresh := w.at(1).Refresh(t, "web", "", got.RefreshToken, nil)
		if fresh.Status != 200 {
			t.Fatalf("%s: refresh: %+v", when, fresh)
		}
		t.Logf("%s: login with a mistake, code and refresh in %v", when, time.Since(start).Round(time.Millisecond))
		l := login{browser: b, tokens: fresh}
		for _, in := range w.all {
			if a := c.validate(t.Context(), in, fresh.AccessToken); a.status != 200 {
				t.Fatalf("%s: %d", when, a.status)
			}
		}
		logout(l, w.at(0))
		enforced(l)
		enforced(dead)
		if a := c.get(t.Context(), w.at(0).URL+"/readyz"); a.status != 200 {
			t.Errorf("%s: not ready: %s", when, a.body)
		}
	}
	round("with Redis")
	proxy.Cut()
	round("Redis gone")
	proxy.Restore(t)
	round("Redis back")
	proxy.Stall()
	round("Redis hangs")
	proxy.Flow()
	round("Redis back again")
}

// TestClockOffset: two replicas whose clocks are 20 seconds apart work
// together: what one issues the other accepts, at once.
func TestClockOffset(t *testing.T) {
	t.Parallel()
	db := servers.Postgres(t)
	o := harness.Options{DatabaseURL: db, MasterKey: harness.MasterKey}
	first := harness.Start(t, o)
	o.Issuer, o.Env = first.Issuer, []string{"SIGNET_CLOCK_OFFSET=20s"}
	w := &world{all: []*harness.Instance{first, harness.Start(t, o)}}
	w.person = first.User(t, "alice@example.test", password)
	first.Client(t, "web", storage.ClientMetadata{TokenEndpointAuthMethod: "none", FirstParty: true})
	w.sync(t)
	c := newCaller(t, 2)
	if a := c.get(t.Context(), w.at(1).URL+"/readyz"); a.status != 200 || !strings.Contains(a.body, "20s") {
		t.Errorf("readiness says nothing of the offset: %d %q", a.status, a.body)
	}
	for i := range 2 {
		t.Run(fmt.Sprintf("begun at replica %d", i), func(t *testing.T) {
			here, other := w.at(i), w.at(i+1)
			// Begun here, the password typed there, the code redeemed here.
			b := here.NewBrowser(t)
			a := harness.NewAuthorization("web", scopes, map[string]string{"max_age": "60"})
			page := b.Get(a.Path())
			code := harness.CodeOf(t, b.At(other).SignIn(page, "alice@example.test", password))
			got := here.Redeem(t, "web", "", a, code)
			if got.Status != 200 {
				t.Fatalf("redeem: %+v", got)
			}
			for n := range 4 { // each at the other, then again here
				in := w.at(i + n)
				next := in.Refresh(t, "web", "", got.RefreshToken, nil)
				if next.Status != 200 {
					t.Fatalf("refresh %d: %+v", n, next)
				}
				for _, in := range w.all {
					if ok, reason, _ := in.Verdict(t, next.AccessToken); !ok {
						t.Fatalf("refresh %d: refused: %s", n, reason)
					}
				}
				// Within the grace the predecessor gets the same successor.
				if again := other.Refresh(t, "web", "", got.RefreshToken, nil); again.RefreshToken != next.RefreshToken {
					t.Fatalf("refresh %d: %+v", n, again)
				}
				got.RefreshToken = next.RefreshToken
			}
			// A silent code of the one, redeemed at the other.
			bb, _ := other.SignedIn(t, w.person.ID)
			l := tokensVia(t, bb, here)
			if a := c.get(context.Background(), here.URL+"/oauth2/logout?"+url.Values{"id_token_hint": {l.IDToken}}.Encode(), bb.Cookies()...); a.status != 200 {
				t.Fatalf("logout: %d", a.status)
			}
			for _, in := range w.all {
				harness.Eventually(t, patience, "the logout is enforced", func() bool { return c.validate(t.Context(), in, l.AccessToken).status == 401 })
			}
		})
	}
}

// tokensVia gets a code where the browser is and redeems it elsewhere.
func tokensVia(t *testing.T, b *harness.Browser, in *harness.Instance) harness.TokenAnswer {
	t.Helper()
	return tokens(t, in, b, "openid", nil)
}
