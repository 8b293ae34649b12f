package answers_test

import (
	"bytes"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// strangers are addresses of every kind that an answer must not tell apart, all
// of one length: even an answer's length says nothing. The first is nobody's.
var strangers = []string{"nobody", "active", "paused", "unsure", "erased", "keyset", "twofac"}

func address(who string) string { return who + "@acme.test" }

// populate makes the accounts.
func (w *world) populate(t *testing.T) {
	t.Helper()
	in, ctx := w.all[0], t.Context()
	hash, err := in.Passwords.Hash(ctx, password)
	if err != nil {
		t.Fatal(err)
	}
	for _, who := range strangers[1:] {
		a := user.Account{Email: address(who), EmailVerified: who != "unsure", PasswordHash: hash, Source: "admin"}
		if who == "keyset" {
			a.PasswordHash = "" // somebody who has no password
		}
		u, err := in.Users.Create(ctx, access.Root(), a)
		if err != nil {
			t.Fatal(err)
		}
		switch who {
		case "twofac": // somebody with a second factor
			err = in.Store.InsertFactor(ctx, storage.Factor{
				ID: storage.NewID(), UserID: u.ID, Type: storage.FactorTOTP, Name: "app", Sealed: []byte("sealed"),
				CreatedAt: u.CreatedAt, VerifiedAt: u.CreatedAt,
			})
		case "paused":
			_, err = in.Users.SetStatus(ctx, u.ID, storage.UserSuspended, "test")
		case "erased":
			_, err = in.Users.Delete(ctx, u.ID, "test")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	w.sync(t)
}

var varying = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`"(request_id|timestamp)":"[^"]*"`), `"$1":"($1)"`},
	// What a page seals for its own form.
	{regexp.MustCompile(`(<input[^>]*type="hidden"[^>]*value=")[^"]*"`), `$1(sealed)"`},
	{regexp.MustCompile(`(transaction=)[^"&]*`), `$1(sealed)`},
	{regexp.MustCompile(`id="request-id">[^<]*<`), `id="request-id">(request)<`},
}

// portrait writes an answer down without what no two answers share: the
// request's name, the time, and what is left of a limit that both count against.
func portrait(status int, header http.Header, body, email string) string {
	h := header.Clone()
	for _, name := range []string{"Date", "X-Request-Id", "Traceparent", "X-Ratelimit-Remaining", "X-Ratelimit-Reset", "Retry-After"} {
		if h.Get(name) != "" {
			h.Set(name, "(varies)")
		}
	}
	for i, c := range h["Set-Cookie"] {
		name, _, _ := strings.Cut(c, "=")
		h["Set-Cookie"][i] = name
	}
	var b bytes.Buffer
	fmt.Fprintln(&b, status)
	_ = h.Write(&b)
	body = strings.ReplaceAll(body, email, "(email)")
	for _, v := range varying {
		body = v.pattern.ReplaceAllString(body, v.with)
	}
	return b.String() + body
}

// ask sends one request about an address and describes the answer.
type ask func(t *testing.T, in *harness.Instance, email string) (status int, portrait string)

func asJSON(path string, more m) ask {
	return func(t *testing.T, in *harness.Instance, email string) (int, string) {
		body := m{"email": email}
		for k, v := range more {
			body[k] = v
		}
		a := send(t, in, http.MethodPost, path, body)
		return a.status, portrait(a.status, a.header, string(a.raw), email)
	}
}

// onPage fills a hosted page that takes an address, in a browser of its own.
func onPage(path string, more map[string]string) ask {
	return func(t *testing.T, in *harness.Instance, email string) (int, string) {
		b := in.NewBrowser(t)
		form := map[string]string{"email": email, "username": email}
		for k, v := range more {
			form[k] = v
		}
		p := b.Submit(b.Get(path), form)
		return p.Status, portrait(p.Status, p.Header, p.Body, email)
	}
}

// TestAlike: whether an address is nobody's, somebody's, a suspended, deleted or
// unverified person's, or one's who has no password: the answer is the same to
// the byte, in its headers and its length too. How long it takes is measured by
// `go run ./test/load alike`.
func TestAlike(t *testing.T) {
	t.Parallel()
	env := []string{
		"SIGNET_ACCOUNTS_ENUMERATION_SAFE=true", "SIGNET_LIMITS_MAILS_PER_HOUR=2",
		"SIGNET_LIMITS_LOGINS_PER_ADDR=100000", "SIGNET_LIMITS_MAILS_PER_ADDR=100000", "SIGNET_LIMITS_REGISTERS_PER_ADDR=100000",
	}
	signIn := harness.NewAuthorization("web", "openid", nil)
	for _, c := range []struct {
		name string
		ask  ask
		want []int // by try
	}{
		// The eleventh failure locks, and then the right password does not help.
		{"login", asJSON("/auth/login", m{"password": "wrong"}), []int{401, 401, 401, 401, 401, 401, 401, 401, 401, 401, 423, 423}},
		{"login with a code", asJSON("/auth/login", m{"password": "wrong", "mfa_code": "123456"}), []int{401, 401}},
		{"login with a device", asJSON("/auth/login", m{"password": "wrong", "device_token": strings.Repeat("a", 64)}), []int{401, 401}},
		{"forgot password", asJSON("/auth/forgot-password", nil), []int{200, 200, 429}},
		{"resend verification", asJSON("/auth/resend-verification", nil), []int{200, 200, 429}},
		{"register", asJSON("/auth/register", m{"password": password}), []int{202, 202, 429}},
		{"register, a weak password", asJSON("/auth/register", m{"password": "short"}), []int{422}},
		{"sign-in page", onPage(signIn.Path(), map[string]string{"password": "wrong", "action": "login"}), []int{401, 401}},
		{"recovery page", onPage("/ui/recover", nil), []int{200, 200, 429}},
		{"verification page", onPage("/ui/verify-email", nil), []int{200, 200, 429}},
		{"registration page", onPage("/ui/register", map[string]string{"new_password": password}), []int{200, 200, 429}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			engines(t, env, func(t *testing.T, w *world) {
				w.all[0].Client(t, "web", storage.ClientMetadata{TokenEndpointAuthMethod: "none", FirstParty: true})
				w.populate(t)
				for try, want := range c.want {
					var first string
					for i, who := range strangers {
						status, got := c.ask(t, w.at(try), address(who))
						if status != want {
							t.Fatalf("%s, try %d: %d, want %d\n%s", who, try+1, status, want, got)
						}
						if i == 0 {
							first = got
						} else if first != got {
							t.Errorf("try %d tells (-nobody +%s)\n%s", try+1, who, cmp.Diff(first, got))
						}
					}
				}
			})
		})
	}
}

// TestLockedAlike: once failures have locked an identifier, the right password
// is answered as any other, and as for nobody.
func TestLockedAlike(t *testing.T) {
	t.Parallel()
	engines(t, []string{"SIGNET_LIMITS_LOCK_FAILURES=2"}, func(t *testing.T, w *world) {
		w.populate(t)
		right, wrong := asJSON("/auth/login", m{"password": password}), asJSON("/auth/login", m{"password": "wrong"})
		var first string
		for i, who := range strangers {
			for try, want := range []int{401, 401, 423} {
				if status, got := wrong(t, w.at(try), address(who)); status != want {
					t.Fatalf("%s, try %d: %d, want %d\n%s", who, try+1, status, want, got)
				}
			}
			_, got := right(t, w.at(i), address(who))
			if i == 0 {
				first = got
			}
			if first != got {
				t.Errorf("the right password tells (-nobody +%s)\n%s", who, cmp.Diff(first, got))
			}
			if !strings.HasPrefix(got, "423\n") || !strings.Contains(got, "Retry-After: (varies)") || !strings.Contains(got, "AUTH_008") {
				t.Errorf("%s: %s", who, got)
			}
		}
	})
}

// TestFactorsAlike: what is another person's, and what is nobody's, is answered
// alike: no challenge, method or device of others can be told from one that is
// not there, nor a login's mfa_token from one that was never given out.
func TestFactorsAlike(t *testing.T) {
	t.Parallel()
	engines(t, nil, func(t *testing.T, w *world) {
		in, ctx := w.all[0], t.Context()
		// Ada has mail as her second factor, a login that waits and a challenge.
		ada := in.User(t, "ada@acme.test", password)
		bob := in.User(t, "bob@acme.test", password)
		factor := storage.Factor{
			ID: storage.NewID(), UserID: ada.ID, Type: storage.FactorTOTP, Name: "app", Sealed: []byte("sealed"),
			CreatedAt: ada.CreatedAt, VerifiedAt: ada.CreatedAt,
		}
		if err := in.Store.InsertFactor(ctx, factor); err != nil {
			t.Fatal(err)
		}
		w.sync(t)
		waiting := send(t, in, http.MethodPost, "/auth/login", m{"email": ada.Email, "password": password})
		challenge, pending := waiting.text("mfa_challenge_id"), waiting.text("mfa_token")
		if waiting.status != http.StatusOK || challenge == "" || pending == "" {
			t.Fatalf("%d %s", waiting.status, waiting.raw)
		}
		bearer := "Bearer " + send(t, in, http.MethodPost, "/auth/login", m{"email": bob.Email, "password": password}).text("access_token")
		own := factor
		own.ID, own.UserID = storage.NewID(), bob.ID
		if err := in.Store.InsertFactor(ctx, own); err != nil {
			t.Fatal(err)
		}
		forged := strings.Repeat("A", len(pending))
		for _, c := range []struct {
			name, method, path string
			body               func(id string) m
			theirs, nobodys    string
			status             int
			with               []string
		}{
			{"challenge a method", http.MethodPost, "/mfa/challenge", func(id string) m { return m{"method_id": id} }, factor.ID, storage.NewID(), 404, []string{"Authorization", bearer}},
			{"verify a challenge", http.MethodPost, "/mfa/verify", func(id string) m { return m{"challenge_id": id, "code": "123456"} }, challenge, storage.NewID(), 404, []string{"Authorization", bearer}},
			{"verify a method", http.MethodPost, "/mfa/verify", func(id string) m { return m{"method_id": id, "code": "123456"} }, factor.ID, storage.NewID(), 404, []string{"Authorization", bearer}},
			{"a login's token, changed", http.MethodPost, "/mfa/challenge", func(id string) m { return m{"mfa_token": id, "method_type": "totp"} }, pending[:len(pending)-4] + "AAAA", forged, 0, nil},
			{"the same, verified", http.MethodPost, "/mfa/verify", func(id string) m { return m{"mfa_token": id, "challenge_id": challenge, "code": "123456"} }, pending[:len(pending)-4] + "AAAA", forged, 0, nil},
		} {
			theirs := send(t, in, c.method, c.path, c.body(c.theirs), c.with...)
			nobodys := send(t, in, c.method, c.path, c.body(c.nobodys), c.with...)
			a := portrait(theirs.status, theirs.header, strings.ReplaceAll(string(theirs.raw), c.theirs, "(id)"), ada.Email)
			b := portrait(nobodys.status, nobodys.header, strings.ReplaceAll(string(nobodys.raw), c.nobodys, "(id)"), ada.Email)
			if a != b {
				t.Errorf("%s tells (-theirs +nobody's)\n%s", c.name, cmp.Diff(a, b))
			}
			if c.status != 0 && theirs.status != c.status || theirs.status < 400 || theirs.status >= 500 {
				t.Errorf("%s: %d %s", c.name, theirs.status, theirs.raw)
			}
		}
	})
}
