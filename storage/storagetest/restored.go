package storagetest

import (
	"testing"
	"time"

	"github.com/signet-idp/signet/storage"
)

// testSurviving: page by page all that is alive ends, and what had ended stays
// as it was.
func testSurviving(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	u := insertUser(t, ctx, s)
	over := insertSession(t, ctx, s, u.ID)
	if !must(s.EndSession(ctx, over.ID, "logout", epoch))(t) {
		t.Fatal("not ended")
	}
	revoked := insertGrant(t, ctx, s, u.ID)
	if !must(s.RevokeGrant(ctx, revoked.ID, "logout", epoch))(t) {
		t.Fatal("not revoked")
	}
	const n = 5
	var sessions, grants, links []string
	for range n {
		sessions = append(sessions, insertSession(t, ctx, s, u.ID).ID)
		grants = append(grants, insertGrant(t, ctx, s, u.ID).ID)
		links = append(links, insertLink(t, ctx, s, u.ID).ID)
	}
	at := epoch.Add(time.Minute)
	end := func(kind storage.Surviving) (ended int64) {
		t.Helper()
		for after, pages := "", 0; ; pages++ {
			last, n, err := s.EndSurviving(ctx, kind, after, 2, "database_restored", at)
			noError(t, err)
			if ended += n; last == "" {
				return ended
			}
			if last <= after || pages > 10 {
				t.Fatalf("%s: from %q to %q", kind, after, last)
			}
			after = last
		}
	}
	for _, kind := range []storage.Surviving{storage.SurvivingSessions, storage.SurvivingGrants, storage.SurvivingLinks} {
		equal(t, end(kind), int64(n))
		equal(t, end(kind), int64(0))
	}
	for i := range n {
		got := must(s.SessionByID(ctx, sessions[i]))(t)
		equal(t, got.EndedAt, at)
		equal(t, got.EndReason, "database_restored")
		equal(t, must(s.GrantByID(ctx, grants[i], at))(t).RevokedAt, at)
		equal(t, must(s.LinkByID(ctx, links[i]))(t).UsedAt, at)
	}
	equal(t, must(s.SessionByID(ctx, over.ID))(t).EndReason, "logout")
	equal(t, must(s.GrantByID(ctx, revoked.ID, at))(t).RevokedAt, epoch)
	if _, _, err := s.EndSurviving(ctx, "users", "", 1, "x", at); err == nil {
		t.Error("ended users")
	}
}
