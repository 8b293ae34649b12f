package storagetest

import (
	"testing"
	"time"

	"github.com/signet-idp/signet/storage"
)

func testUsers(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	u := insertUser(t, ctx, s)
	equal(t, must(s.UserByID(ctx, u.ID))(t), u)
	equal(t, must(s.UserByEmail(ctx, u.EmailCanonical))(t), u)

	zero := storage.User{ID: storage.NewID()}
	noError(t, s.InsertUser(ctx, zero))
	equal(t, must(s.UserByID(ctx, zero.ID))(t), zero)

	_, err := s.UserByID(ctx, "nobody")
	wantError(t, err, storage.ErrNotFound)
	_, err = s.UserByEmail(ctx, "nobody@acme.test")
	wantError(t, err, storage.ErrNotFound)

	twin := u
	twin.ID = storage.NewID()
	wantError(t, s.InsertUser(ctx, twin), storage.ErrConflict)
	twin = u
	twin.EmailCanonical = "other@acme.test"
	wantError(t, s.InsertUser(ctx, twin), storage.ErrConflict)

	// An update writes all but what TouchLogin notes.
	next := storage.User{ID: u.ID, Email: "B@acme.test", EmailCanonical: "b@acme.test", Status: storage.UserSuspended, Version: u.Version}
	noError(t, s.UpdateUser(ctx, next))
	next.Version++
	next.CreatedAt, next.LastLoginAt, next.LastOrganizationID = u.CreatedAt, u.LastLoginAt, u.LastOrganizationID
	equal(t, must(s.UserByID(ctx, u.ID))(t), next)
	wantError(t, s.UpdateUser(ctx, u), storage.ErrVersion)
	next.Status, next.DeletedAt, next.EraseAt = storage.UserDeleted, epoch, epoch.Add(time.Hour)
	noError(t, s.UpdateUser(ctx, next))
	next.Version++
	equal(t, must(s.UserByID(ctx, u.ID))(t), next)
	wantError(t, s.UpdateUser(ctx, storage.User{ID: "nobody"}), storage.ErrVersion)
	taken := next
	other := insertUser(t, ctx, s)
	taken.EmailCanonical = other.EmailCanonical
	wantError(t, s.UpdateUser(ctx, taken), storage.ErrConflict)

	// A rehash counts only on the hash it was made from.
	noError(t, s.SetPasswordHash(ctx, other.ID, "not the hash", "evil"))
	equal(t, must(s.UserByID(ctx, other.ID))(t), other)
	noError(t, s.SetPasswordHash(ctx, other.ID, other.PasswordHash, "stronger"))
	wantError(t, s.UpdateUser(ctx, other), storage.ErrVersion)
	other.PasswordHash = "stronger"
	other.Version++
	equal(t, must(s.UserByID(ctx, other.ID))(t), other)

	later := epoch.Add(time.Hour)
	noError(t, s.TouchLogin(ctx, other.ID, "org-2", later))
	noError(t, s.TouchLogin(ctx, other.ID, "org-3", epoch))
	other.LastLoginAt, other.LastOrganizationID = later, "org-3"
	equal(t, must(s.UserByID(ctx, other.ID))(t), other)
	wantError(t, s.TouchLogin(ctx, "nobody", "", later), storage.ErrNotFound)

	var ids []string
	for after := ""; ; {
		page := must(s.ListUsers(ctx, after, 2))(t)
		if len(page) == 0 {
			break
		}
		if len(page) > 2 {
			t.Fatalf("page of %d rows", len(page))
		}
		for _, u := range page {
			ids = append(ids, u.ID)
			after = u.ID
		}
	}
	equal(t, ids, []string{u.ID, zero.ID, other.ID})
	equal(t, len(must(s.ListUsers(ctx, "", 0))(t)), 1)
}
