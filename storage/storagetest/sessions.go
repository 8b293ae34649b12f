package storagetest

import (
	"slices"
	"testing"
	"time"

	"github.com/signet-idp/signet/storage"
)

func testSessions(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	u, other := insertUser(t, ctx, s), insertUser(t, ctx, s)
	a := insertSession(t, ctx, s, u.ID)
	equal(t, must(s.SessionByID(ctx, a.ID))(t), a)
	equal(t, must(s.SessionByCookie(ctx, a.CookieHash))(t), a)
	_, err := s.SessionByID(ctx, "none")
	wantError(t, err, storage.ErrNotFound)
	_, err = s.SessionByCookie(ctx, []byte("none"))
	wantError(t, err, storage.ErrNotFound)
	_, err = s.SessionByCookie(ctx, nil)
	wantError(t, err, storage.ErrNotFound)

	zero := storage.Session{ID: storage.NewID(), UserID: u.ID}
	noError(t, s.InsertSession(ctx, zero))
	equal(t, must(s.SessionByID(ctx, zero.ID))(t), zero)
	noError(t, s.InsertSession(ctx, storage.Session{ID: storage.NewID(), UserID: other.ID})) // a second without a cookie
	twin := a
	twin.ID = storage.NewID()
	wantError(t, s.InsertSession(ctx, twin), storage.ErrConflict)
	wantError(t, s.InsertSession(ctx, storage.Session{ID: storage.NewID(), UserID: "nobody"}), storage.ErrNotFound)

	later, idle := epoch.Add(time.Hour), epoch.Add(13*time.Hour)
	noError(t, s.TouchSession(ctx, a.ID, later, idle))
	noError(t, s.TouchSession(ctx, a.ID, epoch, epoch)) // a slower replica
	a.LastActiveAt, a.IdleExpiry = later, idle
	noError(t, s.Reauthenticate(ctx, a.ID, later, "aal1", nil))
	a.AuthTime, a.ACR, a.AMR = later, "aal1", nil
	equal(t, must(s.SessionByID(ctx, a.ID))(t), a)

	b := insertSession(t, ctx, s, u.ID, func(v *storage.Session) { v.CreatedAt = epoch.Add(time.Second) })
	equal(t, must(s.SessionsOf(ctx, u.ID, 10))(t), []storage.Session{b, a, zero})
	equal(t, must(s.SessionsOf(ctx, u.ID, 1))(t), []storage.Session{b})

	equal(t, must(s.EndSession(ctx, a.ID, "logout", later))(t), true)
	equal(t, must(s.EndSession(ctx, a.ID, "again", later.Add(1)))(t), false)
	equal(t, must(s.EndSession(ctx, "none", "logout", later))(t), false)
	a.EndedAt, a.EndReason = later, "logout"
	equal(t, must(s.SessionByID(ctx, a.ID))(t), a)
	wantError(t, s.TouchSession(ctx, a.ID, later, idle), storage.ErrNotFound)
	wantError(t, s.TouchSession(ctx, "none", later, idle), storage.ErrNotFound)
	wantError(t, s.Reauthenticate(ctx, a.ID, later, "aal3", nil), storage.ErrNotFound)
	equal(t, must(s.SessionsOf(ctx, u.ID, 10))(t), []storage.Session{b, zero})

	c := insertSession(t, ctx, s, u.ID)
	ended := must(s.EndSessionsOf(ctx, u.ID, b.ID, "password", later))(t)
	slices.Sort(ended)
	equal(t, ended, []string{zero.ID, c.ID})
	equal(t, must(s.EndSessionsOf(ctx, u.ID, b.ID, "password", later))(t), []string(nil))
	equal(t, must(s.EndSessionsOf(ctx, u.ID, "", "disabled", later))(t), []string{b.ID})
	equal(t, must(s.SessionByID(ctx, c.ID))(t).EndReason, "password")
	equal(t, len(must(s.SessionsOf(ctx, other.ID, 10))(t)), 1)

	// Clients of a session: its own grants and those of sessions that grew from it.
	off := insertSession(t, ctx, s, u.ID, func(v *storage.Session) { v.Kind, v.ParentID = storage.SessionOffline, b.ID })
	for _, g := range []struct{ client, session string }{{"web", b.ID}, {"web", b.ID}, {"app", off.ID}, {"else", c.ID}} {
		grant := insertGrant(t, ctx, s, u.ID, func(v *storage.Grant) { v.ClientID, v.SessionID = g.client, g.session })
		must(s.RevokeGrant(ctx, grant.ID, "", epoch))(t) // "ever": revoked ones too
	}
	equal(t, must(s.ClientsOfSession(ctx, b.ID))(t), []string{"app", "web"})
	equal(t, must(s.ClientsOfSession(ctx, "none"))(t), []string(nil))
}

func testLoginTransactions(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	v := storage.LoginTransaction{
		ID: storage.NewID(), BrowserHash: []byte{7, 0}, Request: []byte("sealed"), SessionID: "sid",
		AuthenticatedAt: epoch, CreatedAt: epoch, Expiry: epoch.Add(10 * time.Minute),
		UserID: "u", ProvenAt: epoch, AMR: []string{"pwd"},
	}
	noError(t, s.PutLoginTransaction(ctx, v))
	equal(t, must(s.LoginTransactionByID(ctx, v.ID))(t), v)
	_, err := s.LoginTransactionByID(ctx, "none")
	wantError(t, err, storage.ErrNotFound)

	next := v
	next.Request, next.Consented, next.ConsentedScope = nil, true, "openid email"
	next.UserID, next.ProvenAt, next.AMR = "", time.Time{}, nil
	next.BrowserHash, next.CreatedAt = []byte("stranger"), epoch.Add(time.Hour) // not written
	noError(t, s.PutLoginTransaction(ctx, next))
	next.BrowserHash, next.CreatedAt = v.BrowserHash, v.CreatedAt
	equal(t, must(s.LoginTransactionByID(ctx, v.ID))(t), next)

	at := epoch.Add(time.Second)
	equal(t, must(s.ConsumeLoginTransaction(ctx, next, at))(t), true)
	equal(t, must(s.ConsumeLoginTransaction(ctx, next, at.Add(1)))(t), false)
	next.ConsumedAt = at
	equal(t, must(s.LoginTransactionByID(ctx, v.ID))(t), next)
	wantError(t, s.PutLoginTransaction(ctx, v), storage.ErrVersion)

	// Without a row until then.
	fresh := storage.LoginTransaction{ID: storage.NewID(), BrowserHash: []byte{1}, CreatedAt: epoch, Expiry: epoch.Add(time.Minute)}
	equal(t, must(s.ConsumeLoginTransaction(ctx, fresh, at))(t), true)
	equal(t, must(s.ConsumeLoginTransaction(ctx, fresh, at))(t), false)
	fresh.ConsumedAt = at
	equal(t, must(s.LoginTransactionByID(ctx, fresh.ID))(t), fresh)
}

func testConsents(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	u := insertUser(t, ctx, s)
	c := storage.Consent{UserID: u.ID, ClientID: "web", Scope: []string{"openid", "email"}, CreatedAt: epoch, UpdatedAt: epoch}
	noError(t, s.PutConsent(ctx, c))
	equal(t, must(s.Consent(ctx, u.ID, "web"))(t), c)
	next := c
	next.Scope, next.Audience, next.UpdatedAt, next.CreatedAt = []string{"openid"}, []string{"https://a.test"}, epoch.Add(1000), epoch.Add(1000)
	noError(t, s.PutConsent(ctx, next))
	next.CreatedAt = c.CreatedAt
	app := storage.Consent{UserID: u.ID, ClientID: "app"}
	noError(t, s.PutConsent(ctx, app))
	equal(t, must(s.ConsentsOf(ctx, u.ID))(t), []storage.Consent{app, next})
	noError(t, s.DeleteConsent(ctx, u.ID, "web"))
	wantError(t, s.DeleteConsent(ctx, u.ID, "web"), storage.ErrNotFound)
	_, err := s.Consent(ctx, u.ID, "web")
	wantError(t, err, storage.ErrNotFound)
	wantError(t, s.PutConsent(ctx, storage.Consent{UserID: "nobody", ClientID: "web"}), storage.ErrNotFound)

	noError(t, s.InsertClient(ctx, storage.Client{ClientID: "app"}))
	noError(t, s.DeleteClient(ctx, "app"))
	equal(t, len(must(s.ConsentsOf(ctx, u.ID))(t)), 0)
}
