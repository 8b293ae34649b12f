package storagetest

import (
	"testing"
	"time"

	"github.com/signet-idp/signet/storage"
)

func testTenancy(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	a, b, gone := insertOrganization(t, ctx, s), insertOrganization(t, ctx, s), insertOrganization(t, ctx, s)
	u, v := insertUser(t, ctx, s), insertUser(t, ctx, s)
	for _, m := range []storage.Membership{{OrganizationID: a.ID, UserID: u.ID}, {OrganizationID: a.ID, UserID: v.ID}, {OrganizationID: b.ID, UserID: u.ID}} {
		m.JoinedAt = epoch
		noError(t, s.PutMembership(ctx, m))
	}
	before := must(s.CountOrganizations(ctx))(t)
	gone.Status = storage.OrganizationDeleted
	noError(t, s.UpdateOrganization(ctx, gone))
	equal(t, must(s.CountOrganizations(ctx))(t), before-1)
	all := must(s.QueryOrganizations(ctx, storage.OrganizationQuery{Limit: 500}))(t)
	equal(t, int64(len(all)), before-1)
	equal(t, must(s.QueryOrganizations(ctx, storage.OrganizationQuery{Offset: 1, Limit: 1}))(t), all[1:2])
	equal(t, must(s.QueryOrganizations(ctx, storage.OrganizationQuery{After: all[0].ID, Limit: 1}))(t), all[1:2])

	equal(t, must(s.OrganizationsByID(ctx, []string{b.ID, a.ID, "none"}))(t), []storage.Organization{a, b})
	equal(t, len(must(s.OrganizationsByID(ctx, nil))(t)), 0)
	equal(t, must(s.MemberCounts(ctx, []string{a.ID, b.ID, gone.ID}))(t), map[string]int64{a.ID: 2, b.ID: 1})
	equal(t, must(s.MemberCounts(ctx, nil))(t), map[string]int64{})

	invite := func(o storage.Organization, email string, life time.Duration) storage.Invitation {
		i := storage.Invitation{
			ID: storage.NewID(), OrganizationID: o.ID, Email: email, EmailCanonical: email, Roles: []string{"member"},
			Hash: []byte(storage.NewID()), InvitedBy: u.ID, CreatedAt: epoch, SentAt: epoch, Expiry: epoch.Add(life),
		}
		noError(t, s.InsertInvitation(ctx, i))
		return i
	}
	at := epoch.Add(time.Minute)
	first, second := invite(a, "x@y.test", time.Hour), invite(b, "x@y.test", time.Hour)
	invite(gone, "x@y.test", time.Hour)
	other := invite(a, "z@y.test", time.Hour)
	equal(t, must(s.InvitationsFor(ctx, "x@y.test", at, 10))(t), []storage.Invitation{second, first})
	equal(t, must(s.InvitationsFor(ctx, "x@y.test", at, 1))(t), []storage.Invitation{second})
	equal(t, len(must(s.InvitationsFor(ctx, "x@y.test", epoch.Add(time.Hour), 10))(t)), 0)

	noError(t, s.ReassignInvitation(ctx, first.ID, v.ID))
	first.InvitedBy = v.ID
	equal(t, must(s.InvitationByID(ctx, a.ID, first.ID))(t), first)

	equal(t, must(s.RevokeInvitationsOf(ctx, a.ID, at))(t), int64(2))
	equal(t, must(s.RevokeInvitationsOf(ctx, a.ID, at))(t), int64(0))
	equal(t, must(s.InvitationByID(ctx, a.ID, other.ID))(t).RevokedAt, at)
	equal(t, must(s.InvitationsFor(ctx, "x@y.test", at, 10))(t), []storage.Invitation{second})
	wantError(t, s.ReassignInvitation(ctx, first.ID, u.ID), storage.ErrNotFound)
}
