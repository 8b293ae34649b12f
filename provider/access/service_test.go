package access_test

import (
	"slices"
	"testing"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/change/changetest"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

const acme = "019b7d00-0000-7000-8000-000000000001"

func organization(t *testing.T, f *changetest.Fixture, id, slug string) {
	t.Helper()
	o := storage.Organization{ID: id, Slug: slug, Name: slug, Profile: map[string]any{}, Status: storage.OrganizationActive, Version: 1, CreatedAt: f.Clock.Now()}
	if err := f.Store.InsertOrganization(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

func member(t *testing.T, f *changetest.Fixture, id, organizationID string, roles ...string) {
	t.Helper()
	u := storage.User{ID: id, Email: id, EmailCanonical: id, Profile: map[string]any{}, Status: storage.UserActive, Version: 1, CreatedAt: f.Clock.Now()}
	if err := f.Store.InsertUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if err := f.Store.PutMembership(t.Context(), storage.Membership{OrganizationID: organizationID, UserID: id, Roles: roles}); err != nil {
		t.Fatal(err)
	}
}

func TestPutRole(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		f := fs[0]
		s := access.NewService(f.Store, f.Resolver, f.Changes)
		organization(t, f, acme, "acme")
		put := func(permissions ...string) ([]string, []string) {
			t.Helper()
			before := f.Mark(t)
			_, err := s.Put(t.Context(), access.Root(), storage.Role{
				Scope: storage.ScopeOrganization, OrganizationID: acme, Name: "billing", Permissions: permissions,
			})
			if err != nil {
				t.Fatal(err)
			}
			return f.Events(t, before), f.Ended(t, before)
		}
		changed := []string{"auth.permission_changed"}
		if events, ended := put("write:invoice", "read:invoice"); !slices.Equal(events, changed) || len(ended) != 0 {
			t.Errorf("defining: %v %v", events, ended)
		}
		if events, ended := put("read:invoice", "write:invoice", "write:invoice"); len(events)+len(ended) != 0 {
			t.Errorf("the same again: %v %v", events, ended)
		}
		if events, ended := put("read:invoice", "write:invoice", "delete:invoice"); !slices.Equal(events, changed) || len(ended) != 0 {
			t.Errorf("adding: %v %v", events, ended)
		}
		want := []string{"role " + acme + "/billing"}
		if events, ended := put("read:invoice"); !slices.Equal(events, changed) || !slices.Equal(ended, want) {
			t.Errorf("taking away: %v %v", events, ended)
		}
		// A wildcard that still covers what is not listed any more takes nothing away.
		if _, ended := put("read:*"); len(ended) != 0 {
			t.Errorf("widening: %v", ended)
		}
	})
}

func TestPutRoleRefuses(t *testing.T) {
	f := changetest.New(t)
	s := access.NewService(f.Store, f.Resolver, f.Changes)
	organization(t, f, acme, "acme")
	role := func(name string, permissions ...string) storage.Role {
		return storage.Role{Scope: storage.ScopeOrganization, OrganizationID: acme, Name: name, Permissions: permissions}
	}
	admin := access.Holder{Roles: []string{"admin"}, OrganizationID: acme}
	owner := access.Holder{Roles: []string{"owner"}, OrganizationID: acme}
	foreign := role("billing")
	foreign.OrganizationID = "019b7d00-0000-7000-8000-00000000ffff"
	for _, c := range []struct {
		name string
		by   access.Holder
		role storage.Role
		want fault.Code
	}{
		{"built-in name", access.Root(), role("owner"), fault.Invalid},
		{"built-in name of the other scope", access.Root(), role("user"), fault.Invalid},
		{"bad name", access.Root(), role("Billing"), fault.Invalid},
		{"bad permission", access.Root(), role("billing", "everything"), fault.Invalid},
		{"permission of the system", access.Root(), role("billing", "read:system:users"), fault.Invalid},
		{"no such organization", access.Root(), foreign, fault.OrganizationNotFound},
		{"above one's own", admin, role("billing", "delete:organization"), fault.Forbidden},
		{"what nobody holds, by an admin", admin, role("billing", "read:invoice"), fault.Forbidden},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := f.Mark(t)
			_, err := s.Put(t.Context(), c.by, c.role)
			if !fault.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if events := f.Events(t, before); len(events) != 0 {
				t.Errorf("a refused change left %v", events)
			}
		})
	}
	if _, err := s.Put(t.Context(), owner, role("billing", "read:invoice")); err != nil {
		t.Errorf("an owner may define what is new: %v", err)
	}
	f.Resolver.Configure(2)
	// An admin may not cut down a role that gives more than they hold.
	if _, err := s.Put(t.Context(), admin, role("billing")); !fault.Is(err, fault.Forbidden) {
		t.Errorf("an admin emptied a role above their own: %v", err)
	}
}

func TestDeleteRoleTakesItFromEverybody(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		f := fs[0]
		s := access.NewService(f.Store, f.Resolver, f.Changes)
		organization(t, f, acme, "acme")
		r := storage.Role{Scope: storage.ScopeOrganization, OrganizationID: acme, Name: "billing", Permissions: []string{"read:invoice"}}
		if _, err := s.Put(t.Context(), access.Root(), r); err != nil {
			t.Fatal(err)
		}
		member(t, f, "u1", acme, "billing", "owner")
		member(t, f, "u2", acme, "member")
		before := f.Mark(t)
		if err := s.Delete(t.Context(), access.Root(), storage.ScopeOrganization, acme, "billing"); err != nil {
			t.Fatal(err)
		}
		if got := f.Ended(t, before); !slices.Equal(got, []string{"role " + acme + "/billing"}) {
			t.Errorf("ended %v", got)
		}
		if n, err := f.Store.CountRole(t.Context(), acme, "billing"); err != nil || n != 0 {
			t.Errorf("%d still hold it, %v", n, err)
		}
		if m, err := f.Store.Membership(t.Context(), acme, "u1"); err != nil || !slices.Equal(m.Roles, []string{"owner"}) {
			t.Errorf("the other roles: %v %v", m.Roles, err)
		}
		if err := s.Delete(t.Context(), access.Root(), storage.ScopeOrganization, acme, "billing"); !fault.Is(err, fault.NotFound) {
			t.Errorf("again: %v", err)
		}
		if err := s.Delete(t.Context(), access.Root(), storage.ScopeOrganization, acme, "owner"); !fault.Is(err, fault.Forbidden) {
			t.Errorf("built in: %v", err)
		}
	})
}

func TestListRoles(t *testing.T) {
	f := changetest.New(t)
	s := access.NewService(f.Store, f.Resolver, f.Changes)
	organization(t, f, acme, "acme")
	if _, err := s.Put(t.Context(), access.Root(), storage.Role{Scope: storage.ScopeOrganization, OrganizationID: acme, Name: "billing"}); err != nil {
		t.Fatal(err)
	}
	for home, want := range map[string][]string{acme: {"admin", "billing", "manager", "member", "owner", "viewer"}, "": {"admin", "manager", "user"}} {
		roles, err := s.List(t.Context(), home)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, r := range roles {
			names = append(names, r.Name)
		}
		if !slices.Equal(names, want) {
			t.Errorf("roles of %q: %v", home, names)
		}
	}
}
