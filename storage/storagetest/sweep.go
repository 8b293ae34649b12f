package storagetest

import (
	"testing"
	"time"

	"github.com/signet-idp/signet/storage"
)

// testSweep: what can still matter stays, everything else goes, a bounded
// number at a time.
func testSweep(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	const day = 24 * time.Hour
	now := epoch.Add(100 * day)
	long := now.Add(-2 * day) // long enough ago
	u := insertUser(t, ctx, s)
	live := insertSession(t, ctx, s, u.ID, func(v *storage.Session) { v.IdleExpiry, v.Expiry = now.Add(day), now.Add(day) })
	dead := insertSession(t, ctx, s, u.ID, func(v *storage.Session) { v.Expiry = long })
	fresh := insertSession(t, ctx, s, u.ID, func(v *storage.Session) { v.Expiry = now.Add(-time.Hour) })

	grants := map[string]string{}
	var gone, stays []string
	add := func(name string, goes bool, edit func(g *storage.Grant)) {
		id := insertGrant(t, ctx, s, u.ID, func(g *storage.Grant) {
			g.Expiry, g.CodeExpiry, g.Generation, g.RefreshExpiry = now.Add(day), long, 1, now.Add(day)
			edit(g)
		}).ID
		grants[id] = name
		if goes {
			gone = append(gone, id)
		} else {
			stays = append(stays, id)
		}
	}
	add("alive", false, func(*storage.Grant) {})
	add("expired", true, func(g *storage.Grant) { g.Expiry = long })
	add("expired just now", false, func(g *storage.Grant) { g.Expiry = now.Add(-time.Hour) })
	add("revoked", true, func(g *storage.Grant) { g.RevokedAt = long })
	add("revoked just now", false, func(g *storage.Grant) { g.RevokedAt = now.Add(-time.Hour) })
	add("not refreshed in time", true, func(g *storage.Grant) { g.RefreshExpiry = long })
	add("never given a refresh token", true, func(g *storage.Grant) { g.Generation, g.RefreshExpiry = 0, time.Time{} })
	add("waiting for its code", false, func(g *storage.Grant) { g.Generation, g.RefreshExpiry, g.CodeExpiry = 0, time.Time{}, now })
	add("revoked in a live session", false, func(g *storage.Grant) { g.RevokedAt, g.SessionID = long, live.ID })
	add("revoked in a dead session", true, func(g *storage.Grant) { g.RevokedAt, g.SessionID = long, dead.ID })

	noError(t, s.PutLoginTransaction(ctx, storage.LoginTransaction{ID: "old", Expiry: long}))
	noError(t, s.PutLoginTransaction(ctx, storage.LoginTransaction{ID: "new", Expiry: now}))
	must(s.UseOnce(ctx, "jti", "old", long))(t)
	must(s.UseOnce(ctx, "jti", "new", now))(t)
	noError(t, s.AppendRevocation(ctx, storage.Revocation{Kind: storage.RevokeSub, Value: "old", Expiry: long},
		storage.Revocation{Kind: storage.RevokeSub, Value: "new", Expiry: now.Add(1000)}))
	head := must(s.FeedHead(ctx))(t)

	o := insertOrganization(t, ctx, s)
	month := now.Add(-31 * day)
	for i, v := range []storage.Invitation{
		{ID: "old", Expiry: month},
		{ID: "revoked", Expiry: month, RevokedAt: month},
		{ID: "accepted", Expiry: month, AcceptedAt: month},
		{ID: "new", Expiry: now.Add(-29 * day)},
	} {
		v.OrganizationID, v.EmailCanonical, v.Hash = o.ID, v.ID, []byte{byte(i)}
		noError(t, s.InsertInvitation(ctx, v))
	}
	noError(t, s.InsertLink(ctx, storage.Link{ID: "old", UserID: u.ID, Hash: []byte("old"), Expiry: long}))
	noError(t, s.InsertLink(ctx, storage.Link{ID: "new", UserID: u.ID, Hash: []byte("new"), Expiry: now.Add(-time.Hour)}))
	noError(t, s.InsertMessage(ctx, storage.Message{ID: "old", Expiry: now.Add(-time.Second)}))
	noError(t, s.InsertMessage(ctx, storage.Message{ID: "new", Expiry: now.Add(time.Second)}))
	for id, expiry := range map[string]time.Time{"old": now.Add(-time.Second), "new": now.Add(time.Second)} {
		_, _, err := s.BeginIdempotent(ctx, storage.IdempotentRequest{ID: id, Expiry: expiry})
		noError(t, err)
	}

	for seq, expiry := range map[int64]time.Time{1: now.Add(-time.Second), 2: now.Add(time.Second)} {
		noError(t, s.InsertWebhookDeliveries(ctx, storage.WebhookDelivery{WebhookID: "w", Seq: seq, Expiry: expiry}))
	}

	want := int64(len(gone) + 4 + 6)
	var total int64
	for range 50 { // enough walks over all tables
		n := must(s.Sweep(ctx, now, 1))(t)
		if n > 10 {
			t.Fatalf("one sweep of at most one row a table deleted %d", n)
		}
		total += n
	}
	equal(t, total, want)
	for _, id := range gone {
		if _, err := s.GrantByID(ctx, id, now); err == nil {
			t.Errorf("grant %q stayed", grants[id])
		}
	}
	for _, id := range stays {
		if _, err := s.GrantByID(ctx, id, now); err != nil {
			t.Errorf("grant %q: %v", grants[id], err)
		}
	}
	must(s.SessionByID(ctx, live.ID))(t)
	must(s.SessionByID(ctx, fresh.ID))(t)
	wantError(t, errOf(s.SessionByID(ctx, dead.ID)), storage.ErrNotFound)
	must(s.LoginTransactionByID(ctx, "new"))(t)
	wantError(t, errOf(s.LoginTransactionByID(ctx, "old")), storage.ErrNotFound)
	equal(t, must(s.UseOnce(ctx, "jti", "new", now))(t), false)
	equal(t, must(s.UseOnce(ctx, "jti", "old", now))(t), true)
	for id, stays := range map[string]bool{"old": false, "revoked": false, "accepted": true, "new": true} {
		if _, err := s.InvitationByID(ctx, o.ID, id); (err == nil) != stays {
			t.Errorf("invitation %q: %v", id, err)
		}
	}
	must(s.LinkByHash(ctx, "", []byte("new")))(t)
	wantError(t, errOf(s.LinkByHash(ctx, "", []byte("old"))), storage.ErrNotFound)
	equal(t, must(s.CountMessages(ctx))(t), int64(1))
	waiting := must(s.QueryWebhookDeliveries(ctx, storage.DeliveryQuery{WebhookID: "w", Limit: 10}))(t)
	equal(t, len(waiting), 1)
	equal(t, waiting[0].Seq, int64(2))
	for id, stays := range map[string]bool{"old": false, "new": true} {
		_, won, err := s.BeginIdempotent(ctx, storage.IdempotentRequest{ID: id})
		noError(t, err)
		equal(t, won, !stays)
	}
	left := must(s.RevocationsAfter(ctx, 0, 10))(t)
	equal(t, len(left), 1)
	equal(t, left[0].Value, "new")
	equal(t, must(s.FeedHead(ctx))(t), head)
}
