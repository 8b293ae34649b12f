package conformance_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/org"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

func orgOf(slug, owner string) org.Organization {
	return org.Organization{Slug: slug, Name: slug, OwnerID: owner, Source: "admin"}
}

func TestOrganizationParameter(t *testing.T) {
	t.Parallel()
	s := start(t)
	acme, globex := s.Organization(t, "acme", s.alice.ID), s.Organization(t, "globex", s.alice.ID)
	foreign := s.Organization(t, "foreign", s.bob.ID)
	s.public(t, "app", storage.ClientMetadata{})
	slug := func(t *testing.T, got harness.TokenAnswer) string {
		t.Helper()
		if got.Status != http.StatusOK {
			t.Fatalf("%+v", got)
		}
		v, _ := harness.Claims(t, got.AccessToken)["org_slug"].(string)
		return v
	}

	t.Run("by id, by slug, last used, first joined", func(t *testing.T) {
		b := s.signIn(t, s.alice)
		for _, c := range []struct{ asked, want string }{
			{"", "acme"}, {globex.ID, "globex"}, {"", "globex"}, {"acme", "acme"}, {"", "acme"}, {"globex", "globex"}, {acme.ID, "acme"},
		} {
			if got := slug(t, s.tokens(t, b, "app", "", "openid", with("organization", c.asked))); got != c.want {
				t.Errorf("asked for %q: %q, want %q", c.asked, got, c.want)
			}
		}
	})

	t.Run("of others, and none, alike", func(t *testing.T) {
		b := s.signIn(t, s.alice)
		var first string
		for _, asked := range []string{"foreign", foreign.ID, "nowhere", storage.NewID()} {
			a := harness.NewAuthorization("app", "openid", with("organization", asked))
			v := s.refused(t, b.Get(a.Path()), a, "access_denied")
			if first == "" {
				first = v.Get("error_description")
			}
			if v.Get("error_description") != first {
				t.Errorf("%q is told apart: %q", asked, v.Get("error_description"))
			}
		}
	})

	t.Run("switch at refresh", func(t *testing.T) {
		got := s.tokens(t, s.signIn(t, s.alice), "app", "", "openid", with("organization", "acme"))
		got = s.Refresh(t, "app", "", got.RefreshToken, with("organization", "globex"))
		if slug(t, got) != "globex" {
			t.Fatal("not switched")
		}
		got = s.Refresh(t, "app", "", got.RefreshToken, nil)
		if slug(t, got) != "globex" {
			t.Fatal("not kept")
		}
		got = s.Refresh(t, "app", "", got.RefreshToken, with("organization", acme.ID))
		if slug(t, got) != "acme" {
			t.Fatal("not switched back")
		}
		if bad := s.Refresh(t, "app", "", got.RefreshToken, with("organization", "foreign")); bad.Error != "invalid_grant" {
			t.Fatalf("%+v", bad)
		}
		// The refused switch used nothing up.
		if slug(t, s.Refresh(t, "app", "", got.RefreshToken, nil)) != "acme" {
			t.Fatal("the family moved")
		}
	})

	t.Run("lost membership", func(t *testing.T) {
		carol := s.User(t, "carol@example.test", password)
		for _, o := range []string{acme.ID, globex.ID} {
			if _, err := s.Organizations.AddMember(t.Context(), access.Root(), o, carol.ID, []string{"member"}, "admin"); err != nil {
				t.Fatal(err)
			}
		}
		b := s.signIn(t, carol)
		got := s.tokens(t, b, "app", "", "openid offline_access", with("organization", "acme"))
		a := harness.NewAuthorization("app", "openid", with("organization", "acme"))
		code := s.success(t, b.Get(a.Path()), a)
		if err := s.Organizations.RemoveMember(t.Context(), access.Root(), acme.ID, carol.ID, false, "removed"); err != nil {
			t.Fatal(err)
		}
		if s.alive(t, got.AccessToken) {
			t.Error("the access token lives")
		}
		if r := s.Refresh(t, "app", "", got.RefreshToken, nil); r.Error != "invalid_grant" || r.AccessToken != "" {
			t.Errorf("refresh: %+v", r)
		}
		if r := s.Redeem(t, "app", "", a, code); r.Error != "invalid_grant" {
			t.Errorf("code: %+v", r)
		}
		// Never another organization by itself, but by a word.
		if got := slug(t, s.Refresh(t, "app", "", got.RefreshToken, with("organization", "globex"))); got != "globex" {
			t.Errorf("switched to %q", got)
		}
	})

	t.Run("suspended organization", func(t *testing.T) {
		got := s.tokens(t, s.signIn(t, s.alice), "app", "", "openid", with("organization", "globex"))
		if _, err := s.Organizations.SetStatus(t.Context(), globex.ID, storage.OrganizationSuspended, "test"); err != nil {
			t.Fatal(err)
		}
		if s.alive(t, got.AccessToken) {
			t.Error("the access token lives")
		}
		if r := s.Refresh(t, "app", "", got.RefreshToken, nil); r.Error != "invalid_grant" {
			t.Errorf("%+v", r)
		}
		if got := slug(t, s.tokens(t, s.signIn(t, s.alice), "app", "", "openid", nil)); got != "acme" {
			t.Errorf("a new grant got %q", got)
		}
	})

	t.Run("roles at refresh are those of now", func(t *testing.T) {
		dave := s.User(t, "dave@example.test", password, "admin")
		if _, err := s.Organizations.AddMember(t.Context(), access.Root(), acme.ID, dave.ID, []string{"admin"}, "admin"); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Clients.Create(t.Context(), access.Root(), registration("console", "openid roles admin")); err != nil {
			t.Fatal(err)
		}
		s.Sync(t)
		got := s.tokens(t, s.signIn(t, dave), "console", "", "openid roles admin", nil)
		if got.Scope != "openid roles admin" {
			t.Fatalf("scope %q", got.Scope)
		}
		if _, err := s.Organizations.ChangeRoles(t.Context(), access.Root(), acme.ID, dave.ID, []string{"viewer"}, "admin"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Users.SetSystemRoles(t.Context(), access.Root(), dave.ID, nil); err != nil {
			t.Fatal(err)
		}
		if s.alive(t, got.AccessToken) {
			t.Error("a token of lost roles lives")
		}
		fresh := s.Refresh(t, "console", "", got.RefreshToken, nil)
		if roles := texts(harness.Claims(t, fresh.AccessToken)["roles"]); fresh.Scope != "openid roles" || slices.Contains(roles, "system:admin") || !slices.Contains(roles, "viewer") || slices.Contains(roles, "admin") {
			t.Errorf("scope %q roles %v", fresh.Scope, roles)
		}
		if !s.alive(t, fresh.AccessToken) {
			t.Error("the fresh token is dead")
		}
	})
}
