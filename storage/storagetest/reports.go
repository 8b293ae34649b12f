package storagetest

import (
	"testing"
	"time"

	"github.com/signet-idp/signet/storage"
)

func testHeldRoles(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	o, p := insertOrganization(t, ctx, s), insertOrganization(t, ctx, s)
	held := map[string]storage.HeldRole{}
	for i := range 7 {
		u := insertUser(t, ctx, s, func(u *storage.User) { u.LastLoginAt = epoch.Add(time.Duration(i) * time.Hour) })
		give := func(organization string, roles ...string) {
			for _, role := range roles {
				held[u.ID+" "+organization+" "+role] = storage.HeldRole{
					RoleAssignment: storage.RoleAssignment{UserID: u.ID, OrganizationID: organization, Role: role, AssignedAt: epoch, AssignedBy: "root"},
					Email:          u.Email, Status: u.Status, LastLoginAt: u.LastLoginAt, Factors: int64(i % 2),
				}
			}
		}
		noError(t, s.PutSystemRoles(ctx, u.ID, []string{"admin", "user"}[i%2:], "root", epoch))
		give("", []string{"admin", "user"}[i%2:]...)
		for _, at := range []storage.Organization{o, p}[:1+i%2] {
			roles := []string{"billing", "member", "viewer"}[i%3:]
			noError(t, s.PutMembership(ctx, storage.Membership{OrganizationID: at.ID, UserID: u.ID, Roles: roles, JoinedAt: epoch, AssignedAt: epoch, AssignedBy: "root"}))
			give(at.ID, roles...)
		}
		if i%2 == 1 {
			noError(t, s.InsertFactor(ctx, storage.Factor{ID: storage.NewID(), UserID: u.ID, Type: storage.FactorTOTP, CreatedAt: epoch, VerifiedAt: epoch}))
			noError(t, s.InsertFactor(ctx, storage.Factor{ID: storage.NewID(), UserID: u.ID, Type: storage.FactorTOTP, CreatedAt: epoch}))
		}
	}
	for _, organization := range []string{"", o.ID, p.ID} {
		want := map[string]storage.HeldRole{}
		for key, h := range held {
			if organization == "" || h.OrganizationID == organization {
				want[key] = h
			}
		}
		for _, limit := range []int{1, 2, 500} {
			got, last := map[string]storage.HeldRole{}, ""
			for after := (storage.RoleAssignment{}); ; {
				page := must(s.HeldRoles(ctx, organization, after, limit))(t)
				for _, h := range page {
					key := h.UserID + " " + h.OrganizationID + " " + h.Role
					if key <= last {
						t.Fatalf("%s behind %s", key, last)
					}
					got[key], last, after = h, key, h.RoleAssignment
				}
				if len(page) < limit {
					break
				}
			}
			equal(t, got, want)
		}
	}
	equal(t, len(must(s.HeldRoles(ctx, "none", storage.RoleAssignment{}, 10))(t)), 0)
}
