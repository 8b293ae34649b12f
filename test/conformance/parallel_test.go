package conformance_test

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/login"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// atOnce runs n calls side by side.
func atOnce(n int, call func() harness.TokenAnswer) []harness.TokenAnswer {
	out := make([]harness.TokenAnswer, n)
	var ready, done sync.WaitGroup
	ready.Add(n)
	for i := range out {
		done.Go(func() {
			ready.Done()
			ready.Wait()
			out[i] = call()
		})
	}
	done.Wait()
	return out
}

func TestAtOnce(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]func(t *testing.T) harness.Options{
		"SQLite": func(*testing.T) harness.Options { return harness.Options{} },
		"PostgreSQL": func(t *testing.T) harness.Options {
			return harness.Options{DatabaseURL: servers.Postgres(t), MasterKey: harness.MasterKey}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := o(t)
			clock := harness.FakeClock()
			options.Clock = clock
			in := harness.Start(t, options)
			s := &site{Instance: in, clock: clock, alice: in.User(t, aliceEmail, password)}
			s.public(t, "app", storage.ClientMetadata{})
			b := s.signIn(t, s.alice)

			t.Run("code", func(t *testing.T) {
				for range 4 {
					a := harness.NewAuthorization("app", "openid", nil)
					code := s.success(t, b.Get(a.Path()), a)
					var won []harness.TokenAnswer
					for _, got := range atOnce(12, func() harness.TokenAnswer { return s.Redeem(t, "app", "", a, code) }) {
						switch {
						case got.Status == http.StatusOK:
							won = append(won, got)
						case got.Status != http.StatusBadRequest || got.Error != "invalid_grant":
							t.Fatalf("%+v", got)
						}
					}
					if len(won) != 1 {
						t.Fatalf("%d redemptions of one code won", len(won))
					}
					if s.alive(t, won[0].AccessToken) {
						t.Error("the code was replayed and its token lives")
					}
				}
			})
			t.Run("refresh", func(t *testing.T) {
				got := s.tokens(t, b, "app", "", "openid", nil)
				for range 6 {
					next := ""
					for _, r := range atOnce(12, func() harness.TokenAnswer { return s.Refresh(t, "app", "", got.RefreshToken, nil) }) {
						if r.Status != http.StatusOK {
							if r.Status != http.StatusBadRequest || r.Error != "invalid_grant" {
								t.Fatalf("%+v", r)
							}
							continue
						}
						if next != "" && r.RefreshToken != next {
							t.Fatal("two live successors")
						}
						next = r.RefreshToken
					}
					if next == "" || next == got.RefreshToken {
						t.Fatal("nobody won")
					}
					got.RefreshToken = next
				}
			})
			t.Run("login", func(t *testing.T) {
				b := s.NewBrowser(t)
				a := harness.NewAuthorization("app", "openid", nil)
				p := b.Get(a.Path())
				codes := make([]int, 4)
				var wg sync.WaitGroup
				for i := range codes {
					wg.Go(func() {
						got := b.SignIn(p, aliceEmail, password)
						if got.Location != nil && got.Location.Query().Get("code") != "" {
							codes[i] = 1
						} else if got.Status != http.StatusConflict {
							t.Errorf("status %d %s", got.Status, got.ErrorCode())
						}
					})
				}
				wg.Wait()
				if n := codes[0] + codes[1] + codes[2] + codes[3]; n != 1 {
					t.Errorf("one login gave %d codes", n)
				}
			})
		})
	}
}

// A replica that has not yet heard of a change must not hand out, under the
// feed position that it reads from the database, what it remembers from before.
func TestReplicaBehind(t *testing.T) {
	t.Parallel()
	in := harness.Replicas(t, 2, harness.Options{DatabaseURL: servers.Postgres(t)})
	one, two := in[0], in[1]
	alice := one.User(t, aliceEmail, password)
	one.Organization(t, "acme", alice.ID)
	owner := one.User(t, bobEmail, password)
	acme, err := one.Organizations.Get(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	role := storage.Role{Scope: storage.ScopeOrganization, OrganizationID: acme.ID, Name: "clerk", Permissions: []string{"read:invoice", "write:invoice"}}
	if role, err = one.Access.Put(t.Context(), access.Root(), role); err != nil {
		t.Fatal(err)
	}
	if _, err := one.Organizations.AddMember(t.Context(), access.Root(), acme.ID, owner.ID, []string{"clerk"}, "admin"); err != nil {
		t.Fatal(err)
	}
	one.Client(t, "app", storage.ClientMetadata{TokenEndpointAuthMethod: "none", FirstParty: true})
	two.Sync(t)
	b, _ := one.SignedIn(t, owner.ID)
	a, code := b.Silent("app", "openid permissions", nil)
	got := two.Redeem(t, "app", "", a, code)
	if got.Status != http.StatusOK {
		t.Fatalf("%+v", got)
	}

	role.Permissions = []string{"read:invoice"}
	if _, err = one.Access.Put(t.Context(), access.Root(), role); err != nil {
		t.Fatal(err)
	}
	got = two.Refresh(t, "app", "", got.RefreshToken, nil)
	if list := texts(harness.Claims(t, got.AccessToken)["permissions"]); !slices.Contains(list, "read:invoice") || slices.Contains(list, "write:invoice") {
		t.Errorf("permissions of before the change: %v", list)
	}
	one.Sync(t)
	if valid, reason, _ := one.Verdict(t, got.AccessToken); !valid {
		t.Errorf("the token made after the change is %s", reason)
	}

	if _, err := one.Clients.Disable(t.Context(), "app", true, "test"); err != nil {
		t.Fatal(err)
	}
	if r := two.Refresh(t, "app", "", got.RefreshToken, nil); r.Status == http.StatusOK {
		t.Errorf("tokens for a disabled client: %+v", r)
	}
}

func TestBrowserClients(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.public(t, "spa", storage.ClientMetadata{RedirectURIs: []string{"https://spa.example.test/cb"}})
	b := s.signIn(t, s.alice)
	got := s.tokens(t, b, "spa", "", "openid", with("redirect_uri", "https://spa.example.test/cb"))
	cross := func(t *testing.T, path, origin string, form map[string][]string) http.Header {
		t.Helper()
		_, h, _ := s.post(t, path, form, http.Header{"Origin": {origin}, "Sec-Fetch-Site": {"cross-site"}})
		return h
	}
	form := map[string][]string{"grant_type": {"refresh_token"}, "client_id": {"spa"}, "refresh_token": {got.RefreshToken}}
	h := cross(t, "/oauth2/token", "https://spa.example.test", form)
	if h.Get("Access-Control-Allow-Origin") != "https://spa.example.test" || h.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("the client's origin: %v", h)
	}
	if h = cross(t, "/oauth2/token", "https://evil.test", form); h.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a stranger's origin: %v", h)
	}
	if h = cross(t, "/oauth2/introspect", "https://spa.example.test", form); h.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("introspection from a browser: %v", h)
	}
	if h = cross(t, "/oauth2/userinfo", "https://evil.test", map[string][]string{"access_token": {got.AccessToken}}); h.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("userinfo: %v", h)
	}
}

// meanwhile has something happen while a password is being hashed.
type meanwhile struct {
	login.Passwords
	happens func()
}

func (m *meanwhile) Verify(ctx context.Context, encoded, pw string) (ok, upgrade bool, err error) {
	ok, upgrade, err = m.Passwords.Verify(ctx, encoded, pw)
	m.happens()
	return ok, upgrade, err
}

// Whoever ends all sessions of a person ends those as well that were about to
// begin.
func TestLoginBehindASuspension(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.public(t, "app", storage.ClientMetadata{})
	hash, err := s.Passwords.Hash(t.Context(), "another horse battery")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		happens func(t *testing.T, id string)
		status  int
	}{
		"suspended": {func(t *testing.T, id string) {
			if _, err := s.Users.SetStatus(t.Context(), id, storage.UserSuspended, "test"); err != nil {
				t.Error(err)
			}
		}, http.StatusForbidden},
		"password changed": {func(t *testing.T, id string) {
			if _, err := s.Users.SetPassword(t.Context(), id, hash, "", "admin"); err != nil {
				t.Error(err)
			}
		}, http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			email := name[:4] + "@example.test"
			u := s.User(t, email, password)
			m := &meanwhile{Passwords: s.Login.Passwords, happens: func() { c.happens(t, u.ID) }}
			s.Login.Passwords = m
			defer func() { s.Login.Passwords = m.Passwords }()
			s.pass(t, time.Minute)
			b := s.NewBrowser(t)
			p := b.SignIn(b.Get(harness.NewAuthorization("app", "openid", nil).Path()), email, password)
			if p.Status != c.status || !p.Has("login-error") {
				t.Fatalf("status %d location %v", p.Status, p.Location)
			}
			if left, err := s.Store.SessionsOf(t.Context(), u.ID, 10); err != nil || len(left) != 0 {
				t.Errorf("%d sessions: %v", len(left), err)
			}
		})
	}
}

func TestSessionEndsWhileThePersonTypes(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.public(t, "app", storage.ClientMetadata{})
	b, session := s.SignedIn(t, s.alice.ID)
	m := &meanwhile{Passwords: s.Login.Passwords, happens: func() {
		if err := s.Sessions.End(t.Context(), session, "logout"); err != nil {
			t.Error(err)
		}
	}}
	s.Login.Passwords = m
	a := harness.NewAuthorization("app", "openid", with("prompt", "login"))
	got := s.Redeem(t, "app", "", a, s.success(t, b.SignIn(b.Get(a.Path()), aliceEmail, password), a))
	if sid := harness.Claims(t, got.IDToken)["sid"]; sid == session.ID || sid == nil {
		t.Errorf("sid %v after the end of %s", sid, session.ID)
	}
	if !s.alive(t, got.AccessToken) {
		t.Error("the new login is dead")
	}
}
