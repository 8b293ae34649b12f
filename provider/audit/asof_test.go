package audit_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/audit"
	"github.com/signet-idp/signet/provider/change/changetest"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/org"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/storage"
)

// world is people and organizations whose roles change.
type world struct {
	*changetest.Fixture
	users     *user.Service
	orgs      *org.Service
	access    *access.Service
	sequencer *event.Sequencer
	people    []string
	tenants   []string
}

func newWorld(t *testing.T, f *changetest.Fixture) *world {
	t.Helper()
	w := &world{Fixture: f, orgs: org.New(f.Store, f.Resolver, f.Changes), access: access.NewService(f.Store, f.Resolver, f.Changes)}
	w.users = user.New(f.Store, user.StoreSessions{Sessions: f.Store, Grants: f.Store}, w.orgs, f.Resolver, f.Changes)
	w.users.DeletionGrace = time.Hour
	var err error
	if w.sequencer, err = event.NewSequencer(event.SequencerConfig{Store: f.Store, Clock: f.Clock, Holder: "a"}); err != nil {
		t.Fatal(err)
	}
	return w
}

// step makes one random change. What the rules refuse changes nothing.
func (w *world) step(t *testing.T, rnd *rand.Rand) {
	t.Helper()
	ctx, root := t.Context(), access.Root()
	someone := func() string { return w.people[rnd.IntN(len(w.people))] }
	tenant := func() string { return w.tenants[rnd.IntN(len(w.tenants))] }
	roles := func(of ...string) []string {
		return slices.DeleteFunc(slices.Clone(of), func(string) bool { return rnd.IntN(2) == 0 })
	}
	switch n := rnd.IntN(12); {
	case n == 0 || len(w.people) < 3:
		u, err := w.users.Create(ctx, root, user.Account{
			Email: fmt.Sprintf("p%d@acme.test", len(w.people)), Source: "admin", SystemRoles: [][]string{nil, {"user", "admin"}}[rnd.IntN(2)],
		})
		if err != nil {
			t.Fatal(err)
		}
		w.people = append(w.people, u.ID)
	case n == 1 || len(w.tenants) < 2:
		if o, err := w.orgs.Create(ctx, org.Organization{Name: fmt.Sprint("Tenant ", len(w.tenants)), OwnerID: someone(), Source: "admin"}); err == nil {
			w.tenants = append(w.tenants, o.ID)
		}
	case n < 5:
		_, _ = w.orgs.AddMember(ctx, root, tenant(), someone(), append(roles("admin", "manager", "custom"), "member"), "admin")
	case n < 7:
		_, _ = w.orgs.ChangeRoles(ctx, root, tenant(), someone(), append(roles("owner", "admin", "custom"), "viewer"), "admin")
	case n == 7:
		_ = w.orgs.RemoveMember(ctx, root, tenant(), someone(), false, "admin")
	case n == 8:
		_, _ = w.users.SetSystemRoles(ctx, root, someone(), append(roles("admin", "manager"), "user"))
	case n == 9:
		_, _ = w.access.Put(ctx, root, storage.Role{Scope: storage.ScopeOrganization, OrganizationID: tenant(), Name: "custom", Permissions: []string{"read:invoice"}})
	case n == 10:
		_ = w.access.Delete(ctx, root, storage.ScopeOrganization, tenant(), "custom")
	case rnd.IntN(2) == 0:
		_, _ = w.users.Delete(ctx, someone(), "own_wish")
	default:
		_, _ = w.users.Restore(ctx, someone(), "own_wish")
	}
}

// live reads the tables: place to roles.
func (w *world) live(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, id := range w.people {
		system, err := w.Store.SystemRoles(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if len(system) > 0 {
			slices.Sort(system)
			out["/"+id] = strings.Join(system, " ")
		}
		members, err := w.Store.MembershipsOf(t.Context(), id, "", 500)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range members {
			slices.Sort(m.Roles)
			out[m.OrganizationID+"/"+id] = strings.Join(m.Roles, " ")
		}
	}
	return out
}

func (w *world) asOf(t *testing.T, m audit.Moment) map[string]string {
	t.Helper()
	answer, err := audit.AsOf(t.Context(), w.Store, m)
	if err != nil || answer.Incomplete {
		t.Fatal(answer.Incomplete, err)
	}
	out := map[string]string{}
	for _, h := range answer.Holdings {
		out[h.Organization+"/"+h.User] = strings.Join(h.Roles, " ")
	}
	return out
}

// The record says of every moment what the tables said then.
func TestAsOf(t *testing.T) {
	t.Parallel()
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		w := newWorld(t, fs[0])
		rnd := rand.New(rand.NewPCG(7, 7))
		type snapshot struct {
			at   time.Time
			held map[string]string
		}
		var then []snapshot
		for range 150 {
			w.step(t, rnd)
			then = append(then, snapshot{w.Clock.Now(), w.live(t)})
			w.Clock.Advance(time.Second)
		}
		for {
			if n, err := w.sequencer.Tick(t.Context()); err != nil {
				t.Fatal(err)
			} else if n == 0 {
				break
			}
		}
		if len(then[len(then)-1].held) < 10 {
			t.Fatalf("little happened: %v", then[len(then)-1].held)
		}
		for i, s := range then {
			if got := w.asOf(t, audit.Moment{Time: s.at}); !maps.Equal(got, s.held) {
				t.Fatalf("step %d: the record says\n%v, the tables said\n%v", i, got, s.held)
			}
		}
		last := then[len(then)-1]
		for _, person := range w.people[:3] {
			got := w.asOf(t, audit.Moment{Time: last.at, User: person})
			for place, roles := range last.held {
				if strings.HasSuffix(place, "/"+person) && got[place] != roles {
					t.Errorf("of one person: %v", got)
				}
			}
		}
		got := w.asOf(t, audit.Moment{Time: last.at, Organization: w.tenants[0]})
		for place, roles := range last.held {
			if strings.HasPrefix(place, w.tenants[0]) && got[place] != roles {
				t.Errorf("of one organization: %v", got)
			}
		}
	})
}
