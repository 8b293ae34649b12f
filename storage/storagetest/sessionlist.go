package storagetest

import (
	"slices"
	"testing"
	"time"

	"github.com/signet-idp/signet/storage"
)

func testSessionLists(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	u, other := insertUser(t, ctx, s), insertUser(t, ctx, s)
	var list []storage.Session // newest first
	for n := range 5 {
		v := insertSession(t, ctx, s, u.ID, func(v *storage.Session) {
			v.CreatedAt = epoch.Add(time.Duration(n/2) * time.Second) // some at the same moment
			v.IdleExpiry, v.Expiry = epoch.Add(time.Hour), epoch.Add(2*time.Hour)
		})
		list = append(list, v)
	}
	slices.SortFunc(list, func(a, b storage.Session) int {
		if c := b.CreatedAt.Compare(a.CreatedAt); c != 0 {
			return c
		}
		return -1 * compareText(a.ID, b.ID)
	})
	insertSession(t, ctx, s, other.ID)
	insertSession(t, ctx, s, u.ID, func(v *storage.Session) { v.IdleExpiry, v.Expiry = epoch, epoch.Add(time.Hour) })
	insertSession(t, ctx, s, u.ID, func(v *storage.Session) { v.IdleExpiry, v.Expiry = epoch.Add(time.Hour), epoch })
	ended := insertSession(t, ctx, s, u.ID, func(v *storage.Session) { v.IdleExpiry, v.Expiry = epoch.Add(time.Hour), epoch.Add(time.Hour) })
	must(s.EndSession(ctx, ended.ID, "x", epoch))(t)

	q := storage.SessionQuery{UserID: u.ID, Now: epoch, Limit: 10}
	equal(t, must(s.QuerySessions(ctx, q))(t), list)
	equal(t, must(s.CountSessions(ctx, u.ID, epoch))(t), int64(5))
	equal(t, must(s.CountSessions(ctx, u.ID, epoch.Add(time.Hour)))(t), int64(0))
	q.Offset, q.Limit = 1, 2
	equal(t, must(s.QuerySessions(ctx, q))(t), list[1:3])
	q.Offset, q.Before = 0, list[1].ID
	equal(t, must(s.QuerySessions(ctx, q))(t), list[2:4])
	q.UserID = other.ID // somebody else's cursor
	equal(t, must(s.QuerySessions(ctx, q))(t), []storage.Session(nil))
}

func compareText(a, b string) int {
	if a < b {
		return -1
	}
	return 1
}

func testGrantUses(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	u, other := insertUser(t, ctx, s), insertUser(t, ctx, s)
	grant := func(user, client string) storage.Grant {
		return insertGrant(t, ctx, s, user, func(g *storage.Grant) { g.ClientID = client })
	}
	a, b, c, d := grant(u.ID, "app"), grant(u.ID, "app"), grant(u.ID, "web"), grant(other.ID, "app")
	at := epoch.Add(time.Hour)
	equal(t, must(s.UseCode(ctx, a.ID, 1, at, at.Add(time.Hour)))(t), true)
	equal(t, must(s.UseCode(ctx, d.ID, 1, at.Add(time.Hour), at.Add(time.Hour)))(t), true)
	uses := must(s.LastUses(ctx, u.ID))(t)
	equal(t, uses["app"], at)
	equal(t, len(uses), 2)
	equal(t, must(s.LastUses(ctx, "nobody"))(t), map[string]time.Time{})

	ids := must(s.EndGrantsOf(ctx, u.ID, "app", "x", at))(t)
	slices.Sort(ids)
	want := []string{a.ID, b.ID}
	slices.Sort(want)
	equal(t, ids, want)
	equal(t, must(s.EndGrantsOf(ctx, u.ID, "app", "x", at))(t), []string(nil))
	equal(t, must(s.GrantByID(ctx, a.ID, epoch))(t).RevokeReason, "x")
	equal(t, must(s.GrantByID(ctx, c.ID, epoch))(t).RevokedAt.IsZero(), true)
	equal(t, must(s.GrantByID(ctx, d.ID, epoch))(t).RevokedAt.IsZero(), true)
}
