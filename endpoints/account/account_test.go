package account_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/internal/testkit/mailsink"
	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/test/harness"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	good   = "correct horse battery"
	better = "correct horse battery staple"
)

// world is a server that can send mail.
type world struct {
	*harness.Instance
	t     *testing.T
	clock *fakeclock.Clock
	mail  *mailsink.Sink
}

func newWorld(t *testing.T, o harness.Options, env ...string) *world {
	t.Helper()
	w := &world{t: t, clock: fakeclock.New(time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)), mail: mailsink.Start(t)}
	o.Clock, o.Env = w.clock, append([]string{"SIGNET_SMTP_URL=" + w.mail.URL}, env...)
	w.Instance = harness.Start(t, o)
	if err := w.Applier().EnsureBuiltin(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Sync(t)
	return w
}

type answer struct {
	status int
	header http.Header
	body   map[string]any
	raw    []byte
}

func (a answer) code() string { s, _ := a.body["error_code"].(string); return s }

func (a answer) text(name string) string { s, _ := a.body[name].(string); return s }

func (w *world) call(method, path, bearer string, body any, header ...string) answer {
	w.t.Helper()
	var reader io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			w.t.Fatal(err)
		}
		reader = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.URL+path, reader)
	if err != nil {
		w.t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	if a.raw, err = io.ReadAll(resp.Body); err != nil {
		w.t.Fatal(err)
	}
	_ = json.Unmarshal(a.raw, &a.body)
	return a
}

func (w *world) post(path, bearer string, body any) answer {
	w.t.Helper()
	return w.call(http.MethodPost, path, bearer, body)
}

func (w *world) want(a answer, status int, code string) answer {
	w.t.Helper()
	if a.status != status || a.code() != code {
		w.t.Fatalf("answer %d %s, want %d %s", a.status, a.raw, status, code)
	}
	return a
}

type m = map[string]any

// register makes an account and proves its address.
func (w *world) register(email string) answer {
	w.t.Helper()
	a := w.want(w.post("/auth/register", "", m{"email": email, "password": good, "first_name": "Ada", "last_name": "Lovelace"}), http.StatusCreated, "")
	w.want(w.post("/auth/verify-email", "", m{"token": w.mail.Wait(w.t, email).Token()}), http.StatusOK, "")
	return a
}

// bearer is an access token of the person, as their client gets it.
func (w *world) bearer(email, pw string) string {
	w.t.Helper()
	a := w.want(w.post("/auth/login", "", m{"email": email, "password": pw}), http.StatusOK, "")
	return a.text("access_token")
}

var masks = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "(id)"},
	{regexp.MustCompile(`"(access_token|refresh_token|request_id|verification_token)": "[^"]+"`), `"$1": "($1)"`},
}

// golden compares an answer with a file.
func golden(t *testing.T, name string, a answer) {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, a.raw, "", "  "); err != nil {
		t.Fatalf("%s: %q: %v", name, a.raw, err)
	}
	text := b.String()
	for _, mask := range masks {
		text = mask.pattern.ReplaceAllString(text, mask.with)
	}
	file := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), text); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
}

// TestLifeOfAnAccount walks the whole of it over HTTP, and pins every shape.
func TestLifeOfAnAccount(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) { t.Parallel(); lifeOfAnAccount(t, harness.Options{}) })
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		lifeOfAnAccount(t, harness.Options{DatabaseURL: servers.Postgres(t), MasterKey: harness.MasterKey})
	})
}

func lifeOfAnAccount(t *testing.T, o harness.Options) {
	w := newWorld(t, o)
	const ada = "ada@acme.test"
	a := w.want(w.post("/auth/register", "", m{
		"email": ada, "password": good, "first_name": "Ada", "last_name": "Lovelace", "phone_number": "+49 151 23456767", "accept_terms": true,
	}), http.StatusCreated, "")
	golden(t, "register_unverified", a)
	token := w.mail.Wait(t, ada).Token()
	w.want(w.post("/auth/login", "", m{"email": ada, "password": good}), http.StatusForbidden, "AUTH_007")
	a = w.want(w.post("/api/v1/auth/register/", "", m{"email": "ADA@acme.test", "password": good}), http.StatusConflict, "USER_002")
	if !strings.Contains(a.text("detail"), "already registered") {
		t.Errorf("detail %q", a.text("detail"))
	}

	golden(t, "resend", w.want(w.post("/auth/resend-verification", "", m{"email": ada}), http.StatusOK, ""))
	fresh := w.mail.Wait(t, ada).Token()
	w.want(w.post("/auth/verify-email", "", m{"token": token}), http.StatusBadRequest, "AUTH_011")
	golden(t, "verify", w.want(w.post("/auth/verify-email", "", m{"verification_token": fresh}), http.StatusOK, ""))
	golden(t, "verify", w.want(w.post("/auth/verify-email", "", m{"token": fresh}), http.StatusOK, "")) // once more

	// A forgotten password.
	first := w.bearer(ada, good)
	golden(t, "forgot", w.want(w.post("/auth/forgot-password", "", m{"email": ada}), http.StatusOK, ""))
	reset := w.mail.Wait(t, ada)
	if len(reset.Links) == 0 || !strings.HasPrefix(reset.Links[0], w.Issuer+"/ui/recover?token=") {
		t.Errorf("links %v", reset.Links)
	}
	w.want(w.post("/auth/reset-password", "", m{"token": reset.Token(), "new_password": "short"}), http.StatusUnprocessableEntity, "AUTH_012")
	w.want(w.post("/auth/reset-password", "", m{"token": reset.Token(), "new_password": "password123"}), http.StatusUnprocessableEntity, "AUTH_013")
	w.want(w.post("/auth/reset-password", "", m{"token": reset.Token(), "password": better, "password_confirm": "other"}), http.StatusUnprocessableEntity, "REQ_001")
	golden(t, "reset", w.want(w.post("/auth/reset-password", "", m{"reset_token": reset.Token(), "password": better}), http.StatusOK, ""))
	w.mail.Wait(t, ada) // notice
	w.want(w.post("/auth/reset-password", "", m{"token": reset.Token(), "new_password": good}), http.StatusBadRequest, "AUTH_011")
	w.want(w.call(http.MethodGet, "/auth/me", first, nil), http.StatusUnauthorized, "AUTH_005")
	w.want(w.post("/auth/login", "", m{"email": ada, "password": good}), http.StatusUnauthorized, "AUTH_001")

	// A changed one.
	bearer, elsewhere := w.bearer(ada, better), w.bearer(ada, better)
	w.want(w.post("/auth/change-password", "", m{"current_password": better, "new_password": good}), http.StatusUnauthorized, "AUTH_011")
	w.want(w.post("/auth/change-password", bearer, m{"current_password": "wrong", "new_password": good}), http.StatusUnauthorized, "AUTH_001")
	w.want(w.post("/auth/change-password", bearer, m{"current_password": better}), http.StatusUnprocessableEntity, "REQ_001")
	golden(t, "change_password", w.want(w.post("/auth/change-password", bearer, m{"current_password": better, "new_password": good, "password_confirm": good}), http.StatusOK, ""))
	w.mail.Wait(t, ada)
	w.want(w.call(http.MethodGet, "/auth/me", elsewhere, nil), http.StatusUnauthorized, "AUTH_005")
	w.want(w.call(http.MethodGet, "/auth/me", bearer, nil), http.StatusOK, "")

	// Another address.
	golden(t, "change_email", w.want(w.post("/auth/change-email", bearer, m{"new_email": "countess@acme.test"}), http.StatusOK, ""))
	token = w.mail.Wait(t, "countess@acme.test").Token()
	golden(t, "confirm_email", w.want(w.post("/auth/confirm-email", "", m{"token": token}), http.StatusOK, ""))
	if notice := w.mail.Wait(t, ada); strings.Contains(notice.Text, "countess@acme.test") {
		t.Error("the notice to the old address holds the whole new one")
	}
	w.want(w.post("/auth/confirm-email", "", m{"token": token}), http.StatusBadRequest, "AUTH_011")

	// And the end.
	const countess = "countess@acme.test"
	bearer = w.bearer(countess, good)
	w.want(w.call(http.MethodDelete, "/auth/account", bearer, m{"password": "wrong"}), http.StatusUnauthorized, "AUTH_001")
	golden(t, "delete", w.want(w.call(http.MethodDelete, "/auth/account", bearer, m{"password": good}), http.StatusOK, ""))
	restore := w.mail.Wait(t, countess).Token()
	w.want(w.call(http.MethodGet, "/auth/me", bearer, nil), http.StatusUnauthorized, "AUTH_005")
	w.want(w.post("/auth/register", "", m{"email": countess, "password": good}), http.StatusConflict, "USER_002")
	golden(t, "restore", w.want(w.post("/auth/restore-account", "", m{"token": restore}), http.StatusOK, ""))
	w.want(w.post("/auth/restore-account", "", m{"token": restore}), http.StatusBadRequest, "AUTH_011")
	w.bearer(countess, good)
}

// TestStepUp: what needs a recent authentication says so as RFC 9470 does.
func TestStepUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{}, "SIGNET_LIFETIMES_RECENT_AUTH=60s", "SIGNET_SMS_URL=http://127.0.0.1:1/")
	w.register("ada@acme.test")
	bearer := w.bearer("ada@acme.test", good)
	w.clock.Advance(61 * time.Second)
	w.Sync(t)
	for _, c := range []struct {
		method, path string
		body         any
	}{
		{http.MethodPost, "/auth/change-email", m{"new_email": "new@acme.test"}},
		{http.MethodPost, "/auth/change-phone", m{"new_phone": "+4915123456767"}},
		{http.MethodDelete, "/auth/account", nil},
	} {
		a := w.want(w.call(c.method, c.path, bearer, c.body), http.StatusForbidden, "AUTH_014")
		if h := a.header.Get("WWW-Authenticate"); !strings.Contains(h, `error="insufficient_user_authentication"`) || !strings.Contains(h, `max_age="60"`) {
			t.Errorf("%s: WWW-Authenticate %q", c.path, h)
		}
	}
}

// TestOptionalVerification: registered is signed in.
func TestOptionalVerification(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{}, "SIGNET_EMAIL_VERIFICATION=optional", "SIGNET_LEGACY_PERSONAL_ORGANIZATION=true")
	a := w.want(w.post("/auth/register", "", m{"email": "ada@acme.test", "password": good, "device_name": "Laptop"}), http.StatusCreated, "")
	golden(t, "register", a)
	if h := a.header.Get("Cache-Control"); !strings.Contains(h, "no-store") {
		t.Errorf("Cache-Control %q", h)
	}
	me := w.want(w.call(http.MethodGet, "/auth/me", a.text("access_token"), nil), http.StatusOK, "")
	if me.text("user_id") != a.text("user_id") || me.text("organization_id") == "" {
		t.Errorf("me %s", me.raw)
	}
	w.want(w.post("/auth/resend-verification", a.text("access_token"), nil), http.StatusOK, "") // the bearer says whose
	w.mail.Wait(t, "ada@acme.test")
	w.mail.Wait(t, "ada@acme.test")
	w.want(w.post("/auth/resend-verification", "", nil), http.StatusUnprocessableEntity, "REQ_001")
	w.want(w.post("/auth/resend-verification", "nonsense", nil), http.StatusUnauthorized, "AUTH_011")
}

func TestRegisterValidation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	for _, c := range []struct {
		name   string
		body   m
		status int
		code   string
		field  string
	}{
		{"no e-mail", m{"password": good}, 422, "REQ_001", "email"},
		{"no password", m{"email": "a@acme.test"}, 422, "REQ_001", "password"},
		{"not an e-mail", m{"email": "a", "password": good}, 422, "REQ_001", "email"},
		{"short", m{"email": "a@acme.test", "password": "k7!x"}, 422, "AUTH_012", "password"},
		{"long", m{"email": "a@acme.test", "password": strings.Repeat("x1", 600)}, 422, "AUTH_012", "password"},
		{"common", m{"email": "a@acme.test", "password": "Password123"}, 422, "AUTH_013", "password"},
		{"unequal", m{"email": "a@acme.test", "password": good, "confirm_password": better}, 422, "REQ_001", "password_confirm"},
		{"a name with a line break", m{"email": "a@acme.test", "password": good, "first_name": "A\nB"}, 422, "REQ_001", "first_name"},
		{"no phone", m{"email": "a@acme.test", "password": good, "phone_number": "12"}, 422, "REQ_001", "phone_number"},
		{"an invitation of nobody", m{"email": "a@acme.test", "password": good, "invite_token": "x"}, 400, "AUTH_011", ""},
		{"a client that may not", m{"email": "a@acme.test", "password": good, "client_id": "nobody"}, 403, "AUTH_010", ""},
	} {
		a := w.post("/auth/register", "", c.body)
		if a.status != c.status || a.code() != c.code {
			t.Errorf("%s: %d %s", c.name, a.status, a.raw)
			continue
		}
		if c.field == "" {
			continue
		}
		list, _ := a.body["detail"].([]any)
		if len(list) != 1 {
			t.Errorf("%s: detail %v", c.name, a.body["detail"])
			continue
		}
		loc, _ := list[0].(m)["loc"].([]any)
		if len(loc) != 2 || loc[0] != "body" || loc[1] != c.field {
			t.Errorf("%s: loc %v", c.name, loc)
		}
	}
}

// TestModes: closed and invite-only registration.
func TestModes(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"closed", "invite"} {
		w := newWorld(t, harness.Options{}, "SIGNET_REGISTRATION="+mode)
		w.want(w.post("/auth/register", "", m{"email": "a@acme.test", "password": good}), http.StatusForbidden, "AUTH_010")
		b := w.NewBrowser(t)
		if p := b.Get("/ui/register"); p.Status != http.StatusForbidden || !p.Has("register-closed") {
			t.Errorf("%s: page %d", mode, p.Status)
		}
	}
}

// TestNoMail: where a mail is needed and none can be sent, the answer is 503;
// whether there is such an account plays no part.
func TestNoMail(t *testing.T) {
	t.Parallel()
	clock := fakeclock.New(time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC))
	w := &world{t: t, clock: clock, Instance: harness.Start(t, harness.Options{Clock: clock})}
	w.User(t, "ada@acme.test", good)
	for _, email := range []string{"ada@acme.test", "nobody@acme.test"} {
		w.want(w.post("/auth/forgot-password", "", m{"email": email}), http.StatusServiceUnavailable, "SRV_002")
		w.want(w.post("/auth/resend-verification", "", m{"email": email}), http.StatusServiceUnavailable, "SRV_002")
	}
	// Verification is optional then, so that registration works.
	w.want(w.post("/auth/register", "", m{"email": "b@acme.test", "password": good}), http.StatusCreated, "")
}

// TestNothingTold: known and unknown addresses get the same answers to the byte.
func TestNothingTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{}, "SIGNET_ACCOUNTS_ENUMERATION_SAFE=true", "SIGNET_LIMITS_MAILS_PER_HOUR=2")
	w.User(t, "known1@acme.test", good)
	for _, path := range []string{"/auth/forgot-password", "/auth/resend-verification", "/auth/register"} {
		for try := range 3 {
			var answers []string
			for _, email := range []string{"known1@acme.test", "nobody@acme.test"} {
				a := w.post(path, "", m{"email": email, "password": good})
				text := strings.ReplaceAll(string(a.raw), email, "(email)")
				text = regexp.MustCompile(`"request_id":"[^"]*"`).ReplaceAllString(text, "")
				for _, h := range []string{"X-Request-Id", "Date", "Traceparent", "X-Ratelimit-Remaining"} {
					a.header.Del(h)
				}
				var headers bytes.Buffer
				_ = a.header.Write(&headers)
				answers = append(answers, http.StatusText(a.status)+"\n"+headers.String()+text)
				if wantStatus := map[bool]int{true: http.StatusTooManyRequests, false: a.status}[try == 2]; a.status != wantStatus {
					t.Errorf("%s, try %d: %d", path, try, a.status)
				}
			}
			answers[0] = regexp.MustCompile(`Content-Length: \d+`).ReplaceAllString(answers[0], "")
			answers[1] = regexp.MustCompile(`Content-Length: \d+`).ReplaceAllString(answers[1], "")
			if answers[0] != answers[1] {
				t.Errorf("%s tells: (-known +unknown)\n%s", path, cmp.Diff(answers[0], answers[1]))
			}
		}
	}
	golden(t, "register_neutral", w.want(w.post("/auth/register", "", m{"email": "third@acme.test", "password": good}), http.StatusAccepted, ""))
}

// TestLinksOfAnotherHost: the Host header and forwarded ones decide nothing.
func TestLinksOfAnotherHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	w.register("ada@acme.test")
	w.want(w.call(http.MethodPost, "/auth/forgot-password", "", m{"email": "ada@acme.test"},
		"Host", "evil.test", "X-Forwarded-Host", "evil.test", "X-Forwarded-Proto", "https", "Forwarded", "host=evil.test"), http.StatusOK, "")
	mail := w.mail.Wait(t, "ada@acme.test")
	if bytes.Contains(mail.Raw, []byte("evil.test")) {
		t.Errorf("the mail names another host:\n%s", mail.Text)
	}
	for _, link := range mail.Links {
		if !strings.HasPrefix(link, w.Issuer+"/") {
			t.Errorf("link %s", link)
		}
	}
}

// TestPages walks the hosted pages without a script.
func TestPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	a := w.authorization()
	b := w.NewBrowser(t)
	login := b.Get(a.Path())
	if !login.Has("login-recover") || !login.Has("login-register") {
		t.Fatalf("no ways on: %s", login.Body)
	}
	// Create an account from the sign-in, and come back to it.
	p := b.Get(link(t, login, "login-register"))
	if !p.Has("register-page") || !p.Has("email") || !p.Has("new-password") || !p.Has("register-submit") {
		t.Fatalf("register: %d %s", p.Status, p.Body)
	}
	if p = b.Submit(p, map[string]string{"email": "ada@acme.test", "new_password": "short"}); p.Status != http.StatusUnprocessableEntity || !p.Has("account-error") {
		t.Fatalf("short: %d", p.Status)
	}
	if p = b.Submit(p, map[string]string{"new_password": good}); !p.Has("register-sent") {
		t.Fatalf("register: %d %s", p.Status, p.Body)
	}
	back := link(t, p, "told-signin")
	verify := strings.TrimPrefix(w.mail.Wait(t, "ada@acme.test").Links[0], w.Issuer)
	other := w.NewBrowser(t) // wherever the mail is read
	if p = other.Get(verify); !p.Has("verify-page") || p.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Fatalf("verify: %d %s", p.Status, p.Body)
	}
	w.want(w.post("/auth/login", "", m{"email": "ada@acme.test", "password": good}), http.StatusForbidden, "AUTH_007") // a look proves nothing
	if p = other.Submit(p, nil); !p.Has("verify-done") {
		t.Fatalf("verify: %d %s", p.Status, p.Body)
	}
	if p = b.SignIn(b.Get(back), "ada@acme.test", good); p.Location == nil || p.Location.Query().Get("code") == "" {
		t.Fatalf("signed in: %d %v", p.Status, p.Location)
	}
	if p = b.Submit(b.Get("/ui/register"), map[string]string{"email": "ada@acme.test", "new_password": good}); p.Status != http.StatusConflict || !p.Has("account-error") {
		t.Errorf("taken: %d", p.Status)
	}

	// A forgotten password.
	if p = b.Get("/ui/recover"); !p.Has("recover-page") || !p.Has("email") || !p.Has("recover-submit") {
		t.Fatalf("recover: %d %s", p.Status, p.Body)
	}
	if p = b.Submit(p, map[string]string{"email": "ada@acme.test"}); !p.Has("recover-sent") {
		t.Fatalf("recover: %d %s", p.Status, p.Body)
	}
	forgotten := strings.TrimPrefix(w.mail.Wait(t, "ada@acme.test").Links[0], w.Issuer)
	if p = b.Get(forgotten); !p.Has("new-password") {
		t.Fatalf("new password: %d %s", p.Status, p.Body)
	}
	if action, _ := p.Form(); strings.Contains(action, "token") {
		t.Errorf("the form's address holds the token: %s", action)
	}
	if p = b.Submit(p, map[string]string{"new_password": better}); !p.Has("recover-done") {
		t.Fatalf("new password: %d %s", p.Status, p.Body)
	}
	w.mail.Wait(t, "ada@acme.test")
	if p = b.Get(forgotten); p.Status != http.StatusBadRequest || p.ErrorCode() != "link_invalid" {
		t.Errorf("used link: %d %s", p.Status, p.ErrorCode())
	}
	bearer := w.bearer("ada@acme.test", better)
	if notice := w.mail.Wait(t, "ada@acme.test"); !strings.Contains(notice.Text, "from a device that was not used before") {
		t.Errorf("after a login from elsewhere: %s", notice.Text)
	}
	w.want(w.call(http.MethodDelete, "/auth/account", bearer, nil), http.StatusOK, "")
	restore := strings.TrimPrefix(w.mail.Wait(t, "ada@acme.test").Links[0], w.Issuer)
	if p = b.Submit(b.Get(restore), nil); !p.Has("restore-done") {
		t.Fatalf("restore: %d %s", p.Status, p.Body)
	}
	w.bearer("ada@acme.test", better)
	for _, path := range []string{"/ui/confirm-email", "/ui/restore", "/ui/recover?token=x", "/ui/register?token=x"} {
		if p := b.Get(path); p.Status != http.StatusBadRequest || p.ErrorCode() != "link_invalid" {
			t.Errorf("%s: %d %s", path, p.Status, p.ErrorCode())
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL+"/ui/recover", strings.NewReader(url.Values{"email": {"ada@acme.test"}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if p := b.Do(r); p.Status != http.StatusForbidden {
		t.Errorf("a form of another site: %d", p.Status)
	}
}

var href = regexp.MustCompile(`<a id="([^"]+)"[^>]*href="([^"]+)"`)

func link(t *testing.T, p harness.Page, id string) string {
	t.Helper()
	for _, found := range href.FindAllStringSubmatch(p.Body, -1) {
		if found[1] == id {
			return strings.ReplaceAll(found[2], "&amp;", "&")
		}
	}
	t.Fatalf("no link %s on the page: %s", id, p.Body)
	return ""
}
