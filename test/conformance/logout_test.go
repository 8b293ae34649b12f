package conformance_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

const goodbye = "https://app.example.test/bye"

func logoutPath(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return "/oauth2/logout?" + v.Encode()
}

func TestRPInitiatedLogout(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.public(t, "app", storage.ClientMetadata{PostLogoutRedirectURIs: []string{goodbye, "https://app.example.test/bye?with=query"}})
	s.public(t, "other", storage.ClientMetadata{PostLogoutRedirectURIs: []string{"https://other.example.test/"}})
	foreign := newSigning(t, jose.ES256)

	// each runs with a browser just signed in, and its tokens.
	type login struct {
		b      *harness.Browser
		tokens harness.TokenAnswer
	}
	enter := func(t *testing.T) login {
		b := s.signIn(t, s.alice)
		return login{b, s.tokens(t, b, "app", "", "openid", nil)}
	}
	// out checks that the login is over, to the last token.
	out := func(t *testing.T, l login) {
		t.Helper()
		a := harness.NewAuthorization("app", "openid", with("prompt", "none"))
		s.refused(t, l.b.Get(a.Path()), a, "login_required")
		if s.alive(t, l.tokens.AccessToken) {
			t.Error("the access token lives")
		}
		if r := s.Refresh(t, "app", "", l.tokens.RefreshToken, nil); r.Error != "invalid_grant" {
			t.Errorf("refresh: %+v", r)
		}
	}
	// in checks that it stands.
	in := func(t *testing.T, l login) {
		t.Helper()
		a := harness.NewAuthorization("app", "openid", with("prompt", "none"))
		s.success(t, l.b.Get(a.Path()), a)
		if !s.alive(t, l.tokens.AccessToken) {
			t.Error("the access token is dead")
		}
	}
	gone := func(t *testing.T, p harness.Page, want string) {
		t.Helper()
		if p.Location == nil || p.Location.String() != want {
			t.Fatalf("status %d location %v, want %s", p.Status, p.Location, want)
		}
	}
	page := func(t *testing.T, p harness.Page, id string) {
		t.Helper()
		if p.Location != nil || !p.Has(id) {
			t.Fatalf("status %d location %v, want the page %s: %.200s", p.Status, p.Location, id, p.Body)
		}
	}

	t.Run("oidcc-rp-initiated-logout", func(t *testing.T) {
		l := enter(t)
		gone(t, l.b.Get(logoutPath("id_token_hint", l.tokens.IDToken, "post_logout_redirect_uri", goodbye, "state", "a&b=c")), goodbye+"?state=a%26b%3Dc")
		out(t, l)
	})
	t.Run("oidcc-rp-initiated-logout by POST", func(t *testing.T) {
		l := enter(t)
		gone(t, l.b.Post("/oauth2/logout", url.Values{"id_token_hint": {l.tokens.IDToken}, "post_logout_redirect_uri": {goodbye}, "state": {"s"}}), goodbye+"?state=s")
		out(t, l)
	})
	t.Run("oidcc-rp-initiated-logout by POST of another site", func(t *testing.T) {
		// SameSite keeps the cookies back; the ID token says which session it is.
		l := enter(t)
		gone(t, s.NewBrowser(t).Post("/oauth2/logout", url.Values{"id_token_hint": {l.tokens.IDToken}, "post_logout_redirect_uri": {goodbye}}), goodbye)
		out(t, l)
	})
	t.Run("oidcc-rp-initiated-logout-no-state", func(t *testing.T) {
		l := enter(t)
		gone(t, l.b.Get(logoutPath("id_token_hint", l.tokens.IDToken, "post_logout_redirect_uri", goodbye)), goodbye)
		out(t, l)
	})
	t.Run("oidcc-rp-initiated-logout, registered with a query", func(t *testing.T) {
		l := enter(t)
		gone(t, l.b.Get(logoutPath("id_token_hint", l.tokens.IDToken, "post_logout_redirect_uri", goodbye+"?with=query", "state", "s")), goodbye+"?with=query&state=s")
	})
	t.Run("oidcc-rp-initiated-logout-bad-post-logout-redirect-uri", func(t *testing.T) {
		l := enter(t)
		for _, uri := range []string{"https://evil.test/", "https://other.example.test/", goodbye + "/", "javascript:alert(1)", "/bye"} {
			errorPage(t, l.b.Get(logoutPath("id_token_hint", l.tokens.IDToken, "post_logout_redirect_uri", uri, "state", "s")), "post_logout_redirect_uri")
		}
		in(t, l)
	})
	t.Run("oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri", func(t *testing.T) {
		l := enter(t)
		errorPage(t, l.b.Get(logoutPath("id_token_hint", l.tokens.IDToken, "post_logout_redirect_uri", goodbye+"?a=b", "state", "s")), "post_logout_redirect_uri")
	})
	t.Run("oidcc-rp-initiated-logout-modified-id-token-hint", func(t *testing.T) {
		l := enter(t)
		none := encode(t, map[string]any{"alg": "none", "typ": "JWT"}) + "." + strings.Split(l.tokens.IDToken, ".")[1] + "."
		errorPage(t, l.b.Get(logoutPath("id_token_hint", none, "post_logout_redirect_uri", goodbye, "state", "s")), "id_token_hint")
		in(t, l)
	})
	t.Run("oidcc-rp-initiated-logout-bad-id-token-hint", func(t *testing.T) {
		l := enter(t)
		for _, bad := range []string{foreign.sign(t, "JWT", harness.Claims(t, l.tokens.IDToken)), l.tokens.AccessToken, "x"} {
			errorPage(t, l.b.Get(logoutPath("id_token_hint", bad, "post_logout_redirect_uri", goodbye, "state", "s")), "id_token_hint")
		}
		in(t, l)
	})
	t.Run("oidcc-rp-initiated-logout-no-id-token-hint", func(t *testing.T) {
		l := enter(t)
		for _, pairs := range [][]string{{"post_logout_redirect_uri", goodbye, "state", "s"}, {"post_logout_redirect_uri", goodbye, "state", "s", "client_id", "app"}} {
			p := l.b.Get(logoutPath(pairs...))
			page(t, p, "logout-page")
			in(t, l)
			page(t, l.b.Submit(p, with("action", "cancel")), "logout-cancelled")
			in(t, l)
		}
	})
	t.Run("oidcc-rp-initiated-logout-no-params", func(t *testing.T) {
		l := enter(t)
		p := l.b.Get("/oauth2/logout")
		page(t, p, "logout-page")
		page(t, l.b.Submit(p, with("action", "confirm")), "logged-out")
		out(t, l)
	})
	t.Run("oidcc-rp-initiated-logout-only-state", func(t *testing.T) {
		l := enter(t)
		p := l.b.Get(logoutPath("state", "s"))
		page(t, l.b.Submit(p, with("action", "confirm")), "logged-out")
		out(t, l)
	})
	t.Run("oidcc-rp-initiated-logout-no-post-logout-redirect-uri", func(t *testing.T) {
		l := enter(t)
		page(t, l.b.Get(logoutPath("id_token_hint", l.tokens.IDToken, "state", "s")), "logged-out")
		out(t, l)
	})
	t.Run("nobody is signed in", func(t *testing.T) {
		page(t, s.NewBrowser(t).Get("/oauth2/logout"), "logged-out")
		page(t, s.NewBrowser(t).Get(logoutPath("post_logout_redirect_uri", goodbye)), "logged-out")
		page(t, s.NewBrowser(t).Get(logoutPath("post_logout_redirect_uri", "https://evil.test/")), "logged-out")
	})
	t.Run("twice", func(t *testing.T) {
		l := enter(t)
		for range 2 {
			gone(t, l.b.Get(logoutPath("id_token_hint", l.tokens.IDToken, "post_logout_redirect_uri", goodbye)), goodbye)
		}
	})
	t.Run("by client_id, confirmed, back to the client", func(t *testing.T) {
		l := enter(t)
		p := l.b.Get(logoutPath("client_id", "app", "post_logout_redirect_uri", goodbye, "state", "s"))
		page(t, p, "logout-page")
		gone(t, l.b.Submit(p, with("action", "confirm")), goodbye+"?state=s")
		out(t, l)
	})
	t.Run("client_id of another than the hint's", func(t *testing.T) {
		l := enter(t)
		errorPage(t, l.b.Get(logoutPath("id_token_hint", l.tokens.IDToken, "client_id", "other")), "client_id")
		errorPage(t, l.b.Get(logoutPath("client_id", "nobody")), "client_id")
	})
	t.Run("the hint of somebody else asks first", func(t *testing.T) {
		his := s.tokens(t, s.signIn(t, s.bob), "app", "", "openid", nil)
		l := enter(t)
		p := l.b.Get(logoutPath("id_token_hint", his.IDToken, "post_logout_redirect_uri", goodbye, "state", "s"))
		page(t, p, "logout-page")
		in(t, l)
		if !s.alive(t, his.AccessToken) {
			t.Error("his session ended from her browser")
		}
		gone(t, l.b.Submit(p, with("action", "confirm")), goodbye+"?state=s")
		out(t, l)
	})
	t.Run("the page's yes counts for its session and browser alone", func(t *testing.T) {
		l, stranger := enter(t), enter(t)
		p := l.b.Get("/oauth2/logout")
		_, fields := p.Form()
		fields.Set("action", "confirm")
		stranger.b.Get("/oauth2/logout") // it has a browser's cookie as well
		errorPage(t, stranger.b.Post("/ui/logout", fields), "")
		in(t, stranger)
		fields.Set("transaction", "AAAA")
		errorPage(t, l.b.Post("/ui/logout", fields), "")
		in(t, l)
		a := harness.NewAuthorization("app", "openid", with("prompt", "login"))
		s.success(t, l.b.SignIn(l.b.Get(a.Path()), bobEmail, password), a)
		errorPage(t, l.b.Submit(p, with("action", "confirm")), "")
		a = harness.NewAuthorization("app", "openid", with("prompt", "none"))
		s.success(t, l.b.Get(a.Path()), a)
	})
	t.Run("one value each", func(t *testing.T) {
		l := enter(t)
		errorPage(t, l.b.Get(logoutPath("id_token_hint", l.tokens.IDToken)+"&state=a&state=b"), "state")
		in(t, l)
	})
}

func TestOfflineAccess(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.public(t, "app", storage.ClientMetadata{PostLogoutRedirectURIs: []string{goodbye}})
	s.public(t, "code-only", storage.ClientMetadata{GrantTypes: []string{"authorization_code"}})
	b := s.signIn(t, s.alice)
	online := s.tokens(t, b, "app", "", "openid", nil)
	offline := s.tokens(t, b, "app", "", "openid offline_access", nil)
	on, off := harness.Claims(t, online.AccessToken), harness.Claims(t, offline.AccessToken)
	if on["sid"] == off["sid"] || on["gid"] == off["gid"] {
		t.Error("the offline grant has no session of its own")
	}
	if id := harness.Claims(t, offline.IDToken); id["sid"] != on["sid"] || harness.Claims(t, online.IDToken)["sid"] != on["sid"] {
		t.Error("the ID token's sid is not the browser session's")
	}
	if got := s.tokens(t, b, "code-only", "", "openid offline_access", nil); got.RefreshToken != "" || got.Scope != "openid" {
		t.Errorf("without the refresh grant: %+v", got)
	}

	if p := b.Get(logoutPath("id_token_hint", offline.IDToken, "post_logout_redirect_uri", goodbye)); p.Location == nil {
		t.Fatalf("status %d", p.Status)
	}
	if s.alive(t, online.AccessToken) || !s.alive(t, offline.AccessToken) {
		t.Error("the logout did not end the one and spare the other")
	}
	if r := s.Refresh(t, "app", "", online.RefreshToken, nil); r.Error != "invalid_grant" {
		t.Errorf("online: %+v", r)
	}
	fresh := s.Refresh(t, "app", "", offline.RefreshToken, nil)
	if fresh.Status != http.StatusOK || harness.Claims(t, fresh.IDToken)["sid"] != on["sid"] {
		t.Fatalf("offline: %+v", fresh)
	}

	// A changed password ends it too.
	hash, err := s.Passwords.Hash(t.Context(), "another horse battery")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Users.SetPassword(t.Context(), s.alice.ID, hash, "", "admin"); err != nil {
		t.Fatal(err)
	}
	if s.alive(t, fresh.AccessToken) {
		t.Error("the offline access token outlived the password")
	}
	if r := s.Refresh(t, "app", "", fresh.RefreshToken, nil); r.Error != "invalid_grant" {
		t.Errorf("%+v", r)
	}
}

func TestSuspendedPerson(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.public(t, "app", storage.ClientMetadata{})
	b := s.signIn(t, s.alice)
	got := s.tokens(t, b, "app", "", "openid offline_access", nil)
	a := harness.NewAuthorization("app", "openid", nil)
	code := s.success(t, b.Get(a.Path()), a)
	if _, err := s.Users.SetStatus(t.Context(), s.alice.ID, storage.UserSuspended, "test"); err != nil {
		t.Fatal(err)
	}
	if s.alive(t, got.AccessToken) {
		t.Error("the access token lives")
	}
	if r := s.Refresh(t, "app", "", got.RefreshToken, nil); r.Error != "invalid_grant" {
		t.Errorf("refresh: %+v", r)
	}
	if r := s.Redeem(t, "app", "", a, code); r.Error != "invalid_grant" {
		t.Errorf("code: %+v", r)
	}
	none := harness.NewAuthorization("app", "openid", with("prompt", "none"))
	s.refused(t, b.Get(none.Path()), none, "login_required")
	// Nothing of it comes back with the account.
	if _, err := s.Users.SetStatus(t.Context(), s.alice.ID, storage.UserActive, "test"); err != nil {
		t.Fatal(err)
	}
	if s.alive(t, got.AccessToken) {
		t.Error("revived")
	}
	if r := s.Refresh(t, "app", "", got.RefreshToken, nil); r.Error != "invalid_grant" {
		t.Errorf("revived: %+v", r)
	}
	s.refused(t, b.Get(none.Path()), none, "login_required")
}

// A native app listens where it can, at sign-in and after the sign-out alike
// (RFC 8252 §7.3).
func TestNativeAppComesBackToAnyLoopbackPort(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.public(t, "native", storage.ClientMetadata{
		ApplicationType: "native", RedirectURIs: []string{harness.Redirect},
		PostLogoutRedirectURIs: []string{"http://127.0.0.1/bye"},
	})
	b := s.signIn(t, s.alice)
	tokens := s.tokens(t, b, "native", "", "openid", nil)
	if p := b.Get(logoutPath("id_token_hint", tokens.IDToken, "post_logout_redirect_uri", "http://127.0.0.1:54321/elsewhere")); p.Location != nil {
		t.Fatalf("another path: sent to %v", p.Location)
	}
	p := b.Get(logoutPath("id_token_hint", tokens.IDToken, "post_logout_redirect_uri", "http://127.0.0.1:54321/bye"))
	if p.Location == nil || p.Location.String() != "http://127.0.0.1:54321/bye" {
		t.Fatalf("status %d location %v", p.Status, p.Location)
	}
}
