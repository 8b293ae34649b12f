package replicas_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/signet-idp/signet/gateway"
	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// TestModel lets several people at once log in, refresh, change roles, log out
// and revoke, at either replica by chance. After each step, when a replica has
// applied what was acknowledged (View.Sync), every token of the person is
// exactly as good there as the model says: none is accepted that was revoked,
// none refused that was not. The same holds for a gateway that follows the
// replica, when it has reached the same position. Another gateway's connections
// are cut all the time: it may say that it does not know, but never that a token
// is good later than its bound after the revocation was acknowledged, nor that
// one was revoked that was not.
//
// SIGNET_TEST_SEED repeats a run.
func TestModel(t *testing.T) {
	t.Parallel()
	w := setup(t, 2, harness.Options{DatabaseURL: servers.Postgres(t), RedisURL: servers.Redis(t)})
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv("SIGNET_TEST_SEED"), 10, 64); err == nil {
		seed = s
	}
	t.Logf("SIGNET_TEST_SEED=%d", seed)
	w.guard(t)
	shaky, stop := w.shaky(t, rand.New(rand.NewPCG(seed, 99)))
	defer stop()
	const people, steps = 4, 100
	var wg sync.WaitGroup
	for n := range people {
		u := w.subject(t, n)
		o := w.at(0).Organization(t, fmt.Sprintf("org%d", n), w.person.ID)
		if _, err := w.at(0).Organizations.AddMember(t.Context(), access.Root(), o.ID, u.ID, []string{"viewer"}, "admin"); err != nil {
			t.Fatal(err)
		}
		a := &actor{
			t: t, w: w, user: u, org: o, roles: []string{"viewer"}, system: []string{"user"}, c: newCaller(t, 2), shaky: shaky,
			rnd: rand.New(rand.NewPCG(seed, uint64(n))),
		}
		if _, err := w.at(0).Users.SetSystemRoles(t.Context(), access.Root(), u.ID, a.system); err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for step := range steps {
				if err := a.step(); err != nil {
					t.Errorf("person %d, step %d: %v; did %v", n, step, err, a.did)
					return
				}
			}
		})
	}
	wg.Wait()
}

// actor is one person and what the model knows of their tokens.
type actor struct {
	t      *testing.T
	w      *world
	c      caller
	rnd    *rand.Rand
	user   storage.User
	org    storage.Organization
	roles  []string
	system []string
	grants []*grant
	did    []string
	shaky  *gateway.Verifier
}

// shakyStale is how old a shaky gateway lets its news get.
const shakyStale = time.Second

// shaky makes a gateway whose connections do not last, until stop.
func (w *world) shaky(t *testing.T, rnd *rand.Rand) (v *gateway.Verifier, stop func()) {
	t.Helper()
	in := w.at(1)
	proxy, through := harness.NewProxy(t, in.URL)
	v = in.Gateway(t, "shaky", func(c *gateway.Config) {
		c.HTTPClient = &http.Client{Transport: harness.Transport(t, through)}
		c.MaxStale, c.OnStale = shakyStale, gateway.Refuse
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			time.Sleep(time.Duration(100+rnd.IntN(900)) * time.Millisecond)
			switch rnd.IntN(3) {
			case 0: // hangs, and comes back with what it held
				proxy.Stall()
				time.Sleep(time.Duration(rnd.IntN(2500)) * time.Millisecond)
				proxy.Flow()
			case 1:
				proxy.Cut()
				time.Sleep(time.Duration(rnd.IntN(2500)) * time.Millisecond)
				proxy.Restore(t)
			default:
				proxy.BreakAfterReceiving(rnd.IntN(3000))
			}
		}
	}()
	return v, func() { cancel(); <-done }
}

// grant is a session with one grant, as the model sees it.
type grant struct {
	browser *harness.Browser
	idToken string
	refresh string
	dead    bool
	tokens  []*token
}

// token is an access token and why it is refused, or "".
type token struct {
	text   string
	reason string
	died   time.Time // when that it is refused was acknowledged
}

// worsen notes why tokens die: the gravest reason is the one that is told.
func (k *token) worsen(reason string) {
	order := []string{"", "stale_permissions", "session_ended", "revoked"}
	if slices.Index(order, reason) > slices.Index(order, k.reason) {
		if k.reason == "" {
			k.died = time.Now()
		}
		k.reason = reason
	}
}

func (a *actor) each(f func(*token)) {
	for _, g := range a.grants {
		for _, k := range g.tokens {
			f(k)
		}
	}
}

// live picks a grant that stands, or nil.
func (a *actor) live() *grant {
	var standing []*grant
	for _, g := range a.grants {
		if !g.dead {
			standing = append(standing, g)
		}
	}
	if len(standing) == 0 {
		return nil
	}
	return standing[a.rnd.IntN(len(standing))]
}

// step does one thing at one replica and looks at the outcome at one replica.
func (a *actor) step() error {
	in := a.w.at(a.rnd.IntN(2))
	ops := []struct {
		name   string
		weight int
		do     func(in *harness.Instance) error
	}{
		{"login", 4, a.logIn},
		{"refresh", 8, a.renew},
		{"roles", 4, a.changeRoles},
		{"system roles", 2, a.changeSystemRoles},
		{"logout", 2, a.logOut},
		{"revoke token", 2, a.revokeAccess},
		{"revoke grant", 1, a.revokeRefresh},
		{"suspend", 1, a.suspend},
	}
	total := 0
	for _, o := range ops {
		total += o.weight
	}
	pick := a.rnd.IntN(total)
	for _, o := range ops {
		if pick -= o.weight; pick < 0 {
			a.did = append(a.did, o.name)
			if err := o.do(in); err != nil {
				return fmt.Errorf("%s: %w", o.name, err)
			}
			break
		}
	}
	return a.check(a.w.at(a.rnd.IntN(2)))
}

// check compares a replica that is up to date with the model.
func (a *actor) check(in *harness.Instance) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := in.View.Sync(ctx); err != nil {
		return err
	}
	if err := a.checkGateways(ctx, in); err != nil {
		return err
	}
	var err error
	a.each(func(k *token) {
		got := a.c.post(ctx, in.URL+"/auth/validate", url.Values{"token": {k.text}})
		valid, _ := got.fields["valid"].(bool)
		if got.status != 200 || valid != (k.reason == "") || got.field("reason") != k.reason {
			err = fmt.Errorf("%d valid %v reason %q, the model says %q (%w)", got.status, valid, got.field("reason"), k.reason, got.err)
		}
	})
	return err
}

// checkGateways compares what gateways say with the model.
func (a *actor) checkGateways(ctx context.Context, in *harness.Instance) error {
	head := in.View.Head()
	v := a.w.gateways[slices.Index(a.w.all, in)]
	for v.Position() < head {
		if ctx.Err() != nil {
			return fmt.Errorf("the gateway is at %d, its replica at %d", v.Position(), head)
		}
		time.Sleep(time.Millisecond)
	}
	var err error
	a.each(func(k *token) {
		_, refused := v.Verify(ctx, k.text)
		if got := gateway.Reason(refused); got != k.reason && !(got == "valid" && k.reason == "") {
			err = fmt.Errorf("the gateway says %q, the model %q", got, k.reason)
		}
		begin := time.Now()
		_, refused = a.shaky.Verify(ctx, k.text)
		switch got := gateway.Reason(refused); {
		case got == "unknown":
		case got == "valid":
			if k.reason != "" && begin.Sub(k.died) > shakyStale {
				err = fmt.Errorf("the shaky gateway accepts %v after the token died of %q", begin.Sub(k.died), k.reason)
			}
		case k.reason == "":
			err = fmt.Errorf("the shaky gateway says %q of a good token", got)
		}
	})
	return err
}

func (a *actor) logIn(in *harness.Instance) error {
	b, _ := in.SignedIn(a.t, a.user.ID)
	auth, code := b.Silent("web", "openid roles organization", nil)
	got := in.Redeem(a.t, "web", "", auth, code)
	if got.Status != 200 {
		return fmt.Errorf("redeem: %+v", got)
	}
	a.grants = append(a.grants, &grant{browser: b, idToken: got.IDToken, refresh: got.RefreshToken, tokens: []*token{{text: got.AccessToken}}})
	return nil
}

func (a *actor) renew(in *harness.Instance) error {
	if len(a.grants) == 0 {
		return nil
	}
	g := a.grants[a.rnd.IntN(len(a.grants))]
	got := in.Refresh(a.t, "web", "", g.refresh, nil)
	if g.dead {
		return wantInvalidGrant(got)
	}
	if got.Status != 200 {
		return fmt.Errorf("%+v", got)
	}
	g.refresh = got.RefreshToken
	g.tokens = append(g.tokens, &token{text: got.AccessToken})
	var roles []string
	list, _ := harness.Claims(a.t, got.AccessToken)["roles"].([]any)
	for _, r := range list {
		roles = append(roles, r.(string))
	}
	want := slices.Clone(a.roles)
	for _, r := range a.system {
		want = append(want, "system:"+r)
	}
	slices.Sort(roles)
	slices.Sort(want)
	if !slices.Equal(roles, want) {
		return fmt.Errorf("roles %v, want %v", roles, want)
	}
	return nil
}

// some draws a subset of all, never empty.
func (a *actor) some(all []string) []string {
	var out []string
	for _, r := range all {
		if a.rnd.IntN(2) == 0 {
			out = append(out, r)
		}
	}
	if len(out) == 0 {
		out = all[:1]
	}
	return out
}

// takesAway says whether next lacks something of old.
func takesAway(old, next []string) bool {
	return slices.ContainsFunc(old, func(r string) bool { return !slices.Contains(next, r) })
}

func (a *actor) changeRoles(in *harness.Instance) error {
	next := a.some([]string{"viewer", "member", "manager"})
	if _, err := in.Organizations.ChangeRoles(context.Background(), access.Root(), a.org.ID, a.user.ID, next, "admin"); err != nil {
		return err
	}
	if takesAway(a.roles, next) {
		a.each(func(k *token) { k.worsen("stale_permissions") })
	}
	a.roles = next
	return nil
}

func (a *actor) changeSystemRoles(in *harness.Instance) error {
	next := a.some([]string{"user", "manager"})
	if _, err := in.Users.SetSystemRoles(context.Background(), access.Root(), a.user.ID, next); err != nil {
		return err
	}
	if takesAway(a.system, next) {
		a.each(func(k *token) { k.worsen("stale_permissions") })
	}
	a.system = next
	return nil
}

func (a *actor) logOut(in *harness.Instance) error {
	g := a.live()
	if g == nil {
		return nil
	}
	got := a.c.get(context.Background(), in.URL+"/oauth2/logout?"+url.Values{"id_token_hint": {g.idToken}}.Encode(), g.browser.Cookies()...)
	if got.status != 200 {
		return fmt.Errorf("%d %w", got.status, got.err)
	}
	g.dead = true
	for _, k := range g.tokens {
		k.worsen("session_ended")
	}
	return nil
}

func (a *actor) revokeAccess(in *harness.Instance) error {
	g := a.live()
	if g == nil {
		return nil
	}
	k := g.tokens[a.rnd.IntN(len(g.tokens))]
	// A token that is dead already, for whatever reason, is not revoked again;
	// at this replica it may still be alive, but not after a Sync.
	in.Sync(a.t)
	alive := k.reason == ""
	if err := a.revoke(in, k.text); err != nil {
		return err
	}
	if alive {
		k.worsen("revoked")
	}
	return nil
}

func (a *actor) revokeRefresh(in *harness.Instance) error {
	g := a.live()
	if g == nil {
		return nil
	}
	if err := a.revoke(in, g.refresh); err != nil {
		return err
	}
	g.dead = true
	for _, k := range g.tokens {
		k.worsen("revoked")
	}
	return nil
}

func (a *actor) revoke(in *harness.Instance, text string) error {
	got := a.c.post(context.Background(), in.URL+"/oauth2/revoke", url.Values{"client_id": {"web"}, "token": {text}})
	if got.status != 200 {
		return fmt.Errorf("%d %s %w", got.status, got.body, got.err)
	}
	return nil
}

// suspend ends everything of the person, who then comes back.
func (a *actor) suspend(in *harness.Instance) error {
	for _, status := range []storage.UserStatus{storage.UserSuspended, storage.UserActive} {
		if _, err := in.Users.SetStatus(context.Background(), a.user.ID, status, "abuse"); err != nil {
			return err
		}
	}
	for _, g := range a.grants {
		g.dead = true
	}
	a.each(func(k *token) { k.worsen("revoked") })
	return nil
}
