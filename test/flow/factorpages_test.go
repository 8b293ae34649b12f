package flow_test

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// TestFactorPages sets an authenticator app up in a login that a policy wants
// one for, keeps the backup codes, and signs in again with the app and with a
// backup code; without JavaScript, and to a client that asks for consent.
func TestFactorPages(t *testing.T) {
	clock := harness.FakeClock()
	in := harness.Start(t, harness.Options{Clock: clock})
	in.Client(t, "web", storage.ClientMetadata{TokenEndpointAuthMethod: "none"})
	const email, password = "alice@acme.test", "correct horse battery"
	in.User(t, email, password)
	if _, err := in.Factors.SetPolicy(t.Context(), storage.MFAPolicy{
		Scope: storage.PolicySystem, Requirement: "required", Enforcement: []string{"login"},
	}); err != nil {
		t.Fatal(err)
	}

	b := in.NewBrowser(t)
	p := b.SignIn(b.Get(harness.NewAuthorization("web", "openid profile", nil).Path()), email, password)
	if p.Status != http.StatusOK || !p.Has("mfa-enrol") {
		t.Fatalf("after the password: %d %s", p.Status, p.Body)
	}
	p = b.Submit(p, map[string]string{"kind": "totp"})
	if !p.Has("mfa-qr") {
		t.Fatalf("no QR code: %d %s", p.Status, p.Body)
	}
	secret := strings.ReplaceAll(between(t, p, `id="mfa-secret"[^>]*>([^<]*)<`), " ", "")
	p = b.Submit(p, map[string]string{"action": "verify", "code": "000000"})
	if p.Status != http.StatusUnauthorized || !p.Has("mfa-error") || !p.Has("mfa-qr") {
		t.Fatalf("a wrong code: %d %s", p.Status, p.Body)
	}
	code := func() string {
		c, err := totp.GenerateCode(secret, clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	p = b.Submit(p, map[string]string{"action": "verify", "code": code()})
	if !p.Has("backup-codes") {
		t.Fatalf("no backup codes: %d %s", p.Status, p.Body)
	}
	backup := between(t, p, `<li><code>([^<]*)<`)
	clock.Advance(2 * time.Minute) // longer than a client's code lives
	p = b.Get(html.UnescapeString(between(t, p, `id="codes-continue"[^>]*href="([^"]*)"`)))
	if !p.Has("consent-page") {
		t.Fatalf("after the codes: %d %s", p.Status, p.Body)
	}
	if p = b.Approve(p); p.Location == nil || p.Location.Query().Get("code") == "" {
		t.Fatalf("no code for the client: %d %v", p.Status, p.Location)
	}

	for name, answer := range map[string]func(b *harness.Browser, p harness.Page) harness.Page{
		"app": func(b *harness.Browser, p harness.Page) harness.Page {
			return b.Submit(p, map[string]string{"action": "verify", "code": code()})
		},
		"backup code": func(b *harness.Browser, p harness.Page) harness.Page {
			p = b.Submit(p, map[string]string{"action": "choose", "method": "backup_codes"})
			return b.Submit(p, map[string]string{"action": "verify", "code": strings.ToUpper(backup)})
		},
	} {
		b := in.NewBrowser(t)
		p := b.SignIn(b.Get(harness.NewAuthorization("web", "openid profile", nil).Path()), email, password)
		if !p.Has("mfa-page") || !p.Has("mfa-chooser") {
			t.Fatalf("%s: after the password: %d %s", name, p.Status, p.Body)
		}
		if p = answer(b, p); p.Location == nil || p.Location.Query().Get("code") == "" {
			t.Fatalf("%s: no code for the client: %d %v %s", name, p.Status, p.Location, p.Body)
		}
	}
}

func between(t *testing.T, p harness.Page, pattern string) string {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(p.Body)
	if m == nil {
		t.Fatalf("%s is not on the page: %s", pattern, p.Body)
	}
	return m[1]
}
