package storagetest

import (
	"context"
	"testing"
	"time"

	"github.com/signet-idp/signet/storage"
)

func insertInvitation(t TB, ctx context.Context, s Store, organizationID string, edit ...func(*storage.Invitation)) storage.Invitation {
	t.Helper()
	id := storage.NewID()
	i := storage.Invitation{
		ID: id, OrganizationID: organizationID, Email: "Bob+" + id + "@Acme.test", EmailCanonical: "bob+" + id + "@acme.test",
		Roles: []string{"billing", "member"}, Hash: []byte("invitation\xff" + id), InvitedBy: "alice",
		CreatedAt: epoch, SentAt: epoch, Expiry: epoch.Add(time.Hour),
	}
	for _, f := range edit {
		f(&i)
	}
	noError(t, s.InsertInvitation(ctx, i))
	return i
}

func testInvitations(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	o, p := insertOrganization(t, ctx, s), insertOrganization(t, ctx, s)
	i := insertInvitation(t, ctx, s, o.ID)
	equal(t, must(s.InvitationByID(ctx, o.ID, i.ID))(t), i)
	equal(t, must(s.InvitationByHash(ctx, i.Hash))(t), i)
	equal(t, must(s.StandingInvitation(ctx, o.ID, i.EmailCanonical))(t), i)
	// Another tenant's is not there.
	wantError(t, errOf(s.InvitationByID(ctx, p.ID, i.ID)), storage.ErrNotFound)
	wantError(t, errOf(s.StandingInvitation(ctx, p.ID, i.EmailCanonical)), storage.ErrNotFound)
	wantError(t, errOf(s.InvitationByID(ctx, o.ID, "none")), storage.ErrNotFound)
	wantError(t, errOf(s.InvitationByHash(ctx, []byte("none"))), storage.ErrNotFound)
	wantError(t, errOf(s.InvitationByHash(ctx, nil)), storage.ErrNotFound)

	// One at a time for an address, in each organization.
	another := func(organizationID string) storage.Invitation {
		twin := i
		twin.ID, twin.OrganizationID = storage.NewID(), organizationID
		twin.Hash = []byte(twin.ID)
		return twin
	}
	wantError(t, s.InsertInvitation(ctx, another(o.ID)), storage.ErrConflict)
	noError(t, s.InsertInvitation(ctx, another(p.ID)))
	wantError(t, s.InsertInvitation(ctx, another("none")), storage.ErrNotFound)
	thief := another(o.ID)
	thief.EmailCanonical, thief.Hash = "thief", i.Hash
	wantError(t, s.InsertInvitation(ctx, thief), storage.ErrConflict)

	// An expired one is not accepted; renewed it is, by its new token only.
	late := i.Expiry.Add(time.Hour)
	equal(t, must(s.AcceptInvitation(ctx, i.ID, "bob", i.Expiry))(t), false)
	equal(t, must(s.RenewInvitation(ctx, i.ID, []byte("new"), []string{"owner"}, late, late.Add(time.Hour)))(t), true)
	wantError(t, errOf(s.InvitationByHash(ctx, i.Hash)), storage.ErrNotFound)
	i.Hash, i.Roles, i.SentAt, i.Expiry = []byte("new"), []string{"owner"}, late, late.Add(time.Hour)
	equal(t, must(s.InvitationByHash(ctx, i.Hash))(t), i)
	equal(t, must(s.AcceptInvitation(ctx, i.ID, "bob", late))(t), true)
	i.AcceptedAt, i.AcceptedBy = late, "bob"
	equal(t, must(s.InvitationByID(ctx, o.ID, i.ID))(t), i)

	// Settled is settled.
	settled := func(i storage.Invitation) {
		t.Helper()
		equal(t, must(s.AcceptInvitation(ctx, i.ID, "eve", late))(t), false)
		equal(t, must(s.RevokeInvitation(ctx, i.ID, late))(t), false)
		equal(t, must(s.RenewInvitation(ctx, i.ID, []byte("x"), nil, late, late.Add(time.Hour)))(t), false)
		equal(t, must(s.InvitationByID(ctx, o.ID, i.ID))(t), i)
		wantError(t, errOf(s.StandingInvitation(ctx, o.ID, i.EmailCanonical)), storage.ErrNotFound)
	}
	settled(i)
	next := another(o.ID) // the address can be invited again
	next.AcceptedAt, next.AcceptedBy = time.Time{}, ""
	noError(t, s.InsertInvitation(ctx, next))
	equal(t, must(s.RevokeInvitation(ctx, next.ID, late))(t), true)
	next.RevokedAt = late
	settled(next)
	equal(t, must(s.AcceptInvitation(ctx, "none", "eve", epoch))(t), false)

	var want []storage.Invitation
	for n := range 5 {
		want = append(want, insertInvitation(t, ctx, s, o.ID, func(i *storage.Invitation) { i.Expiry = epoch.Add(time.Duration(n) * time.Hour) }))
	}
	equal(t, must(s.InvitationsOf(ctx, o.ID, "", 0, 10))(t), want)
	equal(t, must(s.InvitationsOf(ctx, o.ID, want[0].ID, 0, 2))(t), want[1:3])
	equal(t, must(s.InvitationsOf(ctx, o.ID, "", 3, 10))(t), want[3:])
	equal(t, must(s.InvitationsOf(ctx, o.ID, want[0].ID, 1, 1))(t), want[2:3])
	equal(t, must(s.InvitationsOf(ctx, o.ID, want[4].ID, 0, 10))(t), []storage.Invitation(nil))
	equal(t, must(s.CountInvitations(ctx, o.ID, epoch))(t), int64(4))
	equal(t, must(s.CountInvitations(ctx, o.ID, epoch.Add(4*time.Hour)))(t), int64(0))
	equal(t, must(s.CountInvitations(ctx, p.ID, epoch))(t), int64(1))
}

func testDomains(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	o, p := insertOrganization(t, ctx, s), insertOrganization(t, ctx, s)
	domain := func(o storage.Organization, name string) storage.Domain {
		d := storage.Domain{OrganizationID: o.ID, Domain: name, Challenge: "signet-" + o.ID, CreatedAt: epoch}
		noError(t, s.InsertDomain(ctx, d))
		return d
	}
	b, a := domain(o, "b.test"), domain(o, "a.test")
	pa := domain(p, "a.test") // anyone may say so
	equal(t, must(s.Domain(ctx, o.ID, "a.test"))(t), a)
	equal(t, must(s.DomainsOf(ctx, o.ID))(t), []storage.Domain{a, b})
	wantError(t, errOf(s.Domain(ctx, p.ID, "b.test")), storage.ErrNotFound)
	wantError(t, s.InsertDomain(ctx, a), storage.ErrConflict)
	wantError(t, s.InsertDomain(ctx, storage.Domain{OrganizationID: "none", Domain: "c.test"}), storage.ErrNotFound)
	wantError(t, errOf(s.OwnerOfDomain(ctx, "a.test")), storage.ErrNotFound)

	// One can have proven it.
	noError(t, s.VerifyDomain(ctx, o.ID, "a.test", epoch))
	noError(t, s.VerifyDomain(ctx, o.ID, "a.test", epoch.Add(time.Hour)))
	a.VerifiedAt = epoch
	equal(t, must(s.Domain(ctx, o.ID, "a.test"))(t), a)
	equal(t, must(s.OwnerOfDomain(ctx, "a.test"))(t), o.ID)
	wantError(t, s.VerifyDomain(ctx, p.ID, "a.test", epoch), storage.ErrConflict)
	equal(t, must(s.Domain(ctx, p.ID, "a.test"))(t), pa)
	wantError(t, s.VerifyDomain(ctx, p.ID, "b.test", epoch), storage.ErrNotFound)

	wantError(t, s.DeleteDomain(ctx, p.ID, "b.test"), storage.ErrNotFound)
	noError(t, s.DeleteDomain(ctx, o.ID, "a.test"))
	wantError(t, s.DeleteDomain(ctx, o.ID, "a.test"), storage.ErrNotFound)
	noError(t, s.VerifyDomain(ctx, p.ID, "a.test", epoch))
	equal(t, must(s.OwnerOfDomain(ctx, "a.test"))(t), p.ID)
	equal(t, must(s.DomainsOf(ctx, o.ID))(t), []storage.Domain{b})
}
