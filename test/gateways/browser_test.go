package gateways_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/endpoints/pages"
	"github.com/signet-idp/signet/internal/testkit/script"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// TestPeopleSignIn: gateways that ask a gate for browsers, with the printed
// configuration: a stranger is sent to sign in and back, a script is not, and
// whoever signs out is out.
func TestPeopleSignIn(t *testing.T) {
	t.Parallel()
	signet := signetBinary(t)
	for _, k := range kinds() {
		if k.verifies {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			clock := harness.FakeClock()
			in := harness.Start(t, harness.Options{Clock: clock, Env: []string{"SIGNET_TRUSTED_PROXIES=127.0.0.1/32"}})
			user := in.User(t, "alice@acme.test", "correct horse battery")
			up := newUpstream(t)
			dir, listen := t.TempDir(), freeAddress(t)
			style := ""
			if k.name == "nginx" {
				style = "auth-request"
			}
			if _, err := in.Gates.Put(t.Context(), storage.Gate{
				Name: "intranet", Style: style, Browser: &storage.GateBrowser{Hosts: []string{listen}, Lifetime: 600},
			}); err != nil {
				t.Fatal(err)
			}
			in.Sync(t)
			text := run(t, signet, "gateway", "config", k.name, "--browser", "--gate", "intranet",
				"--issuer", in.Issuer, "--upstream", up.URL, "--listen", listen)
			begin(t, k.command(t, script.Program(t, k.env, k.program), dir, text), listen)
			at := "http://" + listen

			jar, err := cookiejar.New(nil)
			if err != nil {
				t.Fatal(err)
			}
			browser := &http.Client{Jar: jar}
			do := func(method, address, accept, form string) harness.Page {
				t.Helper()
				r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Accept", accept)
				if form != "" {
					r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				}
				forge(r.Header)
				// Somebody who says which host it is, and where to go on.
				r.Header.Set("X-Forwarded-Host", "evil.test")
				r.Header.Set("X-Forwarded-Uri", "//evil.test/")
				r.Header.Set("X-Forwarded-Method", "POST")
				resp, err := browser.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				body, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				return harness.Page{Status: resp.StatusCode, URL: resp.Request.URL, Header: resp.Header, Body: string(body)}
			}
			submit := func(p harness.Page, more map[string]string) harness.Page {
				t.Helper()
				action, fields := p.Form()
				for name, v := range more {
					fields.Set(name, v)
				}
				to, err := p.URL.Parse(action)
				if err != nil || action == "" {
					t.Fatalf("no form: %d %s %.300s", p.Status, p.URL, p.Body)
				}
				return do(http.MethodPost, to.String(), "text/html", fields.Encode())
			}
			cookie := func() string {
				u, _ := url.Parse(at)
				for _, c := range jar.Cookies(u) {
					if c.Name == pages.NewGateCookies(at).Name() {
						return c.Value
					}
				}
				return ""
			}
			const html, json = "text/html,*/*;q=0.8", "application/json"

			for _, c := range []struct{ method, accept string }{{http.MethodGet, json}, {http.MethodPost, html}} {
				if p := do(c.method, at+"/data", c.accept, ""); p.Status != http.StatusUnauthorized || !strings.HasPrefix(p.Header.Get("WWW-Authenticate"), "Bearer") {
					t.Errorf("%s %s: %d %s", c.method, c.accept, p.Status, p.Header.Get("WWW-Authenticate"))
				}
			}
			p := do(http.MethodGet, at+"/reports?year=2026&q=%2F", html, "")
			if !p.Has("login-page") {
				t.Fatalf("not sent to sign in: %d %s %.300s", p.Status, p.URL, p.Body)
			}
			if got, _ := up.take(); got != nil {
				t.Error("the upstream was reached before the person was known")
			}
			p = submit(p, map[string]string{"username": "alice@acme.test", "password": "correct horse battery", "action": "login"})
			if p.Status != http.StatusOK || p.Body != "from upstream" || p.URL.String() != at+"/reports?year=2026&q=%2F" {
				t.Fatalf("signed in: %d %s %.300s", p.Status, p.URL, p.Body)
			}
			got, _ := up.take()
			if got == nil || got.Header.Get("X-Signet-Subject") != user.ID || got.Header.Get("X-Signet-Acr") != "aal1" {
				t.Fatalf("the upstream was told %v", got)
			}
			if list := forgeries(got.Header); len(list) > 0 {
				t.Errorf("got through: %q", list)
			}
			if p := do(http.MethodPost, at+"/data", json, "a=b"); p.Status != http.StatusOK {
				t.Errorf("a form of somebody signed in: %d", p.Status)
			}
			if _, body := up.take(); body != "a=b" {
				t.Errorf("the upstream got %q", body)
			}
			// Half of its life later the cookie is renewed, where the gateway can.
			first := cookie()
			clock.Advance(6 * time.Minute)
			if err := in.Keys.Load(t.Context()); err != nil {
				t.Fatal(err)
			}
			in.Sync(t)
			if p := do(http.MethodGet, at+"/data", json, ""); p.Status != http.StatusOK {
				t.Errorf("later: %d", p.Status)
			}
			if renewed := cookie() != first; renewed != (k.name == "nginx") {
				t.Errorf("renewed: %v", renewed)
			}
			// A page of ours on their host has its style.
			p = do(http.MethodGet, at+"/.signet/callback", html, "")
			if p.Status != http.StatusBadRequest || !p.Has("error-page") {
				t.Errorf("%d %s %.300s", p.Status, p.URL, p.Body)
			}
			p = submit(do(http.MethodGet, at+"/.signet/logout", html, ""), map[string]string{"action": "confirm"})
			if !p.Has("logged-out") || p.URL.String() != at+"/.signet/signed-out" {
				t.Errorf("%d %s %.300s", p.Status, p.URL, p.Body)
			}
			_, style, _ = strings.Cut(p.Body, `rel="stylesheet" href="`)
			style, _, _ = strings.Cut(style, `"`)
			if css := do(http.MethodGet, at+style, "text/css", ""); css.Status != http.StatusOK || !strings.HasPrefix(css.Header.Get("Content-Type"), "text/css") {
				t.Errorf("%q: %d %s", style, css.Status, css.Header.Get("Content-Type"))
			}
			in.Sync(t)
			if p := do(http.MethodGet, at+"/data", json, ""); p.Status != http.StatusUnauthorized {
				t.Errorf("after signing out: %d", p.Status)
			}
			if p := do(http.MethodGet, at+"/", html, ""); !p.Has("login-page") {
				t.Errorf("after signing out: %d %s", p.Status, p.URL)
			}
		})
	}
}
