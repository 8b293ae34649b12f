package user_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/change/changetest"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/org"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/storage"
)

func services(f *changetest.Fixture) (*user.Service, *org.Service) {
	orgs := org.New(f.Store, f.Resolver, f.Changes)
	return user.New(f.Store, user.StoreSessions{Sessions: f.Store, Grants: f.Store}, orgs, f.Resolver, f.Changes), orgs
}

func create(t *testing.T, s *user.Service, email string) storage.User {
	t.Helper()
	u, err := s.Create(t.Context(), access.Root(), user.Account{Email: email, PasswordHash: "old", Source: "admin"})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// login makes a session of the person with a grant on it.
func login(t *testing.T, f *changetest.Fixture, userID string) string {
	t.Helper()
	now := f.Clock.Now()
	s := storage.Session{ID: storage.NewID(), UserID: userID, Kind: storage.SessionBrowser, CreatedAt: now, AuthTime: now, IdleExpiry: now.Add(time.Hour), Expiry: now.Add(time.Hour)}
	if err := f.Store.InsertSession(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	g := storage.Grant{ID: storage.NewID(), ClientID: "web", UserID: userID, SessionID: s.ID, Generation: 1, CreatedAt: now, Expiry: now.Add(time.Hour), RefreshExpiry: now.Add(time.Hour)}
	if err := f.Store.InsertGrant(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	return s.ID
}

func live(t *testing.T, f *changetest.Fixture, userID string) int {
	t.Helper()
	list, err := f.Store.SessionsOf(t.Context(), userID, 100)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func TestCreate(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		f := fs[0]
		s, _ := services(f)
		before := f.Mark(t)
		u, err := s.Create(t.Context(), access.Root(), user.Account{Email: " Alice@Acme.Test ", Profile: map[string]any{"name": "Alice"}, Source: "register"})
		if err != nil {
			t.Fatal(err)
		}
		if u.Email != "Alice@Acme.Test" || u.EmailCanonical != "alice@acme.test" {
			t.Errorf("%q %q", u.Email, u.EmailCanonical)
		}
		if got := f.Events(t, before); !slices.Equal(got, []string{"user.created"}) {
			t.Errorf("events %v", got)
		}
		if roles, err := s.SystemRoles(t.Context(), u.ID); err != nil || !slices.Equal(roles, []string{"user"}) {
			t.Errorf("roles %v %v", roles, err)
		}
		before = f.Mark(t)
		if _, err := s.Create(t.Context(), access.Root(), user.Account{Email: "ALICE@acme.test"}); !fault.Is(err, fault.EmailTaken) {
			t.Errorf("a second alice: %v", err)
		}
		if _, err := s.Create(t.Context(), access.Root(), user.Account{Email: "alice"}); !fault.Is(err, fault.Invalid) {
			t.Errorf("no address: %v", err)
		}
		if _, err := s.Create(t.Context(), access.Holder{Roles: []string{"system:user"}}, user.Account{Email: "m@x.test", SystemRoles: []string{"admin"}}); !fault.Is(err, fault.Forbidden) {
			t.Errorf("an admin made by a user: %v", err)
		}
		if got := f.Events(t, before); len(got) != 0 {
			t.Errorf("refused, and recorded %v", got)
		}
	})
}

func TestSetPasswordEndsOtherSessions(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		f := fs[0]
		s, _ := services(f)
		u := create(t, s, "alice@acme.test")
		keep, other := login(t, f, u.ID), login(t, f, u.ID)
		before := f.Mark(t)
		if _, err := s.SetPassword(t.Context(), u.ID, "new", keep, "change"); err != nil {
			t.Fatal(err)
		}
		if got := f.Ended(t, before); !slices.Equal(got, []string{"sid " + other}) {
			t.Errorf("ended %v, want sid %s", got, other)
		}
		if n := live(t, f, u.ID); n != 1 {
			t.Errorf("%d sessions live on", n)
		}
		before = f.Mark(t)
		if _, err := s.SetPassword(t.Context(), u.ID, "newer", "", "reset"); err != nil {
			t.Fatal(err)
		}
		if got := f.Ended(t, before); !slices.Equal(got, []string{"sub " + u.ID}) {
			t.Errorf("ended %v", got)
		}
		if n := live(t, f, u.ID); n != 0 {
			t.Errorf("%d sessions live on", n)
		}
		if got := f.Events(t, before); !slices.Equal(got, []string{"user.password_changed"}) {
			t.Errorf("events %v", got)
		}
	})
}

func TestStatus(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		f := fs[0]
		s, _ := services(f)
		u := create(t, s, "alice@acme.test")
		login(t, f, u.ID)
		before := f.Mark(t)
		for range 2 { // the second changes nothing
			if _, err := s.SetStatus(t.Context(), u.ID, storage.UserSuspended, "She said: “no”"); err != nil {
				t.Fatal(err)
			}
		}
		if ended, events := f.Ended(t, before), f.Events(t, before); !slices.Equal(ended, []string{"sub " + u.ID}) || !slices.Equal(events, []string{"user.status_changed"}) {
			t.Errorf("%v %v", ended, events)
		}
		if n := live(t, f, u.ID); n != 0 {
			t.Errorf("%d sessions live on", n)
		}
		before = f.Mark(t)
		if _, err := s.SetStatus(t.Context(), u.ID, storage.UserActive, "appeal"); err != nil {
			t.Fatal(err)
		}
		if ended := f.Ended(t, before); len(ended) != 0 {
			t.Errorf("making active ended %v", ended)
		}
		if _, err := s.SetStatus(t.Context(), u.ID, "asleep", ""); !fault.Is(err, fault.Invalid) {
			t.Errorf("an unknown status: %v", err)
		}
	})
}

func TestDelete(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		f := fs[0]
		s, orgs := services(f)
		u, heir := create(t, s, "alice@acme.test"), create(t, s, "bob@acme.test")
		o, err := orgs.Create(t.Context(), org.Organization{Name: "Acme", OwnerID: u.ID, Source: "api"})
		if err != nil {
			t.Fatal(err)
		}
		before := f.Mark(t)
		if _, err := s.Delete(t.Context(), u.ID, "own_wish"); !fault.Is(err, fault.LastOwner) {
			t.Fatalf("the last owner left: %v", err)
		}
		if events := f.Events(t, before); len(events) != 0 {
			t.Errorf("refused, and recorded %v", events)
		}
		if _, err := orgs.AddMember(t.Context(), access.Root(), o.ID, heir.ID, []string{"owner"}, "admin"); err != nil {
			t.Fatal(err)
		}
		before = f.Mark(t)
		gone, err := s.Delete(t.Context(), u.ID, "own_wish")
		if err != nil {
			t.Fatal(err)
		}
		if gone.Status != storage.UserDeleted || gone.Email != "" || gone.PasswordHash != "" {
			t.Errorf("left: %+v", gone)
		}
		if events := f.Events(t, before); !slices.Equal(events, []string{"organization.user_removed", "user.deleted", "user.erased"}) {
			t.Errorf("events %v", events)
		}
		if ended := f.Ended(t, before); !slices.Equal(ended, []string{"member " + o.ID + "/" + u.ID, "sub " + u.ID}) {
			t.Errorf("ended %v", ended)
		}
		create(t, s, "alice@acme.test") // the address is free again
		if _, err := s.SetPassword(t.Context(), u.ID, "x", "", "admin"); !fault.Is(err, fault.UserNotFound) {
			t.Errorf("a password for the deleted: %v", err)
		}
	})
}

func TestSystemRoles(t *testing.T) {
	f := changetest.New(t)
	s, _ := services(f)
	u := create(t, s, "alice@acme.test")
	before := f.Mark(t)
	if _, err := s.SetSystemRoles(t.Context(), access.Root(), u.ID, []string{"user", "admin", "admin"}); err != nil {
		t.Fatal(err)
	}
	if ended := f.Ended(t, before); len(ended) != 0 {
		t.Errorf("giving ended %v", ended)
	}
	if _, err := s.SetSystemRoles(t.Context(), access.Root(), u.ID, []string{"user"}); err != nil {
		t.Fatal(err)
	}
	if ended := f.Ended(t, before); !slices.Equal(ended, []string{"member /" + u.ID}) {
		t.Errorf("taking ended %v", ended)
	}
	if events := f.Events(t, before); len(events) != 2 {
		t.Errorf("events %v", events)
	}
	if _, err := s.SetSystemRoles(t.Context(), access.Root(), u.ID, []string{"owner"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("an organization role as system role: %v", err)
	}
	if _, err := s.SetSystemRoles(t.Context(), access.Holder{Roles: []string{"system:manager"}}, u.ID, []string{"admin"}); !fault.Is(err, fault.Forbidden) {
		t.Errorf("a manager made an admin: %v", err)
	}
}

func TestProfileAndAddress(t *testing.T) {
	f := changetest.New(t)
	s, _ := services(f)
	u := create(t, s, "alice@acme.test")
	before := f.Mark(t)
	patch := map[string]any{"name": "Alice", "phone_number": "+33123456789", "phone_number_verified": true}
	for range 2 {
		if _, err := s.UpdateProfile(t.Context(), u.ID, patch, "self"); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.UpdateProfile(t.Context(), u.ID, map[string]any{"phone_number": "+33999999999", "name": nil}, "self")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Profile) != 1 {
		t.Errorf("a new number is verified, or the name stayed: %v", got.Profile)
	}
	if events := f.Events(t, before); !slices.Equal(events, []string{"user.profile_updated", "user.profile_updated"}) {
		t.Errorf("events %v", events)
	}
	before = f.Mark(t)
	if _, err := s.SetEmail(t.Context(), u.ID, "Alice@new.test", true, "change"); err != nil {
		t.Fatal(err)
	}
	if events := f.Events(t, before); !slices.Equal(events, []string{"user.email_changed", "user.email_verified"}) {
		t.Errorf("events %v", events)
	}
	create(t, s, "bob@acme.test")
	if _, err := s.SetEmail(t.Context(), u.ID, "bob@acme.test", false, "change"); !fault.Is(err, fault.EmailTaken) {
		t.Errorf("bob's address: %v", err)
	}
}

func TestParallelChangesAllHappen(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		s, _ := services(fs[0])
		u := create(t, s, "alice@acme.test")
		members := []string{"name", "given_name", "family_name", "nickname"}
		var wg sync.WaitGroup
		for i, name := range members {
			s, _ := services(fs[i%len(fs)])
			wg.Go(func() {
				if _, err := s.UpdateProfile(t.Context(), u.ID, map[string]any{name: name}, "admin"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		got, err := s.Get(t.Context(), u.ID)
		if err != nil || len(got.Profile) != len(members) {
			t.Errorf("a change was lost: %v %v", got.Profile, err)
		}
		if got.Version != int64(1+len(members)) {
			t.Errorf("version %d", got.Version)
		}
	})
}
