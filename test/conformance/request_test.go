package conformance_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

func TestAuthorizationRequests(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.public(t, "app", storage.ClientMetadata{})
	s.public(t, "native", storage.ClientMetadata{
		ApplicationType: "native", RedirectURIs: []string{"http://127.0.0.1/cb", "com.example.app:/cb"},
	})
	s.public(t, "age", storage.ClientMetadata{DefaultMaxAge: new(int64(60))})
	b := s.signIn(t, s.alice)

	t.Run("PKCE", func(t *testing.T) {
		for name, more := range map[string]map[string]string{
			"missing":          with("code_challenge", "", "code_challenge_method", ""),
			"plain":            with("code_challenge_method", "plain"),
			"method missing":   with("code_challenge_method", ""),
			"method unknown":   with("code_challenge_method", "S512"),
			"challenge short":  with("code_challenge", "short"),
			"challenge padded": with("code_challenge", strings.Repeat("a", 42)+"="),
			"challenge long":   with("code_challenge", strings.Repeat("a", 44)),
		} {
			t.Run(name, func(t *testing.T) {
				a := harness.NewAuthorization("app", "openid", more)
				v := s.refused(t, b.Get(a.Path()), a, "invalid_request")
				if !strings.Contains(v.Get("error_description"), "code_challenge") {
					t.Errorf("%q does not name the parameter", v.Get("error_description"))
				}
			})
		}
	})

	t.Run("state", func(t *testing.T) {
		for name, state := range map[string]string{"absent": "", "one character": "x", "long": strings.Repeat("s", 4096), "strange": `"<&>' ` + "\u00fc%00"} {
			t.Run(name, func(t *testing.T) {
				a := harness.NewAuthorization("app", "openid", with("state", state))
				s.success(t, b.Get(a.Path()), a)
				a = harness.NewAuthorization("app", "openid", with("state", state, "response_type", "nonsense"))
				s.refused(t, b.Get(a.Path()), a, "unsupported_response_type")
			})
		}
		a := harness.NewAuthorization("app", "openid", with("state", strings.Repeat("s", 4097)))
		errorPage(t, b.Get(a.Path()), "state")
	})

	t.Run("one value each", func(t *testing.T) {
		for _, name := range []string{"client_id", "redirect_uri", "state", "scope", "nonce", "response_type", "code_challenge", "prompt", "extra"} {
			a := harness.NewAuthorization("app", "openid", nil)
			errorPage(t, b.Get(a.Path()+"&"+name+"=1&"+name+"=2"), name)
		}
		// Nor once in the query and once in the body.
		a := harness.NewAuthorization("app", "openid", nil)
		errorPage(t, b.Post("/oauth2/authorize?state=other", a.Params), "state")
	})

	t.Run("broken", func(t *testing.T) {
		a := harness.NewAuthorization("app", "openid", nil)
		for _, more := range []string{"&x=%zz", "&x=%00", "&x=%ff", "&x=%0a", "&a;b", "&" + strings.Repeat("y", 65) + "=1", strings.Repeat("&z=", 65)} {
			errorPage(t, b.Get(a.Path()+more), "")
		}
	})

	t.Run("refused at the client", func(t *testing.T) {
		var many []string
		for i := range 51 {
			many = append(many, "s"+strings.Repeat("x", i))
		}
		for name, c := range map[string]struct {
			more map[string]string
			code string
		}{
			"scope unknown":            {with("scope", "openid nonsense"), "invalid_scope"},
			"scope malformed":          {with("scope", "openid \"quoted\""), "invalid_scope"},
			"scopes too many":          {with("scope", strings.Join(many, " ")), "invalid_scope"},
			"prompt unknown":           {with("prompt", "dance"), "invalid_request"},
			"prompt none and another":  {with("prompt", "none login"), "invalid_request"},
			"max_age negative":         {with("max_age", "-1"), "invalid_request"},
			"max_age no number":        {with("max_age", "soon"), "invalid_request"},
			"claims no JSON":           {with("claims", "{"), "invalid_request"},
			"claims twice":             {with("claims", `{"userinfo":{"a":null,"a":null}}`), "invalid_request"},
			"response mode":            {with("response_mode", "pigeon"), "invalid_request"},
			"registration":             {with("registration", "{}"), "registration_not_supported"},
			"request_uri":              {with("request_uri", "urn:x"), "request_uri_not_supported"},
			"resource unknown":         {with("resource", "https://unknown.test"), "invalid_target"},
			"resource relative":        {with("resource", "/api"), "invalid_target"},
			"organization unknown":     {with("organization", "nowhere"), "access_denied"},
			"id_token_hint is nothing": {with("id_token_hint", "x.y.z"), "invalid_request"},
			"acr essential, unheard":   {with("claims", `{"id_token":{"acr":{"essential":true,"values":["aal9"]}}}`), "unmet_authentication_requirements"},
		} {
			t.Run(name, func(t *testing.T) {
				a := harness.NewAuthorization("app", "openid", c.more)
				v := s.refused(t, b.Get(a.Path()), a, c.code)
				if v.Get("error_description") == "" {
					t.Error("no description")
				}
			})
		}
	})

	t.Run("acr essential and reached", func(t *testing.T) {
		a := harness.NewAuthorization("app", "openid", with("claims", `{"id_token":{"acr":{"essential":true,"values":["aal1"]}}}`))
		s.success(t, b.Get(a.Path()), a)
	})

	t.Run("native", func(t *testing.T) {
		for uri, good := range map[string]bool{
			"http://127.0.0.1:51004/cb": true, "http://127.0.0.1/cb": true, "http://127.0.0.1:1/cb": true,
			"http://localhost:51004/cb": false, "http://[::1]:51004/cb": false, "http://127.0.0.1:51004/other": false,
			"http://127.0.0.1:51004/cb?x=1": false, "http://127.0.0.1:99999/cb": false, "https://127.0.0.1:51004/cb": false,
			"http://127.0.0.1:51004@evil.test/cb": false, "http://127.0.0.1.evil.test/cb": false, "com.example.app:/other": false,
		} {
			a := harness.NewAuthorization("native", "openid", with("redirect_uri", uri))
			p := b.Get(a.Path())
			if !good {
				errorPage(t, p, "redirect_uri")
				continue
			}
			got := s.Redeem(t, "native", "", a, s.success(t, p, a))
			if got.Status != http.StatusOK {
				t.Errorf("%s: %+v", uri, got)
			}
		}
	})

	t.Run("private-use scheme", func(t *testing.T) {
		// A page hands over: CSP cannot name every app.
		a := harness.NewAuthorization("native", "openid", with("redirect_uri", "com.example.app:/cb"))
		p := b.Get(a.Path())
		refresh := p.Header.Get("Refresh")
		if !p.Has("redirecting-page") || !strings.HasPrefix(refresh, "0;url=com.example.app:/cb?") || !strings.Contains(refresh, "code=") {
			t.Fatalf("status %d refresh %q", p.Status, refresh)
		}
		a = harness.NewAuthorization("native", "openid", with("redirect_uri", "com.example.app:/cb", "response_mode", "form_post"))
		if p = b.Get(a.Path()); !p.Has("form-post-page") {
			t.Fatalf("status %d", p.Status)
		}
		s.success(t, p, a)
		if csp := p.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' com.example.app:") {
			t.Errorf("policy %q", csp)
		}
	})

	t.Run("default_max_age", func(t *testing.T) {
		b := s.signIn(t, s.alice)
		a := harness.NewAuthorization("age", "openid", nil)
		s.success(t, b.Get(a.Path()), a)
		s.pass(t, 61*time.Second)
		if p := b.Get(a.Path()); !p.Has("login-page") {
			t.Fatalf("status %d", p.Status)
		}
		a = harness.NewAuthorization("age", "openid", with("max_age", "3600"))
		s.success(t, b.Get(a.Path()), a)
	})

	t.Run("a disabled client is none", func(t *testing.T) {
		s.public(t, "gone", storage.ClientMetadata{})
		got := s.tokens(t, b, "gone", "", "openid", nil)
		a := harness.NewAuthorization("gone", "openid", nil)
		code := s.success(t, b.Get(a.Path()), a)
		if _, err := s.Clients.Disable(t.Context(), "gone", true, "test"); err != nil {
			t.Fatal(err)
		}
		s.Sync(t)
		errorPage(t, b.Get(a.Path()), "client")
		if s.alive(t, got.AccessToken) {
			t.Error("its access token lives")
		}
		if r := s.Refresh(t, "gone", "", got.RefreshToken, nil); r.Status != http.StatusUnauthorized || r.Error != "invalid_client" {
			t.Errorf("refresh: %+v", r)
		}
		if r := s.Redeem(t, "gone", "", a, code); r.Error != "invalid_client" {
			t.Errorf("code: %+v", r)
		}
	})
}

func TestPromptAndHint(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.public(t, "app", storage.ClientMetadata{})
	s.public(t, "other", storage.ClientMetadata{})

	hintOf := func(t *testing.T, u storage.User) string {
		return s.tokens(t, s.signIn(t, u), "app", "", "openid", nil).IDToken
	}

	t.Run("hint of the person signed in", func(t *testing.T) {
		a := harness.NewAuthorization("app", "openid", with("id_token_hint", hintOf(t, s.alice), "prompt", "none"))
		s.success(t, s.signIn(t, s.alice).Get(a.Path()), a)
	})

	t.Run("hint of somebody else", func(t *testing.T) {
		hint, b := hintOf(t, s.bob), s.signIn(t, s.alice)
		a := harness.NewAuthorization("app", "openid", with("id_token_hint", hint, "prompt", "none"))
		s.refused(t, b.Get(a.Path()), a, "login_required")
		// With a page, the right person may sign in ...
		a = harness.NewAuthorization("app", "openid", with("id_token_hint", hint))
		p := b.Get(a.Path())
		s.success(t, b.SignIn(p, bobEmail, password), a)
		// ... and the wrong one gets the client an error, never her tokens.
		b = s.signIn(t, s.alice)
		p = b.Get(a.Path())
		s.refused(t, b.SignIn(p, aliceEmail, password), a, "login_required")
	})

	t.Run("hint that expired long ago", func(t *testing.T) {
		hint := hintOf(t, s.alice)
		s.pass(t, 40*24*time.Hour) // the key has rotated away as well
		if len(s.keySet(t).Keys) == 0 {
			t.Fatal("no keys")
		}
		a := harness.NewAuthorization("app", "openid", with("id_token_hint", hint, "prompt", "none"))
		s.success(t, s.signIn(t, s.alice).Get(a.Path()), a)
	})

	t.Run("hint that was modified", func(t *testing.T) {
		hint := hintOf(t, s.alice)
		parts := strings.Split(hint, ".")
		none := encode(t, map[string]any{"alg": "none", "typ": "JWT"}) + "." + parts[1] + "."
		payload := parts[0] + "." + encode(t, map[string]any{"iss": s.Issuer, "sub": s.bob.ID, "aud": "app"}) + "." + parts[2]
		access := s.tokens(t, s.signIn(t, s.alice), "app", "", "openid", nil).AccessToken
		for name, bad := range map[string]string{"none": none, "payload": payload, "access token": access, "cut": hint[:len(hint)-2]} {
			a := harness.NewAuthorization("app", "openid", with("id_token_hint", bad, "prompt", "none"))
			v := s.refused(t, s.signIn(t, s.alice).Get(a.Path()), a, "invalid_request")
			if !strings.Contains(v.Get("error_description"), "id_token_hint") {
				t.Errorf("%s: %v", name, v)
			}
		}
	})

	t.Run("sub asked for by claims", func(t *testing.T) {
		a := harness.NewAuthorization("app", "openid", with("prompt", "none", "claims", `{"id_token":{"sub":{"value":"`+s.bob.ID+`"}}}`))
		s.refused(t, s.signIn(t, s.alice).Get(a.Path()), a, "login_required")
		s.success(t, s.signIn(t, s.bob).Get(a.Path()), a)
	})

	t.Run("select_account", func(t *testing.T) {
		b := s.signIn(t, s.alice)
		a := harness.NewAuthorization("app", "openid", with("prompt", "select_account"))
		p := b.SignIn(b.Get(a.Path()), bobEmail, password)
		got := s.Redeem(t, "app", "", a, s.success(t, p, a))
		if _, c := s.verify(t, got.IDToken); c["sub"] != s.bob.ID {
			t.Fatalf("sub %v", c["sub"])
		}
	})

	t.Run("another person in the same browser ends the first session", func(t *testing.T) {
		b := s.signIn(t, s.alice)
		hers := s.tokens(t, b, "app", "", "openid", nil)
		a := harness.NewAuthorization("app", "openid", with("prompt", "login"))
		s.success(t, b.SignIn(b.Get(a.Path()), bobEmail, password), a)
		if s.alive(t, hers.AccessToken) {
			t.Error("her token lives")
		}
	})

	t.Run("the same person again keeps the session", func(t *testing.T) {
		b := s.signIn(t, s.alice)
		first := s.tokens(t, b, "app", "", "openid", nil)
		a := harness.NewAuthorization("app", "openid", with("prompt", "login"))
		got := s.Redeem(t, "app", "", a, s.success(t, b.SignIn(b.Get(a.Path()), aliceEmail, password), a))
		if !s.alive(t, first.AccessToken) || harness.Claims(t, first.IDToken)["sid"] != harness.Claims(t, got.IDToken)["sid"] {
			t.Error("another session")
		}
	})

	t.Run("prompt=login is done once", func(t *testing.T) {
		b := s.signIn(t, s.alice)
		a := harness.NewAuthorization("app", "openid", with("prompt", "login"))
		p := b.SignIn(b.Get(a.Path()), aliceEmail, "wrong password")
		if p.Status != http.StatusUnauthorized || !p.Has("login-error") {
			t.Fatalf("status %d", p.Status)
		}
		s.success(t, b.SignIn(p, aliceEmail, password), a)
	})
}

func TestPages(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.public(t, "app", storage.ClientMetadata{})
	s.public(t, "spa", storage.ClientMetadata{
		ClientURI: "https://www.example.test/home", CORSOrigins: []string{"https://spa.example.test"}, JSONLogin: true,
	})
	s.Client(t, "third", storage.ClientMetadata{TokenEndpointAuthMethod: "none", ClientURI: "https://third.example.test"})

	t.Run("two logins in one browser", func(t *testing.T) {
		b := s.NewBrowser(t)
		first, second := harness.NewAuthorization("app", "openid", nil), harness.NewAuthorization("app", "openid profile", with("prompt", "login"))
		one, two := b.Get(first.Path()), b.Get(second.Path())
		s.success(t, b.SignIn(two, aliceEmail, password), second)
		s.success(t, b.SignIn(one, aliceEmail, password), first)
	})

	t.Run("the other tab goes on by itself", func(t *testing.T) {
		b := s.NewBrowser(t)
		first, second := harness.NewAuthorization("app", "openid", nil), harness.NewAuthorization("app", "openid profile", nil)
		one, two := b.Get(first.Path()), b.Get(second.Path())
		s.success(t, b.SignIn(two, aliceEmail, password), second)
		s.success(t, b.Get(one.URL.RequestURI()), first)
	})

	t.Run("a login link in a foreign browser", func(t *testing.T) {
		b := s.NewBrowser(t)
		a := harness.NewAuthorization("app", "openid", nil)
		p := b.Get(a.Path())
		for name, stranger := range map[string]*harness.Browser{"without cookies": s.NewBrowser(t), "signed in": s.signIn(t, s.bob), "in a login of its own": func() *harness.Browser {
			o := s.NewBrowser(t)
			o.Get(harness.NewAuthorization("app", "openid", nil).Path())
			return o
		}()} {
			t.Run(name, func(t *testing.T) {
				errorPage(t, stranger.Get(p.URL.RequestURI()), "")
				_, fields := p.Form()
				fields.Set("username", bobEmail)
				fields.Set("password", password)
				fields.Set("action", "login")
				errorPage(t, stranger.Post("/ui/login", fields), "")
				fields.Set("action", "cancel")
				errorPage(t, stranger.Post("/ui/login", fields), "")
			})
		}
		s.success(t, b.SignIn(p, aliceEmail, password), a)
	})

	t.Run("a login is completed once", func(t *testing.T) {
		b := s.NewBrowser(t)
		a := harness.NewAuthorization("app", "openid", nil)
		p := b.Get(a.Path())
		s.success(t, b.SignIn(p, aliceEmail, password), a)
		errorPage(t, b.SignIn(p, aliceEmail, password), "")
		errorPage(t, b.Get(p.URL.RequestURI()), "")
	})

	t.Run("a login is too old after ten minutes", func(t *testing.T) {
		b := s.NewBrowser(t)
		a := harness.NewAuthorization("app", "openid", nil)
		p := b.Get(a.Path())
		s.pass(t, 10*time.Minute)
		errorPage(t, b.SignIn(p, aliceEmail, password), "")
	})

	t.Run("a request of any size survives the login", func(t *testing.T) {
		for _, size := range []int{1, 500, 1500, 2200, 2600, 3000, 4096} {
			b := s.NewBrowser(t)
			a := harness.NewAuthorization("app", "openid", with("state", strings.Repeat("s", size), "login_hint", strings.Repeat("%&\"<", 30)))
			p := b.Get(a.Path())
			if _, fields := p.Form(); len(fields.Get("transaction")) > 4096 {
				t.Errorf("state of %d: transaction of %d", size, len(fields.Get("transaction")))
			}
			s.success(t, b.SignIn(p, aliceEmail, password), a)
			if size > 2600 { // and in a row it is as much used up as in the parameter
				errorPage(t, b.SignIn(p, aliceEmail, password), "")
			}
		}
	})

	t.Run("cancel", func(t *testing.T) {
		b := s.NewBrowser(t)
		a := harness.NewAuthorization("app", "openid", nil)
		p := b.Get(a.Path())
		s.refused(t, b.Submit(p, with("action", "cancel")), a, "access_denied")
		errorPage(t, b.SignIn(p, aliceEmail, password), "")
	})

	t.Run("a request of another site signs nobody in", func(t *testing.T) {
		b := s.NewBrowser(t)
		a := harness.NewAuthorization("app", "openid", nil)
		p := b.Get(a.Path())
		_, fields := p.Form()
		fields.Set("username", aliceEmail)
		fields.Set("password", password)
		fields.Set("action", "login")
		r, err := http.NewRequest(http.MethodPost, s.URL+"/ui/login", strings.NewReader(fields.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "https://evil.test")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		if got := b.Do(r); got.Status != http.StatusForbidden {
			t.Fatalf("status %d location %v", got.Status, got.Location)
		}
	})

	t.Run("popup stays popup", func(t *testing.T) {
		for _, mode := range []string{"query", "form_post"} {
			b := s.NewBrowser(t)
			a := harness.NewAuthorization("app", "openid", with("display", "popup", "response_mode", mode, "ui_locales", "de"))
			p := b.Get(a.Path())
			opener(t, p, "unsafe-none")
			p = b.SignIn(p, aliceEmail, password)
			s.success(t, p, a)
			if mode == "form_post" {
				opener(t, p, "unsafe-none")
				if !strings.Contains(p.Body, `lang="de"`) {
					t.Error("the last page forgot the language")
				}
			}
		}
		a := harness.NewAuthorization("app", "openid", nil)
		opener(t, s.NewBrowser(t).Get(a.Path()), "same-origin")
	})

	t.Run("form-action names where the client goes on", func(t *testing.T) {
		policy := func(p harness.Page) []string {
			_, list, _ := strings.Cut(p.Header.Get("Content-Security-Policy"), "form-action ")
			list, _, _ = strings.Cut(list, ";")
			return strings.Fields(list)
		}
		p := s.NewBrowser(t).Get(harness.NewAuthorization("spa", "openid", nil).Path())
		if got, want := policy(p), []string{"'self'", "https://app.example.test", "https://www.example.test", "https://spa.example.test"}; !slices.Equal(got, want) {
			t.Errorf("login: %v, want %v", got, want)
		}
		p = s.signIn(t, s.alice).Get(harness.NewAuthorization("third", "openid", nil).Path())
		if got, want := policy(p), []string{"'self'", "https://app.example.test", "https://third.example.test"}; !p.Has("consent-page") || !slices.Equal(got, want) {
			t.Errorf("consent: %v, want %v", got, want)
		}
	})

	t.Run("a suspended account", func(t *testing.T) {
		carol := s.User(t, "carol@example.test", password)
		b := s.NewBrowser(t)
		a := harness.NewAuthorization("app", "openid", nil)
		p := b.Get(a.Path())
		if _, err := s.Users.SetStatus(t.Context(), carol.ID, storage.UserSuspended, "test"); err != nil {
			t.Fatal(err)
		}
		if got := b.SignIn(p, "carol@example.test", "wrong password"); got.Status != http.StatusUnauthorized {
			t.Errorf("a wrong password tells about the account: %d", got.Status)
		}
		if got := b.SignIn(p, "carol@example.test", password); got.Status != http.StatusForbidden || !got.Has("login-error") {
			t.Errorf("status %d", got.Status)
		}
	})

	t.Run("lock", func(t *testing.T) {
		for _, email := range []string{bobEmail, "nobody@example.test"} {
			b := s.NewBrowser(t)
			p := b.Get(harness.NewAuthorization("app", "openid", nil).Path())
			for range 10 {
				if got := b.SignIn(p, email, "wrong"); got.Status != http.StatusUnauthorized {
					t.Fatalf("%s: %d", email, got.Status)
				}
			}
			if got := b.SignIn(p, email, password); got.Status != http.StatusLocked || !got.Has("login-error") {
				t.Fatalf("%s: %d", email, got.Status)
			}
		}
		s.pass(t, 15*time.Minute)
		b := s.NewBrowser(t)
		a := harness.NewAuthorization("app", "openid", nil)
		s.success(t, b.SignIn(b.Get(a.Path()), bobEmail, password), a)
	})
}

func opener(t *testing.T, p harness.Page, want string) {
	t.Helper()
	if got := p.Header.Get("Cross-Origin-Opener-Policy"); got != want {
		t.Errorf("opener policy %q, want %q", got, want)
	}
}

func TestConsent(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Client(t, "third", storage.ClientMetadata{TokenEndpointAuthMethod: "none", ClientName: "Third <party>"})
	s.Client(t, "narrow", storage.ClientMetadata{TokenEndpointAuthMethod: "none", Scope: "openid profile"})
	b := s.signIn(t, s.alice)

	scopes := func(p harness.Page) []string {
		var out []string
		for _, part := range strings.Split(p.Body, `data-scope="`)[1:] {
			name, _, _ := strings.Cut(part, `"`)
			out = append(out, name)
		}
		return out
	}
	ask := func(t *testing.T, scope string, pairs ...string) (harness.Page, harness.Authorization) {
		a := harness.NewAuthorization("third", scope, with(pairs...))
		return b.Get(a.Path()), a
	}

	p, a := ask(t, "openid profile")
	if !p.Has("consent-page") || !slices.Equal(scopes(p), []string{"openid", "profile"}) || strings.Contains(p.Body, "Third <party>") {
		t.Fatalf("status %d scopes %v", p.Status, scopes(p))
	}
	silent, b1 := ask(t, "openid profile", "prompt", "none")
	s.refused(t, silent, b1, "consent_required")
	s.refused(t, b.Submit(p, with("action", "deny")), a, "access_denied")

	p, a = ask(t, "openid profile")
	s.success(t, b.Approve(p), a)
	p, a = ask(t, "openid profile")
	s.success(t, p, a) // remembered
	p, a = ask(t, "openid")
	s.success(t, p, a) // less is covered
	p, a = ask(t, "openid", "prompt", "none")
	s.success(t, p, a)
	p, a = ask(t, "openid profile", "prompt", "consent")
	s.success(t, b.Approve(p), a)
	p, _ = ask(t, "openid email") // it grows
	if !p.Has("consent-page") {
		t.Fatal("more scope, no question")
	}

	t.Run("claims asked for one by one are shown as their scopes", func(t *testing.T) {
		p, a := ask(t, "openid", "claims", `{"userinfo":{"phone_number":null,"name":null}}`)
		if !p.Has("consent-page") || !slices.Equal(scopes(p), []string{"openid", "phone", "profile"}) && !slices.Equal(scopes(p), []string{"openid", "profile", "phone"}) {
			t.Fatalf("scopes %v", scopes(p))
		}
		got := s.Redeem(t, "third", "", a, s.success(t, b.Approve(p), a))
		if v := s.userInfo(t, got.AccessToken); v["phone_number"] == nil || v["phone_number_verified"] != nil {
			t.Errorf("userinfo %v", v)
		}
		p, a = ask(t, "openid", "claims", `{"userinfo":{"phone_number":null}}`)
		s.success(t, p, a)
	})

	t.Run("claims reach no further than the registration", func(t *testing.T) {
		a := harness.NewAuthorization("narrow", "openid", with("claims", `{"userinfo":{"email":{"essential":true},"roles":null,"name":null},"id_token":{"phone_number":null}}`))
		p := b.Get(a.Path())
		if !slices.Equal(scopes(p), []string{"openid", "profile"}) {
			t.Errorf("scopes %v", scopes(p))
		}
		got := s.Redeem(t, "narrow", "", a, s.success(t, b.Approve(p), a))
		v := s.userInfo(t, got.AccessToken)
		if names := slices.Sorted(maps.Keys(v)); !slices.Equal(names, []string{"name", "sub"}) {
			t.Errorf("userinfo %v", names)
		}
		if harness.Claims(t, got.IDToken)["phone_number"] != nil {
			t.Error("phone_number in the ID token")
		}
	})

	t.Run("consent of one person is not another's", func(t *testing.T) {
		bob := s.signIn(t, s.bob)
		a := harness.NewAuthorization("third", "openid", nil)
		p := bob.Get(a.Path())
		if !p.Has("consent-page") {
			t.Fatal("not asked")
		}
		// Nor when somebody else signed in between the page and the button.
		other := harness.NewAuthorization("third", "openid", with("prompt", "login"))
		bob.SignIn(bob.Get(other.Path()), aliceEmail, password)
		errorPage(t, bob.Submit(p, with("action", "approve")), "")
	})

	t.Run("consent is no login", func(t *testing.T) {
		b := s.signIn(t, s.bob)
		a := harness.NewAuthorization("third", "openid", with("prompt", "login consent"))
		login := b.Get(a.Path())
		_, fields := login.Form()
		forged := url.Values{"transaction": fields["transaction"], "action": {"approve"}}
		plain := harness.NewAuthorization("third", "openid", with("prompt", "consent"))
		page := b.Get(plain.Path())
		_, fields = page.Form()
		forged["csrf_token"] = fields["csrf_token"]
		if p := b.Post("/ui/consent", forged); !p.Has("login-page") {
			t.Fatalf("status %d location %v", p.Status, p.Location)
		}
	})
}
