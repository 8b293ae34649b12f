package storagetest

import (
	"context"
	"testing"
	"time"

	"github.com/signet-idp/signet/storage"
)

func insertLink(t TB, ctx context.Context, s Store, userID string, edit ...func(*storage.Link)) storage.Link {
	t.Helper()
	id := storage.NewID()
	l := storage.Link{
		ID: id, Purpose: "verify_email", UserID: userID, Hash: []byte("link\xff" + id), Data: []byte{0, 1},
		CreatedAt: epoch, Expiry: epoch.Add(time.Hour),
	}
	for _, f := range edit {
		f(&l)
	}
	noError(t, s.InsertLink(ctx, l))
	return l
}

func testLinks(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	u, other := insertUser(t, ctx, s), insertUser(t, ctx, s)
	l := insertLink(t, ctx, s, u.ID)
	equal(t, must(s.LinkByHash(ctx, l.Purpose, l.Hash))(t), l)
	equal(t, must(s.LinkByID(ctx, l.ID))(t), l)
	wantError(t, errOf(s.LinkByID(ctx, "none")), storage.ErrNotFound)
	equal(t, must(s.OpenLink(ctx, u.ID, l.Purpose, epoch))(t), l)
	// A token is good for its purpose only, a link for its person.
	wantError(t, errOf(s.LinkByHash(ctx, "recover", l.Hash)), storage.ErrNotFound)
	wantError(t, errOf(s.LinkByHash(ctx, l.Purpose, nil)), storage.ErrNotFound)
	wantError(t, errOf(s.OpenLink(ctx, u.ID, "recover", epoch)), storage.ErrNotFound)
	wantError(t, errOf(s.OpenLink(ctx, other.ID, l.Purpose, epoch)), storage.ErrNotFound)
	wantError(t, errOf(s.OpenLink(ctx, u.ID, l.Purpose, l.Expiry)), storage.ErrNotFound)

	twin := l
	twin.ID = storage.NewID()
	wantError(t, s.InsertLink(ctx, twin), storage.ErrConflict)
	twin = l
	twin.Hash = []byte("other")
	wantError(t, s.InsertLink(ctx, twin), storage.ErrConflict)
	twin.ID, twin.UserID = storage.NewID(), "nobody"
	wantError(t, s.InsertLink(ctx, twin), storage.ErrNotFound)

	newer := insertLink(t, ctx, s, u.ID, func(l *storage.Link) { l.CreatedAt = epoch.Add(time.Second) })
	insertLink(t, ctx, s, u.ID, func(l *storage.Link) { l.CreatedAt, l.Expiry = epoch.Add(2*time.Second), epoch })
	equal(t, must(s.OpenLink(ctx, u.ID, l.Purpose, epoch))(t), newer)

	for _, allowed := range []bool{true, true, false, false} {
		equal(t, must(s.TryLink(ctx, l.ID, 2))(t), allowed)
	}
	equal(t, must(s.TryLink(ctx, "none", 2))(t), false)
	l.Attempts = 2
	equal(t, must(s.LinkByHash(ctx, l.Purpose, l.Hash))(t), l)

	equal(t, must(s.UseLink(ctx, l.ID, l.Expiry))(t), false)
	equal(t, must(s.UseLink(ctx, l.ID, epoch))(t), true)
	equal(t, must(s.UseLink(ctx, l.ID, epoch.Add(time.Second)))(t), false)
	equal(t, must(s.UseLink(ctx, "none", epoch))(t), false)
	equal(t, must(s.TryLink(ctx, l.ID, 9))(t), false)
	l.UsedAt = epoch
	equal(t, must(s.LinkByHash(ctx, l.Purpose, l.Hash))(t), l)

	theirs := insertLink(t, ctx, s, other.ID)
	reset := insertLink(t, ctx, s, u.ID, func(l *storage.Link) { l.Purpose = "recover" })
	noError(t, s.VoidLinks(ctx, u.ID, l.Purpose, epoch.Add(time.Minute)))
	wantError(t, errOf(s.OpenLink(ctx, u.ID, l.Purpose, epoch)), storage.ErrNotFound)
	equal(t, must(s.UseLink(ctx, newer.ID, epoch))(t), false)
	equal(t, must(s.LinkByHash(ctx, l.Purpose, l.Hash))(t), l) // used before
	equal(t, must(s.OpenLink(ctx, other.ID, theirs.Purpose, epoch))(t), theirs)
	equal(t, must(s.OpenLink(ctx, u.ID, reset.Purpose, epoch))(t), reset)
}

func testMessages(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	var want []storage.Message
	for i := range 4 {
		m := storage.Message{
			ID: storage.NewID(), Channel: "email", UserID: "u", Sealed: []byte{0, byte(i)}, Attempts: int64(i),
			DueAt: epoch.Add(time.Duration(i) * time.Second), CreatedAt: epoch, Expiry: epoch.Add(time.Hour),
		}
		noError(t, s.InsertMessage(ctx, m))
		want = append(want, m)
	}
	noError(t, s.InsertMessage(ctx, storage.Message{ID: "expired", UserID: "other", DueAt: epoch, Expiry: epoch.Add(time.Second)}))
	wantError(t, s.InsertMessage(ctx, want[0]), storage.ErrConflict)
	equal(t, must(s.CountMessages(ctx))(t), int64(5))

	now, again := epoch.Add(2*time.Second), epoch.Add(time.Minute)
	for i := range want {
		want[i].Attempts++
		want[i].DueAt = again
	}
	none := []storage.Message(nil)
	equal(t, must(s.TakeMessages(ctx, now, again, 1))(t), want[:1])
	equal(t, must(s.TakeMessages(ctx, now, again, 10))(t), want[1:3])
	equal(t, must(s.TakeMessages(ctx, now, again, 10))(t), none)
	noError(t, s.PostponeMessage(ctx, want[1].ID, now))
	noError(t, s.PostponeMessage(ctx, "none", now))
	want[1].Attempts++
	equal(t, must(s.TakeMessages(ctx, now, again, 10))(t), want[1:2])
	noError(t, s.DeleteMessage(ctx, want[0].ID))
	noError(t, s.DeleteMessage(ctx, want[0].ID))
	equal(t, must(s.CountMessages(ctx))(t), int64(4))

	nobody := storage.Message{ID: storage.NewID(), DueAt: epoch, Expiry: epoch.Add(time.Hour)}
	noError(t, s.InsertMessage(ctx, nobody))
	noError(t, s.DeleteMessagesOf(ctx, "")) // nobody's, not everybody's
	equal(t, must(s.CountMessages(ctx))(t), int64(5))
	noError(t, s.DeleteMessagesOf(ctx, "u"))
	equal(t, must(s.CountMessages(ctx))(t), int64(2))
}
