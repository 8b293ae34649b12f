package languages

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/signet-idp/signet/provider/apply"
	"github.com/signet-idp/signet/test/harness"
)

// What the pages of docs say.
const (
	pageIssuer = "https://id.example.com"
	pageAPI    = "https://api.example.com"
	pageSecret = "at least 32 characters, from a secret store"
)

// What the tests add to what the pages install.
const (
	aliceEmail = "alice@acme.test"
	password   = "correct horse battery"
	people     = `
organizations:
  - {slug: acme, name: Acme Inc}
users:
  - {email: alice@acme.test, email_verified: true, password: correct horse battery, name: Alice Example, organizations: [{slug: acme, roles: [owner]}]}
  - {email: bob@acme.test, email_verified: true, password: correct horse battery, name: Bob Example, organizations: [{slug: acme, roles: [member]}]}
`
)

// world is a Signet that is known by the address of a front, which can be cut.
type world struct {
	*harness.Instance
	front *front
}

// front passes requests on, or not.
type front struct {
	to *httputil.ReverseProxy

	mu     sync.Mutex
	closed []string // what their paths begin with
	ctx    context.Context
	cancel context.CancelFunc
}

// shut ends and refuses requests whose path begins so, and no others.
func (f *front) shut(paths ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cancel != nil {
		f.cancel()
	}
	f.closed = paths
	f.ctx, f.cancel = context.WithCancel(context.Background())
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	to, cut, closed := f.to, f.ctx, f.closed
	f.mu.Unlock()
	for _, path := range closed {
		if strings.HasPrefix(r.URL.Path, path) {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(cut, cancel)()
	to.ServeHTTP(w, r.WithContext(ctx))
}

// newWorld runs a Signet that holds what a page of docs installs.
func newWorld(t *testing.T, file string) *world {
	t.Helper()
	f := &front{}
	f.shut()
	before := httptest.NewUnstartedServer(f)
	// What ends in the middle is what these tests are about.
	before.Config.ErrorLog = nil
	before.Start()
	t.Cleanup(func() { f.shut("/"); before.Close() })
	in := harness.Start(t, harness.Options{Issuer: before.URL})
	to, err := url.Parse(in.URL)
	if err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	f.to = &httputil.ReverseProxy{
		FlushInterval: -1,
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(to); r.Out.Host = r.In.Host },
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	f.mu.Unlock()
	parsed, err := apply.Parse("page.yaml", []byte(file+people))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.Applier().Apply(t.Context(), parsed, apply.Options{}); err != nil {
		t.Fatal(err)
	}
	in.Sync(t)
	return &world{&harness.Instance{Server: in.Server, URL: before.URL, Issuer: before.URL}, f}
}

// session is a person's browser with the tokens of one login.
type session struct {
	browser *harness.Browser
	harness.TokenAnswer
}

// signIn logs a person in by the hosted pages, for tokens of the pages' API.
func (w *world) signIn(t *testing.T, email, scope string) *session {
	t.Helper()
	b := w.NewBrowser(t)
	a := harness.NewAuthorization("web", scope, map[string]string{"resource": pageAPI, "redirect_uri": "https://app.example.com/"})
	s := &session{b, w.Redeem(t, "web", "", a, b.Code(a, email, password))}
	if s.AccessToken == "" {
		t.Fatalf("no token: %+v", s.TokenAnswer)
	}
	return s
}

// signOut is what an application does: the browser goes to the logout endpoint.
func (s *session) signOut(t *testing.T) {
	t.Helper()
	p := s.browser.Get("/oauth2/logout?id_token_hint=" + s.IDToken + "&post_logout_redirect_uri=" + url.QueryEscape("https://app.example.com/"))
	if p.Location == nil {
		t.Fatalf("not signed out: %d %.400s", p.Status, p.Body)
	}
}

// listen finds an address on which a program can listen a moment later.
func listen(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
