package mfa_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// TestUnlockByMail: who is locked out gets a link that lets them try again, and
// nothing else.
func TestUnlockByMail(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) { t.Parallel(); unlockByMail(t, harness.Options{}) })
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		unlockByMail(t, harness.Options{DatabaseURL: servers.Postgres(t), MasterKey: harness.MasterKey, RedisURL: servers.Redis(t)})
	})
}

// hammer fails to sign somebody in until that locks.
func (w *world) hammer(email string) {
	w.t.Helper()
	for range 3 {
		w.want(w.post("/auth/login", "", m{"email": email, "password": "wrong"}), http.StatusUnauthorized, "AUTH_001")
	}
	w.want(w.post("/auth/login", "", m{"email": email, "password": password}), http.StatusLocked, "AUTH_008")
}

func unlockByMail(t *testing.T, o harness.Options) {
	w := newWorld(t, o, "SIGNET_LIMITS_LOCK_FAILURES=3", "SIGNET_LIMITS_MAILS_PER_HOUR=2")
	unlock := func() (token string) {
		t.Helper()
		mail := w.mail.Wait(t, ada)
		link, err := url.Parse(mail.Links[0])
		if err != nil || link.Path != "/ui/unlock" {
			t.Fatalf("the mail leads to %v: %s", mail.Links, mail.Text)
		}
		return link.Query().Get("token")
	}
	press := func(token string) harness.Page {
		t.Helper()
		b := w.NewBrowser(t)
		p := b.Get("/ui/unlock?" + url.Values{"token": {token}}.Encode())
		if !p.Has("unlock-page") {
			t.Fatalf("no question: %d %.300s", p.Status, p.Body)
		}
		return b.Submit(p, nil)
	}
	w.hammer(ada)
	token := unlock()
	w.want(w.post("/auth/login", "", m{"email": ada, "password": password}), http.StatusLocked, "AUTH_008") // a visit is no press
	if p := press(token); p.Status != http.StatusOK || !p.Has("unlock-done") {
		t.Fatalf("the link: %d %.300s", p.Status, p.Body)
	}
	w.login(ada, nil)
	// Once.
	w.hammer(ada)
	if p := press(token); p.Status != http.StatusBadRequest && p.Status != http.StatusGone {
		t.Errorf("the link again: %d", p.Status)
	}
	w.want(w.post("/auth/login", "", m{"email": ada, "password": password}), http.StatusLocked, "AUTH_008")

	// Of a lock that ended by itself, the link has ended too.
	second := unlock()
	w.clock.Advance(31 * time.Minute)
	if p := press(second); p.Status != http.StatusBadRequest && p.Status != http.StatusGone {
		t.Errorf("a link after the lock: %d", p.Status)
	}

	// Nobody is flooded: two an hour, and then the lock ends by itself. What bob
	// gets comes after what ada would.
	if _, err := w.Login.Guard.Unlock(t.Context(), ada); err != nil {
		t.Fatal(err)
	}
	w.hammer(ada)
	w.hammer(bob)
	w.mail.Wait(t, bob)
	sent := 0
	for _, mail := range w.mail.Messages() {
		if strings.Contains(strings.Join(mail.To, ","), ada) && strings.Contains(mail.Text, "/ui/unlock") {
			sent++
		}
	}
	if sent != 2 {
		t.Errorf("%d mails within the hour, want 2", sent)
	}
	for {
		if n, err := w.Sequencer.Tick(t.Context()); err != nil {
			t.Fatal(err)
		} else if n == 0 {
			break
		}
	}
	list, err := w.Store.QueryEvents(t.Context(), storage.EventQuery{Subject: w.adaID, Types: []string{"auth.account_unlocked"}, Limit: 10})
	if err != nil || len(list) != 1 || !strings.Contains(string(list[0].Data), `"mail"`) {
		t.Errorf("events: %+v %v", list, err)
	}
}

// TestOperatorsUnlock: an operator's unlock reaches the owner's own device.
func TestOperatorsUnlock(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{}, "SIGNET_LIMITS_LOCK_FAILURES=3")
	secret, _, _ := w.app(w.login(ada, nil).text("access_token"))
	p := w.pending(ada)
	device := w.want(w.post("/mfa/verify", "", m{
		"mfa_token": p.text("mfa_token"), "challenge_id": p.text("mfa_challenge_id"), "code": w.totp(secret), "trust_device": true,
	}), http.StatusOK, "").text("device_token")
	mine := m{"email": ada, "password": "wrong", "device_token": device}
	for range 3 {
		w.want(w.post("/auth/login", "", mine), http.StatusUnauthorized, "AUTH_001")
	}
	right := m{"email": ada, "password": password, "device_token": device}
	w.want(w.post("/auth/login", "", right), http.StatusLocked, "AUTH_008")
	a := w.want(w.post("/admin/v1/users/"+w.adaID+"/unlock", w.adminToken, m{"reason": "asked"}), http.StatusOK, "")
	if a.body["was_locked"] != true {
		t.Errorf("%s", a.raw)
	}
	if a := w.want(w.post("/auth/login", "", right), http.StatusOK, ""); a.text("access_token") == "" {
		t.Errorf("on the device: %s", a.raw)
	}
}
