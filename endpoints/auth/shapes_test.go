package auth_test

import (
	"net/http"
	"testing"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// TestShapes holds every answer of these routes against a golden file.
func TestShapes(t *testing.T) {
	s := newSite(t)
	login := s.login("device_name", "Alice's phone", "organization_id", "acme")
	golden(t, "login", login)
	bearer := login.text("access_token")
	refreshed := s.refresh(login.text("refresh_token"))
	golden(t, "refresh", refreshed)
	golden(t, "refresh_with_user", s.call(http.MethodPost, "/api/v1/auth/refresh/?include=user", "", members{"refresh_token": refreshed.text("refresh_token")}))
	golden(t, "me", s.call(http.MethodGet, "/auth/me", bearer, nil))
	golden(t, "patch_me", s.call(http.MethodPatch, "/auth/profile", bearer, members{
		"first_name": "Alicia", "job_title": "Engineer", "bio": nil, "email": "evil@example.test", "status": "suspended",
		"roles": []string{"system:admin"}, "email_verified": false, "phone_number": "+4911111111",
	}))
	golden(t, "patch_me_refused", s.call(http.MethodPatch, "/auth/me", bearer, members{
		"first_name": 7, "avatar_url": "javascript:alert(1)", "timezone": "no zone", "skills": "go",
	}))
	golden(t, "sessions", s.call(http.MethodGet, "/auth/sessions", bearer, nil))
	golden(t, "session_unknown", s.call(http.MethodDelete, "/auth/sessions/"+storage.NewID(), bearer, nil))
	golden(t, "sessions_others", s.call(http.MethodDelete, "/auth/sessions", bearer, nil))

	s.Client(t, "shop", storage.ClientMetadata{
		ClientName: "Shop", LogoURI: "https://shop.example.test/logo.png", TokenEndpointAuthMethod: "none",
	})
	b := s.NewBrowser(t)
	a := harness.NewAuthorization("shop", "openid profile offline_access", nil)
	code := b.Code(a, email, password)
	if got := s.Redeem(t, "shop", "", a, code); got.Status != http.StatusOK {
		t.Fatal(got)
	}
	golden(t, "grants", s.call(http.MethodGet, "/auth/grants", bearer, nil))
	golden(t, "grant_withdrawn", s.call(http.MethodDelete, "/auth/grants/shop", bearer, nil))
	golden(t, "grant_unknown", s.call(http.MethodDelete, "/auth/grants/shop", bearer, nil))
	golden(t, "login_refused", s.call(http.MethodPost, "/auth/login", "", members{"email": email, "password": "wrong"}))
	golden(t, "login_invalid", s.call(http.MethodPost, "/auth/login", "", members{"username": "alice"}))
	golden(t, "revoke", s.call(http.MethodPost, "/auth/revoke", "", members{"token": "nothing"}))
	golden(t, "logout", s.call(http.MethodPost, "/auth/logout", bearer, nil))
}

// TestShapesOfTheSwitches: the same answers as older clients want them.
func TestShapesOfTheSwitches(t *testing.T) {
	s := newSite(t, "SIGNET_LEGACY_TIME_FORMAT=offset", "SIGNET_LEGACY_BARE_SYSTEM_ROLES=true",
		"SIGNET_LEGACY_ACCESS_TOKEN_FORMAT=opaque", "SIGNET_LEGACY_LIST_SHAPE=array")
	login := s.login()
	golden(t, "switched_login", login)
	golden(t, "switched_sessions", s.call(http.MethodGet, "/auth/sessions", login.text("access_token"), nil))
	golden(t, "switched_validate", s.call(http.MethodPost, "/auth/validate", login.text("access_token"), nil))
}
