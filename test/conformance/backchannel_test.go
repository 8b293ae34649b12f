package conformance_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// receiver is a client's back-channel logout endpoint.
type receiver struct {
	*httptest.Server
	status   atomic.Int64
	received chan string
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{received: make(chan string, 64)}
	r.status.Store(http.StatusOK)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		ok := req.Method == http.MethodPost && req.Header.Get("Content-Type") == "application/x-www-form-urlencoded" &&
			req.Header.Get("Cookie") == "" && req.URL.RawQuery == "" && req.ParseForm() == nil && len(req.PostForm) == 1
		if !ok {
			r.received <- ""
		} else {
			r.received <- req.PostForm.Get("logout_token")
		}
		w.WriteHeader(int(r.status.Load()))
	}))
	t.Cleanup(r.Close)
	return r
}

// next waits for a logout token.
func (r *receiver) next(t *testing.T) string {
	t.Helper()
	select {
	case token := <-r.received:
		if token == "" {
			t.Fatal("not a POST of logout_token alone")
		}
		return token
	case <-time.After(20 * time.Second):
		t.Fatal("no logout token came")
	}
	return ""
}

// quiet returns when nothing is left to be delivered, now or later, and fails
// when something came unasked.
func (r *receiver) quiet(t *testing.T, s *site) {
	t.Helper()
	harness.Eventually(t, 10*time.Second, "all deliveries are done with", func() bool {
		later := s.clock.Now().Add(time.Hour)
		left, err := s.Store.TakeLogoutDeliveries(t.Context(), later, later, 10)
		return err == nil && len(left) == 0
	})
	if len(r.received) != 0 {
		t.Fatalf("%d logout tokens more", len(r.received))
	}
}

// logoutToken verifies one as Back-Channel Logout 1.0 §2.6 asks of a client.
func (s *site) logoutToken(t *testing.T, token, client, alg string) map[string]any {
	t.Helper()
	h, c := s.verify(t, token)
	if h.Algorithm != alg || h.ExtraHeaders["typ"] != "logout+jwt" {
		t.Errorf("alg %s typ %v", h.Algorithm, h.ExtraHeaders["typ"])
	}
	now := float64(s.clock.Now().Unix())
	if c["iss"] != s.Issuer || c["aud"] != client || c["iat"].(float64) > now || c["exp"].(float64) <= now || c["exp"].(float64) > now+120 {
		t.Errorf("claims %v at %v", c, now)
	}
	if jti, _ := c["jti"].(string); jti == "" {
		t.Error("no jti")
	}
	events, _ := c["events"].(map[string]any)
	member, ok := events["http://schemas.openid.net/event/backchannel-logout"].(map[string]any)
	if len(events) != 1 || !ok || len(member) != 0 {
		t.Errorf("events %v", c["events"])
	}
	if _, ok := c["nonce"]; ok {
		t.Error("a nonce")
	}
	if len(c) != 8 { // iss aud sub sid iat exp jti events
		t.Errorf("more than its claims: %v", c)
	}
	return c
}

func TestBackchannelLogout(t *testing.T) {
	t.Parallel()
	s := start(t)
	one, two := newReceiver(t), newReceiver(t)
	s.public(t, "one", storage.ClientMetadata{BackchannelLogoutURI: one.URL, PostLogoutRedirectURIs: []string{goodbye}})
	s.public(t, "two", storage.ClientMetadata{BackchannelLogoutURI: two.URL, BackchannelLogoutSessionRequired: true, IDTokenSignedResponseAlg: "ES256"})
	s.public(t, "deaf", storage.ClientMetadata{})
	out := func(t *testing.T, b *harness.Browser, hint string) {
		t.Helper()
		if p := b.Get(logoutPath("id_token_hint", hint, "post_logout_redirect_uri", goodbye)); p.Location == nil {
			t.Fatalf("status %d", p.Status)
		}
	}
	// told checks that a client was told, once, of the session of its ID token.
	told := func(t *testing.T, r *receiver, client, alg string, idToken string) {
		t.Helper()
		c, id := s.logoutToken(t, r.next(t), client, alg), harness.Claims(t, idToken)
		if c["sub"] != id["sub"] || c["sid"] != id["sid"] || id["sid"] == nil {
			t.Errorf("logout token %v, ID token %v", c, id)
		}
	}

	t.Run("oidcc-backchannel-rp-initiated-logout", func(t *testing.T) {
		b := s.signIn(t, s.alice)
		first := s.tokens(t, b, "one", "", "openid", nil)
		s.tokens(t, b, "one", "", "openid profile", nil) // the same session: told once
		second := s.tokens(t, b, "two", "", "openid", nil)
		s.tokens(t, b, "deaf", "", "openid", nil)
		// Somebody else's session at the same client is not touched.
		s.tokens(t, s.signIn(t, s.bob), "one", "", "openid", nil)
		out(t, b, first.IDToken)
		told(t, one, "one", "RS256", first.IDToken)
		told(t, two, "two", "ES256", second.IDToken)
		one.quiet(t, s)
		two.quiet(t, s)
	})

	t.Run("clients of offline grants are told too", func(t *testing.T) {
		b := s.signIn(t, s.alice)
		got := s.tokens(t, b, "one", "", "openid offline_access", nil)
		out(t, b, got.IDToken)
		told(t, one, "one", "RS256", got.IDToken)
		one.quiet(t, s)
		// When the offline grant ends later, with the session they know.
		if _, err := s.Users.SetStatus(t.Context(), s.alice.ID, storage.UserSuspended, "test"); err != nil {
			t.Fatal(err)
		}
		told(t, one, "one", "RS256", got.IDToken)
		one.quiet(t, s)
		if _, err := s.Users.SetStatus(t.Context(), s.alice.ID, storage.UserActive, "test"); err != nil {
			t.Fatal(err)
		}
	})

	t.Run("a changed password", func(t *testing.T) {
		kept, other := s.signIn(t, s.bob), s.signIn(t, s.bob)
		mine := s.tokens(t, kept, "two", "", "openid offline_access", nil)
		got := s.tokens(t, other, "one", "", "openid", nil)
		both := s.tokens(t, other, "one", "", "openid offline_access", nil)
		hash, err := s.Passwords.Hash(t.Context(), password)
		if err != nil {
			t.Fatal(err)
		}
		sid, _ := harness.Claims(t, mine.IDToken)["sid"].(string)
		if _, err := s.Users.SetPassword(t.Context(), s.bob.ID, hash, sid, "self"); err != nil {
			t.Fatal(err)
		}
		seen := map[any]bool{}
		for len(seen) < 2 { // this login, and that of the first subtest
			c := s.logoutToken(t, one.next(t), "one", "RS256")
			if seen[c["sid"]] {
				t.Fatal("told twice of one session")
			}
			seen[c["sid"]] = true
		}
		if !seen[harness.Claims(t, got.IDToken)["sid"]] || harness.Claims(t, both.IDToken)["sid"] != harness.Claims(t, got.IDToken)["sid"] {
			t.Errorf("told of %v", seen)
		}
		one.quiet(t, s)
		two.quiet(t, s) // the session that stays is no logout
	})

	t.Run("a deaf, then answering client", func(t *testing.T) {
		b := s.signIn(t, s.alice)
		got := s.tokens(t, b, "one", "", "openid", nil)
		one.status.Store(http.StatusInternalServerError)
		out(t, b, got.IDToken)
		first := one.next(t)
		one.status.Store(http.StatusOK)
		second := retried(t, s, one.received)
		s.logoutToken(t, second, "one", "RS256")
		if first == second || harness.Claims(t, second)["sid"] != harness.Claims(t, got.IDToken)["sid"] {
			t.Error("the second token is the first, or another session's")
		}
		one.quiet(t, s)
	})

	t.Run("a client that refuses is left in peace", func(t *testing.T) {
		b := s.signIn(t, s.alice)
		got := s.tokens(t, b, "two", "", "openid", nil)
		two.status.Store(http.StatusBadRequest)
		out(t, b, s.tokens(t, b, "one", "", "openid", nil).IDToken)
		told(t, two, "two", "ES256", got.IDToken)
		one.next(t)
		two.quiet(t, s)
	})
}

// retried waits for another try of a delivery that failed, moving the clock
// past the pause before it.
func retried[T any](t *testing.T, s *site, tries <-chan T) T {
	t.Helper()
	var v T
	found := false
	for n := 0; n < 10 && !found; n++ {
		s.pass(t, 11*time.Second)
		select {
		case v = <-tries:
			found = true
		case <-time.After(2 * time.Second):
		}
	}
	if !found {
		t.Fatal("not tried again")
	}
	return v
}

func TestBackchannelLogoutSurvivesRestart(t *testing.T) {
	t.Parallel()
	database := "sqlite:" + filepath.Join(t.TempDir(), "signet.db")
	r := newReceiver(t)
	r.status.Store(http.StatusServiceUnavailable)
	var idToken, issuer string
	clock := harness.FakeClock()
	t.Run("before", func(t *testing.T) {
		in := harness.Start(t, harness.Options{DatabaseURL: database, Clock: clock})
		s := &site{Instance: in, clock: clock, alice: in.User(t, aliceEmail, password)}
		issuer = in.Issuer
		s.public(t, "one", storage.ClientMetadata{BackchannelLogoutURI: r.URL})
		b := s.signIn(t, s.alice)
		idToken = s.tokens(t, b, "one", "", "openid", nil).IDToken
		if p := b.Get(logoutPath("id_token_hint", idToken)); !p.Has("logged-out") {
			t.Fatalf("status %d", p.Status)
		}
		r.next(t)
	})
	r.status.Store(http.StatusOK)
	for len(r.received) > 0 {
		<-r.received
	}
	clock.Advance(time.Minute)
	in := harness.Start(t, harness.Options{DatabaseURL: database, Clock: clock, Issuer: issuer})
	s := &site{Instance: in, clock: clock}
	if c := s.logoutToken(t, r.next(t), "one", "RS256"); c["sid"] != harness.Claims(t, idToken)["sid"] {
		t.Fatalf("%v", c)
	}
}

// A receiver must not be able to send us elsewhere.
func TestBackchannelLogoutFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	s := start(t)
	elsewhere := newReceiver(t)
	here := make(chan struct{}, 8)
	r := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		http.Redirect(w, req, elsewhere.URL, http.StatusTemporaryRedirect)
		here <- struct{}{}
	}))
	t.Cleanup(r.Close)
	s.public(t, "one", storage.ClientMetadata{BackchannelLogoutURI: r.URL + "/logout"})
	b := s.signIn(t, s.alice)
	got := s.tokens(t, b, "one", "", "openid", nil)
	if p := b.Get(logoutPath("id_token_hint", got.IDToken)); !p.Has("logged-out") || strings.Contains(p.Body, got.IDToken) {
		t.Fatalf("status %d", p.Status)
	}
	<-here
	retried(t, s, here) // as after any other failure
	if len(elsewhere.received) != 0 {
		t.Fatal("a redirect was followed")
	}
}
