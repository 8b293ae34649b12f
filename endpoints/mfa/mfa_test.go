package mfa_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pquerna/otp/totp"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/internal/testkit/mailsink"
	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	ada      = "ada@acme.test"
	bob      = "bob@globex.test"
	root     = "root@acme.test"
	password = "correct horse battery"
)

// world is a server that can send mail and text messages, and three people.
type world struct {
	*harness.Instance
	t          *testing.T
	clock      *fakeclock.Clock
	mail       *mailsink.Sink
	texts      chan string
	adaID      string
	acme       string
	adminToken string
}

func newWorld(t *testing.T, o harness.Options, env ...string) *world {
	t.Helper()
	w := &world{
		t: t, clock: fakeclock.New(time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)), mail: mailsink.Start(t), texts: make(chan string, 16),
	}
	gateway := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var sent struct{ To, Text string }
		if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
			rw.WriteHeader(http.StatusBadRequest)
			return
		}
		w.texts <- sent.Text
	}))
	t.Cleanup(gateway.Close)
	o.Clock, o.Env = w.clock, append([]string{"SIGNET_SMTP_URL=" + w.mail.URL, "SIGNET_SMS_URL=" + gateway.URL}, env...)
	w.Instance = harness.Start(t, o)
	if err := w.Applier().EnsureBuiltin(t.Context()); err != nil {
		t.Fatal(err)
	}
	u := w.User(t, ada, password)
	w.adaID = u.ID
	w.acme = w.Organization(t, "acme", u.ID).ID
	w.User(t, bob, password)
	w.User(t, root, password, "admin")
	w.Sync(t)
	w.adminToken = w.want(w.post("/auth/login", "", m{"email": root, "password": password}), http.StatusOK, "").text("access_token")
	return w
}

type m = map[string]any

type answer struct {
	status int
	header http.Header
	body   m
	raw    []byte
}

func (a answer) text(name string) string { s, _ := a.body[name].(string); return s }

func (a answer) texts(name string) []string {
	list, _ := a.body[name].([]any)
	out := make([]string, len(list))
	for i, v := range list {
		out[i], _ = v.(string)
	}
	return out
}

func (w *world) call(method, path, bearer string, body any) answer {
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
	resp, err := w.HTTP.Do(r)
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
	if a.status != status || a.text("error_code") != code {
		w.t.Fatalf("answer %d %s, want %d %s", a.status, a.raw, status, code)
	}
	return a
}

func (w *world) login(email string, more m) answer {
	w.t.Helper()
	body := m{"email": email, "password": password}
	for k, v := range more {
		body[k] = v
	}
	return w.want(w.post("/auth/login", "", body), http.StatusOK, "")
}

// pending is a login that waits for its second factor.
func (w *world) pending(email string) answer {
	w.t.Helper()
	a := w.login(email, nil)
	if a.body["requires_mfa"] != true || a.text("mfa_token") == "" || a.body["access_token"] != nil {
		w.t.Fatalf("no factor is asked for: %s", a.raw)
	}
	return a
}

// totp is what an authenticator app shows now.
func (w *world) totp(secret string) string {
	w.t.Helper()
	code, err := totp.GenerateCode(secret, w.clock.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	return code
}

// app sets an authenticator app up.
func (w *world) app(bearer string) (secret, id string, codes []string) {
	w.t.Helper()
	a := w.want(w.post("/mfa/setup", bearer, m{"method_type": "totp"}), http.StatusOK, "")
	v := w.want(w.post("/mfa/verify", bearer, m{"challenge_id": a.text("challenge_id"), "code": w.totp(a.text("secret"))}), http.StatusOK, "")
	w.step()
	return a.text("secret"), a.text("method_id"), v.texts("backup_codes")
}

// step goes on to the next code of an authenticator app.
func (w *world) step() { w.clock.Advance(30 * time.Second) }

var digits = regexp.MustCompile(`\b\d{6}\b`)

func (w *world) mailed(to string) string {
	w.t.Helper()
	for {
		text := w.mail.Wait(w.t, to).Text
		if code := digits.FindString(text); code != "" {
			return code
		}
	}
}

func (w *world) texted() string {
	w.t.Helper()
	select {
	case text := <-w.texts:
		return digits.FindString(text)
	case <-time.After(20 * time.Second):
		w.t.Fatal("no text message came")
		return ""
	}
}

var masks = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "(id)"},
	{regexp.MustCompile(`"(token|access_token|refresh_token|request_id|mfa_token|device_token|secret|secret_key|qr_code|qr_code_uri|challenge|user_agent|raw)": "[^"]+"`), `"$1": "($1)"`},
	{regexp.MustCompile(`secret=[A-Z2-7]+`), "secret=(secret)"},
	{regexp.MustCompile(`"[0-9a-z]{5}-[0-9a-z]{5}"`), `"(code)"`},
	{regexp.MustCompile(`"(id|name)": "[A-Za-z0-9_-]{22,}"`), `"$1": "(handle)"`},
}

// golden compares an answer with a file.
func golden(t *testing.T, name string, a answer) {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, a.raw, "", "  "); err != nil {
		t.Fatalf("%s: %q: %v", name, a.raw, err)
	}
	text := fmt.Sprintf("%d\n%s", a.status, b.String())
	for _, mask := range masks {
		text = mask.pattern.ReplaceAllString(text, mask.with)
	}
	file := filepath.Join("testdata", name+".txt")
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

// TestLifeOfFactors walks the whole of it over HTTP, and pins every shape.
func TestLifeOfFactors(t *testing.T) {
	t.Parallel()
	engines := map[string]func(t *testing.T, o harness.Options){
		"app": lifeOfAnApp, "messages": lifeOfMessages, "policies": lifeOfPolicies, "devices": lifeOfDevices,
	}
	for name, life := range engines {
		t.Run("SQLite/"+name, func(t *testing.T) { t.Parallel(); life(t, harness.Options{Contract: true}) })
		t.Run("PostgreSQL/"+name, func(t *testing.T) {
			t.Parallel()
			life(t, harness.Options{DatabaseURL: servers.Postgres(t), MasterKey: harness.MasterKey, Contract: true})
		})
	}
}

func lifeOfAnApp(t *testing.T, o harness.Options) {
	w := newWorld(t, o)
	first := w.login(ada, nil).text("access_token")
	stale := first
	golden(t, "methods_none", w.want(w.call(http.MethodGet, "/mfa/methods", first, nil), http.StatusOK, ""))
	golden(t, "regenerate_none", w.want(w.post("/mfa/backup-codes/regenerate", first, nil), http.StatusBadRequest, "MFA_001"))

	setup := w.want(w.post("/api/v1/mfa/setup/", first, m{"method_type": "totp", "device_name": "Telephone"}), http.StatusOK, "")
	golden(t, "setup_totp", setup)
	secret, id := setup.text("secret_key"), setup.text("method_id")
	golden(t, "verify_wrong", w.want(w.post("/mfa/verify", first, m{"challenge_id": setup.text("challenge_id"), "challenge_code": "000000"}), http.StatusOK, ""))
	if a := w.login(ada, nil); a.body["requires_mfa"] != false {
		t.Fatalf("a factor that is not confirmed counts: %s", a.raw)
	}
	done := w.want(w.post("/mfa/verify", first, m{"method_id": id, "code": w.totp(secret)}), http.StatusOK, "")
	golden(t, "verify_first", done)
	codes := done.texts("backup_codes")
	if len(codes) != 10 {
		t.Fatalf("backup codes: %v", codes)
	}
	golden(t, "methods", w.want(w.call(http.MethodGet, "/mfa/methods", first, nil), http.StatusOK, ""))

	// A login waits, and the code that was used is not taken again.
	waiting := w.pending(ada)
	golden(t, "login_waiting", waiting)
	challenge := waiting.text("mfa_challenge_id")
	replay := w.post("/mfa/verify", "", m{"mfa_token": waiting.text("mfa_token"), "challenge_id": challenge, "code": w.totp(secret)})
	golden(t, "login_wrong", w.want(replay, http.StatusUnauthorized, "MFA_002"))
	if replay.body["attempts_remaining"] != 2.0 {
		t.Errorf("attempts_remaining: %s", replay.raw)
	}
	w.step()
	in := w.want(w.post("/mfa/verify", "", m{"mfa_token": waiting.text("mfa_token"), "challenge_id": challenge, "code": w.totp(secret)}), http.StatusOK, "")
	golden(t, "login_done", in)
	claims := harness.Claims(t, in.text("access_token"))
	if claims["acr"] != "aal2" || fmt.Sprint(claims["amr"]) != "[pwd otp mfa]" {
		t.Errorf("acr %v amr %v", claims["acr"], claims["amr"])
	}
	over := w.post("/mfa/verify", "", m{"mfa_token": waiting.text("mfa_token"), "challenge_id": challenge, "code": w.totp(secret)})
	golden(t, "login_over", w.want(over, http.StatusBadRequest, "MFA_003"))

	// At once, with the password.
	w.step()
	w.want(w.post("/auth/login", "", m{"email": ada, "password": password, "mfa_code": "000000", "mfa_method": "totp"}), http.StatusUnauthorized, "MFA_002")
	if a := w.login(ada, m{"mfa_code": w.totp(secret)}); a.text("access_token") == "" {
		t.Fatalf("a code at login: %s", a.raw)
	}
	// A backup code stands in, once.
	for n, status := range []int{http.StatusOK, http.StatusUnauthorized} {
		p := w.pending(ada)
		a := w.post("/mfa/verify", "", m{"mfa_token": p.text("mfa_token"), "challenge_id": p.text("mfa_challenge_id"), "backup_code": strings.ToUpper(codes[0])})
		if a.status != status {
			t.Fatalf("backup code, use %d: %d %s", n+1, a.status, a.raw)
		}
	}

	// Three wrong ones, and the challenge is burnt.
	p := w.pending(ada)
	for range 3 {
		w.want(w.post("/mfa/verify", "", m{"mfa_token": p.text("mfa_token"), "challenge_id": p.text("mfa_challenge_id"), "code": "000000"}), http.StatusUnauthorized, "MFA_002")
	}
	burnt := w.post("/mfa/verify", "", m{"mfa_token": p.text("mfa_token"), "challenge_id": p.text("mfa_challenge_id"), "code": w.totp(secret)})
	golden(t, "login_burnt", w.want(burnt, http.StatusTooManyRequests, "MFA_004"))

	// Others' methods and challenges are not there.
	other := w.login(bob, nil).text("access_token")
	w.want(w.call(http.MethodDelete, "/mfa/methods/"+id, other, nil), http.StatusNotFound, "REQ_003")
	w.want(w.call(http.MethodPatch, "/mfa/methods/"+id, other, m{"name": "mine"}), http.StatusNotFound, "REQ_003")
	c := w.want(w.post("/mfa/challenge", in.text("access_token"), m{"method_id": id}), http.StatusOK, "")
	golden(t, "challenge_totp", c)
	w.want(w.post("/mfa/verify", other, m{"challenge_id": c.text("challenge_id"), "code": w.totp(secret)}), http.StatusNotFound, "REQ_003")
	w.want(w.post("/mfa/verify", other, m{"method_id": id, "code": w.totp(secret)}), http.StatusNotFound, "REQ_003")
	w.want(w.post("/mfa/challenge", other, m{"method_id": id}), http.StatusBadRequest, "MFA_001")
	// Nor another session's.
	w.want(w.post("/mfa/verify", first, m{"challenge_id": c.text("challenge_id"), "code": w.totp(secret)}), http.StatusNotFound, "REQ_003")

	// A step up: a password alone is not recent any more, nor is an old factor.
	if harness.Claims(t, stale)["acr"] != "aal1" {
		t.Fatalf("the first token: %v", harness.Claims(t, stale))
	}
	refused := w.call(http.MethodDelete, "/mfa/methods/"+id, stale, nil)
	golden(t, "remove_step_up", w.want(refused, http.StatusForbidden, "AUTH_014"))
	if !strings.Contains(refused.header.Get("WWW-Authenticate"), "insufficient_user_authentication") {
		t.Errorf("WWW-Authenticate: %q", refused.header.Get("WWW-Authenticate"))
	}
	w.want(w.post("/mfa/setup", stale, m{"method_type": "totp"}), http.StatusForbidden, "AUTH_014")
	w.want(w.post("/mfa/backup-codes/regenerate", stale, nil), http.StatusForbidden, "AUTH_014")
	w.step()
	up := w.want(w.post("/mfa/verify", stale, m{"method_id": id, "code": w.totp(secret)}), http.StatusOK, "")
	golden(t, "step_up", up)
	fresh := up.text("access_token")
	golden(t, "regenerate", w.want(w.post("/mfa/backup-codes/regenerate", fresh, nil), http.StatusOK, ""))
	golden(t, "setup_backup_codes", w.want(w.post("/mfa/setup", fresh, m{"method_type": "backup_codes"}), http.StatusOK, ""))
	p = w.pending(ada)
	w.want(w.post("/mfa/verify", "", m{"mfa_token": p.text("mfa_token"), "backup_code": codes[1]}), http.StatusUnauthorized, "MFA_002")

	golden(t, "rename", w.want(w.call(http.MethodPatch, "/mfa/methods/"+id, fresh, m{"name": "Another telephone"}), http.StatusOK, ""))
	golden(t, "remove", w.want(w.call(http.MethodDelete, "/mfa/methods/"+id, fresh, nil), http.StatusOK, ""))
	golden(t, "remove_unknown", w.want(w.call(http.MethodDelete, "/mfa/methods/"+id, fresh, nil), http.StatusNotFound, "REQ_003"))
	if a := w.login(ada, nil); a.body["requires_mfa"] != false {
		t.Fatalf("after the last factor: %s", a.raw)
	}
}

func lifeOfMessages(t *testing.T, o harness.Options) {
	w := newWorld(t, o)
	token := w.login(ada, nil).text("access_token")
	a := w.want(w.post("/mfa/setup", token, m{"method_type": "email", "email": "backup@people.test"}), http.StatusOK, "")
	golden(t, "setup_email", a)
	token = orSame(token, w.want(w.post("/mfa/verify", token, m{"challenge_id": a.text("challenge_id"), "code": w.mailed("backup@people.test")}), http.StatusOK, ""))
	a = w.want(w.post("/mfa/setup", token, m{"method_type": "sms", "metadata": m{"phone": "+49 151 23456767"}}), http.StatusOK, "")
	golden(t, "setup_sms", a)
	code := w.texted()
	token = orSame(token, w.want(w.post("/mfa/verify", token, m{"method_id": a.text("method_id"), "code": code}), http.StatusOK, ""))
	golden(t, "methods_messages", w.want(w.call(http.MethodGet, "/mfa/methods", token, nil), http.StatusOK, ""))

	for _, kind := range []string{"email", "sms"} {
		p := w.pending(ada)
		if got := w.mailed("backup@people.test"); got == "" {
			t.Fatal("the login sent no code")
		}
		c := w.want(w.post("/mfa/challenge", "", m{"mfa_token": p.text("mfa_token"), "method_type": kind}), http.StatusOK, "")
		golden(t, "challenge_"+kind, c)
		var code string
		if kind == "sms" {
			code = w.texted()
		} else {
			code = w.mailed("backup@people.test")
		}
		w.want(w.post("/mfa/verify", "", m{"mfa_token": p.text("mfa_token"), "challenge_id": c.text("challenge_id"), "code": code}), http.StatusOK, "")
	}
	for name, body := range map[string]m{
		"no kind": {}, "no such kind": {"method_type": "carrier pigeon"}, "no number": {"method_type": "sms", "phone_number": "12"}, "no address": {"method_type": "email", "backup_email": "x"},
	} {
		if a := w.post("/mfa/setup", token, body); a.status != http.StatusUnprocessableEntity || a.text("error_code") != "REQ_001" {
			t.Errorf("%s: %d %s", name, a.status, a.raw)
		}
	}
	for name, body := range map[string]m{
		"nothing": {}, "no challenge": {"code": "123456"}, "a long code": {"method_id": "backup_codes", "code": strings.Repeat("1", 100)},
	} {
		if a := w.post("/mfa/verify", token, body); a.status != http.StatusUnprocessableEntity || a.text("error_code") != "REQ_001" {
			t.Errorf("%s: %d %s", name, a.status, a.raw)
		}
	}
	golden(t, "no_such_login", w.want(w.post("/mfa/verify", "", m{"mfa_token": "none", "method_id": "x", "code": "1"}), http.StatusBadRequest, "MFA_003"))
	golden(t, "nobody", w.want(w.post("/mfa/challenge", "", m{}), http.StatusUnauthorized, "AUTH_011"))
}

// orSame is the access token that a step up gave.
func orSame(before string, a answer) string {
	if after := a.text("access_token"); after != "" {
		return after
	}
	return before
}

func lifeOfPolicies(t *testing.T, o harness.Options) {
	w := newWorld(t, o)
	token := w.login(ada, nil).text("access_token")
	golden(t, "policy_default", w.want(w.call(http.MethodGet, "/mfa/policy", token, nil), http.StatusOK, ""))
	w.want(w.call(http.MethodGet, "/mfa/policy/system", token, nil), http.StatusForbidden, "AUTH_010")
	w.want(w.call(http.MethodPut, "/mfa/policy", token, m{"requirement_level": "disabled"}), http.StatusForbidden, "AUTH_010")
	w.want(w.call(http.MethodPut, "/mfa/policy", token, m{"requirement_level": "recommended", "relaxes": true}), http.StatusForbidden, "AUTH_010")
	golden(t, "policy_invalid", w.want(w.call(http.MethodPut, "/mfa/policy", token, m{"requirement_level": "some", "grace_period_days": 1000}), http.StatusUnprocessableEntity, "REQ_001"))
	golden(t, "policy_own", w.want(w.call(http.MethodPut, "/mfa/policy", token, m{"requirement_level": "recommended"}), http.StatusOK, ""))

	// An organization asks for less than the system: no.
	golden(t, "policy_system", w.want(w.call(http.MethodPut, "/mfa/policy/system", w.adminToken, m{"requirement_level": "recommended"}), http.StatusOK, ""))
	w.want(w.call(http.MethodPut, "/mfa/policy/organizations/"+w.acme, token, m{"requirement_level": "optional"}), http.StatusForbidden, "AUTH_010")
	golden(t, "policy_organization", w.want(w.call(http.MethodPut, "/mfa/policy/organizations/"+w.acme, token, m{
		"requirement_level": "required", "allowed_methods": []string{"totp", "backup_codes"},
	}), http.StatusOK, ""))
	stranger := w.login(bob, nil).text("access_token")
	w.want(w.call(http.MethodGet, "/mfa/policy/organizations/"+w.acme, stranger, nil), http.StatusNotFound, "ORG_001")
	w.want(w.call(http.MethodGet, "/mfa/policy/users/"+w.adaID, stranger, nil), http.StatusNotFound, "USER_001")
	golden(t, "policy_standing", w.want(w.call(http.MethodGet, "/mfa/policy/status/"+w.adaID, w.adminToken, nil), http.StatusOK, ""))

	// The next login has to set a factor up, of a kind that is allowed.
	p := w.pending(ada)
	golden(t, "login_enrolment", p)
	mfaToken := p.text("mfa_token")
	w.want(w.post("/mfa/setup", "", m{"mfa_token": mfaToken, "method_type": "email", "email": ada}), http.StatusForbidden, "AUTH_010")
	w.want(w.call(http.MethodGet, "/mfa/methods", mfaToken, nil), http.StatusUnauthorized, "AUTH_011") // good for nothing else
	// Somebody else who knows only the password begins at the same time.
	second := w.pending(ada)
	late := w.want(w.post("/mfa/setup", "", m{"mfa_token": second.text("mfa_token"), "method_type": "totp"}), http.StatusOK, "")
	a := w.want(w.post("/mfa/setup", "", m{"mfa_token": mfaToken, "method_type": "totp"}), http.StatusOK, "")
	secret, id := a.text("secret"), a.text("method_id")
	done := w.want(w.post("/mfa/verify", "", m{"mfa_token": mfaToken, "challenge_id": a.text("challenge_id"), "code": w.totp(secret)}), http.StatusOK, "")
	if done.text("access_token") == "" || len(done.texts("backup_codes")) != 10 {
		t.Fatalf("enrolment at login: %s", done.raw)
	}
	if a := w.post("/mfa/verify", "", m{"mfa_token": second.text("mfa_token"), "challenge_id": late.text("challenge_id"), "code": w.totp(late.text("secret"))}); a.status == http.StatusOK {
		t.Fatalf("a password alone has added a factor: %s", a.raw)
	}
	w.want(w.post("/mfa/setup", "", m{"mfa_token": second.text("mfa_token"), "method_type": "totp"}), http.StatusForbidden, "AUTH_010")

	token = done.text("access_token")
	golden(t, "remove_last", w.want(w.call(http.MethodDelete, "/mfa/methods/"+id, token, nil), http.StatusConflict, "MFA_005"))

	// An administrator relaxes it for one person, who cannot change that.
	golden(t, "policy_user", w.want(w.call(http.MethodPut, "/mfa/policy/users/"+w.adaID, w.adminToken, m{"requirement_level": "optional", "relaxes": true}), http.StatusOK, ""))
	w.want(w.call(http.MethodDelete, "/mfa/policy", token, nil), http.StatusForbidden, "AUTH_010")
	w.want(w.call(http.MethodDelete, "/mfa/methods/"+id, token, nil), http.StatusOK, "")
	golden(t, "policy_user_deleted", w.want(w.call(http.MethodDelete, "/mfa/policy/user/"+w.adaID, w.adminToken, nil), http.StatusOK, ""))
	golden(t, "policy_organization_deleted", w.want(w.call(http.MethodDelete, "/mfa/policy/organization/"+w.acme, w.adminToken, nil), http.StatusOK, ""))
	golden(t, "policy_unknown", w.want(w.call(http.MethodDelete, "/mfa/policy/organization/"+w.acme, w.adminToken, nil), http.StatusNotFound, "REQ_003"))
}

func lifeOfDevices(t *testing.T, o harness.Options) {
	w := newWorld(t, o)
	secret, _, _ := w.app(w.login(ada, nil).text("access_token"))
	p := w.pending(ada)
	a := w.want(w.post("/mfa/verify", "", m{
		"mfa_token": p.text("mfa_token"), "challenge_id": p.text("mfa_challenge_id"), "code": w.totp(secret), "trust_device": true,
	}), http.StatusOK, "")
	device, token := a.text("device_token"), a.text("access_token")
	if device == "" {
		t.Fatalf("no device_token: %s", a.raw)
	}
	known := w.login(ada, m{"device_token": device})
	if known.body["requires_mfa"] != false || known.text("device_token") != device {
		t.Fatalf("on a trusted device: %s", known.raw)
	}
	if harness.Claims(t, known.text("access_token"))["acr"] != "aal1" {
		t.Error("a trusted device is no second factor")
	}
	golden(t, "devices", w.want(w.call(http.MethodGet, "/mfa/devices", token, nil), http.StatusOK, ""))
	var trusted string
	list, _ := w.call(http.MethodGet, "/mfa/devices", token, nil).body["devices"].([]any)
	for _, d := range list {
		if d := d.(m); d["is_trusted"] == true {
			trusted = d["id"].(string)
		}
	}
	golden(t, "device", w.want(w.call(http.MethodGet, "/mfa/devices/"+trusted, token, nil), http.StatusOK, ""))
	other := w.login(bob, m{"device_token": device})
	w.want(w.call(http.MethodDelete, "/mfa/devices/"+trusted, other.text("access_token"), nil), http.StatusNotFound, "REQ_003")
	golden(t, "device_forgotten", w.want(w.call(http.MethodDelete, "/mfa/devices/"+trusted, token, nil), http.StatusOK, ""))
	if a := w.login(ada, m{"device_token": device}); a.body["requires_mfa"] != true {
		t.Fatalf("on a device that was forgotten: %s", a.raw)
	}
	golden(t, "devices_forgotten", w.want(w.call(http.MethodDelete, "/mfa/devices", token, nil), http.StatusOK, ""))
}

// TestEmptyStrings: clients that declare the tokens of a login that waits as
// texts get texts.
func TestEmptyStrings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{}, "SIGNET_LEGACY_MFA_EMPTY_STRINGS=true")
	w.app(w.login(ada, nil).text("access_token"))
	a := w.login(ada, nil)
	for _, name := range []string{"access_token", "refresh_token", "token_type"} {
		if v, is := a.body[name].(string); !is || v != "" {
			t.Errorf("%s: %v", name, a.body[name])
		}
	}
	if a.text("mfa_token") == "" {
		t.Error(string(a.raw))
	}
}

// TestGuessing: wrong codes of any challenge lock the account, and the lock is
// told as at a login.
func TestGuessing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	secret, _, _ := w.app(w.login(ada, nil).text("access_token"))
	for range 20 {
		a := w.post("/auth/login", "", m{"email": ada, "password": password})
		if a.status == http.StatusLocked {
			if a.header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			return
		}
		w.want(a, http.StatusOK, "")
		for range 2 {
			a := w.post("/mfa/verify", "", m{"mfa_token": a.text("mfa_token"), "challenge_id": a.text("mfa_challenge_id"), "code": "000000"})
			if a.status == http.StatusLocked {
				w.want(a, http.StatusLocked, "AUTH_008")
				return
			}
			w.want(a, http.StatusUnauthorized, "MFA_002")
		}
	}
	t.Fatalf("never locked (%s)", secret[:0])
}

// TestOperatorsReset: an administrator who has made sure who asks.
func TestOperatorsReset(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	w.app(w.login(ada, nil).text("access_token"))
	path := "/admin/v1/users/" + w.adaID + "/mfa"
	golden(t, "operator_methods", w.want(w.call(http.MethodGet, path, w.adminToken, nil), http.StatusOK, ""))
	golden(t, "operator_reset", w.want(w.call(http.MethodDelete, path+"?reason=lost_device", w.adminToken, nil), http.StatusOK, ""))
	if a := w.login(ada, nil); a.body["requires_mfa"] != false {
		t.Fatalf("after the reset: %s", a.raw)
	}
	if _, err := w.Sequencer.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	list, err := w.Store.QueryEvents(t.Context(), storage.EventQuery{Subject: w.adaID, Types: []string{"mfa.method_removed"}, Limit: 10})
	if err != nil || len(list) != 1 || !strings.Contains(string(list[0].Data), `"lost_device"`) {
		t.Fatalf("events: %+v %v", list, err)
	}
}
