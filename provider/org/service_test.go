package org_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/change/changetest"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/org"
	"github.com/signet-idp/signet/storage"
)

func person(t interface {
	Fatal(...any)
	Helper()
}, f *changetest.Fixture, tb testing.TB, name string,
) string {
	t.Helper()
	id := storage.NewID()
	err := f.Store.InsertUser(tb.Context(), storage.User{
		ID: id, Email: name, EmailCanonical: id, Status: storage.UserActive, Profile: map[string]any{}, Version: 1, CreatedAt: f.Clock.Now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestSlugs(t *testing.T) {
	for name, want := range map[string]string{
		"Acme Inc": "acme-inc", "  Éclair & Söhne GmbH  ": "eclair-sohne-gmbh", "日本": "", "--": "", "a": "a",
		"019b7d00-0000-7000-8000-000000000001": "",
	} {
		got := org.SlugOf(name)
		if got != want || got != "" && !org.ValidSlug(got) {
			t.Errorf("SlugOf(%q) = %q", name, got)
		}
	}
	for _, bad := range []string{"", "-a", "a-", "A", "a_b", "ä", "a b", "019b7d00-0000-7000-8000-000000000001", string(make([]byte, 64))} {
		if org.ValidSlug(bad) {
			t.Errorf("ValidSlug(%q)", bad)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		if s := org.SlugOf(rapid.String().Draw(t, "name")); s != "" && !org.ValidSlug(s) {
			t.Fatalf("derived %q", s)
		}
	})
}

func TestCreate(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		f := fs[0]
		s := org.New(f.Store, f.Resolver, f.Changes)
		alice := person(t, f, t, "alice")
		before := f.Mark(t)
		a, err := s.Create(t.Context(), org.Organization{Name: "Acme Inc", OwnerID: alice, Source: "api"})
		if err != nil {
			t.Fatal(err)
		}
		if events := f.Events(t, before); !slices.Equal(events, []string{"organization.created"}) {
			t.Errorf("events %v", events)
		}
		b, err := s.Create(t.Context(), org.Organization{Name: "Acme Inc", OwnerID: alice, Source: "api"})
		if err != nil || a.Slug != "acme-inc" || b.Slug != "acme-inc-2" {
			t.Errorf("%q %q %v", a.Slug, b.Slug, err)
		}
		if _, err := s.Create(t.Context(), org.Organization{Name: "X", Slug: "acme-inc", OwnerID: alice}); !fault.Is(err, fault.SlugTaken) {
			t.Errorf("a slug in use: %v", err)
		}
		for _, key := range []string{a.ID, a.Slug} {
			if got, err := s.Get(t.Context(), key); err != nil || got.ID != a.ID {
				t.Errorf("Get(%q): %v %v", key, got, err)
			}
		}
		if m, err := s.Member(t.Context(), a.ID, alice); err != nil || !slices.Equal(m.Roles, []string{"owner"}) {
			t.Errorf("%v %v", m, err)
		}
		if _, err := s.Create(t.Context(), org.Organization{Name: "X", OwnerID: storage.NewID()}); !fault.Is(err, fault.UserNotFound) {
			t.Errorf("owned by nobody: %v", err)
		}
	})
}

func TestSetStatus(t *testing.T) {
	f := changetest.New(t)
	s := org.New(f.Store, f.Resolver, f.Changes)
	o, err := s.Create(t.Context(), org.Organization{Name: "Acme", OwnerID: person(t, f, t, "alice")})
	if err != nil {
		t.Fatal(err)
	}
	before := f.Mark(t)
	for _, status := range []storage.OrganizationStatus{storage.OrganizationSuspended, storage.OrganizationActive, storage.OrganizationDeleted} {
		if _, err := s.SetStatus(t.Context(), o.ID, status, "test"); err != nil {
			t.Fatal(err)
		}
	}
	if ended := f.Ended(t, before); !slices.Equal(ended, []string{"org " + o.ID, "org " + o.ID}) {
		t.Errorf("ended %v", ended)
	}
	if _, err := s.Get(t.Context(), o.ID); !fault.Is(err, fault.OrganizationNotFound) {
		t.Errorf("deleted, and found: %v", err)
	}
	if _, err := s.Create(t.Context(), org.Organization{Name: "Acme", Slug: "acme", OwnerID: person(t, f, t, "bob")}); err != nil {
		t.Errorf("the slug of a deleted one: %v", err)
	}
}

func TestMembers(t *testing.T) {
	f := changetest.New(t)
	s := org.New(f.Store, f.Resolver, f.Changes)
	alice, bob := person(t, f, t, "alice"), person(t, f, t, "bob")
	o, err := s.Create(t.Context(), org.Organization{Name: "Acme", OwnerID: alice})
	if err != nil {
		t.Fatal(err)
	}
	admin := access.Holder{Roles: []string{"admin"}, OrganizationID: o.ID}
	add := func(by access.Holder, roles ...string) error {
		_, err := s.AddMember(t.Context(), by, o.ID, bob, roles, "api")
		return err
	}
	for _, c := range []struct {
		name  string
		by    access.Holder
		roles []string
		want  fault.Code
	}{
		{"above one's own", admin, []string{"owner"}, fault.Forbidden},
		{"no such role", access.Root(), []string{"nobody"}, fault.Invalid},
		{"a system role", access.Root(), []string{"system:admin"}, fault.Invalid},
		{"none", access.Root(), nil, fault.Invalid},
		{"admin elsewhere", access.Holder{Roles: []string{"admin"}, OrganizationID: "elsewhere"}, []string{"viewer"}, fault.Forbidden},
	} {
		if err := add(c.by, c.roles...); !fault.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if err := add(admin, "member", "manager", "member"); err != nil {
		t.Fatal(err)
	}
	if err := add(admin, "viewer"); !fault.Is(err, fault.Conflict) {
		t.Errorf("twice: %v", err)
	}
	before := f.Mark(t)
	if _, err := s.ChangeRoles(t.Context(), admin, o.ID, bob, []string{"manager", "member", "admin"}, "api"); err != nil {
		t.Fatal(err)
	}
	if ended := f.Ended(t, before); len(ended) != 0 {
		t.Errorf("giving ended %v", ended)
	}
	if _, err := s.ChangeRoles(t.Context(), admin, o.ID, bob, []string{"viewer"}, "api"); err != nil {
		t.Fatal(err)
	}
	entry := "member " + o.ID + "/" + bob
	if ended := f.Ended(t, before); !slices.Equal(ended, []string{entry}) {
		t.Errorf("taking ended %v", ended)
	}
	// Nobody acts on those above them.
	if _, err := s.ChangeRoles(t.Context(), admin, o.ID, alice, []string{"viewer"}, "api"); !fault.Is(err, fault.Forbidden) {
		t.Errorf("an admin brought the owner down: %v", err)
	}
	if err := s.RemoveMember(t.Context(), admin, o.ID, alice, false, "removed"); !fault.Is(err, fault.Forbidden) {
		t.Errorf("an admin removed the owner: %v", err)
	}
	if _, err := s.ChangeRoles(t.Context(), access.Root(), o.ID, alice, []string{"admin"}, "api"); !fault.Is(err, fault.LastOwner) {
		t.Errorf("the last owner: %v", err)
	}
	if err := s.RemoveMember(t.Context(), access.Root(), o.ID, alice, true, "left"); !fault.Is(err, fault.LastOwner) {
		t.Errorf("the last owner left: %v", err)
	}
	before = f.Mark(t)
	if err := s.RemoveMember(t.Context(), admin, o.ID, bob, false, "removed"); err != nil {
		t.Fatal(err)
	}
	if ended, events := f.Ended(t, before), f.Events(t, before); !slices.Equal(ended, []string{entry}) || !slices.Equal(events, []string{"organization.user_removed"}) {
		t.Errorf("%v %v", ended, events)
	}
	if err := s.RemoveMember(t.Context(), admin, o.ID, bob, false, "removed"); !fault.Is(err, fault.NotMember) {
		t.Errorf("twice: %v", err)
	}
}

// Whatever is tried, in whatever order and by however many at once, an
// organization keeps an owner, and what was refused changed nothing.
func TestNeverWithoutAnOwner(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		rapid.Check(t, func(r *rapid.T) {
			people := make([]string, 4)
			for i := range people {
				people[i] = person(r, fs[0], t, fmt.Sprint("p", i))
			}
			s := org.New(fs[0].Store, fs[0].Resolver, fs[0].Changes)
			o, err := s.Create(t.Context(), org.Organization{Name: "Acme", OwnerID: people[0]})
			if err != nil {
				r.Fatal(err)
			}
			for _, p := range people[1:] {
				if _, err := s.AddMember(t.Context(), access.Root(), o.ID, p, []string{"owner"}, "test"); err != nil {
					r.Fatal(err)
				}
			}
			step := func(f *changetest.Fixture, what int, who string) error {
				s := org.New(f.Store, f.Resolver, f.Changes)
				var err error
				switch what {
				case 0:
					err = s.RemoveMember(t.Context(), access.Root(), o.ID, who, false, "test")
				case 1:
					_, err = s.ChangeRoles(t.Context(), access.Root(), o.ID, who, []string{"member"}, "test")
				case 2:
					_, err = s.ChangeRoles(t.Context(), access.Root(), o.ID, who, []string{"owner"}, "test")
				case 3:
					_, err = s.AddMember(t.Context(), access.Root(), o.ID, who, []string{"owner"}, "test")
				case 4:
					err = s.LeaveAll(t.Context(), who, "test")
				case 5: // leaves, with nothing but what they hold
					err = s.RemoveMember(t.Context(), access.Holder{}, o.ID, who, true, "left")
				case 6: // an owner brings another one down
					_, err = s.ChangeRoles(t.Context(), access.Holder{Roles: []string{"owner"}, OrganizationID: o.ID}, o.ID, who, []string{"admin"}, "test")
				}
				if err != nil && !fault.Is(err, fault.LastOwner) && !fault.Is(err, fault.NotMember) && !fault.Is(err, fault.Conflict) {
					return err
				}
				return nil
			}
			rounds := rapid.IntRange(1, 3).Draw(r, "rounds")
			for range rounds {
				var wg sync.WaitGroup
				for i := range rapid.IntRange(1, 5).Draw(r, "at once") {
					what, who := rapid.IntRange(0, 6).Draw(r, "what"), rapid.SampledFrom(people).Draw(r, "who")
					wg.Go(func() {
						if err := step(fs[i%len(fs)], what, who); err != nil {
							r.Errorf("step %d: %v", what, err)
						}
					})
				}
				wg.Wait()
				if n, err := fs[0].Store.CountRole(t.Context(), o.ID, "owner"); err != nil || n < 1 {
					r.Fatalf("%d owners, %v", n, err)
				}
			}
		})
	})
}

func TestAllOwnersLeaveAtOnce(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		s := org.New(fs[0].Store, fs[0].Resolver, fs[0].Changes)
		people := []string{person(t, fs[0], t, "a"), person(t, fs[0], t, "b"), person(t, fs[0], t, "c"), person(t, fs[0], t, "d")}
		o, err := s.Create(t.Context(), org.Organization{Name: "Acme", OwnerID: people[0]})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range people[1:] {
			if _, err := s.AddMember(t.Context(), access.Root(), o.ID, p, []string{"owner"}, "test"); err != nil {
				t.Fatal(err)
			}
		}
		var wg sync.WaitGroup
		refused := make([]error, len(people))
		for i, p := range people {
			f := fs[i%len(fs)]
			wg.Go(func() {
				refused[i] = org.New(f.Store, f.Resolver, f.Changes).RemoveMember(t.Context(), access.Root(), o.ID, p, true, "left")
			})
		}
		wg.Wait()
		stayed := 0
		for _, err := range refused {
			if fault.Is(err, fault.LastOwner) {
				stayed++
			} else if err != nil {
				t.Error(err)
			}
		}
		if n, err := fs[0].Store.CountRole(t.Context(), o.ID, "owner"); err != nil || n != 1 || stayed != 1 {
			t.Errorf("%d owners, %d refused, %v", n, stayed, err)
		}
	})
}
