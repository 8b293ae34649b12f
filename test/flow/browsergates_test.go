package flow_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/endpoints/pages"
	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// person is a browser that goes from host to host as browsers do, and stops
// where somebody has to do something.
type person struct {
	t      *testing.T
	client *http.Client
	harness.Browser
}

func newPerson(t *testing.T, in *harness.Instance) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &person{t: t, client: &http.Client{Jar: jar}}
}

func (p *person) do(r *http.Request) harness.Page {
	p.t.Helper()
	resp, err := p.client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return harness.Page{Status: resp.StatusCode, URL: resp.Request.URL, Header: resp.Header, Body: string(body)}
}

func (p *person) opens(address string) harness.Page {
	p.t.Helper()
	return p.do(p.request(http.MethodGet, address, ""))
}

func (p *person) request(method, address, body string) *http.Request {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html,application/xhtml+xml")
	return r
}

// submits fills the form of a page in.
func (p *person) submits(page harness.Page, more map[string]string) harness.Page {
	p.t.Helper()
	action, fields := page.Form()
	if action == "" {
		p.t.Fatalf("no form: %d %s %.300s", page.Status, page.URL, page.Body)
	}
	for k, v := range more {
		fields.Set(k, v)
	}
	to, err := page.URL.Parse(action)
	if err != nil {
		p.t.Fatal(err)
	}
	r := p.request(http.MethodPost, to.String(), fields.Encode())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return p.do(r)
}

func (p *person) signsIn(page harness.Page, email string) harness.Page {
	p.t.Helper()
	if !page.Has("login-page") {
		p.t.Fatalf("not the sign-in page: %d %s %.300s", page.Status, page.URL, page.Body)
	}
	return p.submits(page, map[string]string{"username": email, "password": password, "action": "login"})
}

const password = "correct horse battery"

// cookie of the gate, as the browser has it for a site.
func (p *person) cookie(s *harness.Site) *http.Cookie {
	u, _ := url.Parse(s.URL)
	for _, c := range p.client.Jar.Cookies(u) {
		if c.Name == pages.NewGateCookies(s.URL).Name() {
			return c
		}
	}
	return nil
}

type browserGates struct {
	in    *harness.Instance
	clock *fakeclock.Clock
}

func newBrowserGates(t *testing.T) *browserGates {
	t.Helper()
	clock := harness.FakeClock()
	return &browserGates{in: harness.Start(t, harness.Options{Clock: clock, Env: []string{"SIGNET_TRUSTED_PROXIES=127.0.0.1/32"}}), clock: clock}
}

// pass lets time go by; the replica hears of it, as it would have all along.
func (b *browserGates) pass(t *testing.T, d time.Duration) {
	t.Helper()
	b.clock.Advance(d)
	if err := b.in.Keys.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.in.Sync(t)
}

// site puts a gate and a host that it protects.
func (b *browserGates) site(t *testing.T, g storage.Gate) *harness.Site {
	t.Helper()
	s := b.in.Site(t, g.Name)
	if g.Browser == nil {
		g.Browser = &storage.GateBrowser{}
	}
	g.Browser.Hosts = []string{s.Host}
	if _, err := b.in.Gates.Put(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	b.in.Sync(t)
	return s
}

// TestBrowserGate: somebody with a browser comes to a protected site.
func TestBrowserGate(t *testing.T) {
	t.Parallel()
	b := newBrowserGates(t)
	user := b.in.User(t, "ada@example.test", password)
	s := b.site(t, storage.Gate{Name: "intranet"})
	p := newPerson(t, b.in)

	page := p.opens(s.URL + "/reports?year=2026&q=%2F")
	if !strings.HasPrefix(page.URL.String(), b.in.Issuer) {
		t.Fatalf("not sent to sign in: %s", page.URL)
	}
	page = p.signsIn(page, "ada@example.test")
	if page.Status != http.StatusOK || page.Body != "secret of /reports?year=2026&q=%2F" || page.URL.String() != s.URL+"/reports?year=2026&q=%2F" {
		t.Fatalf("%d %s %.300s", page.Status, page.URL, page.Body)
	}
	if page.Header.Get("Told-X-Signet-Subject") != user.ID || page.Header.Get("Told-X-Signet-Acr") != "aal1" {
		t.Errorf("told %v", page.Header)
	}
	ticket := p.cookie(s)
	if ticket == nil || strings.Count(ticket.Value, ".") != 2 {
		t.Fatal("no cookie")
	}
	if v, reason, ok := b.in.Verdict(t, ticket.Value); ok && v {
		t.Errorf("the cookie passes for an access token: %s", reason)
	}
	if status, _, _ := b.in.JSON(t, http.MethodGet, "/auth/me", ticket.Value, nil); status != http.StatusUnauthorized {
		t.Errorf("the cookie passes for an access token: %d", status)
	}
	// A second site: signed in without a question.
	other := b.site(t, storage.Gate{Name: "wiki"})
	if page := p.opens(other.URL + "/home"); page.Body != "secret of /home" {
		t.Errorf("%d %s", page.Status, page.URL)
	}
	// Signing out at one closes both.
	page = p.opens(s.URL + "/.signet/logout")
	if page = p.submits(page, map[string]string{"action": "confirm"}); !page.Has("logged-out") || page.URL.String() != s.URL+"/.signet/signed-out" {
		t.Fatalf("%d %s %.300s", page.Status, page.URL, page.Body)
	}
	if p.cookie(s) != nil {
		t.Error("the cookie is still there")
	}
	for _, at := range []*harness.Site{s, other} {
		if page := p.opens(at.URL + "/"); !page.Has("login-page") {
			t.Errorf("after the logout: %d %s", page.Status, page.URL)
		}
	}
}

// TestBrowserGateRefusals: who is let in, who is sent to sign in, and who is
// told so without being sent.
func TestBrowserGateRefusals(t *testing.T) {
	t.Parallel()
	b := newBrowserGates(t)
	b.in.User(t, "ada@example.test", password)
	root := b.in.User(t, "root@example.test", password, "admin")
	s := b.site(t, storage.Gate{Name: "console", Roles: []string{"system:admin"}})
	never := b.site(t, storage.Gate{Name: "quiet", Browser: &storage.GateBrowser{Redirect: "never"}})
	nginx := b.site(t, storage.Gate{Name: "nginx", Style: "auth-request"})

	t.Run("who may not is told once", func(t *testing.T) {
		p := newPerson(t, b.in)
		page := p.signsIn(p.opens(s.URL+"/"), "ada@example.test")
		if page.Status != http.StatusForbidden || page.ErrorCode() != "no_access" || !strings.Contains(page.Body, `href="/.signet/logout"`) {
			t.Errorf("%d %s %.600s", page.Status, page.URL, page.Body)
		}
		if page = p.opens(s.URL + "/"); page.Status != http.StatusForbidden {
			t.Errorf("%d %s", page.Status, page.URL)
		}
		page = p.opens(s.URL + "/.signet/callback?state=x")
		style := regexp.MustCompile(`/.signet/ui/assets/[^"]+css`).FindString(page.Body)
		if style == "" || p.opens(s.URL+style).Status != http.StatusOK {
			t.Errorf("the page has no style: %.300s", page.Body)
		}
	})
	t.Run("not sent", func(t *testing.T) {
		p := newPerson(t, b.in)
		p.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		for name, change := range map[string]func(r *http.Request){
			"a script":      func(r *http.Request) { r.Header.Set("Accept", "*/*") },
			"fetch":         func(r *http.Request) { r.Header.Set("Sec-Fetch-Mode", "cors") },
			"XMLHttp":       func(r *http.Request) { r.Header.Set("X-Requested-With", "XMLHttpRequest") },
			"a form":        func(r *http.Request) { r.Method = http.MethodPost },
			"Basic":         func(r *http.Request) { r.Header.Set("Authorization", "Basic eDp5") },
			"a bad token":   func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") },
			"never":         func(r *http.Request) { r.URL.Host, r.Host = never.Host, never.Host },
			"for nginx":     func(r *http.Request) { r.URL.Host, r.Host = nginx.Host, nginx.Host },
			"another, good": nil,
		} {
			r := p.request(http.MethodGet, s.URL+"/a?b=c", "")
			if change != nil {
				change(r)
			}
			page := p.do(r)
			location := page.Header.Get("Location")
			switch name {
			case "another, good":
				if page.Status != http.StatusFound || location != s.URL+"/.signet/login?return_to=%2Fa%3Fb%3Dc" {
					t.Errorf("%s: %d %s", name, page.Status, location)
				}
			case "never", "for nginx":
				if page.Status != http.StatusUnauthorized || !strings.HasSuffix(location, "/.signet/login?return_to=%2Fa%3Fb%3Dc") {
					t.Errorf("%s: %d %s", name, page.Status, location)
				}
			default:
				if page.Status != http.StatusUnauthorized || location != "" || !strings.HasPrefix(page.Header.Get("WWW-Authenticate"), "Bearer ") {
					t.Errorf("%s: %d %s", name, page.Status, location)
				}
			}
		}
	})
	t.Run("a bearer token passes too", func(t *testing.T) {
		p := newPerson(t, b.in)
		r := p.request(http.MethodGet, s.URL+"/", "")
		_, _ = b.in.Client(t, "web", storage.ClientMetadata{Scope: "openid", TokenEndpointAuthMethod: "none", FirstParty: true})
		b.in.Sync(t)
		r.Header.Set("Authorization", "Bearer "+b.in.AccessToken(t, root.ID, "web", "openid"))
		if page := p.do(r); page.Status != http.StatusOK || page.Header.Get("Told-X-Signet-Subject") != root.ID {
			t.Errorf("%d %s", page.Status, page.Body)
		}
	})
	t.Run("a cookie is for one site", func(t *testing.T) {
		p := newPerson(t, b.in)
		if page := p.signsIn(p.opens(s.URL+"/"), "root@example.test"); page.Status != http.StatusOK {
			t.Fatal(page.Status, page.URL)
		}
		p.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		ticket := p.cookie(s)
		other := b.site(t, storage.Gate{Name: "other"})
		for _, at := range []*harness.Site{other, nginx} {
			r := p.request(http.MethodGet, at.URL+"/", "")
			for _, name := range []string{ticket.Name, "__Host-signet-gate", pages.NewGateCookies("http://" + at.Host).Name()} {
				r.AddCookie(&http.Cookie{Name: name, Value: ticket.Value})
			}
			if page := p.do(r); page.Status == http.StatusOK {
				t.Errorf("%s took it", at.Gate)
			}
		}
		// Of the same gate, for another of its hosts.
		twin := b.in.Site(t, "console")
		if _, err := b.in.Gates.Put(t.Context(), storage.Gate{
			Name: "console", Roles: []string{"system:admin"}, Browser: &storage.GateBrowser{Hosts: []string{s.Host, twin.Host}},
		}); err != nil {
			t.Fatal(err)
		}
		b.in.Sync(t)
		r := p.request(http.MethodGet, twin.URL+"/", "")
		r.AddCookie(&http.Cookie{Name: pages.NewGateCookies("http://" + twin.Host).Name(), Value: ticket.Value})
		if page := p.do(r); page.Status == http.StatusOK {
			t.Error("another host of the gate took it")
		}
		// Twice the same name: somebody has planted one.
		r = p.request(http.MethodGet, s.URL+"/", "")
		r.AddCookie(&http.Cookie{Name: ticket.Name, Value: "x"})
		if page := p.do(r); page.Status == http.StatusOK {
			t.Error("one of two cookies was taken")
		}
		// Changed by a letter, and an access token in its place.
		for _, value := range []string{ticket.Value[:len(ticket.Value)-2] + "AA", b.in.AccessToken(t, root.ID, "web", "openid"), "x", strings.Repeat("x", 5000)} {
			r = httptest.NewRequest(http.MethodGet, b.in.URL+"/auth/validate/console", nil)
			r.RequestURI = ""
			r.Header.Set("X-Forwarded-Host", s.Host)
			r.Header.Set("X-Forwarded-Proto", "http")
			r.AddCookie(&http.Cookie{Name: ticket.Name, Value: value})
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusUnauthorized {
				t.Errorf("%.20s: %d", value, resp.StatusCode)
			}
		}
	})
	t.Run("one host, one gate", func(t *testing.T) {
		_, err := b.in.Gates.Put(t.Context(), storage.Gate{Name: "second", Browser: &storage.GateBrowser{Hosts: []string{never.Host}}})
		if !fault.Is(err, fault.Conflict) {
			t.Error(err)
		}
	})
	t.Run("a host that no gate protects", func(t *testing.T) {
		stray := b.in.Site(t, "console")
		p := newPerson(t, b.in)
		if page := p.opens(stray.URL + "/.signet/login"); page.Status != http.StatusNotFound || page.ErrorCode() != "not_found" {
			t.Errorf("%d %s", page.Status, page.ErrorCode())
		}
		if page := p.opens(stray.URL + "/"); page.Status != http.StatusUnauthorized || !strings.Contains(page.Body, "does not protect the host") {
			t.Errorf("%d %s", page.Status, page.Body)
		}
	})
}

// TestBrowserGateSignIn: the way there and back cannot be bent.
func TestBrowserGateSignIn(t *testing.T) {
	t.Parallel()
	b := newBrowserGates(t)
	b.in.User(t, "ada@example.test", password)
	s := b.site(t, storage.Gate{Name: "intranet"})
	// begun follows a sign-in up to the answer, which is not delivered.
	begun := func(t *testing.T, p *person, address string) *url.URL {
		t.Helper()
		var answer *url.URL
		p.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
			if r.URL.Path == "/.signet/callback" {
				answer = r.URL
				return http.ErrUseLastResponse
			}
			return nil
		}
		if page := p.opens(address); page.Has("login-page") {
			p.signsIn(page, "ada@example.test")
		}
		p.client.CheckRedirect = nil
		if answer == nil {
			t.Fatal("no answer")
		}
		return answer
	}
	t.Run("another's answer", func(t *testing.T) {
		attacker, victim := newPerson(t, b.in), newPerson(t, b.in)
		answer := begun(t, attacker, s.URL+"/")
		if page := victim.opens(answer.String()); page.Status != http.StatusBadRequest || page.ErrorCode() != "cookies_missing" {
			t.Errorf("%d %s", page.Status, page.ErrorCode())
		}
		begun(t, victim, s.URL+"/")
		if page := victim.opens(answer.String()); page.Status != http.StatusBadRequest || page.ErrorCode() != "interaction_expired" || victim.cookie(s) != nil {
			t.Errorf("%d %s", page.Status, page.ErrorCode())
		}
		// With the state of their own, the code is another's: PKCE refuses it.
		own := begun(t, victim, s.URL+"/")
		q := own.Query()
		q.Set("code", answer.Query().Get("code"))
		own.RawQuery = q.Encode()
		if page := victim.opens(own.String()); page.Status != http.StatusBadRequest || victim.cookie(s) != nil {
			t.Errorf("%d %s", page.Status, page.ErrorCode())
		}
	})
	t.Run("bent", func(t *testing.T) {
		p := newPerson(t, b.in)
		for name, bend := range map[string]func(q url.Values){
			"iss":      func(q url.Values) { q.Set("iss", "https://evil.test") },
			"no iss":   func(q url.Values) { q.Del("iss") },
			"state":    func(q url.Values) { q.Set("state", q.Get("state")[:60]+"A"+q.Get("state")[61:]) },
			"no state": func(q url.Values) { q.Del("state") },
			"code":     func(q url.Values) { q.Set("code", "x") },
			"no code":  func(q url.Values) { q.Del("code") },
		} {
			answer := begun(t, p, s.URL+"/")
			q := answer.Query()
			bend(q)
			answer.RawQuery = q.Encode()
			if page := p.opens(answer.String()); page.Status != http.StatusBadRequest || p.cookie(s) != nil {
				t.Errorf("%s: %d %s", name, page.Status, page.ErrorCode())
			}
		}
	})
	t.Run("two tabs", func(t *testing.T) {
		p := newPerson(t, b.in)
		one := begun(t, p, s.URL+"/one")
		two := begun(t, p, s.URL+"/two")
		for _, tab := range []struct {
			answer *url.URL
			want   string
		}{{one, "/one"}, {two, "/two"}} {
			if page := p.opens(tab.answer.String()); page.Body != "secret of "+tab.want {
				t.Errorf("%s: %d %s", tab.want, page.Status, page.URL)
			}
		}
	})
	t.Run("loaded again", func(t *testing.T) {
		p := newPerson(t, b.in)
		answer := begun(t, p, s.URL+"/again")
		for range 2 {
			if page := p.opens(answer.String()); page.Body != "secret of /again" {
				t.Errorf("%d %s", page.Status, page.URL)
			}
		}
	})
	t.Run("nowhere else", func(t *testing.T) {
		p := newPerson(t, b.in)
		for _, to := range []string{"https://evil.test/", "//evil.test", `/\evil.test`, "/.signet/logout", "evil", "/ü", strings.Repeat("/a", 2000)} {
			answer := begun(t, p, s.URL+"/.signet/login?return_to="+url.QueryEscape(to))
			if page := p.opens(answer.String()); page.URL.String() != s.URL+"/" || page.Body != "secret of /" {
				t.Errorf("%.40s: %d %s", to, page.Status, page.URL)
			}
		}
	})
	t.Run("declined", func(t *testing.T) {
		p := newPerson(t, b.in)
		page := p.submits(p.opens(s.URL+"/"), map[string]string{"action": "cancel"})
		if page.Status != http.StatusForbidden || page.ErrorCode() != "no_access" || !strings.HasPrefix(page.URL.String(), s.URL) {
			t.Errorf("%d %s %s", page.Status, page.URL, page.ErrorCode())
		}
	})
	t.Run("too late", func(t *testing.T) {
		p := newPerson(t, b.in)
		answer := begun(t, p, s.URL+"/")
		b.pass(t, time.Hour+time.Second)
		if page := p.opens(answer.String()); page.Status != http.StatusBadRequest {
			t.Errorf("%d", page.Status)
		}
	})
}

// TestBrowserGateRenewal: a cookie in use lives on, tells what is true now, and
// dies with what it hangs on.
func TestBrowserGateRenewal(t *testing.T) {
	t.Parallel()
	b := newBrowserGates(t)
	user := b.in.User(t, "ada@example.test", password)
	s := b.site(t, storage.Gate{Name: "intranet", Browser: &storage.GateBrowser{Lifetime: 600}})
	p := newPerson(t, b.in)
	p.signsIn(p.opens(s.URL+"/"), "ada@example.test")
	// A script asks: it is never sent anywhere.
	asks := func() harness.Page {
		t.Helper()
		r := p.request(http.MethodGet, s.URL+"/data", "")
		r.Header.Set("Accept", "application/json")
		return p.do(r)
	}
	first := p.cookie(s).Value
	b.pass(t, 4*time.Minute)
	if page := asks(); page.Status != http.StatusOK || p.cookie(s).Value != first {
		t.Fatalf("%d, renewed too early: %v", page.Status, p.cookie(s).Value != first)
	}
	b.pass(t, time.Minute)
	if page := asks(); page.Status != http.StatusOK || p.cookie(s).Value == first {
		t.Fatalf("%d, not renewed", page.Status)
	}
	// A new role is told at once: the old cookie is from before it.
	second := p.cookie(s).Value
	if _, err := b.in.Users.SetSystemRoles(t.Context(), access.Root(), user.ID, []string{"admin"}); err != nil {
		t.Fatal(err)
	}
	b.in.Sync(t)
	if page := asks(); page.Status != http.StatusOK || page.Header.Get("Told-X-Signet-Roles") == "" || p.cookie(s).Value == second {
		t.Errorf("%d %q", page.Status, page.Header.Get("Told-X-Signet-Roles"))
	}
	// Asked again with the old one, as by a gateway that cannot hand the new one
	// on, it is renewed to the same.
	old := func(value string) string {
		t.Helper()
		r := p.request(http.MethodGet, b.in.URL+"/auth/validate/intranet", "")
		r.Header.Set("X-Forwarded-Host", s.Host)
		r.Header.Set("X-Forwarded-Proto", "http")
		r.AddCookie(&http.Cookie{Name: pages.NewGateCookies(s.URL).Name(), Value: value})
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK || len(resp.Cookies()) != 1 {
			t.Fatalf("%d %v", resp.StatusCode, resp.Cookies())
		}
		return resp.Cookies()[0].Value
	}
	if one, two := old(second), old(second); one != two {
		t.Error("renewed twice")
	}
	// Through a gateway that passes no cookies on it lives as long as it says,
	// and a page that is opened then brings a new one without a question.
	s.Renews = false
	b.pass(t, 9*time.Minute)
	if page := asks(); page.Status != http.StatusOK {
		t.Errorf("%d", page.Status)
	}
	b.pass(t, 2*time.Minute)
	if page := asks(); page.Status != http.StatusUnauthorized {
		t.Errorf("%d", page.Status)
	}
	if page := p.opens(s.URL + "/"); page.Status != http.StatusOK || page.URL.String() != s.URL+"/" {
		t.Errorf("%d %s", page.Status, page.URL)
	}
	// Use has kept the session alive; without it, the session ends and the
	// cookie with it, though it could be renewed.
	s.Renews = true
	b.pass(t, 5*time.Minute)
	if page := asks(); page.Status != http.StatusOK {
		t.Errorf("%d", page.Status)
	}
	// The account out of use: no renewal, no entry.
	if _, err := b.in.Users.SetStatus(t.Context(), user.ID, storage.UserSuspended, "test"); err != nil {
		t.Fatal(err)
	}
	b.in.Sync(t)
	if page := asks(); page.Status != http.StatusUnauthorized {
		t.Errorf("suspended: %d", page.Status)
	}
}

// TestBrowserGateClosed: a gate that is taken away lets nobody in, and put back
// it does not know who was in before.
func TestBrowserGateClosed(t *testing.T) {
	t.Parallel()
	b := newBrowserGates(t)
	b.in.User(t, "ada@example.test", password)
	s := b.site(t, storage.Gate{Name: "intranet"})
	p := newPerson(t, b.in)
	p.signsIn(p.opens(s.URL+"/"), "ada@example.test")
	if err := b.in.Gates.Delete(t.Context(), "intranet"); err != nil {
		t.Fatal(err)
	}
	b.in.Sync(t)
	if page := p.opens(s.URL + "/"); page.Status != http.StatusNotFound {
		t.Errorf("%d %s", page.Status, page.URL)
	}
	b.pass(t, time.Second)
	if _, err := b.in.Gates.Put(t.Context(), storage.Gate{Name: "intranet", Browser: &storage.GateBrowser{Hosts: []string{s.Host}}}); err != nil {
		t.Fatal(err)
	}
	b.in.Sync(t)
	p.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if page := p.opens(s.URL + "/"); page.Status != http.StatusFound {
		t.Errorf("%d: the old cookie is good again", page.Status)
	}
}

// TestBrowserGateStepUp: a gate that asks for a recent sign-in gets one.
func TestBrowserGateStepUp(t *testing.T) {
	t.Parallel()
	b := newBrowserGates(t)
	b.in.User(t, "ada@example.test", password)
	s := b.site(t, storage.Gate{Name: "vault", MaxAge: 5 * time.Minute})
	p := newPerson(t, b.in)
	p.signsIn(p.opens(s.URL+"/"), "ada@example.test")
	b.pass(t, 6*time.Minute)
	page := p.opens(s.URL + "/keys")
	if !page.Has("login-page") {
		t.Fatalf("%d %s", page.Status, page.URL)
	}
	if page = p.signsIn(page, "ada@example.test"); page.Body != "secret of /keys" {
		t.Errorf("%d %s %.300s", page.Status, page.URL, page.Body)
	}
}

// TestBrowserGateEnvoy: Envoy tells the host, the method and the path by using
// them.
func TestBrowserGateEnvoy(t *testing.T) {
	t.Parallel()
	b := newBrowserGates(t)
	user := b.in.User(t, "ada@example.test", password)
	s := b.site(t, storage.Gate{Name: "intranet"})
	p := newPerson(t, b.in)
	p.signsIn(p.opens(s.URL+"/"), "ada@example.test")
	asks := func(method, host string, signedIn bool) (int, http.Header) {
		t.Helper()
		r := p.request(method, b.in.URL+"/auth/validate/ext-authz/intranet/reports/1?a=%2F&b", "")
		r.Host = host
		if signedIn {
			r.AddCookie(&http.Cookie{Name: pages.NewGateCookies(s.URL).Name(), Value: p.cookie(s).Value})
		}
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode, resp.Header
	}
	status, h := asks(http.MethodGet, s.Host, false)
	if to := h.Get("Location"); status != http.StatusFound || to != s.URL+"/.signet/login?return_to=%2Freports%2F1%3Fa%3D%252F%26b" {
		t.Errorf("%d %s", status, to)
	}
	for _, method := range []string{http.MethodGet, http.MethodPut, "PROPFIND"} {
		if status, h := asks(method, s.Host, true); status != http.StatusOK || h.Get("X-Signet-Subject") != user.ID {
			t.Errorf("%s: %d", method, status)
		}
	}
	for _, c := range []struct {
		method, host string
		signedIn     bool
	}{{http.MethodPut, s.Host, false}, {http.MethodGet, "evil.test", true}, {http.MethodGet, "", true}} {
		if status, h := asks(c.method, c.host, c.signedIn); status != http.StatusUnauthorized || h.Get("Location") != "" {
			t.Errorf("%+v: %d %s", c, status, h.Get("Location"))
		}
	}
}
