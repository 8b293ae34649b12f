package storagetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-idp/signet/storage"
)

const (
	raceRounds  = 50
	raceRunners = 32
)

// race lets runners do the same one-time thing at the same moment, spread over
// all replicas, round after round: exactly one wins and nobody gets an error.
func race(t *testing.T, r []Store, prepare func(round int) func(s Store, runner int) (won bool, err error)) {
	t.Helper()
	for round := range raceRounds {
		attempt := prepare(round)
		var won atomic.Int64
		var ready, done sync.WaitGroup
		ready.Add(raceRunners)
		for i := range raceRunners {
			s := r[i%len(r)]
			done.Go(func() {
				ready.Done()
				ready.Wait()
				ok, err := attempt(s, i)
				if err != nil {
					t.Errorf("round %d, runner %d: %v", round, i, err)
				}
				if ok {
					won.Add(1)
				}
			})
		}
		done.Wait()
		if n := won.Load(); n != 1 {
			t.Fatalf("round %d: %d winners", round, n)
		}
	}
}

func testOneWinner(t *testing.T, r []Store) {
	ctx := t.Context()
	u := insertUser(t, ctx, r[0])
	expiry := epoch.Add(time.Hour)
	grant := func() string { return insertGrant(t, ctx, r[0], u.ID).ID }

	t.Run("UseCode", func(t *testing.T) {
		race(t, r, func(int) func(Store, int) (bool, error) {
			id := grant()
			return func(s Store, _ int) (bool, error) { return s.UseCode(ctx, id, 1, epoch, expiry) }
		})
	})
	t.Run("UseCode with its event", func(t *testing.T) {
		race(t, r, func(int) func(Store, int) (bool, error) {
			id := grant()
			return func(s Store, _ int) (won bool, err error) {
				err = s.InTx(ctx, func(ctx context.Context) error {
					if won, err = s.UseCode(ctx, id, 1, epoch, expiry); err != nil || !won {
						return err
					}
					return s.InsertEvents(ctx, storage.Event{ID: storage.NewID()})
				})
				return won, err
			}
		})
		if n := len(must(r[0].UnsequencedEvents(ctx, 2*raceRounds))(t)); n != raceRounds {
			t.Errorf("%d events for %d codes", n, raceRounds)
		}
	})
	t.Run("StepGrant", func(t *testing.T) {
		id := grant() // one family, step by step
		race(t, r, func(round int) func(Store, int) (bool, error) {
			return func(s Store, _ int) (bool, error) { return s.StepGrant(ctx, id, int64(round), "", epoch, expiry) }
		})
	})
	t.Run("RevokeGrant", func(t *testing.T) {
		race(t, r, func(int) func(Store, int) (bool, error) {
			id := grant()
			return func(s Store, _ int) (bool, error) { return s.RevokeGrant(ctx, id, "reuse", epoch) }
		})
	})
	t.Run("UseOnce", func(t *testing.T) {
		race(t, r, func(round int) func(Store, int) (bool, error) {
			return func(s Store, _ int) (bool, error) { return s.UseOnce(ctx, "race", fmt.Sprint(round), expiry) }
		})
	})
	t.Run("ConsumeLoginTransaction", func(t *testing.T) {
		race(t, r, func(round int) func(Store, int) (bool, error) {
			v := storage.LoginTransaction{ID: storage.NewID(), CreatedAt: epoch, Expiry: expiry}
			if round%2 == 0 { // with a row before and without
				noError(t, r[0].PutLoginTransaction(ctx, v))
			}
			return func(s Store, _ int) (bool, error) { return s.ConsumeLoginTransaction(ctx, v, epoch) }
		})
	})
	t.Run("EndSession", func(t *testing.T) {
		race(t, r, func(int) func(Store, int) (bool, error) {
			id := insertSession(t, ctx, r[0], u.ID).ID
			return func(s Store, _ int) (bool, error) { return s.EndSession(ctx, id, "logout", epoch) }
		})
	})
	t.Run("EndSessionsOf", func(t *testing.T) {
		race(t, r, func(int) func(Store, int) (bool, error) {
			insertSession(t, ctx, r[0], u.ID)
			return func(s Store, _ int) (bool, error) {
				ids, err := s.EndSessionsOf(ctx, u.ID, "", "all", epoch)
				return len(ids) == 1, err
			}
		})
	})
	t.Run("AcquireLease", func(t *testing.T) {
		var token int64
		race(t, r, func(round int) func(Store, int) (bool, error) {
			now := epoch.Add(time.Duration(round) * time.Hour) // the one before has expired
			return func(s Store, i int) (bool, error) {
				l, ok, err := s.AcquireLease(ctx, "race", fmt.Sprint(i), now, now.Add(time.Minute))
				if ok && atomic.SwapInt64(&token, l.Token) != l.Token-1 {
					err = errors.Join(err, fmt.Errorf("token %d does not follow the one before", l.Token))
				}
				return ok, err
			}
		})
	})
	t.Run("InsertDataKey", func(t *testing.T) {
		race(t, r, func(round int) func(Store, int) (bool, error) {
			return func(s Store, i int) (bool, error) {
				return s.InsertDataKey(ctx, storage.DataKey{Purpose: "race", Generation: int64(round), Sealed: []byte{byte(i)}})
			}
		})
	})
	t.Run("ReplaceKeyRing", func(t *testing.T) {
		race(t, r, func(round int) func(Store, int) (bool, error) {
			return func(s Store, i int) (bool, error) {
				return s.ReplaceKeyRing(ctx, storage.KeyRing{Name: "sig/ES256", Version: int64(round), Keys: []storage.SigningKey{
					{KID: fmt.Sprint(i), PublicJWK: []byte{1}, PrivateSealed: []byte{1}},
				}})
			}
		})
		rings := must(r[0].KeyRings(ctx))(t)
		if len(rings) != 1 || len(rings[0].Keys) != 1 || rings[0].Version != raceRounds {
			t.Errorf("rings are %+v", rings)
		}
	})
	t.Run("PutPersonKey", func(t *testing.T) {
		race(t, r, func(round int) func(Store, int) (bool, error) {
			return func(s Store, i int) (bool, error) {
				stands, err := s.PutPersonKey(ctx, fmt.Sprint(round), []byte{byte(i)}, epoch)
				return len(stands) == 1 && stands[0] == byte(i), err
			}
		})
	})
	t.Run("TakeLogoutDeliveries", func(t *testing.T) {
		race(t, r, func(int) func(Store, int) (bool, error) {
			noError(t, r[0].InsertLogoutDelivery(ctx, storage.LogoutDelivery{ID: storage.NewID(), DueAt: epoch}))
			return func(s Store, _ int) (bool, error) {
				list, err := s.TakeLogoutDeliveries(ctx, epoch, expiry, 10)
				return len(list) == 1, err
			}
		})
	})
	t.Run("InsertUser", func(t *testing.T) {
		race(t, r, func(round int) func(Store, int) (bool, error) {
			return func(s Store, _ int) (bool, error) {
				err := s.InsertUser(ctx, storage.User{ID: storage.NewID(), EmailCanonical: fmt.Sprint("race", round)})
				if errors.Is(err, storage.ErrConflict) {
					return false, nil
				}
				return err == nil, err
			}
		})
	})
	// The guard row keeps an organization's last owner: of many owners who all
	// leave at once, all but one can.
	t.Run("last owner", func(t *testing.T) {
		o := insertOrganization(t, ctx, r[0])
		race(t, r, func(int) func(Store, int) (bool, error) {
			owners := make([]string, raceRunners)
			noError(t, r[0].InTx(ctx, func(ctx context.Context) error {
				before, err := r[0].MembersOf(ctx, o.ID, "", 500)
				for _, m := range before { // the one who stayed
					noError(t, r[0].DeleteMembership(ctx, o.ID, m.UserID))
				}
				for i := range owners {
					owners[i] = insertUser(t, ctx, r[0]).ID
					noError(t, r[0].PutMembership(ctx, storage.Membership{OrganizationID: o.ID, UserID: owners[i], Roles: []string{"owner"}}))
				}
				return err
			}))
			return func(s Store, i int) (stays bool, err error) {
				err = s.InTx(ctx, func(ctx context.Context) error {
					stays = false
					if err := s.GuardOrganization(ctx, o.ID); err != nil {
						return err
					}
					n, err := s.CountRole(ctx, o.ID, "owner")
					if err != nil || n == 1 {
						stays = n == 1
						return err
					}
					return s.DeleteMembership(ctx, o.ID, owners[i])
				})
				return stays, err
			}
		})
	})
}
