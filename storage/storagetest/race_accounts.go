package storagetest

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-idp/signet/storage"
)

// testOneWinnerOfAccounts is testOneWinner for links, messages, invitations,
// domains, repeated requests and cursors.
func testOneWinnerOfAccounts(t *testing.T, r []Store) {
	ctx := t.Context()
	u, o := insertUser(t, ctx, r[0]), insertOrganization(t, ctx, r[0])
	expiry := epoch.Add(time.Hour)

	t.Run("UseLink", func(t *testing.T) {
		race(t, r, func(int) func(Store, int) (bool, error) {
			id := insertLink(t, ctx, r[0], u.ID).ID
			return func(s Store, _ int) (bool, error) { return s.UseLink(ctx, id, epoch) }
		})
	})
	t.Run("TryLink", func(t *testing.T) {
		race(t, r, func(int) func(Store, int) (bool, error) {
			id := insertLink(t, ctx, r[0], u.ID).ID
			return func(s Store, _ int) (bool, error) { return s.TryLink(ctx, id, 1) }
		})
	})
	t.Run("TryLink of three", func(t *testing.T) {
		race(t, r, func(int) func(Store, int) (bool, error) {
			id := insertLink(t, ctx, r[0], u.ID).ID
			var allowed atomic.Int64
			return func(s Store, _ int) (bool, error) {
				ok, err := s.TryLink(ctx, id, 3)
				return ok && allowed.Add(1) == 3, errors.Join(err, atMost(&allowed, 3))
			}
		})
	})
	t.Run("TakeMessages", func(t *testing.T) {
		race(t, r, func(int) func(Store, int) (bool, error) {
			noError(t, r[0].InsertMessage(ctx, storage.Message{ID: storage.NewID(), DueAt: epoch, Expiry: expiry}))
			return func(s Store, _ int) (bool, error) {
				list, err := s.TakeMessages(ctx, epoch, expiry, 10)
				return len(list) == 1, err
			}
		})
	})
	t.Run("InsertInvitation", func(t *testing.T) {
		race(t, r, func(round int) func(Store, int) (bool, error) {
			return func(s Store, _ int) (bool, error) {
				id := storage.NewID()
				return winner(s.InsertInvitation(ctx, storage.Invitation{
					ID: id, OrganizationID: o.ID, EmailCanonical: fmt.Sprint("race", round), Hash: []byte(id),
				}))
			}
		})
	})
	t.Run("AcceptInvitation", func(t *testing.T) {
		race(t, r, func(int) func(Store, int) (bool, error) {
			id := insertInvitation(t, ctx, r[0], o.ID).ID
			return func(s Store, i int) (bool, error) { return s.AcceptInvitation(ctx, id, fmt.Sprint(i), epoch) }
		})
	})
	t.Run("AcceptInvitation or RevokeInvitation", func(t *testing.T) {
		race(t, r, func(int) func(Store, int) (bool, error) {
			v := insertInvitation(t, ctx, r[0], o.ID)
			return func(s Store, i int) (bool, error) {
				switch i % 3 {
				case 0:
					return s.AcceptInvitation(ctx, v.ID, "bob", epoch)
				case 1:
					return s.RevokeInvitation(ctx, v.ID, epoch)
				default: // never settles it, and changes nothing that is settled
					_, err := s.RenewInvitation(ctx, v.ID, []byte(storage.NewID()), v.Roles, epoch, expiry)
					return false, err
				}
			}
		})
	})
	// A renewed token is the only one: the links of all others who renewed at
	// the same time are dead.
	t.Run("RenewInvitation", func(t *testing.T) {
		race(t, r, func(int) func(Store, int) (bool, error) {
			v := insertInvitation(t, ctx, r[0], o.ID)
			hashes := make([][]byte, raceRunners)
			var ready atomic.Int64
			return func(s Store, i int) (bool, error) {
				hashes[i] = []byte(storage.NewID())
				won, err := s.RenewInvitation(ctx, v.ID, hashes[i], v.Roles, epoch, expiry)
				if err != nil || !won {
					return false, errors.Join(err, errors.New("it did not stand any more"))
				}
				if ready.Add(1) < raceRunners {
					return false, nil
				}
				good := 0
				for _, h := range hashes {
					if _, err := s.InvitationByHash(ctx, h); err == nil {
						good++
					}
				}
				return good == 1, nil
			}
		})
	})
	t.Run("UseBackupCode", func(t *testing.T) {
		u := insertUser(t, ctx, r[0])
		race(t, r, func(round int) func(Store, int) (bool, error) {
			noError(t, r[0].ReplaceBackupCodes(ctx, u.ID, [][]byte{{byte(round), 1}, {byte(round), 2}}))
			return func(s Store, _ int) (bool, error) { return s.UseBackupCode(ctx, u.ID, []byte{byte(round), 1}) }
		})
	})
	t.Run("UpdateFactor", func(t *testing.T) {
		u := insertUser(t, ctx, r[0])
		race(t, r, func(int) func(Store, int) (bool, error) {
			f := storage.Factor{ID: storage.NewID(), UserID: u.ID, Type: storage.FactorTOTP, Position: 5}
			noError(t, r[0].InsertFactor(ctx, f))
			f.Position = 6
			return func(s Store, _ int) (bool, error) { return s.UpdateFactor(ctx, f, 5) }
		})
	})
	t.Run("VerifyDomain", func(t *testing.T) {
		owners := make([]string, raceRunners)
		for i := range owners {
			owners[i] = insertOrganization(t, ctx, r[0]).ID
		}
		race(t, r, func(round int) func(Store, int) (bool, error) {
			name := fmt.Sprint(round, ".test")
			for _, id := range owners {
				noError(t, r[0].InsertDomain(ctx, storage.Domain{OrganizationID: id, Domain: name}))
			}
			return func(s Store, i int) (bool, error) { return winner(s.VerifyDomain(ctx, owners[i], name, epoch)) }
		})
	})
	t.Run("BeginIdempotent", func(t *testing.T) {
		race(t, r, func(round int) func(Store, int) (bool, error) {
			v := storage.IdempotentRequest{ID: fmt.Sprint(round), CreatedAt: epoch, Expiry: expiry}
			if round%2 == 0 { // with an expired one before and without
				_, _, err := r[0].BeginIdempotent(ctx, storage.IdempotentRequest{ID: v.ID, Fingerprint: []byte("old"), Expiry: epoch})
				noError(t, err)
			}
			return func(s Store, i int) (bool, error) {
				mine := v
				mine.Fingerprint = []byte("new")
				stands, won, err := s.BeginIdempotent(ctx, mine)
				if err == nil && !won && string(stands.Fingerprint) != "new" {
					err = fmt.Errorf("%+v stands", stands)
				}
				return won, err
			}
		})
	})
	t.Run("FinishIdempotent", func(t *testing.T) {
		race(t, r, func(round int) func(Store, int) (bool, error) {
			mine := storage.IdempotentRequest{ID: fmt.Sprint("finish", round), CreatedAt: epoch, Expiry: expiry}
			_, _, err := r[0].BeginIdempotent(ctx, mine)
			noError(t, err)
			mine.Status = 200
			return func(s Store, _ int) (bool, error) {
				err := s.FinishIdempotent(ctx, mine)
				if errors.Is(err, storage.ErrNotFound) {
					return false, nil
				}
				return err == nil, err
			}
		})
	})
	t.Run("MoveEventCursor", func(t *testing.T) {
		race(t, r, func(round int) func(Store, int) (bool, error) {
			return func(s Store, _ int) (bool, error) {
				return s.MoveEventCursor(ctx, "race", int64(round), int64(round+1), epoch)
			}
		})
	})
}

// winner is whether a call went well; a conflict is a loss and no error.
func winner(err error) (bool, error) {
	if errors.Is(err, storage.ErrConflict) {
		return false, nil
	}
	return err == nil, err
}

func atMost(n *atomic.Int64, limit int64) error {
	if got := n.Load(); got > limit {
		return fmt.Errorf("%d were allowed, at most %d may be", got, limit)
	}
	return nil
}
