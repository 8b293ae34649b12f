package storagetest

import (
	"testing"
	"time"

	"github.com/signet-idp/signet/storage"
)

func testGrants(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	u := insertUser(t, ctx, s)
	g := insertGrant(t, ctx, s, u.ID)
	equal(t, must(s.GrantByID(ctx, g.ID, epoch))(t).Grant, g)
	equal(t, must(s.GrantByCode(ctx, g.CodeHash, epoch))(t).Grant, g)
	_, err := s.GrantByID(ctx, "none", epoch)
	wantError(t, err, storage.ErrNotFound)
	_, err = s.GrantByCode(ctx, []byte("none"), epoch)
	wantError(t, err, storage.ErrNotFound)
	_, err = s.GrantByCode(ctx, nil, epoch)
	wantError(t, err, storage.ErrNotFound)

	zero := storage.Grant{ID: storage.NewID(), UserID: u.ID}
	noError(t, s.InsertGrant(ctx, zero))
	equal(t, must(s.GrantByID(ctx, zero.ID, epoch))(t).Grant, zero)
	twin := g
	twin.ID = storage.NewID()
	wantError(t, s.InsertGrant(ctx, twin), storage.ErrConflict)
	wantError(t, s.InsertGrant(ctx, storage.Grant{ID: storage.NewID(), UserID: "nobody"}), storage.ErrNotFound)

	at, expiry := epoch.Add(time.Second), epoch.Add(time.Hour)
	equal(t, must(s.UseCode(ctx, zero.ID, 1, at, expiry))(t), false) // no code
	equal(t, must(s.UseCode(ctx, "none", 1, at, expiry))(t), false)
	equal(t, must(s.UseCode(ctx, g.ID, 1, at, expiry))(t), true)
	equal(t, must(s.UseCode(ctx, g.ID, 1, at.Add(1), expiry))(t), false)
	g.CodeUsedAt, g.SteppedAt, g.Generation, g.RefreshExpiry = at, at, 1, expiry
	equal(t, must(s.GrantByCode(ctx, g.CodeHash, epoch))(t).Grant, g)

	at, expiry = at.Add(time.Minute), expiry.Add(time.Minute)
	equal(t, must(s.StepGrant(ctx, g.ID, 2, "org", at, expiry))(t), false)
	equal(t, must(s.StepGrant(ctx, g.ID, 1, "org", at, expiry))(t), true)
	equal(t, must(s.StepGrant(ctx, g.ID, 1, "evil", at, expiry))(t), false)
	g.Generation, g.OrganizationID, g.SteppedAt, g.RefreshExpiry = 2, "org", at, expiry
	equal(t, must(s.GrantByID(ctx, g.ID, epoch))(t).Grant, g)

	equal(t, must(s.RevokeGrant(ctx, g.ID, "reuse", at))(t), true)
	equal(t, must(s.RevokeGrant(ctx, g.ID, "again", at.Add(1)))(t), false)
	equal(t, must(s.RevokeGrant(ctx, "none", "", at))(t), false)
	g.RevokedAt, g.RevokeReason = at, "reuse"
	equal(t, must(s.GrantByID(ctx, g.ID, epoch))(t).Grant, g)
	equal(t, must(s.StepGrant(ctx, g.ID, 2, "org", at, expiry))(t), false)

	dead := insertGrant(t, ctx, s, u.ID)
	must(s.RevokeGrant(ctx, dead.ID, "", at))(t)
	equal(t, must(s.UseCode(ctx, dead.ID, 1, at, expiry))(t), false)
}

// testGrantStates reads the same grant as the world around it changes.
func testGrantStates(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	u, o := insertUser(t, ctx, s), insertOrganization(t, ctx, s)
	parent := insertSession(t, ctx, s, u.ID)
	session := insertSession(t, ctx, s, u.ID, func(v *storage.Session) { v.ParentID, v.Kind, v.Remember = parent.ID, storage.SessionJSON, true })
	g := insertGrant(t, ctx, s, u.ID, func(g *storage.Grant) { g.SessionID, g.OrganizationID = session.ID, o.ID })
	u.PasswordHash = "" // never part of it
	want := storage.GrantState{
		Grant: g, UserStatus: u.Status, User: u, Organization: &o, SessionLive: true, ParentSessionID: parent.ID,
		SessionKind: session.Kind, Remember: session.Remember,
	}
	now := epoch
	check := func(what string) {
		t.Helper()
		t.Log(what)
		equal(t, must(s.GrantByID(ctx, g.ID, now))(t), want)
		equal(t, must(s.GrantByCode(ctx, g.CodeHash, now))(t), want)
	}
	check("no member")

	noError(t, s.PutMembership(ctx, storage.Membership{OrganizationID: o.ID, UserID: u.ID}))
	want.Member = true
	check("a member without roles")

	noError(t, s.PutMembership(ctx, storage.Membership{OrganizationID: o.ID, UserID: u.ID, Roles: []string{"owner", "a-b", "ab"}}))
	noError(t, s.PutSystemRoles(ctx, u.ID, []string{"user", "admin"}, "giver", epoch))
	want.Roles, want.SystemRoles = []string{"a-b", "ab", "owner"}, []string{"admin", "user"}
	check("roles of both kinds")

	other := insertUser(t, ctx, s)
	noError(t, s.PutMembership(ctx, storage.Membership{OrganizationID: o.ID, UserID: other.ID, Roles: []string{"viewer"}}))
	noError(t, s.PutSystemRoles(ctx, other.ID, []string{"manager"}, "giver", epoch))
	check("other people's roles are theirs")

	noError(t, s.AppendRevocation(ctx, storage.Revocation{Kind: storage.RevokeSub, Value: "x", Expiry: epoch}))
	want.RevocationHead = must(s.FeedHead(ctx))(t).Seq
	equal(t, want.RevocationHead, int64(1))
	check("the feed went on")

	u.Status = storage.UserSuspended
	noError(t, s.UpdateUser(ctx, u))
	u.Version++
	want.User, want.UserStatus = u, u.Status
	o.Status, o.Profile = storage.OrganizationSuspended, nil
	noError(t, s.UpdateOrganization(ctx, o))
	o.Version++
	check("both suspended")

	now, want.SessionLive = session.IdleExpiry, false
	check("idle too long")
	now, want.SessionLive = epoch, true
	must(s.EndSession(ctx, session.ID, "logout", epoch))(t)
	want.SessionLive = false
	check("session ended")

	must(s.StepGrant(ctx, g.ID, 0, "", epoch, epoch))(t)
	want.Grant.Generation, want.Grant.OrganizationID, want.Grant.SteppedAt, want.Grant.RefreshExpiry = 1, "", epoch, epoch
	want.Organization, want.Member, want.Roles = nil, false, nil
	check("no organization: system roles are no organization roles")
}

func testGrantsOf(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	u, other := insertUser(t, ctx, s), insertUser(t, ctx, s)
	add := func(userID, client, session string, offline bool) string {
		return insertGrant(t, ctx, s, userID, func(g *storage.Grant) {
			g.ClientID, g.SessionID, g.Offline = client, session, offline
		}).ID
	}
	revoked := func(ids ...string) (n []bool) {
		for _, id := range ids {
			n = append(n, !must(s.GrantByID(ctx, id, epoch))(t).RevokedAt.IsZero())
		}
		return n
	}
	a, b, c := add(u.ID, "web", "s1", false), add(u.ID, "web", "s1", true), add(u.ID, "app", "s2", false)
	d, e := add(other.ID, "web", "s1", false), add(other.ID, "web", "s3", false)
	all := []string{a, b, c, d, e}
	for _, step := range []struct {
		name string
		do   func() (int64, error)
		n    int64
		want []bool
	}{
		{"user and client", func() (int64, error) { return s.RevokeGrantsOfUserClient(ctx, u.ID, "app", "x", epoch) }, 1, []bool{false, false, true, false, false}},
		{"again", func() (int64, error) { return s.RevokeGrantsOfUserClient(ctx, u.ID, "app", "x", epoch) }, 0, []bool{false, false, true, false, false}},
		{"session but offline", func() (int64, error) { return s.RevokeGrantsOfSession(ctx, "s1", "x", true, epoch) }, 2, []bool{true, false, true, true, false}},
		{"user but session", func() (int64, error) { return s.RevokeGrantsOfUser(ctx, u.ID, "s1", "x", epoch) }, 0, []bool{true, false, true, true, false}},
		{"session", func() (int64, error) { return s.RevokeGrantsOfSession(ctx, "s1", "x", false, epoch) }, 1, []bool{true, true, true, true, false}},
		{"client", func() (int64, error) { return s.RevokeGrantsOfClient(ctx, "web", "x", epoch) }, 1, []bool{true, true, true, true, true}},
	} {
		equal(t, must(step.do())(t), step.n)
		equal(t, revoked(all...), step.want)
	}
	f, g := add(u.ID, "web", "s4", true), add(u.ID, "web", "", false)
	equal(t, must(s.RevokeGrantsOfUser(ctx, u.ID, "s4", "x", epoch))(t), int64(1))
	equal(t, revoked(f, g), []bool{false, true})
	equal(t, must(s.RevokeGrantsOfUser(ctx, u.ID, "", "x", epoch))(t), int64(1))
}

func testOnce(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	equal(t, must(s.UseOnce(ctx, "jti", "web/1", epoch))(t), true)
	equal(t, must(s.UseOnce(ctx, "jti", "web/1", epoch.Add(time.Hour)))(t), false)
	equal(t, must(s.UseOnce(ctx, "jti", "web/2", epoch))(t), true)
	equal(t, must(s.UseOnce(ctx, "link", "web/1", epoch))(t), true)
	equal(t, must(r[len(r)-1].UseOnce(ctx, "link", "web/1", epoch))(t), false)
}
