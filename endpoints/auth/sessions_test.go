package auth_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/mmdb"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

type listed struct {
	id, client, kind string
	current          bool
}

func (s *site) sessions(bearer, query string) ([]listed, answer) {
	s.t.Helper()
	a := s.want(s.call(http.MethodGet, "/auth/sessions"+query, bearer, nil), http.StatusOK, "")
	var out []listed
	for _, item := range a.body["sessions"].([]any) {
		m := item.(map[string]any)
		l := listed{id: m["session_id"].(string), client: m["client_id"].(string), current: m["is_current"].(bool)}
		l.kind, _ = m["device_type"].(string)
		out = append(out, l)
	}
	return out, a
}

// TestEveryKindOfSession: logins through the API, through the pages and with
// offline access are listed together and end alike.
func TestEveryKindOfSession(t *testing.T) {
	s := newSite(t)
	s.Client(t, "spa", storage.ClientMetadata{TokenEndpointAuthMethod: "none", FirstParty: true})
	s.clock.Advance(time.Second)
	b := s.NewBrowser(t)
	auth := harness.NewAuthorization("spa", "openid", nil)
	web := s.Redeem(t, "spa", "", auth, b.Code(auth, email, password))
	s.clock.Advance(time.Second)
	auth = harness.NewAuthorization("spa", "openid offline_access", nil)
	offline := s.Redeem(t, "spa", "", auth, b.Code(auth, email, password))
	s.clock.Advance(time.Second)
	first, current := s.login(), s.login()
	bearer := current.text("access_token")

	list, a := s.sessions(bearer, "")
	if len(list) != 4 || a.header.Get("X-Total-Count") != "4" || a.text("current_session_id") != current.text("session_id") {
		t.Fatalf("%s", a.raw)
	}
	seen := map[string]int{}
	for _, l := range list {
		seen[l.client]++
		if l.current != (l.id == current.text("session_id")) {
			t.Errorf("current: %+v", l)
		}
	}
	if seen["spa"] != 2 || seen["legacy"] != 2 {
		t.Fatal(seen)
	}
	// Pages by number and by cursor give each once.
	page, a := s.sessions(bearer, "?page_size=3")
	rest, _ := s.sessions(bearer, "?page_size=3&page=2")
	onward, last := s.sessions(bearer, "?page_size=3&cursor="+a.text("next_cursor"))
	if len(page) != 3 || len(rest) != 1 || len(onward) != 1 || rest[0] != onward[0] || last.body["next_cursor"] != nil {
		t.Fatalf("%v %v %v", page, rest, onward)
	}

	end := func(token, reason string) {
		t.Helper()
		sid := harness.Claims(t, token)["sid"].(string)
		s.want(s.call(http.MethodDelete, "/auth/sessions/"+sid, bearer, nil), http.StatusOK, "")
		if got := s.valid(token); got != reason {
			t.Fatalf("%q, want %q", got, reason)
		}
		s.want(s.call(http.MethodDelete, "/auth/sessions/"+sid, bearer, nil), http.StatusNotFound, "REQ_003")
	}
	end(web.AccessToken, "session_ended")
	end(first.text("access_token"), "session_ended")
	if reason := s.valid(offline.AccessToken); reason != "" {
		t.Fatal("offline access ended with the browser's session: ", reason)
	}
	end(offline.AccessToken, "session_ended")
	if r := s.Refresh(t, "spa", "", offline.RefreshToken, nil); r.Error != "invalid_grant" {
		t.Fatal(r)
	}
	s.want(s.refresh(first.text("refresh_token")), http.StatusUnauthorized, "AUTH_005")

	// A page's session sees and ends those of the API too; nobody else's.
	stranger := s.want(s.try("bob@example.test", password), http.StatusOK, "")
	s.want(s.call(http.MethodDelete, "/auth/sessions/"+stranger.text("session_id"), bearer, nil), http.StatusNotFound, "REQ_003")
	if reason := s.valid(stranger.text("access_token")); reason != "" {
		t.Fatal(reason)
	}
	s.login()
	s.login()
	if a := s.want(s.call(http.MethodDelete, "/auth/sessions", bearer, nil), http.StatusOK, ""); a.body["sessions_ended"] != 2.0 {
		t.Fatalf("%s", a.raw)
	}
	if list, _ := s.sessions(bearer, ""); len(list) != 1 || !list[0].current {
		t.Fatal(list)
	}
	s.want(s.refresh(current.text("refresh_token")), http.StatusOK, "")
}

func TestLogout(t *testing.T) {
	s := newSite(t)
	out := func(bearer string, body any) answer { return s.call(http.MethodPost, "/auth/logout", bearer, body) }
	ended := func(a answer) {
		t.Helper()
		if reason := s.valid(a.text("access_token")); reason == "" {
			t.Fatal("the access token is still good")
		}
		s.want(s.refresh(a.text("refresh_token")), http.StatusUnauthorized, "AUTH_005")
	}
	a := s.login()
	for range 2 { // twice, answered alike
		s.want(out(a.text("access_token"), nil), http.StatusOK, "")
	}
	ended(a)

	a = s.login()
	s.advance(11 * time.Minute)
	s.want(out(a.text("access_token"), nil), http.StatusUnauthorized, "AUTH_002")
	for range 2 {
		s.want(out(a.text("access_token"), members{"refresh_token": a.text("refresh_token")}), http.StatusOK, "")
	}
	s.want(s.refresh(a.text("refresh_token")), http.StatusUnauthorized, "AUTH_005")

	a, b := s.login(), s.login()
	s.want(out("", members{"refresh_token": a.text("refresh_token"), "all_sessions": true}), http.StatusOK, "")
	ended(a)
	ended(b)

	// A stranger's refresh token beside one's own bearer ends nothing of theirs.
	a = s.login()
	bob := s.want(s.try("bob@example.test", password), http.StatusOK, "")
	s.want(out(a.text("access_token"), members{"refresh_token": bob.text("refresh_token"), "all_sessions": true}), http.StatusOK, "")
	ended(a)
	s.want(s.refresh(bob.text("refresh_token")), http.StatusOK, "")

	s.want(out("", nil), http.StatusUnauthorized, "AUTH_011")
	s.want(out("x.y.z", members{"refresh_token": "srt_x"}), http.StatusUnauthorized, "AUTH_011")
	// A revoked token of a living session logs nobody out.
	a = s.login()
	s.want(s.call(http.MethodPost, "/auth/revoke", "", members{"token": a.text("access_token")}), http.StatusOK, "")
	s.want(out(a.text("access_token"), nil), http.StatusUnauthorized, "AUTH_005")
	s.want(s.refresh(a.text("refresh_token")), http.StatusOK, "")
}

// TestRefreshCookie: the cookie counts only with the guard header, and a family
// that went into it stays in it.
func TestRefreshCookie(t *testing.T) {
	s := newSite(t)
	s.Client(t, "app", storage.ClientMetadata{
		TokenEndpointAuthMethod: "none", FirstParty: true, JSONLogin: true, GrantTypes: []string{"refresh_token"},
		Scope: "openid account", CORSOrigins: []string{"https://app.example.test"},
	})
	const guard, origin = "X-Signet-Request", "https://app.example.test"
	login := s.login("client_id", "app")
	into := members{"refresh_token": login.text("refresh_token"), "client_id": "app", "refresh_token_cookie": true}
	s.want(s.call(http.MethodPost, "/auth/refresh", "", into, "Origin", origin), http.StatusForbidden, "AUTH_010")
	a := s.want(s.call(http.MethodPost, "/auth/refresh", "", into, guard, "1", "Origin", origin), http.StatusOK, "")
	if v, ok := a.body["refresh_token"]; v != nil || !ok || a.header.Get("Access-Control-Allow-Credentials") != "true" {
		t.Fatalf("%s %v", a.raw, a.header)
	}
	set := a.header.Get("Set-Cookie")
	for _, part := range []string{"signet-refresh-", "HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=604800"} {
		if !strings.Contains(set, part) {
			t.Fatalf("%s lacks %s", set, part)
		}
	}
	cookie, _, _ := strings.Cut(set, ";")
	by := members{"client_id": "app"}
	s.want(s.call(http.MethodPost, "/auth/refresh", "", by, "Cookie", cookie), http.StatusForbidden, "AUTH_010")
	s.want(s.call(http.MethodPost, "/auth/refresh", "", by, "Cookie", cookie, guard, "1", "Origin", "https://evil.test"), http.StatusForbidden, "AUTH_010")
	s.want(s.call(http.MethodPost, "/auth/refresh", "", by, "Cookie", cookie+"; "+cookie, guard, "1"), http.StatusUnprocessableEntity, "REQ_001")
	a = s.want(s.call(http.MethodPost, "/auth/refresh", "", by, "Cookie", cookie, guard, "1", "Origin", origin), http.StatusOK, "")
	if a.body["refresh_token"] != nil || a.header.Get("Set-Cookie") == "" || a.header.Get("Set-Cookie") == set {
		t.Fatalf("%s %v", a.raw, a.header)
	}
	cookie, _, _ = strings.Cut(a.header.Get("Set-Cookie"), ";")
	// Without the header the cookie logs nobody out either.
	s.want(s.call(http.MethodPost, "/auth/logout", "", nil, "Cookie", cookie), http.StatusUnauthorized, "AUTH_011")
	out := s.want(s.call(http.MethodPost, "/auth/logout", "", nil, "Cookie", cookie, guard, "1"), http.StatusOK, "")
	if !strings.Contains(out.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Fatal(out.header)
	}
	s.want(s.call(http.MethodPost, "/auth/refresh", "", by, "Cookie", cookie, guard, "1"), http.StatusUnauthorized, "AUTH_005")
}

// TestWithdrawnGrant: the client's tokens are dead, and it has to ask again.
func TestWithdrawnGrant(t *testing.T) {
	s := newSite(t)
	s.Client(t, "shop", storage.ClientMetadata{TokenEndpointAuthMethod: "none"})
	b := s.NewBrowser(t)
	auth := harness.NewAuthorization("shop", "openid offline_access", nil)
	tokens := s.Redeem(t, "shop", "", auth, b.Code(auth, email, password))
	mine := s.login()
	s.want(s.call(http.MethodDelete, "/auth/grants/shop", mine.text("access_token"), nil), http.StatusOK, "")
	if reason := s.valid(tokens.AccessToken); reason != "revoked" {
		t.Fatal(reason)
	}
	if r := s.Refresh(t, "shop", "", tokens.RefreshToken, nil); r.Error != "invalid_grant" {
		t.Fatal(r)
	}
	if reason := s.valid(mine.text("access_token")); reason != "" {
		t.Fatal(reason)
	}
	if p := b.Get(harness.NewAuthorization("shop", "openid", nil).Path()); !p.Has("consent-page") {
		t.Fatalf("no consent asked: %d", p.Status)
	}
	if n := len(s.events("consent.withdrawn")); n != 1 {
		t.Fatal(n)
	}
}

// TestScopesOfTheRoutes: a token without the scope account reaches nothing here.
func TestScopesOfTheRoutes(t *testing.T) {
	s := newSite(t)
	s.Client(t, "app", storage.ClientMetadata{
		TokenEndpointAuthMethod: "none", FirstParty: true, JSONLogin: true, GrantTypes: []string{"refresh_token"}, Scope: "openid",
	})
	token := s.login("client_id", "app").text("access_token")
	for _, c := range [][2]string{
		{"GET", "/auth/me"},
		{"PATCH", "/auth/me"},
		{"PATCH", "/auth/profile"},
		{"GET", "/auth/sessions"},
		{"DELETE", "/auth/sessions"},
		{"DELETE", "/auth/sessions/" + storage.NewID()},
		{"GET", "/auth/grants"},
		{"DELETE", "/auth/grants/x"},
		{"POST", "/auth/logout"},
	} {
		for _, prefix := range []string{"", "/api/v1"} {
			if a := s.call(c[0], prefix+c[1], token, nil); a.status != http.StatusForbidden || a.text("error_code") != "AUTH_010" {
				t.Errorf("%v: %d %s", c, a.status, a.raw)
			}
			if a := s.call(c[0], prefix+c[1], "", nil); a.status != http.StatusUnauthorized {
				t.Errorf("%v without a token: %d %s", c, a.status, a.raw)
			}
		}
	}
}

// TestHostileDevices: no User-Agent header breaks the list of sessions.
func TestHostileDevices(t *testing.T) {
	s := newSite(t)
	bearer := s.login().text("access_token")
	for _, ua := range []string{strings.Repeat("(", 600), "Mozilla/5.0 (", ";;;", "/", "A/ ) (", strings.Repeat("Version/1 ", 60), "Mozilla/5.0 (iPhone; U; CPU"} {
		if a := s.call(http.MethodPost, "/auth/login", "", members{"email": email, "password": password}, "User-Agent", ua); a.status != http.StatusOK {
			t.Fatal(strconv.Quote(ua), a.status)
		}
		s.sessions(bearer, "")
	}
}

// TestPlacesOfSessions: where a session's address is, for who has supplied a
// database that tells.
func TestPlacesOfSessions(t *testing.T) {
	file := mmdb.Write(t, map[string]mmdb.Map{
		"127.0.0.0/8": {"country": mmdb.Map{"iso_code": "DE"}, "city": mmdb.Map{"names": mmdb.Map{"en": "Berlin"}}},
	})
	for name, tc := range map[string]struct {
		env  []string
		want [3]any
	}{
		"none":     {nil, [3]any{nil, nil, nil}},
		"database": {[]string{"SIGNET_GEO_DATABASE=" + file}, [3]any{"Berlin, DE", "DE", "Berlin"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, tc.env...)
			_, a := s.sessions(s.login().text("access_token"), "")
			one := a.body["sessions"].([]any)[0].(map[string]any)
			if got := [3]any{one["location"], one["country_code"], one["city"]}; got != tc.want {
				t.Errorf("%v, want %v", got, tc.want)
			}
		})
	}
}
