package account_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/org"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// TestResendPage: who may not sign in before their address is proven finds the
// way to another link from where they are told so.
func TestResendPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	const ada = "ada@acme.test"
	w.want(w.post("/auth/register", "", m{"email": ada, "password": good}), http.StatusCreated, "")
	lost := w.mail.Wait(t, ada).Token()
	b := w.NewBrowser(t)
	a := w.authorization()
	login := b.Get(a.Path())
	if login.Has("login-verify") {
		t.Error("the link is there before anybody asked to sign in")
	}
	if wrong := b.SignIn(login, ada, better); wrong.Status != http.StatusUnauthorized || wrong.Has("login-verify") {
		t.Errorf("a wrong password is told of the address: %d", wrong.Status)
	}
	refused := b.SignIn(login, ada, good)
	if refused.Status != http.StatusForbidden || !refused.Has("login-error") {
		t.Fatalf("unverified: %d %s", refused.Status, refused.Body)
	}
	p := b.Get(link(t, refused, "login-verify"))
	if !p.Has("resend-page") || !p.Has("email") || !p.Has("resend-submit") {
		t.Fatalf("resend: %d %s", p.Status, p.Body)
	}
	if bad := b.Submit(p, map[string]string{"email": "ada"}); bad.Status != http.StatusUnprocessableEntity || !bad.Has("account-error") {
		t.Errorf("no address: %d", bad.Status)
	}
	p = b.Submit(p, map[string]string{"email": ada})
	if !p.Has("resend-sent") {
		t.Fatalf("resend: %d %s", p.Status, p.Body)
	}
	back := link(t, p, "told-signin")
	fresh := strings.TrimPrefix(w.mail.Wait(t, ada).Links[0], w.Issuer)
	if dead := b.Submit(b.Get("/ui/verify-email?token="+lost), nil); dead.Status != http.StatusBadRequest {
		t.Errorf("the lost link: %d", dead.Status)
	}
	if p = b.Submit(b.Get(fresh), nil); !p.Has("verify-done") {
		t.Fatalf("verify: %d %s", p.Status, p.Body)
	}
	if p = b.SignIn(b.Get(back), ada, good); p.Location == nil || p.Location.Query().Get("code") == "" {
		t.Fatalf("signed in: %d %v", p.Status, p.Location)
	}
}

// joining is a world with an organization that invites.
type joining struct {
	*world
	org storage.Organization
}

func (j *joining) account(email string, verified bool) storage.User {
	j.t.Helper()
	hash, err := j.Passwords.Hash(j.t.Context(), good)
	if err != nil {
		j.t.Fatal(err)
	}
	u, err := j.Users.Create(j.t.Context(), access.Root(), user.Account{Email: email, EmailVerified: verified, PasswordHash: hash, Source: "admin"})
	if err != nil {
		j.t.Fatal(err)
	}
	return u
}

// invite sends an invitation and returns the path of its page.
func (j *joining) invite(email string) string {
	j.t.Helper()
	by := org.Inviter{Holder: access.Root()}
	if _, err := j.Invitations.Create(j.t.Context(), by, j.org.ID, org.Invite{Email: email, Roles: []string{access.Viewer}}); err != nil {
		j.t.Fatal(err)
	}
	return strings.TrimPrefix(j.mail.Wait(j.t, email).Links[0], j.Issuer)
}

func (j *joining) isMember(userID string) bool {
	j.t.Helper()
	m, err := j.Organizations.Member(j.t.Context(), j.org.ID, userID)
	return err == nil && slices.Equal(m.Roles, []string{access.Viewer})
}

// TestJoinByPassword: who opens an invitation without being signed in says with
// the password whose account it is.
func TestJoinByPassword(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) { t.Parallel(); joinByPassword(t, harness.Options{}) })
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		joinByPassword(t, harness.Options{DatabaseURL: servers.Postgres(t), MasterKey: harness.MasterKey})
	})
}

func joinByPassword(t *testing.T, o harness.Options) {
	j := &joining{world: newWorld(t, o, "SIGNET_LIMITS_LOCK_FAILURES=3")}
	j.org = j.Organization(t, "acme", j.User(t, "owner@acme.test", good).ID)
	password := func(pw string) map[string]string { return map[string]string{"password": pw} }

	ada := j.account("ada@acme.test", true)
	b, path := j.NewBrowser(t), j.invite("ada@acme.test")
	p := b.Get(path)
	for _, id := range []string{"email", "password", "invitation-submit", "invitation-register", "login-recover"} {
		if !p.Has(id) {
			t.Errorf("no %s on the page", id)
		}
	}
	for pw, status := range map[string]int{"": http.StatusUnprocessableEntity, better: http.StatusUnauthorized} {
		if wrong := b.Submit(p, password(pw)); wrong.Status != status || !wrong.Has("login-error") || j.isMember(ada.ID) {
			t.Fatalf("password %q: %d, a member %v", pw, wrong.Status, j.isMember(ada.ID))
		}
	}
	if p = b.Submit(p, password(good)); !p.Has("invitation-done") || !j.isMember(ada.ID) {
		t.Fatalf("join: %d %s", p.Status, p.Body)
	}
	if a := b.Get(j.authorization().Path()); !a.Has("login-page") {
		t.Errorf("joining has signed somebody in: %d %v", a.Status, a.Location)
	}
	if p = b.Get(path); p.ErrorCode() != "link_invalid" {
		t.Errorf("used link: %d %s", p.Status, p.ErrorCode())
	}

	// Failures lock, and then the right password does not help until it ends.
	// An address without an account is answered alike.
	eve := j.account("eve@acme.test", true)
	answers := map[string][]string{}
	paths := map[string]string{}
	for _, email := range []string{"eve@acme.test", "new@acme.test"} {
		paths[email] = j.invite(email)
		p = b.Get(paths[email])
		for _, pw := range []string{better, better, better, good, good} {
			a := b.Submit(p, password(pw))
			text := strings.ReplaceAll(strings.ReplaceAll(a.Body, email, "(email)"), strings.TrimPrefix(paths[email], "/ui/invitation?token="), "(token)")
			answers[email] = append(answers[email], http.StatusText(a.Status)+"\n"+text)
		}
	}
	if !slices.Equal(answers["eve@acme.test"], answers["new@acme.test"]) {
		t.Errorf("the answers tell of an account:\n%q", answers)
	}
	if a := answers["eve@acme.test"]; !strings.HasPrefix(a[2], http.StatusText(http.StatusUnauthorized)) || !strings.HasPrefix(a[4], http.StatusText(http.StatusLocked)) || j.isMember(eve.ID) {
		t.Errorf("lock: %q", a)
	}
	j.clock.Advance(16 * time.Minute)
	if p = b.Submit(b.Get(paths["eve@acme.test"]), password(good)); !p.Has("invitation-done") || !j.isMember(eve.ID) {
		t.Errorf("after the lock: %d %s", p.Status, p.Body)
	}

	// The link proves the address. Who is signed in with another joins as the
	// invited one all the same, and stays signed in.
	grace := j.account("grace@acme.test", false)
	other, _ := j.SignedIn(t, ada.ID)
	p = other.Get(j.invite("grace@acme.test"))
	if p.Has("invitation-register") || !p.Has("password") {
		t.Errorf("signed in with another address: %s", p.Body)
	}
	if p = other.Submit(p, password(good)); !p.Has("invitation-done") || !j.isMember(grace.ID) {
		t.Errorf("join: %d %s", p.Status, p.Body)
	}
	if u, err := j.Users.Get(t.Context(), grace.ID); err != nil || !u.EmailVerified {
		t.Errorf("verified %v %v", u.EmailVerified, err)
	}

	// Suspended: told so after the right password only.
	mallory := j.account("mallory@acme.test", true)
	path = j.invite("mallory@acme.test")
	if _, err := j.Users.SetStatus(t.Context(), mallory.ID, storage.UserSuspended, "test"); err != nil {
		t.Fatal(err)
	}
	for pw, status := range map[string]int{better: http.StatusUnauthorized, good: http.StatusForbidden} {
		if p = b.Submit(b.Get(path), password(pw)); p.Status != status || j.isMember(mallory.ID) {
			t.Errorf("suspended, %q: %d", pw, p.Status)
		}
	}
}
