package access

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/storage"
)

// table is a set of role definitions that counts how often it is read.
type table struct {
	roles []storage.Role
	reads atomic.Int64
	err   error
}

func (t *table) ListRoles(_ context.Context, organizationID string) ([]storage.Role, error) {
	t.reads.Add(1)
	if t.err != nil {
		return nil, t.err
	}
	var out []storage.Role
	for _, r := range t.roles {
		if r.OrganizationID == organizationID {
			out = append(out, r)
		}
	}
	return out, nil
}

func acme(name string, permissions ...string) storage.Role {
	return storage.Role{Scope: storage.ScopeOrganization, OrganizationID: "acme", Name: name, Permissions: permissions}
}

func resolver(t *testing.T, store Definitions) (*Resolver, *fakeclock.Clock) {
	t.Helper()
	clk := fakeclock.New(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	r, err := NewResolver(store, clk)
	if err != nil {
		t.Fatal(err)
	}
	return r, clk
}

func TestDecide(t *testing.T) {
	store := &table{roles: []storage.Role{
		acme("billing", "read:invoice", "write:invoice"),
		acme("auditor", "read:*"),
		acme("owner", "read:nothing"), // a row may not redefine what is built in
		{Scope: storage.ScopeSystem, Name: "support", Permissions: []string{"read:system:tickets"}},
		{Scope: storage.ScopeOrganization, OrganizationID: "globex", Name: "billing", Permissions: []string{"delete:invoice"}},
	}}
	r, _ := resolver(t, store)
	for _, c := range []struct {
		name       string
		holder     Holder
		permission string
		want       bool
		reason     Reason
	}{
		{"custom role", Holder{Roles: []string{"billing"}, OrganizationID: "acme"}, "read:invoice", true, ReasonGranted},
		{"same name elsewhere", Holder{Roles: []string{"billing"}, OrganizationID: "acme"}, "delete:invoice", false, ReasonNoRole},
		{"wildcard", Holder{Roles: []string{"auditor"}, OrganizationID: "acme"}, "read:invoice:lines", true, ReasonGranted},
		{"wildcard stops at the system", Holder{Roles: []string{"auditor"}, OrganizationID: "acme"}, "read:system:users", false, ReasonNoRole},
		{"owner holds what the organization defines", Holder{Roles: []string{"owner"}, OrganizationID: "acme"}, "write:invoice", true, ReasonGranted},
		{"owner holds nothing of the system", Holder{Roles: []string{"owner"}, OrganizationID: "acme"}, "read:system:users", false, ReasonNoRole},
		{"owner of one is nothing in another", Holder{Roles: []string{"owner"}}, "read:members", false, ReasonNoRole},
		{"system admin", Holder{Roles: []string{"system:admin"}}, "delete:system:users", true, ReasonGranted},
		{"system admin holds custom system permissions", Holder{Roles: []string{"system:admin"}}, "read:system:tickets", true, ReasonGranted},
		{"system custom role", Holder{Roles: []string{"system:support"}}, "read:system:tickets", true, ReasonGranted},
		{"bare admin is no system admin", Holder{Roles: []string{"admin"}, OrganizationID: "acme"}, "delete:system:users", false, ReasonNoRole},
		{"undefined role", Holder{Roles: []string{"gone"}, OrganizationID: "acme"}, "read:invoice", false, ReasonNoRole},
		{"nothing held", Holder{}, "read:invoice", false, ReasonNoHolder},
		{"malformed", Holder{Roles: []string{"system:admin"}}, "everything", false, ReasonMalformed},
		{"root", Root(), "delete:system:users", true, ReasonRoot},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := r.Decide(t.Context(), c.holder, c.permission)
			if err != nil {
				t.Fatal(err)
			}
			if d.Allowed != c.want || d.Reason != c.reason {
				t.Errorf("got %+v, want %v %s", d, c.want, c.reason)
			}
			if d.Allowed && !c.holder.Root && len(d.Matches) == 0 {
				t.Error("allowed without saying by what")
			}
			// The list and the decision never disagree.
			held, err := r.Permissions(t.Context(), c.holder.Roles, c.holder.OrganizationID)
			if err != nil {
				t.Fatal(err)
			}
			if _, listed := CoversAll(held, []string{c.permission}); !c.holder.Root && c.reason != ReasonMalformed && listed != d.Allowed {
				t.Errorf("the list says %v, the decision %v", listed, d.Allowed)
			}
		})
	}
}

func TestMayGrant(t *testing.T) {
	store := &table{roles: []storage.Role{acme("billing", "read:invoice"), acme("staff", "read:members")}}
	r, _ := resolver(t, store)
	in := func(roles ...string) Holder { return Holder{Roles: roles, OrganizationID: "acme"} }
	for _, c := range []struct {
		name   string
		holder Holder
		roles  []string
		want   bool
		reason Reason
	}{
		{"owner gives owner", in("owner"), []string{"owner"}, true, ReasonGranted},
		{"owner gives a custom role", in("owner"), []string{"billing"}, true, ReasonGranted},
		{"admin gives admin", in("admin"), []string{"admin", "member"}, true, ReasonGranted},
		{"admin cannot give owner", in("admin"), []string{"member", "owner"}, false, ReasonAboveOwn},
		{"admin cannot give what it lacks", in("admin"), []string{"billing"}, false, ReasonAboveOwn},
		{"admin with the role can", in("admin", "billing"), []string{"billing"}, true, ReasonGranted},
		{"a custom role below one's own", in("manager"), []string{"staff"}, true, ReasonGranted},
		{"an owner elsewhere", Holder{Roles: []string{"owner"}, OrganizationID: "globex"}, []string{"viewer"}, false, ReasonAboveOwn},
		{"system admin anywhere", Holder{Roles: []string{"system:admin"}}, []string{"owner"}, true, ReasonGranted},
		{"owner cannot give a system role", in("owner"), []string{"system:manager"}, false, ReasonAboveOwn},
		{"no such role", in("owner"), []string{"nobody"}, false, ReasonUndefined},
		{"no such role, even for root", Root(), []string{"nobody"}, false, ReasonUndefined},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := r.MayGrant(t.Context(), c.holder, "acme", c.roles)
			if err != nil {
				t.Fatal(err)
			}
			if d.Allowed != c.want || d.Reason != c.reason {
				t.Errorf("got %+v, want %v %s", d, c.want, c.reason)
			}
		})
	}
}

func TestUnreadableIsUnknownNotDenied(t *testing.T) {
	store := &table{err: errors.New("database is away")}
	r, _ := resolver(t, store)
	if _, err := r.Permissions(t.Context(), []string{"billing"}, "acme"); !errors.Is(err, ErrUnknown) {
		t.Errorf("Permissions: %v", err)
	}
	if _, err := r.Decide(t.Context(), Holder{Roles: []string{"billing"}, OrganizationID: "acme"}, "read:invoice"); !errors.Is(err, ErrUnknown) {
		t.Errorf("Decide: %v", err)
	}
	// What is built in needs no rows.
	if got, err := r.Permissions(t.Context(), []string{"viewer"}, "acme"); err != nil || !slices.Contains(got, "read:members") {
		t.Errorf("viewer: %v %v", got, err)
	}
}

func TestMemory(t *testing.T) {
	store := &table{roles: []storage.Role{acme("billing", "read:invoice")}}
	r, clk := resolver(t, store)
	ask := func() []string {
		t.Helper()
		got, err := r.Permissions(t.Context(), []string{"billing", "late"}, "acme")
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	ask()
	ask()
	if n := store.reads.Load(); n != 1 {
		t.Fatalf("%d reads for two questions at once", n)
	}
	// A role that another replica defined a moment ago is found without being told.
	store.roles = append(store.roles, acme("late", "read:late"))
	if slices.Contains(ask(), "read:late") {
		t.Fatal("read again within the same second")
	}
	clk.Advance(2 * time.Second)
	if !slices.Contains(ask(), "read:late") {
		t.Fatal("a role unknown to old definitions was not looked up")
	}
	// What was taken away is gone as soon as the configuration moves.
	store.roles = []storage.Role{acme("billing")}
	if !slices.Contains(ask(), "read:invoice") {
		t.Fatal("the answer was not remembered")
	}
	r.Configure(2)
	if got := ask(); len(got) != 0 {
		t.Fatalf("after a change: %v", got)
	}
}

// slow answers with what was true when it was asked, after the world moved on.
type slow struct {
	asked, go_ chan struct{}
	first      atomic.Bool
	old, new   []storage.Role
}

func (s *slow) ListRoles(context.Context, string) ([]storage.Role, error) {
	if s.first.CompareAndSwap(false, true) {
		close(s.asked)
		<-s.go_
		return s.old, nil
	}
	return s.new, nil
}

func TestASlowReadDoesNotReviveWhatChanged(t *testing.T) {
	store := &slow{asked: make(chan struct{}), go_: make(chan struct{}), old: []storage.Role{acme("billing", "read:invoice")}, new: []storage.Role{acme("billing")}}
	r, _ := resolver(t, store)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, err := r.Permissions(context.Background(), []string{"billing"}, "acme"); err != nil {
			t.Error(err)
		}
	}()
	<-store.asked
	r.Configure(2)
	close(store.go_)
	<-done
	got, err := r.Permissions(t.Context(), []string{"billing"}, "acme")
	if err != nil || len(got) != 0 {
		t.Fatalf("got %v, %v", got, err)
	}
}

func BenchmarkPermissions(b *testing.B) {
	store := &table{roles: []storage.Role{acme("billing", "read:invoice", "write:invoice")}}
	r, err := NewResolver(store, fakeclock.New(time.Unix(1, 0)))
	if err != nil {
		b.Fatal(err)
	}
	roles := []string{"owner", "billing", "system:user"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Permissions(b.Context(), roles, "acme"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	store := &table{roles: []storage.Role{acme("billing", "read:invoice", "write:invoice")}}
	r, err := NewResolver(store, fakeclock.New(time.Unix(1, 0)))
	if err != nil {
		b.Fatal(err)
	}
	h := Holder{Roles: []string{"owner", "billing", "system:user"}, OrganizationID: "acme"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Decide(b.Context(), h, "write:invoice"); err != nil {
			b.Fatal(err)
		}
	}
}
