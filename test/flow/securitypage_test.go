package flow_test

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pquerna/otp/totp"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/test/harness"
)

// keeper is somebody who looks after their account, without JavaScript.
type keeper struct {
	t     *testing.T
	in    *harness.Instance
	clock *fakeclock.Clock
	*harness.Browser
	email, password, secret string
}

func newKeeper(t *testing.T, o harness.Options) *keeper {
	t.Helper()
	k := &keeper{t: t, clock: harness.FakeClock(), email: "alice@acme.test", password: "correct horse battery"}
	o.Clock = k.clock
	k.in = harness.Start(t, o)
	k.in.User(t, k.email, k.password)
	k.Browser = k.in.NewBrowser(t)
	return k
}

// at checks which page a browser has come to.
func (k *keeper) at(p harness.Page, path, id string) harness.Page {
	k.t.Helper()
	if p.URL.Path != path || !p.Has(id) {
		k.t.Fatalf("at %s (%d), want %s with %s: %s", p.URL, p.Status, path, id, p.Body)
	}
	return p
}

func (k *keeper) enter(b *harness.Browser) harness.Page {
	k.t.Helper()
	p := b.SignIn(k.at(b.Get("/account/security"), "/ui/login", "login-page"), k.email, k.password)
	if p.Has("mfa-page") {
		p = b.Submit(p, map[string]string{"action": "verify", "code": k.code()})
	}
	return k.at(p, "/account/security", "security-page")
}

// code is what the authenticator app shows next.
func (k *keeper) code() string {
	k.t.Helper()
	k.clock.Advance(30 * time.Second)
	c, err := totp.GenerateCode(k.secret, k.clock.Now())
	if err != nil {
		k.t.Fatal(err)
	}
	return c
}

// addApp sets an authenticator app up on the pages.
func (k *keeper) addApp() (codes harness.Page) {
	k.t.Helper()
	p := k.Submit(k.at(k.Get("/account/security/add"), "/account/security/add", "mfa-kind-totp"), map[string]string{"kind": "totp"})
	k.secret = strings.ReplaceAll(between(k.t, p, `id="mfa-secret"[^>]*>([^<]*)<`), " ", "")
	return k.Submit(p, map[string]string{"action": "verify", "code": k.code()})
}

func (k *keeper) follow(p harness.Page, id string) harness.Page {
	k.t.Helper()
	return k.Get(html.UnescapeString(between(k.t, p, `id="`+id+`"[^>]*href="([^"]*)"`)))
}

func (k *keeper) press(p harness.Page, action string, more map[string]string) harness.Page {
	k.t.Helper()
	fields := map[string]string{"action": action}
	for name, value := range more {
		fields[name] = value
	}
	return k.Submit(p, fields)
}

// TestSecurityPage walks the page of an account's security as its owner does.
func TestSecurityPage(t *testing.T) {
	k := newKeeper(t, harness.Options{})
	if p := k.Get("/account"); !p.Has("login-page") || !strings.Contains(p.Body, "Account security") {
		t.Fatalf("/account: %s %s", p.URL, p.Body)
	}
	other := k.in.NewBrowser(t)
	k.enter(other)
	p := k.enter(k.Browser)

	// The password; other sessions end with it.
	p = k.at(k.follow(p, "password-change"), "/account/security/password", "password-submit")
	if wrong := k.Submit(p, map[string]string{"password": "not it", "new_password": "a quite different phrase"}); wrong.Status != http.StatusUnauthorized || !wrong.Has("account-error") {
		t.Fatalf("wrong password: %d %s", wrong.Status, wrong.Body)
	}
	if short := k.Submit(p, map[string]string{"password": k.password, "new_password": "short"}); short.Status != http.StatusUnprocessableEntity {
		t.Fatalf("short password: %d", short.Status)
	}
	p = k.Submit(p, map[string]string{"password": k.password, "new_password": "a quite different phrase"})
	k.at(p, "/account/security", "security-done")
	k.password = "a quite different phrase"
	if q := other.Get("/account/security"); !q.Has("login-page") {
		t.Fatal("the other session goes on after a changed password")
	}

	// A second step, and its codes.
	codes := k.addApp()
	if !codes.Has("backup-codes") {
		t.Fatalf("no backup codes: %d %s", codes.Status, codes.Body)
	}
	p = k.at(k.follow(codes, "codes-continue"), "/account/security", "backup-codes-left")
	id := between(t, p, `<li id="factor-([0-9a-f-]{36})"`)
	p = k.at(k.press(p, "rename", map[string]string{"method": id, "name": `<b>My "phone"`}), "/account/security", "security-done")
	if !strings.Contains(p.Body, "&lt;b&gt;My &#34;phone&#34;") {
		t.Errorf("the new name is not there: %s", p.Body)
	}
	fresh := k.press(p, "codes", nil)
	if !fresh.Has("backup-codes") || strings.Contains(fresh.Body, between(t, codes, `<li><code>([^<]*)<`)) {
		t.Errorf("new codes: %d %s", fresh.Status, fresh.Body)
	}

	// Devices and sessions.
	k.enter(other)
	p = k.Get("/account/security")
	if n := strings.Count(p.Body, "-end\""); !p.Has("session-current") || n < 1 {
		t.Fatalf("sessions: %s", p.Body)
	}
	p = k.at(k.press(p, "end", map[string]string{"session": between(t, p, `id="session-([0-9a-f-]{36})-end"`)}), "/account/security", "security-done")
	if q := other.Get("/account/security"); !q.Has("login-page") {
		t.Error("an ended session goes on")
	}
	if p.Has("sessions-end") {
		t.Error("there are other sessions yet")
	}
	p = k.at(k.press(p, "forget", map[string]string{"device": between(t, p, `id="device-([0-9a-f-]{36})-forget"`)}), "/account/security", "security-done")
	p = k.at(k.press(p, "forget_all", nil), "/account/security", "security-done")
	if strings.Contains(p.Body, `id="device-`) {
		t.Error("a device is remembered")
	}
	k.enter(other)
	p = k.at(k.press(p, "end_others", nil), "/account/security", "security-done")
	if q := other.Get("/account/security"); !q.Has("login-page") {
		t.Error("an ended session goes on")
	}
	for action, more := range map[string]map[string]string{
		"remove": {"method": "0190e5a4-0000-7000-8000-000000000000"}, "forget": {"device": "x"}, "end": {"session": "x"},
	} {
		if q := k.press(p, action, more); q.Status != http.StatusNotFound || !q.Has("security-error") {
			t.Errorf("%s of what is not there: %d", action, q.Status)
		}
	}
	p = k.at(k.press(p, "remove", map[string]string{"method": id}), "/account/security", "security-done")
	if p.Has("codes") || strings.Contains(p.Body, `id="factor-0`) {
		t.Errorf("the factor is there yet: %s", p.Body)
	}
}

// TestSecurityPageStepUp: every change takes a recent authentication, with the
// second factor of those who have one, and leads back to the page.
func TestSecurityPageStepUp(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { stepUp(t, harness.Options{}) })
	t.Run("PostgreSQL", func(t *testing.T) {
		stepUp(t, harness.Options{DatabaseURL: servers.Postgres(t), MasterKey: harness.MasterKey})
	})
}

func stepUp(t *testing.T, o harness.Options) {
	k := newKeeper(t, o)
	k.enter(k.Browser)
	p := k.follow(k.addApp(), "codes-continue")
	id := between(t, p, `<li id="factor-([0-9a-f-]{36})"`)
	remove := map[string]string{"method": id}

	k.clock.Advance(11 * time.Minute)
	asked := k.at(k.press(p, "remove", remove), "/ui/login", "login-page")
	if !strings.Contains(asked.Body, `value="alice@acme.test"`) {
		t.Error("the sign-in page is not filled")
	}
	// Who changes their mind is back where they were, and nothing was done.
	k.at(k.Submit(asked, map[string]string{"action": "cancel"}), "/account/security", "factor-"+id)

	asked = k.press(p, "remove", remove)
	factor := k.at(k.SignIn(asked, k.email, k.password), "/ui/mfa", "mfa-page")
	// The password alone changes nothing.
	k.at(k.press(p, "remove", remove), "/ui/login", "login-page")
	back := k.at(k.Submit(factor, map[string]string{"action": "verify", "code": k.code()}), "/account/security", "security-done")
	if !strings.Contains(back.Body, "<details open>") || back.URL.Query().Get("said") != "confirmed" {
		t.Errorf("back at %s: %s", back.URL, back.Body)
	}
	k.at(k.press(back, "rename", map[string]string{"method": id, "name": "Phone"}), "/account/security", "security-done")

	// A session that only a password has opened, on a device where no second
	// step is asked for, is asked for it here.
	b := k.in.NewBrowser(t)
	q := b.Submit(b.SignIn(b.Get("/account/security"), k.email, k.password), map[string]string{"action": "verify", "code": k.code(), "trust": "yes"})
	k.at(q, "/account/security", "security-page")
	b.Submit(b.Get("/oauth2/logout"), map[string]string{"action": "confirm"})
	q = k.at(b.SignIn(b.Get("/account/security"), k.email, k.password), "/account/security", "security-page")
	k.at(b.Submit(q, map[string]string{"action": "codes"}), "/ui/mfa", "mfa-page")
	for _, path := range []string{"/account/security/password", "/account/security/add"} {
		q = k.at(b.Get(path), "/ui/mfa", "mfa-page")
	}
	k.at(b.Submit(q, map[string]string{"action": "verify", "code": k.code()}), "/account/security/add", "mfa-enrol")

	// The password page, too, once what was proven is old.
	k.clock.Advance(11 * time.Minute)
	asked = k.at(k.Get("/.well-known/change-password"), "/ui/login", "login-page")
	factor = k.at(k.SignIn(asked, k.email, k.password), "/ui/mfa", "mfa-page")
	k.at(k.Submit(factor, map[string]string{"action": "verify", "code": k.code()}), "/account/security/password", "password-submit")
	k.at(k.press(k.Get("/account/security"), "remove", remove), "/account/security", "security-done")
}

// TestSecurityPageForms: forms of another session or of nobody, other people's
// pages and addresses do nothing.
func TestSecurityPageForms(t *testing.T) {
	k := newKeeper(t, harness.Options{})
	begun := k.Get("/account/security?back=https://evil.test/&transaction=x")
	p := k.at(k.SignIn(begun, k.email, k.password), "/account/security", "security-page")
	_, form := p.Form()
	for name, token := range map[string]string{"none": "", "made up": "AAAA", "not base64": "\"<>"} {
		for _, path := range []string{"/account/security", "/account/security/add"} {
			q := k.Post(path, url.Values{"csrf_token": {token}, "action": {"end_others"}, "kind": {"totp"}})
			if q.Status != http.StatusForbidden || !q.Has("security-error") {
				t.Errorf("token %s at %s: %d", name, path, q.Status)
			}
		}
		q := k.Post("/account/security/password", url.Values{"csrf_token": {token}, "password": {k.password}, "new_password": {"a quite different phrase"}})
		if q.Status != http.StatusForbidden || !q.Has("account-error") {
			t.Errorf("token %s: %d", name, q.Status)
		}
	}
	k.in.User(t, "mallory@acme.test", "correct horse battery")
	m := k.in.NewBrowser(t)
	m.SignIn(m.Get("/account/security"), "mallory@acme.test", "correct horse battery")
	q := m.Post("/account/security", url.Values{"csrf_token": {form.Get("csrf_token")}, "action": {"end_others"}})
	if q.Status != http.StatusForbidden {
		t.Errorf("somebody else's token: %d", q.Status)
	}
	_, own := m.Get("/account/security").Form()
	other := url.Values{"csrf_token": {own.Get("csrf_token")}, "action": {"end"}, "session": {between(t, k.Get("/account/security"), `id="session-([0-9a-f-]{36})"`)}}
	if q = m.Post("/account/security", other); q.Status != http.StatusNotFound {
		t.Errorf("somebody else's session: %d", q.Status)
	}
	if q = k.Get("/account/security?said=%3Cb%3E&method=%22%3E%3Cscript%3E"); q.Has("security-done") || strings.Contains(q.Body, "\"><script") {
		t.Errorf("the page says what its address does: %s", q.Body)
	}
	if q = k.press(p, "nonsense", nil); q.Status != http.StatusBadRequest {
		t.Errorf("no such action: %d", q.Status)
	}
	if q = k.in.NewBrowser(t).Post("/account/security", url.Values{"action": {"end_others"}}); !q.Has("login-page") {
		t.Errorf("without a session: %d", q.Status)
	}
	// Another browser's transaction leads nowhere.
	fresh := k.in.NewBrowser(t)
	_, begunForm := k.in.NewBrowser(t).Get("/account/security").Form()
	fresh.Get("/account/security")
	if q = fresh.Get("/ui/login?transaction=" + begunForm.Get("transaction")); q.Status != http.StatusBadRequest {
		t.Errorf("somebody else's login: %d", q.Status)
	}
	// Who cancels is told, and not asked again at once.
	c := k.in.NewBrowser(t)
	if q = c.Submit(c.Get("/account/security"), map[string]string{"action": "cancel"}); !q.Has("signin-cancelled") || !q.Has("told-signin") {
		t.Errorf("cancelled: %d %s", q.Status, q.Body)
	}
}

// TestSecurityPageTabs: two tabs sign in to it side by side, and a login that
// was completed is not completed again.
func TestSecurityPageTabs(t *testing.T) {
	k := newKeeper(t, harness.Options{})
	one, two := k.Get("/account/security"), k.Get("/account/security/add?kind=totp")
	k.at(k.SignIn(one, k.email, k.password), "/account/security", "security-page")
	if p := k.at(k.Get(two.URL.RequestURI()), "/account/security/add", "mfa-kind-totp"); p.Has("mfa-kind-webauthn") || p.Has("mfa-kind-email") {
		t.Errorf("other kinds than asked for: %s", p.Body)
	}
	if p := k.SignIn(one, k.email, k.password); p.Status != http.StatusConflict {
		t.Errorf("completed twice: %d", p.Status)
	}
}

// TestWellKnownPages: password managers find the pages; an issuer that is an
// address has no passkeys to speak of.
func TestWellKnownPages(t *testing.T) {
	for _, named := range []bool{true, false} {
		in := harness.Start(t, harness.Options{Named: named})
		status, found, header := in.JSON(t, http.MethodGet, "/.well-known/passkey-endpoints", "", nil)
		want := map[string]any{}
		if named {
			want = map[string]any{"enroll": in.Issuer + "/account/security/add?kind=webauthn", "manage": in.Issuer + "/account/security#passkeys"}
		}
		if diff := cmp.Diff(want, found); status != http.StatusOK || header.Get("Content-Type") != "application/json" || diff != "" {
			t.Errorf("passkey endpoints: %d %s %s", status, header, diff)
		}
		p := in.NewBrowser(t).Get("/.well-known/change-password")
		if !p.Has("login-page") {
			t.Errorf("change password: %d %s", p.Status, p.URL)
		}
	}
}
