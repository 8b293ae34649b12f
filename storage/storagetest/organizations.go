package storagetest

import (
	"testing"
	"time"

	"github.com/signet-idp/signet/storage"
)

func testOrganizations(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	o := insertOrganization(t, ctx, s)
	equal(t, must(s.OrganizationByID(ctx, o.ID))(t), o)
	equal(t, must(s.OrganizationBySlug(ctx, o.Slug))(t), o)
	_, err := s.OrganizationByID(ctx, "none")
	wantError(t, err, storage.ErrNotFound)
	_, err = s.OrganizationBySlug(ctx, "none")
	wantError(t, err, storage.ErrNotFound)

	twin := o
	twin.ID = storage.NewID()
	wantError(t, s.InsertOrganization(ctx, twin), storage.ErrConflict)

	next := storage.Organization{ID: o.ID, Slug: "renamed", Status: storage.OrganizationSuspended, CreatedBy: "usurper", Version: o.Version, UpdatedAt: epoch}
	noError(t, s.UpdateOrganization(ctx, next))
	next.Version++
	next.CreatedAt, next.CreatedBy = o.CreatedAt, o.CreatedBy
	equal(t, must(s.OrganizationByID(ctx, o.ID))(t), next)
	wantError(t, s.UpdateOrganization(ctx, o), storage.ErrVersion)

	noError(t, s.GuardOrganization(ctx, o.ID))
	wantError(t, s.UpdateOrganization(ctx, next), storage.ErrVersion)
	wantError(t, s.GuardOrganization(ctx, "none"), storage.ErrNotFound)

	b := insertOrganization(t, ctx, s)
	c := insertOrganization(t, ctx, s)
	page := must(s.ListOrganizations(ctx, o.ID, 1))(t)
	equal(t, page, []storage.Organization{b})
	page = must(s.ListOrganizations(ctx, b.ID, 10))(t)
	equal(t, page, []storage.Organization{c})
}

func testMemberships(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	a, b := insertUser(t, ctx, s), insertUser(t, ctx, s)
	o, p := insertOrganization(t, ctx, s), insertOrganization(t, ctx, s)
	member := func(o storage.Organization, u storage.User, roles ...string) storage.Membership {
		m := storage.Membership{OrganizationID: o.ID, UserID: u.ID, Roles: roles, JoinedAt: epoch}
		noError(t, s.PutMembership(ctx, m))
		m.Slug, m.Name, m.OrganizationStatus = o.Slug, o.Name, o.Status
		return m
	}
	// Byte order, not a dictionary's: "-" before letters, "_" after digits.
	ao := member(o, a, "a-b", "ab", "a_b", "a1")
	ao.Roles = []string{"a-b", "a1", "a_b", "ab"}
	ap := member(p, a)
	bo := member(o, b, "owner")
	equal(t, must(s.Membership(ctx, o.ID, a.ID))(t), ao)
	equal(t, must(s.MembershipsOf(ctx, a.ID, "", 10))(t), []storage.Membership{ao, ap})
	equal(t, must(s.MembershipsOf(ctx, a.ID, o.ID, 10))(t), []storage.Membership{ap})
	equal(t, must(s.MembersOf(ctx, o.ID, "", 10))(t), []storage.Membership{ao, bo})
	equal(t, must(s.MembersOf(ctx, o.ID, "", 1))(t), []storage.Membership{ao})
	equal(t, must(s.MembersOf(ctx, o.ID, a.ID, 10))(t), []storage.Membership{bo})

	// Exactly these roles; the day of joining stays.
	again := storage.Membership{OrganizationID: o.ID, UserID: a.ID, Roles: []string{"owner", "owner"}, JoinedAt: epoch.Add(time.Hour)}
	noError(t, s.PutMembership(ctx, again))
	ao.Roles = []string{"owner"}
	equal(t, must(s.Membership(ctx, o.ID, a.ID))(t), ao)
	equal(t, must(s.CountRole(ctx, o.ID, "owner"))(t), int64(2))
	equal(t, must(s.CountRole(ctx, p.ID, "owner"))(t), int64(0))

	noError(t, s.PutSystemRoles(ctx, a.ID, []string{"user", "admin"}, "giver", epoch))
	equal(t, must(s.SystemRoles(ctx, a.ID))(t), []string{"admin", "user"})
	noError(t, s.PutSystemRoles(ctx, a.ID, []string{"user"}, "giver", epoch))
	equal(t, must(s.SystemRoles(ctx, a.ID))(t), []string{"user"})
	equal(t, must(s.Membership(ctx, o.ID, a.ID))(t), ao)

	noError(t, s.DeleteMembership(ctx, o.ID, a.ID))
	wantError(t, s.DeleteMembership(ctx, o.ID, a.ID), storage.ErrNotFound)
	_, err := s.Membership(ctx, o.ID, a.ID)
	wantError(t, err, storage.ErrNotFound)
	equal(t, must(s.CountRole(ctx, o.ID, "owner"))(t), int64(1))
	equal(t, must(s.SystemRoles(ctx, a.ID))(t), []string{"user"})
	// Whoever comes back does not get the old roles back.
	equal(t, member(o, a), must(s.Membership(ctx, o.ID, a.ID))(t))

	wantError(t, s.PutMembership(ctx, storage.Membership{OrganizationID: "none", UserID: a.ID}), storage.ErrNotFound)
	wantError(t, s.PutMembership(ctx, storage.Membership{OrganizationID: o.ID, UserID: "nobody"}), storage.ErrNotFound)
	wantError(t, s.PutSystemRoles(ctx, "nobody", []string{"user"}, "giver", epoch), storage.ErrNotFound)
}

func testRoles(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	built := storage.Role{
		Scope: storage.ScopeOrganization, Name: "owner", Description: "All", Permissions: []string{"read:x", "write:x"},
		Builtin: true, Version: 1, CreatedAt: epoch, UpdatedAt: epoch,
	}
	system := storage.Role{Scope: storage.ScopeSystem, Name: "admin", Builtin: true, CreatedAt: epoch}
	custom := storage.Role{Scope: storage.ScopeOrganization, OrganizationID: "org", Name: "billing", ManagedBy: "apply"}
	for _, role := range []storage.Role{system, built, custom} {
		noError(t, s.PutRole(ctx, role))
	}
	equal(t, must(s.Role(ctx, built.Scope, "", "owner"))(t), built)
	equal(t, must(s.ListRoles(ctx, ""))(t), []storage.Role{built, system})
	equal(t, must(s.ListRoles(ctx, "org"))(t), []storage.Role{custom})

	change := custom
	change.Description, change.Permissions, change.UpdatedAt = "Bills", []string{"read:invoice"}, epoch
	change.Version, change.CreatedAt, change.Builtin = 77, epoch, true // not written
	noError(t, s.PutRole(ctx, change))
	change.Version, change.CreatedAt, change.Builtin = custom.Version+1, custom.CreatedAt, false
	equal(t, must(s.Role(ctx, custom.Scope, "org", "billing"))(t), change)

	noError(t, s.DeleteRole(ctx, custom.Scope, "org", "billing"))
	wantError(t, s.DeleteRole(ctx, custom.Scope, "org", "billing"), storage.ErrNotFound)
	_, err := s.Role(ctx, custom.Scope, "org", "billing")
	wantError(t, err, storage.ErrNotFound)
}
