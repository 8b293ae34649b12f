package storagetest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/signet-idp/signet/storage"
)

// testRoleAssignments: a role that stays keeps who gave it and when.
func testRoleAssignments(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	u, o, p := insertUser(t, ctx, s), insertOrganization(t, ctx, s), insertOrganization(t, ctx, s)
	put := func(o storage.Organization, by string, at time.Time, roles ...string) {
		t.Helper()
		noError(t, s.PutMembership(ctx, storage.Membership{
			OrganizationID: o.ID, UserID: u.ID, Roles: roles, JoinedAt: epoch, AssignedBy: by, AssignedAt: at,
		}))
	}
	held := func(o storage.Organization, role, by string, at time.Time) storage.RoleAssignment {
		return storage.RoleAssignment{UserID: u.ID, OrganizationID: o.ID, Role: role, AssignedAt: at, AssignedBy: by}
	}
	later, last := epoch.Add(time.Hour), epoch.Add(2*time.Hour)
	put(o, "alice", time.Time{}, "member", "billing")
	put(p, "mallory", later, "owner")
	noError(t, s.PutSystemRoles(ctx, u.ID, []string{"user"}, "", epoch))
	put(o, "bob", later, "manager", "billing")
	noError(t, s.PutSystemRoles(ctx, u.ID, []string{"user", "admin"}, "root", later))
	none := storage.Organization{}
	equal(t, must(s.RoleAssignments(ctx, u.ID, o.ID))(t), []storage.RoleAssignment{
		held(none, "admin", "root", later), held(none, "user", "", epoch),
		held(o, "billing", "alice", epoch), held(o, "manager", "bob", later),
	})
	equal(t, must(s.RoleAssignments(ctx, u.ID, ""))(t), []storage.RoleAssignment{
		held(none, "admin", "root", later), held(none, "user", "", epoch),
	})
	equal(t, must(s.RoleAssignments(ctx, "nobody", o.ID))(t), []storage.RoleAssignment(nil))

	put(o, "carol", last) // none
	noError(t, s.PutSystemRoles(ctx, u.ID, nil, "root", last))
	equal(t, must(s.RoleAssignments(ctx, u.ID, o.ID))(t), []storage.RoleAssignment(nil))
	equal(t, must(s.RoleAssignments(ctx, u.ID, p.ID))(t), []storage.RoleAssignment{held(p, "owner", "mallory", later)})
	put(o, "carol", last, "billing") // given anew
	equal(t, must(s.RoleAssignments(ctx, u.ID, o.ID))(t), []storage.RoleAssignment{held(o, "billing", "carol", last)})

	// Any number of roles.
	for _, n := range []int{3, 7, 40, 5} {
		var roles []string
		for i := range n {
			roles = append(roles, "r"+strings.Repeat("x", i))
		}
		put(o, "dave", last, roles...)
		equal(t, must(s.Membership(ctx, o.ID, u.ID))(t).Roles, roles)
	}
}

// listed is a person as lists show them.
func listed(u storage.User) storage.User {
	u.PasswordHash = ""
	return u
}

func testDirectory(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	o, p := insertOrganization(t, ctx, s), insertOrganization(t, ctx, s)
	closed := insertOrganization(t, ctx, s, func(o *storage.Organization) { o.Status = storage.OrganizationSuspended })
	var people []storage.User
	for i := range 4 {
		people = append(people, insertUser(t, ctx, s, func(u *storage.User) {
			u.LastLoginAt = epoch.Add(time.Duration(i) * time.Hour)
			u.EraseAt = epoch.Add(time.Duration(10-i) * time.Hour)
		}))
	}
	alice, bob, carol, dave := people[0], people[1], people[2], people[3]
	join := func(o storage.Organization, u storage.User, at time.Duration, roles ...string) storage.Member {
		t.Helper()
		m := storage.Membership{OrganizationID: o.ID, UserID: u.ID, Roles: roles, JoinedAt: epoch.Add(at)}
		noError(t, s.PutMembership(ctx, m))
		m.Slug, m.Name, m.OrganizationStatus = o.Slug, o.Name, o.Status
		return storage.Member{Membership: m, User: listed(u)}
	}
	ao := join(o, alice, 3*time.Hour, "billing", "owner")
	bo := join(o, bob, time.Hour, "member")
	co := join(o, carol, 2*time.Hour)
	ap, dp := join(p, alice, 0, "viewer"), join(p, dave, 0, "owner")
	join(closed, alice, 0)
	join(closed, bob, 0)

	t.Run("members", func(t *testing.T) {
		q := storage.MemberQuery{OrganizationID: o.ID, Limit: 10}
		equal(t, must(s.QueryMembers(ctx, q))(t), []storage.Member{ao, bo, co})
		equal(t, must(s.CountMembers(ctx, q))(t), int64(3))
		equal(t, must(s.QueryMembers(ctx, storage.MemberQuery{OrganizationID: p.ID, Limit: 10}))(t), []storage.Member{ap, dp})
		q.Role = "owner"
		equal(t, must(s.QueryMembers(ctx, q))(t), []storage.Member{ao})
		equal(t, must(s.CountMembers(ctx, q))(t), int64(1))
		equal(t, must(s.CountMembers(ctx, storage.MemberQuery{OrganizationID: "none"}))(t), int64(0))
	})
	t.Run("recent", func(t *testing.T) {
		equal(t, must(s.RecentMembers(ctx, o.ID, 10))(t), []storage.Member{ao, co, bo})
		equal(t, must(s.RecentMembers(ctx, o.ID, 1))(t), []storage.Member{ao})
		equal(t, must(s.RecentMembers(ctx, p.ID, 10))(t), []storage.Member{dp, ap})
		equal(t, must(s.RecentMembers(ctx, "none", 10))(t), []storage.Member(nil))
	})
	t.Run("active", func(t *testing.T) {
		equal(t, must(s.ActiveMembers(ctx, o.ID, epoch))(t), int64(3))
		equal(t, must(s.ActiveMembers(ctx, o.ID, bob.LastLoginAt))(t), int64(2))
		equal(t, must(s.ActiveMembers(ctx, o.ID, dave.LastLoginAt))(t), int64(0))
		equal(t, must(s.ActiveMembers(ctx, p.ID, dave.LastLoginAt))(t), int64(1))
	})
	t.Run("shared", func(t *testing.T) {
		equal(t, must(s.SharedMemberships(ctx, alice.ID, bob.ID, 10))(t), []storage.Membership{ao.Membership})
		equal(t, must(s.SharedMemberships(ctx, bob.ID, alice.ID, 10))(t), []storage.Membership{bo.Membership})
		equal(t, must(s.SharedMemberships(ctx, alice.ID, alice.ID, 10))(t), []storage.Membership{ao.Membership, ap.Membership})
		equal(t, must(s.SharedMemberships(ctx, alice.ID, alice.ID, 1))(t), []storage.Membership{ao.Membership})
		equal(t, must(s.SharedMemberships(ctx, bob.ID, dave.ID, 10))(t), []storage.Membership(nil))
		equal(t, must(s.SharedMemberships(ctx, alice.ID, "nobody", 10))(t), []storage.Membership(nil))
	})
	t.Run("to erase", func(t *testing.T) {
		never := insertUser(t, ctx, s, func(u *storage.User) { u.EraseAt = time.Time{} })
		equal(t, must(s.UsersToErase(ctx, epoch.Add(8*time.Hour), 10))(t), []storage.User{listed(dave), listed(carol)})
		equal(t, must(s.UsersToErase(ctx, epoch.Add(8*time.Hour), 1))(t), []storage.User{listed(dave)})
		equal(t, must(s.UsersToErase(ctx, epoch, 10))(t), []storage.User(nil))
		equal(t, len(must(s.UsersToErase(ctx, epoch.AddDate(99, 0, 0), 10))(t)), 4)
		done := dave
		done.EraseAt = time.Time{}
		noError(t, s.UpdateUser(ctx, done))
		equal(t, must(s.UsersToErase(ctx, epoch.Add(8*time.Hour), 10))(t), []storage.User{listed(carol)})
		must(s.UserByID(ctx, never.ID))(t)
	})
	t.Run("terms", func(t *testing.T) {
		wantError(t, s.PutUserTerms(ctx, "nobody", []string{"x"}), storage.ErrNotFound)
		find := func(terms ...string) []string {
			t.Helper()
			var ids []string
			for _, u := range must(s.QueryUsers(ctx, storage.UserQuery{Terms: terms, Limit: 10}))(t) {
				ids = append(ids, u.ID)
			}
			equal(t, must(s.CountUsers(ctx, storage.UserQuery{Terms: terms}))(t), int64(len(ids)))
			return ids
		}
		noError(t, s.PutUserTerms(ctx, alice.ID, []string{"alice", "example", "alice"}))
		noError(t, s.PutUserTerms(ctx, bob.ID, []string{"bob", "example"}))
		equal(t, find("exam"), []string{alice.ID, bob.ID})
		equal(t, find("exam", "al"), []string{alice.ID})
		equal(t, find("lice"), []string(nil))
		equal(t, find("examples"), []string(nil))
		equal(t, find("alice%"), []string(nil))
		noError(t, s.PutUserTerms(ctx, alice.ID, []string{"alicia"}))
		equal(t, find("exam"), []string{bob.ID})
		equal(t, find("alici"), []string{alice.ID})
		noError(t, s.PutUserTerms(ctx, alice.ID, nil))
		equal(t, find("al"), []string(nil))
	})
}

// testDirectoryPages: a walk meets everybody who is meant exactly once, in
// order, by cursor and by offset, whatever is asked.
func testDirectoryPages(t *testing.T, r []Store) {
	s := r[0]
	statuses := []storage.UserStatus{storage.UserActive, storage.UserSuspended, storage.UserDeleted}
	var pool []string // in order
	status := map[string]storage.UserStatus{}
	terms := map[string][]string{}
	for i := range 24 {
		u := insertUser(t, t.Context(), s, func(u *storage.User) { u.Status = statuses[i%3] })
		pool = append(pool, u.ID)
		status[u.ID] = u.Status
	}
	slices.Sort(pool)
	// Few characters, so that prefixes meet; among them those at which a range
	// by bytes could break, and those that mean something in a pattern.
	word := rapid.StringOfN(rapid.SampledFrom([]rune{'a', 'b', 'é', '%', '_', 0xD7FF, 0xE000, 0xFFFF, 0x10FFFF}), 1, 3, -1)
	prefixes := rapid.SliceOfN(rapid.StringOfN(rapid.SampledFrom([]rune{'a', 'b', 'é', 0xD7FF, 0x10FFFF}), 0, 2, -1), 0, storage.MaxTerms+2)
	found := func(id string, prefixes []string) bool {
		for _, p := range prefixes[:min(len(prefixes), storage.MaxTerms)] {
			if p != "" && !slices.ContainsFunc(terms[id], func(term string) bool { return strings.HasPrefix(term, p) }) {
				return false
			}
		}
		return true
	}
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		o := insertOrganization(t, ctx, s)
		roles := map[string][]string{}
		for _, id := range rapid.SliceOfNDistinct(rapid.SampledFrom(pool), 0, 16, rapid.ID).Draw(t, "members") {
			roles[id] = rapid.SampledFrom([][]string{nil, {"member"}, {"member", "owner"}}).Draw(t, "roles")
			noError(t, s.PutMembership(ctx, storage.Membership{OrganizationID: o.ID, UserID: id, Roles: roles[id]}))
		}
		for _, id := range rapid.SliceOfN(rapid.SampledFrom(pool), 0, 6).Draw(t, "renamed") {
			terms[id] = rapid.SliceOfN(word, 0, 4).Draw(t, "terms")
			noError(t, s.PutUserTerms(ctx, id, terms[id]))
		}
		limit := rapid.IntRange(1, 9).Draw(t, "limit")
		asked := prefixes.Draw(t, "prefixes")

		mq := storage.MemberQuery{OrganizationID: o.ID, Terms: asked, Role: rapid.SampledFrom([]string{"", "member", "owner"}).Draw(t, "role"), Limit: limit}
		var want []string
		for _, id := range slices.Sorted(maps.Keys(roles)) {
			if found(id, asked) && (mq.Role == "" || slices.Contains(roles[id], mq.Role)) {
				want = append(want, id)
			}
		}
		walk(t, limit, want, func(after string, offset int) []string {
			mq.After, mq.Offset = after, offset
			var ids []string
			for _, m := range must(s.QueryMembers(ctx, mq))(t) {
				equal(t, m.UserID, m.User.ID)
				equal(t, m.Roles, roles[m.UserID])
				ids = append(ids, m.UserID)
			}
			return ids
		})
		equal(t, must(s.CountMembers(ctx, mq))(t), int64(len(want)))

		uq := storage.UserQuery{Terms: asked, Status: rapid.SampledFrom(append(statuses, "")).Draw(t, "status"), Limit: limit}
		if rapid.Bool().Draw(t, "members only") {
			uq.OrganizationID = o.ID
		}
		want = nil
		for _, id := range pool {
			_, member := roles[id]
			if found(id, asked) && (member || uq.OrganizationID == "") &&
				(status[id] == uq.Status || uq.Status == "" && status[id] != storage.UserDeleted) {
				want = append(want, id)
			}
		}
		walk(t, limit, want, func(after string, offset int) []string {
			uq.After, uq.Offset = after, offset
			var ids []string
			for _, u := range must(s.QueryUsers(ctx, uq))(t) {
				ids = append(ids, u.ID)
			}
			return ids
		})
		equal(t, must(s.CountUsers(ctx, uq))(t), int64(len(want)))
	})
}

// walk reads all pages by cursor, then by offset.
func walk(t TB, limit int, want []string, page func(after string, offset int) []string) {
	t.Helper()
	var byCursor, byOffset []string
	for after := ""; ; after = byCursor[len(byCursor)-1] {
		ids := page(after, 0)
		byCursor = append(byCursor, ids...)
		if len(ids) < limit {
			break
		}
	}
	equal(t, byCursor, want)
	for {
		ids := page("", len(byOffset))
		byOffset = append(byOffset, ids...)
		if len(ids) < limit {
			break
		}
	}
	equal(t, byOffset, want)
}
