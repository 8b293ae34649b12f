package auth_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

const day = 24 * time.Hour

func (s *site) valid(token string) string {
	s.t.Helper()
	a := s.want(s.call(http.MethodPost, "/auth/validate", "", members{"token": token}), http.StatusOK, "")
	if a.body["valid"] == true {
		return ""
	}
	return a.text("reason")
}

// advance moves the clock, and what follows it by itself in a running server.
func (s *site) advance(d time.Duration) {
	s.t.Helper()
	s.clock.Advance(d)
	if err := s.Keys.Tick(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	s.Sync(s.t)
}

// TestOneFamily: the JSON API and the token endpoint step the same family, and
// both find out about reuse.
func TestOneFamily(t *testing.T) {
	s := newSite(t)
	first := s.login()
	second := s.Refresh(t, "legacy", "", first.text("refresh_token"), nil)
	if second.Status != http.StatusOK || second.RefreshToken == first.text("refresh_token") {
		t.Fatal(second)
	}
	third := s.want(s.refresh(second.RefreshToken), http.StatusOK, "")
	for _, token := range []string{first.text("access_token"), second.AccessToken, third.text("access_token")} {
		if reason := s.valid(token); reason != "" {
			t.Fatal(reason)
		}
	}
	if got := harness.Claims(t, third.text("access_token"))["sid"]; got != first.text("session_id") {
		t.Fatalf("session %v, began as %v", got, first.text("session_id"))
	}
	// The first is two steps old: reuse, at once.
	s.want(s.refresh(first.text("refresh_token")), http.StatusUnauthorized, "AUTH_005")
	s.want(s.refresh(third.text("refresh_token")), http.StatusUnauthorized, "AUTH_005")
	if got := s.Refresh(t, "legacy", "", third.text("refresh_token"), nil); got.Error != "invalid_grant" {
		t.Fatal(got)
	}
	if reason := s.valid(third.text("access_token")); reason == "" {
		t.Fatal("the access token outlived the reuse")
	}
	// The session was nothing but that family.
	if n, err := s.Store.CountSessions(t.Context(), s.alice.ID, s.clock.Now()); err != nil || n != 0 {
		t.Fatalf("%d sessions are left, %v", n, err)
	}
}

func TestGraceAndReuse(t *testing.T) {
	s := newSite(t)
	first := s.login().text("refresh_token")
	second := s.want(s.refresh(first), http.StatusOK, "").text("refresh_token")
	s.clock.Advance(29 * time.Second)
	if again := s.want(s.refresh(first), http.StatusOK, "").text("refresh_token"); again != second {
		t.Fatal("within the grace another successor")
	}
	s.clock.Advance(2 * time.Second)
	s.want(s.refresh(first), http.StatusUnauthorized, "AUTH_005")
	s.want(s.refresh(second), http.StatusUnauthorized, "AUTH_005")
}

// TestParallelRefreshes: 32 at once make one step.
func TestParallelRefreshes(t *testing.T) {
	s := newSite(t)
	token := s.login().text("refresh_token")
	answers := make([]answer, 32)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = s.refresh(token) })
	}
	wg.Wait()
	for _, a := range answers {
		if a.status != http.StatusOK || a.text("refresh_token") != answers[0].text("refresh_token") {
			t.Fatalf("%d %s", a.status, a.raw)
		}
	}
	next := s.want(s.refresh(answers[0].text("refresh_token")), http.StatusOK, "")
	s.want(s.refresh(next.text("refresh_token")), http.StatusOK, "")
}

// TestParallelSwitches: two tabs that switch to different organizations with one
// token: whatever is answered, it is for the family's organization.
func TestParallelSwitches(t *testing.T) {
	s := newSite(t)
	for range 5 {
		token := s.login("organization_id", "acme").text("refresh_token")
		answers := make([]answer, 8)
		var wg sync.WaitGroup
		for i := range answers {
			wg.Go(func() {
				asked := []string{"acme", "globex", "", ""}[i%4]
				if answers[i] = s.refresh(token); asked != "" {
					answers[i] = s.refresh(token, "organization_id", asked)
				}
			})
		}
		wg.Wait()
		settled := ""
		for _, a := range answers {
			if a.status == http.StatusConflict {
				continue
			}
			if s.want(a, http.StatusOK, ""); settled == "" {
				settled = s.refresh(a.text("refresh_token")).text("organization_id")
			}
		}
		if settled == "" {
			t.Fatal("nobody was answered")
		}
	}
}

func TestSwitchOfOrganization(t *testing.T) {
	s := newSite(t)
	a := s.login("tenant_id", "globex")
	if a.text("organization_id") != s.globex.ID {
		t.Fatalf("logged in to %s", a.raw)
	}
	if again := s.login(); again.text("organization_id") != s.globex.ID {
		t.Fatalf("not the organization last used: %s", again.raw)
	}
	first := a.text("refresh_token")
	a = s.want(s.refresh(first, "organization_id", s.acme.ID), http.StatusOK, "")
	if claims := harness.Claims(t, a.text("access_token")); a.text("tenant_id") != s.acme.ID || claims["org_slug"] != "acme" || claims["tenant_id"] != s.acme.ID {
		t.Fatalf("%s %v", a.raw, claims)
	}
	// The predecessor within its grace: the same organization, or a refusal.
	s.want(s.refresh(first, "organization_id", "globex"), http.StatusConflict, "REQ_004")
	if r := s.Refresh(t, "legacy", "", first, map[string]string{"organization": "globex"}); r.Error != "invalid_request" {
		t.Fatal(r)
	}
	for _, body := range []members{{"refresh_token": first}, {"refresh_token": first, "organization_id": "acme"}} {
		again := s.want(s.call(http.MethodPost, "/auth/refresh", "", body), http.StatusOK, "")
		if again.text("organization_id") != s.acme.ID || again.text("refresh_token") != a.text("refresh_token") {
			t.Fatalf("%s", again.raw)
		}
	}
	token := a.text("refresh_token")
	for _, stranger := range []string{"nowhere", storage.NewID()} {
		s.want(s.refresh(token, "organization_id", stranger), http.StatusForbidden, "AUTH_010")
		s.want(s.call(http.MethodPost, "/auth/login", "", members{"email": email, "password": password, "organization_id": stranger}), http.StatusForbidden, "AUTH_010")
	}
	token = s.want(s.refresh(token), http.StatusOK, "").text("refresh_token")
	if _, err := s.Organizations.SetStatus(t.Context(), s.acme.ID, storage.OrganizationSuspended, "test"); err != nil {
		t.Fatal(err)
	}
	s.want(s.refresh(token), http.StatusForbidden, "AUTH_010")
	if a := s.want(s.refresh(token, "organization_id", "globex"), http.StatusOK, ""); a.text("organization_id") != s.globex.ID {
		t.Fatalf("%s", a.raw)
	}
}

// TestOtherClients: another client's refresh token is refused, and its family
// goes on.
func TestOtherClients(t *testing.T) {
	s := newSite(t)
	s.Client(t, "spa", storage.ClientMetadata{TokenEndpointAuthMethod: "none", FirstParty: true})
	b := s.NewBrowser(t)
	auth := harness.NewAuthorization("spa", "openid", nil)
	theirs := s.Redeem(t, "spa", "", auth, b.Code(auth, email, password))
	s.want(s.refresh(theirs.RefreshToken), http.StatusUnauthorized, "AUTH_005")
	s.want(s.refresh(theirs.RefreshToken, "client_id", "spa"), http.StatusUnauthorized, "AUTH_005")
	s.want(s.call(http.MethodPost, "/auth/logout", "", members{"refresh_token": theirs.RefreshToken}), http.StatusUnauthorized, "AUTH_011")
	s.want(s.call(http.MethodPost, "/auth/revoke", "", members{"token": theirs.RefreshToken}), http.StatusOK, "")
	if next := s.Refresh(t, "spa", "", theirs.RefreshToken, nil); next.Status != http.StatusOK {
		t.Fatal(next)
	}
	for _, id := range []string{"spa", "nobody"} {
		s.want(s.call(http.MethodPost, "/auth/login", "", members{"email": email, "password": password, "client_id": id}), http.StatusForbidden, "AUTH_010")
	}
	// Another client marked json_login has families of its own.
	s.Client(t, "app", storage.ClientMetadata{
		TokenEndpointAuthMethod: "none", FirstParty: true, JSONLogin: true, GrantTypes: []string{"refresh_token"}, Scope: "openid account",
	})
	own := s.login("client_id", "app")
	s.want(s.refresh(own.text("refresh_token")), http.StatusUnauthorized, "AUTH_005")
	if a := s.want(s.refresh(own.text("refresh_token"), "client_id", "app"), http.StatusOK, ""); a.text("scope") != "openid account" {
		t.Fatalf("%s", a.raw)
	}
}

// TestLifetimes: seven days idle, thirty with remember_me, ninety in any case.
func TestLifetimes(t *testing.T) {
	s := newSite(t)
	plain, kept := s.login().text("refresh_token"), s.login("remember_me", true).text("refresh_token")
	s.advance(7*day - time.Second)
	plain = s.want(s.refresh(plain), http.StatusOK, "").text("refresh_token")
	s.advance(7*day - time.Second)
	plain = s.want(s.refresh(plain), http.StatusOK, "").text("refresh_token")
	s.advance(7 * day)
	s.want(s.refresh(plain), http.StatusUnauthorized, "AUTH_002")

	kept = s.want(s.refresh(kept), http.StatusOK, "").text("refresh_token") // 21 days
	s.advance(30*day - time.Second)
	// The token endpoint gives it as much time.
	next := s.Refresh(t, "legacy", "", kept, nil)
	if next.Status != http.StatusOK {
		t.Fatal(next)
	}
	s.advance(30*day - time.Second)
	kept = s.want(s.refresh(next.RefreshToken), http.StatusOK, "").text("refresh_token")
	s.advance(9*day + 4*time.Second) // 90 days since the login
	s.want(s.refresh(kept), http.StatusUnauthorized, "AUTH_002")
}

func TestRefreshOfTheDisabled(t *testing.T) {
	s := newSite(t)
	a := s.login()
	if _, err := s.Users.SetStatus(t.Context(), s.alice.ID, storage.UserSuspended, "test"); err != nil {
		t.Fatal(err)
	}
	s.want(s.refresh(a.text("refresh_token")), http.StatusForbidden, "AUTH_009")
	s.want(s.call(http.MethodGet, "/auth/me", a.text("access_token"), nil), http.StatusUnauthorized, "AUTH_005")
	for _, bad := range []string{"x", "srt_AAAA", "srt_" + strings.Repeat("A", 300)} {
		s.want(s.refresh(bad), http.StatusUnauthorized, "AUTH_005")
	}
	s.want(s.call(http.MethodPost, "/auth/refresh", "", nil), http.StatusUnprocessableEntity, "REQ_001")
}

func TestRevoke(t *testing.T) {
	s := newSite(t)
	a := s.login()
	s.want(s.call(http.MethodPost, "/auth/revoke", "", members{"token": a.text("access_token")}), http.StatusOK, "")
	if reason := s.valid(a.text("access_token")); reason != "revoked" {
		t.Fatal(reason)
	}
	a = s.want(s.refresh(a.text("refresh_token")), http.StatusOK, "")
	for range 2 {
		s.want(s.call(http.MethodPost, "/auth/revoke", "", members{"token": a.text("refresh_token")}), http.StatusOK, "")
	}
	s.want(s.refresh(a.text("refresh_token")), http.StatusUnauthorized, "AUTH_005")
	if reason := s.valid(a.text("access_token")); reason == "" {
		t.Fatal("the access token outlived its grant")
	}
	s.want(s.call(http.MethodPost, "/auth/revoke", "", members{"token": ""}), http.StatusUnprocessableEntity, "REQ_001")
}

// TestOpaqueTokens: sealed claims do all that a JWT does.
func TestOpaqueTokens(t *testing.T) {
	s := newSite(t, "SIGNET_LEGACY_ACCESS_TOKEN_FORMAT=opaque")
	_, secret := s.Client(t, "gate", storage.ClientMetadata{})
	a := s.login()
	token := a.text("access_token")
	if !strings.HasPrefix(token, "sgt_") {
		t.Fatalf("%s", a.raw)
	}
	s.want(s.call(http.MethodGet, "/auth/me", token, nil), http.StatusOK, "")
	if status, body, _ := s.JSON(t, http.MethodGet, "/oauth2/userinfo", token, nil); status != http.StatusOK || body["email"] != email {
		t.Fatal(status, body)
	}
	if reason := s.valid(token); reason != "" {
		t.Fatal(reason)
	}
	// Introspection is for whom the resource names; the issuer's is nobody's.
	r, _ := http.NewRequest(http.MethodPost, s.URL+"/oauth2/introspect", strings.NewReader(url.Values{"token": {token}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("gate", secret)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.StatusCode)
	}
	for at := len("sgt_"); at < len(token); at += 37 {
		c := byte('A')
		if token[at] == c {
			c = 'B'
		}
		if reason := s.valid(token[:at] + string(c) + token[at+1:]); reason != "malformed" {
			t.Fatalf("with another character at %d: %q", at, reason)
		}
	}
	for _, bad := range []string{"sgt_", "sgt_AAAA", token + "=", token + "A", "sgt_" + token} {
		if reason := s.valid(bad); reason != "malformed" {
			t.Fatalf("%.10s…: %q", bad, reason)
		}
	}
	// The token endpoint hands out the same kind; other clients get JWTs.
	if next := s.Refresh(t, "legacy", "", a.text("refresh_token"), nil); !strings.HasPrefix(next.AccessToken, "sgt_") {
		t.Fatal(next)
	}
	_, secret = s.Service(t, "orders", "", storage.ClientMetadata{Scope: "orders:read"})
	if other := s.Token(t, "orders", secret, url.Values{"grant_type": {"client_credentials"}}); strings.HasPrefix(other.AccessToken, "sgt_") {
		t.Fatal(other)
	}
	s.want(s.call(http.MethodPost, "/auth/revoke", "", members{"token": token}), http.StatusOK, "")
	if reason := s.valid(token); reason != "revoked" {
		t.Fatal(reason)
	}
	s.want(s.call(http.MethodPost, "/auth/logout", s.login().text("access_token"), nil), http.StatusOK, "")
}

// TestBareRoles: who administers an organization never becomes the system's
// administrator, whichever side of the switch the token was made on.
func TestBareRoles(t *testing.T) {
	s := newSite(t)
	if err := s.Store.PutMembership(t.Context(), storage.Membership{
		OrganizationID: s.globex.ID, UserID: s.alice.ID, Roles: []string{"admin"}, JoinedAt: s.clock.Now(),
	}); err != nil {
		t.Fatal(err)
	}
	before := s.login("organization_id", "globex").text("access_token")
	s.OAuth.Legacy.BareRoles = true
	after := s.login("organization_id", "globex").text("access_token")
	if got := fmt.Sprint(harness.Claims(t, before)["roles"]); got != "[admin system:user]" {
		t.Fatal(got)
	}
	if got := fmt.Sprint(harness.Claims(t, after)["roles"]); got != "[org:admin user]" {
		t.Fatal(got)
	}
	// Verified by a server that knows nothing of the switch: the token tells.
	s.OAuth.Legacy.BareRoles = false
	for _, token := range []string{before, after} {
		v, err := s.Verifier.Verify(token)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(v.Roles); got != "[admin system:user]" {
			t.Fatalf("read as %s", got)
		}
	}
	// A role taken away makes both stale, in whatever form they name it.
	if _, err := s.Organizations.ChangeRoles(t.Context(), access.Root(), s.globex.ID, s.alice.ID, []string{"member"}, "test"); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{before, after} {
		if reason := s.valid(token); reason != "stale_permissions" {
			t.Fatal(reason)
		}
	}
}
