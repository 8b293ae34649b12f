package storagetest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/signet-idp/signet/storage"
)

func testTransactions(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	undo := errors.New("undo")

	t.Run("reads see writes", func(t *testing.T) {
		var u storage.User
		noError(t, s.InTx(ctx, func(ctx context.Context) error {
			u = insertUser(t, ctx, s)
			equal(t, must(s.UserByID(ctx, u.ID))(t), u)
			return nil
		}))
		equal(t, must(r[len(r)-1].UserByID(ctx, u.ID))(t), u)
	})

	t.Run("rollback leaves nothing", func(t *testing.T) {
		before := must(s.FeedHead(ctx))(t)
		var u storage.User
		wantError(t, s.InTx(ctx, func(ctx context.Context) error {
			u = insertUser(t, ctx, s)
			noError(t, s.AppendRevocation(ctx, storage.Revocation{Kind: storage.RevokeSub, Value: u.ID}))
			noError(t, s.BumpConfiguration(ctx))
			noError(t, s.InsertEvents(ctx, storage.Event{ID: storage.NewID()}))
			must(s.UseOnce(ctx, "undone", "x", epoch))(t)
			return undo
		}), undo)
		_, err := s.UserByID(ctx, u.ID)
		wantError(t, err, storage.ErrNotFound)
		equal(t, must(s.FeedHead(ctx))(t), before)
		equal(t, must(s.UnsequencedEvents(ctx, 10))(t), []storage.Event(nil))
		equal(t, must(s.UseOnce(ctx, "undone", "x", epoch))(t), true)
	})

	t.Run("nested joins", func(t *testing.T) {
		before := must(s.FeedHead(ctx))(t)
		var inner, outer storage.User
		wantError(t, s.InTx(ctx, func(ctx context.Context) error {
			outer = insertUser(t, ctx, s)
			noError(t, s.InTx(ctx, func(ctx context.Context) error {
				inner = insertUser(t, ctx, s)
				equal(t, must(s.UserByID(ctx, outer.ID))(t), outer)
				return s.AppendRevocation(ctx, storage.Revocation{Kind: storage.RevokeAll})
			}))
			equal(t, must(s.UserByID(ctx, inner.ID))(t), inner)
			return undo
		}), undo)
		_, err := s.UserByID(ctx, inner.ID)
		wantError(t, err, storage.ErrNotFound)
		equal(t, must(s.FeedHead(ctx))(t), before)
	})

	t.Run("finding nothing is no failure", func(t *testing.T) {
		var u storage.User
		noError(t, s.InTx(ctx, func(ctx context.Context) error {
			_, err := s.UserByID(ctx, "nobody")
			wantError(t, err, storage.ErrNotFound)
			u = insertUser(t, ctx, s)
			return nil
		}))
		must(s.UserByID(ctx, u.ID))(t)
	})

	// PostgreSQL ends a transaction at its first failed statement; every engine
	// has to, or code that was tried on one breaks on another.
	t.Run("a failed statement ends it", func(t *testing.T) {
		taken := insertUser(t, ctx, s)
		var u storage.User
		wantError(t, s.InTx(ctx, func(ctx context.Context) error {
			u = insertUser(t, ctx, s)
			wantError(t, s.InsertUser(ctx, taken), storage.ErrConflict)
			return nil // swallowed
		}), storage.ErrConflict)
		_, err := s.UserByID(ctx, u.ID)
		wantError(t, err, storage.ErrNotFound)
	})

	t.Run("a panic rolls back", func(t *testing.T) {
		var u storage.User
		func() {
			defer func() { equal(t, recover(), any("boom")) }()
			_ = s.InTx(ctx, func(ctx context.Context) error {
				u = insertUser(t, ctx, s)
				panic("boom")
			})
		}()
		_, err := s.UserByID(ctx, u.ID)
		wantError(t, err, storage.ErrNotFound)
		insertUser(t, ctx, s) // the connection is free again
	})

	t.Run("empty", func(t *testing.T) {
		noError(t, s.InTx(ctx, func(context.Context) error { return nil }))
	})

	t.Run("isolated until the commit", func(t *testing.T) {
		var u storage.User
		noError(t, s.InTx(ctx, func(tx context.Context) error {
			u = insertUser(t, tx, s)
			_, err := s.UserByID(ctx, u.ID) // outside
			wantError(t, err, storage.ErrNotFound)
			return nil
		}))
		must(s.UserByID(ctx, u.ID))(t)
	})

	// Two that lock two rows in opposite order: one is given up by the
	// database, run again, and both commit.
	t.Run("deadlocks are retried", func(t *testing.T) {
		a, b := insertOrganization(t, ctx, s), insertOrganization(t, ctx, s)
		var both, done sync.WaitGroup
		both.Add(2)
		for i, pair := range [][2]string{{a.ID, b.ID}, {b.ID, a.ID}} {
			store := r[i%len(r)]
			first := sync.OnceFunc(both.Done)
			done.Go(func() {
				err := store.InTx(ctx, func(ctx context.Context) error {
					if err := store.GuardOrganization(ctx, pair[0]); err != nil {
						return err
					}
					first()
					if len(r) > 1 { // with one writer the other cannot be inside
						both.Wait()
					}
					return store.GuardOrganization(ctx, pair[1])
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		done.Wait()
		equal(t, must(s.OrganizationByID(ctx, a.ID))(t).Version, a.Version+2)
		equal(t, must(s.OrganizationByID(ctx, b.ID))(t).Version, b.Version+2)
	})
}

// testLostUpdates counts in a row's profile from all sides: with the version
// as the only guard no count may get lost.
func testLostUpdates(t *testing.T, r []Store) {
	ctx := t.Context()
	u := insertUser(t, ctx, r[0], func(u *storage.User) { u.Profile = map[string]any{"n": 0.0} })
	const writers, each = 8, 10
	var wg sync.WaitGroup
	for i := range writers {
		s := r[i%len(r)]
		wg.Go(func() {
			for n := 0; n < each; {
				u, err := s.UserByID(ctx, u.ID)
				if err != nil {
					t.Error(err)
					return
				}
				u.Profile["n"] = u.Profile["n"].(float64) + 1
				switch err := s.UpdateUser(ctx, u); {
				case err == nil:
					n++
				case !errors.Is(err, storage.ErrVersion):
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	got := must(r[0].UserByID(ctx, u.ID))(t)
	equal(t, got.Profile["n"], any(float64(writers*each)))
	equal(t, got.Version, u.Version+writers*each)
}

// testCancelled: a request that was given up gets an error that says so and
// leaves the store whole.
func testCancelled(t *testing.T, r []Store) {
	s := r[0]
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	u := storage.User{ID: storage.NewID()}
	for name, err := range map[string]error{
		"write": s.InsertUser(ctx, u),
		"read":  errOf(s.UserByID(ctx, u.ID)),
		"list":  errOf(s.ListUsers(ctx, "", 1)),
		"tx":    s.InTx(ctx, func(ctx context.Context) error { return s.InsertUser(ctx, u) }),
	} {
		if !errors.Is(err, storage.ErrUnavailable) || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	noError(t, s.InsertUser(t.Context(), u))
}

func errOf[T any](_ T, err error) error { return err }
