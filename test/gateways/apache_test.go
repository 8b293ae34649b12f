package gateways_test

import (
	"context"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/script"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// With a client, mod_oauth2 asks about each token, and a revoked one is refused.
func TestApacheAsksAboutTokens(t *testing.T) {
	t.Parallel()
	program := script.Program(t, "SIGNET_TEST_APACHE", "apache2", "/usr/sbin/apache2")
	signet := signetBinary(t)
	in := harness.Start(t, harness.Options{})
	_, secret := in.Service(t, "orders", "", storage.ClientMetadata{Scope: "orders:read"})
	token := in.Token(t, "orders", secret, url.Values{"grant_type": {"client_credentials"}, "scope": {"orders:read"}}).AccessToken
	up := newUpstream(t)
	dir, listen := t.TempDir(), freeAddress(t)
	// The client may ask about its own tokens.
	text := run(t, signet, "gateway", "config", "apache", "--client", "orders", "--scope", "orders:read",
		"--issuer", in.Issuer, "--upstream", up.URL, "--listen", listen)
	cmd := apache(t, program, dir, text, "oauth2")
	cmd.Env = append(cmd.Env, "SIGNET_CLIENT_SECRET="+secret)
	begin(t, cmd, listen)
	at := "http://" + listen + "/orders/1"
	if status := ask(t, at, token); status != http.StatusOK {
		t.Fatalf("a good token: %d", status)
	}
	if r, _ := up.take(); r == nil || r.Header.Get("X-Signet-Subject") != "orders" {
		t.Errorf("the upstream got %v", r)
	}
	if err := in.Clients.Delete(context.Background(), "orders", "test"); err != nil {
		t.Fatal(err)
	}
	in.Sync(t)
	harness.Eventually(t, 10*time.Second, "the revoked token is refused", func() bool { return ask(t, at, token) != http.StatusOK })
}

// mod_auth_openidc signs a person in through the hosted pages, and tells the
// upstream who it is.
func TestApacheSignsPeopleIn(t *testing.T) {
	t.Parallel()
	program := script.Program(t, "SIGNET_TEST_APACHE", "apache2", "/usr/sbin/apache2")
	signet := signetBinary(t)
	in := harness.Start(t, harness.Options{})
	user := in.User(t, "alice@acme.test", "correct horse battery")
	up := newUpstream(t)
	dir, listen := t.TempDir(), freeAddress(t)
	_, secret := in.Client(t, "intranet", storage.ClientMetadata{
		RedirectURIs: []string{"http://" + listen + "/.signet/callback"}, GrantTypes: []string{"authorization_code"},
		Scope: "openid profile email organization roles", FirstParty: true,
	})
	text := run(t, signet, "gateway", "config", "apache-openidc", "--client", "intranet",
		"--issuer", in.Issuer, "--upstream", up.URL, "--listen", listen)
	cmd := apache(t, program, dir, text, "auth_openidc")
	cmd.Env = append(cmd.Env, "SIGNET_CLIENT_SECRET="+secret)
	begin(t, cmd, listen)

	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	// get asks Apache, as a person who says to be somebody else.
	get := func(address string) (status int, location string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", "text/html")
		forge(r.Header)
		resp, err := browser.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode, resp.Header.Get("Location")
	}
	at := "http://" + listen + "/reports?year=2026"
	_, to := get(at)
	if !strings.HasPrefix(to, in.Issuer+"/") {
		t.Fatalf("a stranger is sent to %q", to)
	}
	b := in.NewBrowser(t)
	page := b.SignIn(b.Get(strings.TrimPrefix(to, in.Issuer)), "alice@acme.test", "correct horse battery")
	if page.Location == nil {
		t.Fatalf("no way back: %d %.300s", page.Status, page.Body)
	}
	if _, back := get(page.Location.String()); back != at {
		t.Fatalf("back at %q", back)
	}
	if got, _ := up.take(); got != nil {
		t.Error("the upstream was reached before the person was known")
	}
	if status, _ := get(at); status != http.StatusOK {
		t.Fatalf("signed in: %d", status)
	}
	got, _ := up.take()
	if got == nil {
		t.Fatal("the upstream was not reached")
	}
	if list := forgeries(got.Header); len(list) > 0 {
		t.Errorf("got through: %q", list)
	}
	for name, want := range map[string]string{
		"X-Signet-Subject": user.ID, "Remote-User": user.ID, "Remote-Email": "alice@acme.test", "X-Signet-Acr": "aal1", "X-Signet-Roles": "system:user",
	} {
		if v := got.Header.Get(name); v != want {
			t.Errorf("%s is %q, not %q", name, v, want)
		}
	}
}
