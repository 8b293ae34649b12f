package replicas_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/internal/testkit/mailsink"
	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// How many answer a challenge at once, and how many of them it takes.
const (
	guessers = 64
	allowed  = 3
)

type m = map[string]any

// factorWorld are replicas that send mail and share counters, and a clock.
type factorWorld struct {
	*world
	clock  *fakeclock.Clock
	mail   *mailsink.Sink
	people int
}

// factorEngines runs a test on one server over SQLite and on two over
// PostgreSQL and Redis.
func factorEngines(t *testing.T, f func(t *testing.T, w *factorWorld)) {
	t.Helper()
	start := func(t *testing.T, o harness.Options) {
		w := &factorWorld{clock: harness.FakeClock(), mail: mailsink.Start(t)}
		o.Clock = w.clock
		o.Env = []string{"SIGNET_SMTP_URL=" + w.mail.URL, "SIGNET_LIMITS_LOGINS_PER_ADDR=100000"}
		w.world = setup(t, 2, o)
		if err := w.at(0).Applier().EnsureBuiltin(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.sync(t)
		f(t, w)
	}
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		start(t, harness.Options{})
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		start(t, harness.Options{DatabaseURL: servers.Postgres(t), RedisURL: servers.Redis(t)})
	})
}

// holder is a person with a second factor.
type holder struct {
	email, secret string
	backup        []string
}

// code is what the authenticator app shows now, wrong is none that it shows.
func (w *factorWorld) code(t *testing.T, h holder) string {
	t.Helper()
	code, err := totp.GenerateCode(h.secret, w.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func (w *factorWorld) wrong(t *testing.T, h holder) string {
	t.Helper()
	shown := map[string]bool{}
	for step := -2; step <= 2; step++ {
		code, err := totp.GenerateCode(h.secret, w.clock.Now().Add(time.Duration(step)*30*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		shown[code] = true
	}
	for n := 0; ; n++ {
		if code := fmt.Sprintf("%06d", n); !shown[code] {
			return code
		}
	}
}

// json sends a JSON request, from any goroutine.
func (c caller) json(ctx context.Context, address, bearer string, body any) answer {
	raw, err := json.Marshal(body)
	if err != nil {
		return answer{err: err}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(raw))
	if err != nil {
		return answer{err: err}
	}
	r.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	return c.do(r)
}

// must is json for what has to succeed.
func (w *factorWorld) must(t *testing.T, path, bearer string, body any) answer {
	t.Helper()
	a := newCaller(t, 1).json(t.Context(), w.at(0).URL+path, bearer, body)
	if a.err != nil || a.status != http.StatusOK {
		t.Fatalf("%s: %d %v %s", path, a.status, a.err, a.body)
	}
	return a
}

var sixDigits = regexp.MustCompile(`\b\d{6}\b`)

// mailed is the newest code that a person was sent.
func (w *factorWorld) mailed(t *testing.T, to string) string {
	t.Helper()
	for {
		if code := sixDigits.FindString(w.mail.Wait(t, to).Text); code != "" {
			return code
		}
	}
}

// someone makes a person with a factor, and lets the clock go on to the next
// code of an app.
func (w *factorWorld) someone(t *testing.T, kind string) holder {
	t.Helper()
	w.people++
	h := holder{email: fmt.Sprintf("holder%d@example.test", w.people)}
	w.at(0).User(t, h.email, password)
	token := w.must(t, "/auth/login", "", m{"email": h.email, "password": password}).field("access_token")
	begun := w.must(t, "/mfa/setup", token, m{"method_type": kind})
	var code string
	if h.secret = begun.field("secret"); h.secret != "" {
		code = w.code(t, h)
	} else {
		code = w.mailed(t, h.email)
	}
	done := w.must(t, "/mfa/verify", token, m{"challenge_id": begun.field("challenge_id"), "code": code})
	for _, c := range done.fields["backup_codes"].([]any) {
		h.backup = append(h.backup, c.(string))
	}
	w.clock.Advance(30 * time.Second)
	return h
}

// waiting is a login that waits for its second factor; it answers a challenge
// at any replica.
type waiting func(ctx context.Context, c caller, in *harness.Instance, code string, backup bool) answer

// ways are where a person proves a second factor.
var ways = map[string]func(t *testing.T, w *factorWorld, h holder) waiting{
	"JSON": func(t *testing.T, w *factorWorld, h holder) waiting {
		t.Helper()
		begun := w.must(t, "/auth/login", "", m{"email": h.email, "password": password})
		token, challenge := begun.field("mfa_token"), begun.field("mfa_challenge_id")
		if token == "" || challenge == "" {
			t.Fatalf("the login does not wait: %s", begun.body)
		}
		return func(ctx context.Context, c caller, in *harness.Instance, code string, backup bool) answer {
			body := m{"mfa_token": token, "challenge_id": challenge, "code": code}
			if backup {
				body = m{"mfa_token": token, "backup_code": code}
			}
			return c.json(ctx, in.URL+"/mfa/verify", "", body)
		}
	},
	"page": func(t *testing.T, w *factorWorld, h holder) waiting {
		t.Helper()
		b := w.at(0).NewBrowser(t)
		p := b.SignIn(b.Get(harness.NewAuthorization("web", "openid", nil).Path()), h.email, password)
		if !p.Has("mfa-page") {
			t.Fatalf("the login does not wait: %d %.500s", p.Status, p.Body)
		}
		action, fields := p.Form()
		cookies := b.Cookies()
		return func(ctx context.Context, c caller, in *harness.Instance, code string, backup bool) answer {
			form := url.Values{"transaction": fields["transaction"], "challenge": fields["challenge"], "method": fields["method"], "action": {"verify"}, "code": {code}}
			if backup {
				form.Set("method", "backup_codes")
				form.Del("challenge")
			}
			return c.post(ctx, in.URL+action, form, cookies...)
		}
	},
}

// let says that an answer has let the person in.
func let(a answer) bool {
	if a.status == http.StatusOK {
		return a.field("access_token") != ""
	}
	at, err := url.Parse(a.header.Get("Location"))
	return err == nil && a.status == http.StatusSeeOther && at.Query().Get("code") != ""
}

// refusedFactor says that an answer was wrong, not looked at, or came second:
// the challenge is burnt, over or used up, or the account is locked.
func refusedFactor(a answer) bool {
	switch a.status {
	case http.StatusUnauthorized, http.StatusTooManyRequests, http.StatusLocked, http.StatusBadRequest, http.StatusGone, http.StatusConflict:
		return true
	case http.StatusSeeOther:
		return !let(a) // a page of ours: the login was completed in another request
	}
	return false
}

// judgedWrong counts the answers of a person that were looked at and wrong.
func judgedWrong(t *testing.T, w *factorWorld, h holder) (n int) {
	t.Helper()
	u, err := w.at(0).Store.UserByEmail(t.Context(), h.email)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range log(t, w.at(0)) {
		var data struct{ Reason string }
		if err := json.Unmarshal(e.Data, &data); err != nil {
			t.Fatal(err)
		}
		if e.Type == "mfa.verification_failed" && e.Subject == u.ID && data.Reason != "exhausted" {
			n++
		}
	}
	return n
}

// TestGuessesAtOnce: many answers to one challenge at once, over all replicas,
// get no more tries than one after another would, and of those that are right
// one lets in.
func TestGuessesAtOnce(t *testing.T) {
	t.Parallel()
	factorEngines(t, func(t *testing.T, w *factorWorld) {
		c := newCaller(t, guessers)
		for name, wait := range ways {
			for kind, right := range map[string]func(i int) bool{
				"wrong": func(int) bool { return false },
				"mixed": func(i int) bool { return i%2 == 1 },
				"right": func(int) bool { return true },
			} {
				h := w.someone(t, "totp")
				try, good, bad := wait(t, w, h), w.code(t, h), w.wrong(t, h)
				got := parallel(guessers, func(i int) answer {
					code := bad
					if right(i) {
						code = good
					}
					return try(t.Context(), c, w.at(i), code, false)
				})
				noServerErrors(t, name, got)
				// A page that was asked too often says so whichever answer it was.
				in, judged := count(got, let), judgedWrong(t, w, h)
				for _, a := range got {
					if !let(a) && !refusedFactor(a) {
						t.Fatalf("%s, %s: an answer of another kind: %d %.300s", name, kind, a.status, a.body)
					}
				}
				t.Logf("%s, %s: %d let in, %d wrong", name, kind, in, judged)
				most := allowed
				if name == "page" && in == 1 {
					// The page names no challenge: answers under way when the right one
					// lets in make one more, of a login that nothing completes any more.
					most = 2 * allowed
				}
				switch {
				case in+judged > most:
					t.Errorf("%s, %s: %d answers were judged", name, kind, in+judged)
				case kind == "wrong" && (in > 0 || judged != allowed):
					t.Errorf("%s: %d wrong answers judged, %d let in", name, judged, in)
				case kind == "right" && in != 1, in > 1:
					t.Errorf("%s, %s: %d let in", name, kind, in)
				}
			}
		}
	})
}

// TestOneCodeOneLogin: a code that is used twice at once lets one in: the same
// code of an authenticator app and the same backup code in logins side by side,
// the same mailed code in one.
func TestOneCodeOneLogin(t *testing.T) {
	t.Parallel()
	const logins = 4
	factorEngines(t, func(t *testing.T, w *factorWorld) {
		c := newCaller(t, logins)
		for name, wait := range ways {
			app, mail := w.someone(t, "totp"), w.someone(t, "email")
			for round := range 3 {
				code := w.code(t, app)
				for kind, use := range map[string]func(waiting, int) answer{
					"app":         func(try waiting, i int) answer { return try(t.Context(), c, w.at(i), code, false) },
					"backup code": func(try waiting, i int) answer { return try(t.Context(), c, w.at(i), app.backup[round], true) },
				} {
					var begun []waiting
					for range logins {
						begun = append(begun, wait(t, w, app))
					}
					got := parallel(logins, func(i int) answer { return use(begun[i], i) })
					wantOne(t, fmt.Sprintf("%s, %s, round %d", name, kind, round), got)
				}
				try := wait(t, w, mail)
				sent := w.mailed(t, mail.email)
				got := parallel(logins, func(i int) answer { return try(t.Context(), c, w.at(i), sent, false) })
				wantOne(t, fmt.Sprintf("%s, mail, round %d", name, round), got)
				// Failures of those that came second are forgotten before they lock.
				w.clock.Advance(30 * time.Second)
				for _, h := range []holder{app, mail} {
					if _, err := w.at(0).Login.Guard.Unlock(t.Context(), h.email); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	})
}

func wantOne(t *testing.T, what string, got []answer) {
	t.Helper()
	noServerErrors(t, what, got)
	if n := count(got, let); n != 1 {
		for _, a := range got {
			t.Log(a.status, a.header.Get("Location"), a.field("error_code"))
		}
		t.Fatalf("%s: %d let in", what, n)
	}
}

// TestOneCodeOneStepUp: one code makes one session recent, of several at once.
func TestOneCodeOneStepUp(t *testing.T) {
	t.Parallel()
	const sessions = 4
	factorEngines(t, func(t *testing.T, w *factorWorld) {
		c := newCaller(t, sessions)
		h := w.someone(t, "totp")
		u, err := w.at(0).Store.UserByEmail(t.Context(), h.email)
		if err != nil {
			t.Fatal(err)
		}
		factors, err := w.at(0).Store.FactorsOf(t.Context(), u.ID)
		if err != nil || len(factors) != 1 {
			t.Fatal(factors, err)
		}
		w.at(0).Client(t, "own", storage.ClientMetadata{TokenEndpointAuthMethod: "none", FirstParty: true, Scope: "openid account"})
		w.sync(t)
		var bearers []string
		for range sessions {
			bearers = append(bearers, w.at(0).AccessToken(t, u.ID, "own", "openid account"))
		}
		w.sync(t)
		code := w.code(t, h)
		got := parallel(sessions, func(i int) answer {
			return c.json(t.Context(), w.at(i).URL+"/mfa/verify", bearers[i], m{"method_id": factors[0].ID, "code": code})
		})
		noServerErrors(t, "step up", got)
		if n := count(got, func(a answer) bool { return a.status == http.StatusOK && a.fields["verified"] == true }); n != 1 {
			t.Fatalf("%d sessions were stepped up by one code", n)
		}
	})
}
