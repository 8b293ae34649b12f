package user_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/change/changetest"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/storage"
)

const grace = 30 * 24 * time.Hour

func TestDeletedAndRestored(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		f := fs[0]
		s, _ := services(f)
		s.DeletionGrace = grace
		u := create(t, s, "alice@acme.test")
		login(t, f, u.ID)
		gone, err := s.Delete(t.Context(), u.ID, "own_wish")
		if err != nil {
			t.Fatal(err)
		}
		if gone.Status != storage.UserDeleted || gone.Email != u.Email || !gone.EraseAt.Equal(f.Clock.Now().Add(grace)) || live(t, f, u.ID) != 0 {
			t.Errorf("deleted: %+v", gone)
		}
		if _, err := s.Create(t.Context(), access.Root(), user.Account{Email: "alice@acme.test", Source: "register"}); !fault.Is(err, fault.EmailTaken) {
			t.Errorf("the address is not reserved: %v", err)
		}
		if _, err := s.SetStatus(t.Context(), u.ID, storage.UserSuspended, "abuse"); !fault.Is(err, fault.UserNotFound) {
			t.Errorf("the deleted was suspended: %v", err)
		}
		if err := s.Erase(t.Context(), u.ID, "grace_over"); err != nil { // not due
			t.Fatal(err)
		}
		before := f.Mark(t)
		back, err := s.SetStatus(t.Context(), u.ID, storage.UserActive, "restored") // by an operator
		if err != nil || back.Status != storage.UserActive || back.PasswordHash != "old" || !back.EraseAt.IsZero() || !back.DeletedAt.IsZero() {
			t.Fatalf("restored: %+v %v", back, err)
		}
		if events := f.Events(t, before); !slices.Equal(events, []string{"user.status_changed"}) {
			t.Errorf("events %v", events)
		}
		if roles, _ := s.SystemRoles(t.Context(), u.ID); !slices.Equal(roles, []string{"user"}) {
			t.Errorf("roles %v", roles)
		}
		if _, err := s.Restore(t.Context(), u.ID, "again"); !fault.Is(err, fault.UserNotFound) {
			t.Errorf("the living was restored: %v", err)
		}
	})
}

func TestErased(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		f := fs[0]
		s, _ := services(f)
		s.DeletionGrace = grace
		u := create(t, s, "alice@acme.test")
		if _, err := s.Delete(t.Context(), u.ID, "own_wish"); err != nil {
			t.Fatal(err)
		}
		f.Clock.Advance(grace)
		if _, err := s.Restore(t.Context(), u.ID, "late"); !fault.Is(err, fault.UserNotFound) {
			t.Errorf("restored when the grace was over: %v", err)
		}
		before := f.Mark(t)
		for range 2 {
			if err := s.Erase(t.Context(), u.ID, "grace_over"); err != nil {
				t.Fatal(err)
			}
		}
		if events := f.Events(t, before); !slices.Equal(events, []string{"user.erased"}) {
			t.Errorf("events %v", events)
		}
		if ended := f.Ended(t, before); !slices.Equal(ended, []string{"sub " + u.ID}) {
			t.Errorf("ended %v", ended)
		}
		left, err := f.Store.UserByID(t.Context(), u.ID)
		if err != nil || left.Email != "" || left.PasswordHash != "" || len(left.Profile) != 0 || left.Status != storage.UserDeleted || !left.EraseAt.IsZero() {
			t.Errorf("left: %+v %v", left, err)
		}
		key, err := f.Store.PersonKey(t.Context(), u.ID)
		if err != nil || len(key) > 1 {
			t.Errorf("the person's key: %d bytes %v", len(key), err)
		}
		create(t, s, "alice@acme.test") // the address is free
	})
}

// Of a restoration and an erasure at the same moment one comes first and the
// other finds nothing to do.
func TestRestoreAndEraseRace(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		s, _ := services(fs[0])
		s.DeletionGrace = time.Second
		last := fs[len(fs)-1]
		other, _ := services(last)
		for range 5 {
			u := create(t, s, storage.NewID()+"@acme.test")
			if _, err := s.Delete(t.Context(), u.ID, "own_wish"); err != nil {
				t.Fatal(err)
			}
			last.Clock.Advance(time.Hour) // one replica's clock runs ahead
			var wg sync.WaitGroup
			var restored, erased error
			wg.Go(func() { _, restored = s.Restore(t.Context(), u.ID, "race") })
			wg.Go(func() { erased = other.Erase(t.Context(), u.ID, "race") })
			wg.Wait()
			now, err := s.Get(t.Context(), u.ID)
			if err != nil || erased != nil {
				t.Fatal(err, erased)
			}
			if whole := now.Status == storage.UserActive && now.Email != ""; whole != (restored == nil) || !whole && now.Email != "" {
				t.Fatalf("restored: %v, and left %+v", restored, now)
			}
			if len(fs) == 1 {
				return // one clock: it was due before
			}
		}
	})
}
