package auth_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/storage"
)

// told is an answer without what is different in every one.
func told(a answer) string {
	delete(a.body, "timestamp")
	delete(a.body, "request_id")
	return fmt.Sprint(a.status, a.body, a.header.Get("Retry-After"), a.header.Get("WWW-Authenticate"))
}

func (s *site) try(identifier, pw string, headers ...string) answer {
	s.t.Helper()
	return s.call(http.MethodPost, "/auth/login", "", members{"username": identifier, "password": pw}, headers...)
}

// TestUnknownIsWrong: nothing in an answer tells whether there is an account,
// before and after the lock.
func TestUnknownIsWrong(t *testing.T) {
	s := newSite(t)
	identifiers := []string{email, "nobody@example.test", "no address at all"}
	for n := range 12 {
		want := ""
		for _, id := range identifiers {
			a := s.try(id, "wrong")
			switch {
			case n < 10:
				s.want(a, http.StatusUnauthorized, "AUTH_001")
			default:
				s.want(a, http.StatusLocked, "AUTH_008")
				if a.header.Get("Retry-After") != "900" {
					t.Fatalf("Retry-After: %q", a.header.Get("Retry-After"))
				}
			}
			if got := told(a); want == "" {
				want = got
			} else if got != want {
				t.Fatalf("attempt %d\n%s\n%s", n+1, want, got)
			}
		}
	}
	// Locked without a look at the password; only for this identifier.
	s.want(s.try(" ALICE@Example.Test ", password), http.StatusLocked, "AUTH_008")
	s.want(s.try("bob@example.test", password), http.StatusOK, "")
	s.advance(15 * time.Minute)
	s.want(s.try(email, password), http.StatusOK, "")
	events := s.events("auth.account_locked")
	if len(events) != 1 || events[0].Subject != s.alice.ID {
		t.Fatalf("account_locked events: %+v", events)
	}
}

// events lists the events of a type.
func (s *site) events(kind string) []storage.Event {
	s.t.Helper()
	if _, err := s.Sequencer.Tick(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	list, err := s.Store.QueryEvents(s.t.Context(), storage.EventQuery{Subject: s.alice.ID, Types: []string{kind}, Limit: 100})
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}

func TestLimitOfAddresses(t *testing.T) {
	s := newSite(t, "SIGNET_LIMITS_LOGINS_PER_ADDR=3", "SIGNET_TRUSTED_PROXIES=127.0.0.0/8")
	for n := range 3 {
		s.want(s.try("nobody"+strconv.Itoa(n)+"@example.test", "wrong", "X-Forwarded-For", "192.0.2.1"), http.StatusUnauthorized, "AUTH_001")
	}
	a := s.want(s.try(email, password, "X-Forwarded-For", "192.0.2.1"), http.StatusTooManyRequests, "AUTH_004")
	if a.header.Get("Retry-After") == "" || a.header.Get("X-RateLimit-Limit") == "" || a.header.Get("X-RateLimit-Reset") == "" {
		t.Fatal(a.header)
	}
	s.want(s.try(email, password, "X-Forwarded-For", "192.0.2.2"), http.StatusOK, "")
}

// TestLockDuration: limits.lock_duration is honoured.
func TestLockDuration(t *testing.T) {
	s := newSite(t, "SIGNET_LIMITS_LOCK_FAILURES=1", "SIGNET_LIMITS_LOCK_DURATION=5m")
	s.want(s.try(email, "wrong"), http.StatusUnauthorized, "AUTH_001")
	if a := s.want(s.try(email, password), http.StatusLocked, "AUTH_008"); a.header.Get("Retry-After") != "300" {
		t.Fatal(a.header)
	}
}

// TestOnlyAfterTheRightPassword: what is wrong with an account is told to who
// knows its password.
func TestOnlyAfterTheRightPassword(t *testing.T) {
	s := newSite(t, "SIGNET_EMAIL_VERIFICATION=required", "SIGNET_SMTP_URL=smtp://127.0.0.1:9")
	hash, err := s.Passwords.Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Users.Create(t.Context(), access.Root(), user.Account{Email: "new@example.test", PasswordHash: hash, Source: "admin"}); err != nil {
		t.Fatal(err)
	}
	s.want(s.try("new@example.test", "wrong"), http.StatusUnauthorized, "AUTH_001")
	s.want(s.try("new@example.test", password), http.StatusForbidden, "AUTH_007")

	if _, err := s.Users.SetStatus(t.Context(), s.alice.ID, storage.UserSuspended, "test"); err != nil {
		t.Fatal(err)
	}
	s.want(s.try(email, "wrong"), http.StatusUnauthorized, "AUTH_001")
	s.want(s.try(email, password), http.StatusForbidden, "AUTH_009")
}

func TestLoginRequests(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		name   string
		body   any
		status int
		code   string
	}{
		{"no body", nil, 422, "REQ_001"},
		{"no password", members{"email": email}, 422, "REQ_001"},
		{"no name", members{"password": password}, 422, "REQ_001"},
		{"a list", []int{1}, 422, "REQ_001"},
		{"a number for a password", members{"email": email, "password": 7}, 422, "REQ_001"},
		{"an endless password", members{"email": email, "password": strings.Repeat("x", 5000)}, 422, "REQ_001"},
		{"an endless name", members{"email": strings.Repeat("x", 400), "password": "x"}, 422, "REQ_001"},
		{"members of others", members{"email": email, "password": password, "grant_type": "password", "x": []int{1}}, 200, ""},
		{"username for email", members{"username": email, "password": password}, 200, ""},
		{"both", members{"email": email, "username": "ignored", "password": password}, 200, ""},
		{"a device of any length", members{"email": email, "password": password, "device_name": strings.Repeat("ü", 500)}, 200, ""},
	} {
		if a := s.call(http.MethodPost, "/auth/login", "", c.body); a.status != c.status || a.text("error_code") != c.code {
			t.Errorf("%s: %d %s", c.name, a.status, a.raw)
		} else if a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: may be stored", c.name)
		}
	}
}

// TestScopeOfAdministrators: the scope admin for those who may.
func TestScopeOfAdministrators(t *testing.T) {
	s := newSite(t)
	for role, want := range map[string]bool{"admin": true, "manager": true, "user": false} {
		address := role + "@example.test"
		s.User(t, address, password, role)
		a := s.want(s.try(address, password), http.StatusOK, "")
		if got := strings.Contains(" "+a.text("scope")+" ", " admin "); got != want {
			t.Errorf("%s: %s", role, a.text("scope"))
		}
	}
}

// TestLoginEvents: one login is a session, a grant and a login, and nothing of
// the person is in what consumers read.
func TestLoginEvents(t *testing.T) {
	s := newSite(t)
	a := s.login("remember_me", true)
	for _, kind := range []string{"user.login", "session.created", "grant.created"} {
		list := s.events(kind)
		if len(list) != 1 || !strings.Contains(string(list[0].Data), a.text("session_id")) {
			t.Fatalf("%s: %+v", kind, list)
		}
		if strings.Contains(string(list[0].Data), "127.0.0.1") || strings.Contains(string(list[0].Data), "iPhone") {
			t.Fatalf("%s tells: %s", kind, list[0].Data)
		}
	}
}
