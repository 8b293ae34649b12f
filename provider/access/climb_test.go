package access_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/change/changetest"
	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/org"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/storage"
)

// plainSecrets is a client.SecretKeeper for tests that look at no secret.
type plainSecrets struct{}

func (plainSecrets) Hash(secret string) []byte               { return []byte(secret) }
func (plainSecrets) VerifySecret(hash []byte, s string) bool { return string(hash) == s }

// climb is a small world in which anybody tries to give anybody anything.
type climb struct {
	f         *changetest.Fixture
	roles     *access.Service
	orgs      *org.Service
	users     *user.Service
	clients   *client.Service
	version   int64
	people    []string
	services  []string // client_ids: one of each organization, one of the system
	homes     map[string]string
	tenants   []string // organization ids; "" is the system
	customOrg []string
	customSys []string
}

func newClimb(rt *rapid.T, f *changetest.Fixture) *climb {
	w := &climb{
		f: f, roles: access.NewService(f.Store, f.Resolver, f.Changes), orgs: org.New(f.Store, f.Resolver, f.Changes),
		clients: client.NewService(f.Store, plainSecrets{}, f.Resolver, f.Changes), homes: map[string]string{}, tenants: []string{""},
		customOrg: []string{"billing", "support"},
	}
	w.users = user.New(f.Store, user.StoreSessions{Sessions: f.Store, Grants: f.Store}, w.orgs, f.Resolver, f.Changes)
	ctx := context.Background()
	must := func(err error) {
		if err != nil {
			rt.Fatal(err)
		}
	}
	// System roles are shared by all rounds on one database: names of this round only.
	tag := storage.NewID()
	w.customSys = []string{"sa" + tag[24:], "sb" + tag[24:]}
	for i := range 5 {
		u, err := w.users.Create(ctx, access.Root(), user.Account{Email: fmt.Sprintf("p%d-%s@acme.test", i, tag)})
		must(err)
		w.people = append(w.people, u.ID)
	}
	_, err := w.users.SetSystemRoles(ctx, access.Root(), w.people[0], []string{access.SystemAdmin, access.SystemUser})
	must(err)
	for i := range 2 {
		o, err := w.orgs.Create(ctx, org.Organization{Name: fmt.Sprintf("o%d %s", i, tag), Slug: fmt.Sprintf("o%d-%s", i, tag[24:]), OwnerID: w.people[1+i]})
		must(err)
		w.tenants = append(w.tenants, o.ID)
	}
	for i, home := range w.tenants {
		c, _, err := w.clients.Create(ctx, access.Root(), client.Registration{
			ClientID: fmt.Sprintf("c%d-%s", i, tag), OrganizationID: home,
			Metadata: storage.ClientMetadata{GrantTypes: []string{client.GrantClient}},
		})
		must(err)
		w.services = append(w.services, c.ClientID)
		w.homes[c.ClientID] = home
	}
	return w
}

// held is what somebody holds: the roles, as in a token, in one organization
// (or in none but the system).
func (w *climb) held(rt *rapid.T, who, organization string) []string {
	ctx := context.Background()
	var out []string
	if home, service := w.homes[who]; service {
		c, err := w.f.Store.ClientByID(ctx, who)
		if err != nil {
			rt.Fatal(err)
		}
		if home == "" || home == organization {
			out = c.Metadata.Roles
		}
		return out
	}
	system, err := w.f.Store.SystemRoles(ctx, who)
	if err != nil {
		rt.Fatal(err)
	}
	for _, r := range system {
		out = append(out, access.TokenRole(storage.ScopeSystem, r))
	}
	if organization == "" {
		return out
	}
	if m, err := w.f.Store.Membership(ctx, organization, who); err == nil {
		out = append(out, m.Roles...)
	}
	return out
}

// rights are permissions in one place; all of its organization, or of the system.
type rights struct {
	permissions     map[string]bool
	owner, sysadmin bool
}

// rights reads from the rows what somebody may do, by a computation of the
// test's own: the resolver under test has no part in it.
func (w *climb) rights(rt *rapid.T, who, organization string) rights {
	out := rights{permissions: map[string]bool{}}
	defined := map[string][]string{}
	for _, b := range access.Builtins() {
		defined[access.TokenRole(b.Scope, b.Name)] = b.Permissions
	}
	var custom []string // what the roles of the place define
	for _, home := range []string{"", organization} {
		rows, err := w.f.Store.ListRoles(context.Background(), home)
		if err != nil {
			rt.Fatal(err)
		}
		for _, r := range rows {
			defined[access.TokenRole(r.Scope, r.Name)] = r.Permissions
			if r.Scope == storage.ScopeOrganization {
				custom = append(custom, r.Permissions...)
			}
		}
	}
	for _, role := range w.held(rt, who, organization) {
		for _, p := range defined[role] {
			out.permissions[p] = true
		}
		switch role {
		case access.Owner:
			out.owner = true
		case "system:" + access.SystemAdmin:
			out.sysadmin = true
		default:
			continue
		}
		for _, p := range custom {
			out.permissions[p] = true
		}
	}
	return out
}

// mayGive says whether these rights include p, so that who has them may give it.
func (r rights) mayGive(p string) bool {
	if r.sysadmin || r.owner && !access.OfSystem(p) {
		return true
	}
	for have := range r.permissions {
		if access.Covers(have, p) {
			return true
		}
	}
	return false
}

// everybody's rights everywhere.
func (w *climb) snapshot(rt *rapid.T) map[[2]string]rights {
	out := map[[2]string]rights{}
	for _, who := range slices.Concat(w.people, w.services) {
		for _, place := range w.tenants {
			out[[2]string{who, place}] = w.rights(rt, who, place)
		}
	}
	return out
}

func (w *climb) holder(rt *rapid.T, who, organization string) access.Holder {
	return access.Holder{Roles: w.held(rt, who, organization), OrganizationID: organization}
}

// step lets somebody try something; it returns who, and what.
func (w *climb) step(rt *rapid.T) (actor, what string, err error) {
	actor = rapid.SampledFrom(slices.Concat(w.people, w.services)).Draw(rt, "actor")
	target := rapid.SampledFrom(w.people).Draw(rt, "target")
	place := rapid.SampledFrom(w.tenants[1:]).Draw(rt, "organization")
	kind := event.ActorUser
	if _, service := w.homes[actor]; service {
		kind = event.ActorClient
	}
	ctx := event.WithActor(context.Background(), event.Actor{ID: actor, Kind: kind})
	orgRoles := rapid.SliceOfNDistinct(rapid.SampledFrom(append([]string{
		access.Owner, access.Admin, access.Manager, access.Member, access.Viewer, "system:admin",
	}, w.customOrg...)), 1, 3, rapid.ID[string])
	sysRoles := rapid.SliceOfNDistinct(rapid.SampledFrom(append([]string{
		access.SystemAdmin, access.SystemManager, access.SystemUser, access.Owner,
	}, w.customSys...)), 0, 3, rapid.ID[string])
	permissions := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{
		"read:invoice", "read:*", "write:members", "delete:organization", "read:members", "write:roles",
		"read:system:users", "write:system:keys", "write:system:*", "write:system:clients",
	}), 0, 4, rapid.ID[string])
	switch what = rapid.SampledFrom([]string{
		"add member", "change roles", "remove member", "system roles", "put role", "put system role", "delete role", "delete system role", "client",
	}).Draw(rt, "what"); what {
	case "add member":
		_, err = w.orgs.AddMember(ctx, w.holder(rt, actor, place), place, target, orgRoles.Draw(rt, "roles"), "test")
	case "change roles":
		_, err = w.orgs.ChangeRoles(ctx, w.holder(rt, actor, place), place, target, orgRoles.Draw(rt, "roles"), "test")
	case "remove member":
		err = w.orgs.RemoveMember(ctx, w.holder(rt, actor, place), place, target, actor == target, "test")
	case "system roles":
		_, err = w.users.SetSystemRoles(ctx, w.holder(rt, actor, ""), target, sysRoles.Draw(rt, "roles"))
	case "put role":
		_, err = w.roles.Put(ctx, w.holder(rt, actor, place), storage.Role{
			Scope: storage.ScopeOrganization, OrganizationID: place, Name: rapid.SampledFrom(w.customOrg).Draw(rt, "name"), Permissions: permissions.Draw(rt, "permissions"),
		})
	case "put system role":
		_, err = w.roles.Put(ctx, w.holder(rt, actor, ""), storage.Role{
			Scope: storage.ScopeSystem, Name: rapid.SampledFrom(w.customSys).Draw(rt, "name"), Permissions: permissions.Draw(rt, "permissions"),
		})
	case "delete role":
		err = w.roles.Delete(ctx, w.holder(rt, actor, place), storage.ScopeOrganization, place, rapid.SampledFrom(w.customOrg).Draw(rt, "name"))
	case "delete system role":
		err = w.roles.Delete(ctx, w.holder(rt, actor, ""), storage.ScopeSystem, "", rapid.SampledFrom(w.customSys).Draw(rt, "name"))
	case "client":
		id := rapid.SampledFrom(w.services).Draw(rt, "client")
		m := storage.ClientMetadata{GrantTypes: []string{client.GrantClient}}
		if home := w.homes[id]; home != "" {
			m.Roles = orgRoles.Draw(rt, "roles")
		} else {
			for _, r := range sysRoles.Draw(rt, "roles") {
				m.Roles = append(m.Roles, access.TokenRole(storage.ScopeSystem, r))
			}
		}
		_, err = w.clients.Update(ctx, w.holder(rt, actor, w.homes[id]), id, m, "test")
	}
	w.version++
	w.f.Resolver.Configure(w.version) // as the feed would
	return actor, what, err
}

// No sequence of giving, taking, defining and registering, by anybody, lets
// anybody have a permission that was not given by one who had it. Each step is
// held against the rights of its actor before it, so the chain reaches back to
// what the operator gave at the start.
func TestNobodyClimbs(t *testing.T) {
	succeeded := map[string]int{} // on both engines
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		rounds := 0
		rapid.Check(t, func(rt *rapid.T) {
			if rounds++; rounds > 30 && len(fs) > 1 {
				return // the rules are the same; a server far away is only slower
			}
			w := newClimb(rt, fs[0])
			before := w.snapshot(rt)
			for range rapid.IntRange(5, 30).Draw(rt, "steps") {
				actor, what, err := w.step(rt)
				if err != nil && fault.CodeOf(err) == fault.Internal {
					rt.Fatalf("%s: %v", what, err)
				}
				if err == nil {
					succeeded[what]++
				}
				after := w.snapshot(rt)
				for at, now := range after {
					for p := range now.permissions {
						if before[at].permissions[p] {
							continue
						}
						if err != nil {
							rt.Fatalf("%s failed (%v) and %s gained %s", what, err, at[0], p)
						}
						if !before[[2]string{actor, at[1]}].mayGive(p) && !before[[2]string{actor, ""}].mayGive(p) {
							rt.Fatalf("%s by %s gave %s the permission %s in %q, which the giver lacked", what, actor, at[0], p, at[1])
						}
					}
				}
				before = after
			}
		})
	})
	for _, what := range []string{"add member", "change roles", "system roles", "put role", "put system role", "client"} {
		if succeeded[what] == 0 {
			t.Errorf("%s never went through: the test proves nothing about it", what)
		}
	}
	t.Logf("went through: %v", succeeded)
}

// Who gave a role is kept with it, and a role that stays keeps its giver.
func TestAssignedBy(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		f := fs[0]
		orgs := org.New(f.Store, f.Resolver, f.Changes)
		organization(t, f, acme, "acme")
		member(t, f, "019b7d00-0000-7000-8000-0000000000a1", acme, "owner")
		const u = "019b7d00-0000-7000-8000-0000000000a2"
		person := storage.User{ID: u, Email: "u@acme.test", EmailCanonical: "u@acme.test", Profile: map[string]any{}, Status: storage.UserActive, Version: 1, CreatedAt: f.Clock.Now()}
		if err := f.Store.InsertUser(t.Context(), person); err != nil {
			t.Fatal(err)
		}
		by := func(id string) context.Context {
			return event.WithActor(t.Context(), event.Actor{ID: id, Kind: event.ActorUser})
		}
		if _, err := orgs.AddMember(by("first"), access.Root(), acme, u, []string{"member"}, "test"); err != nil {
			t.Fatal(err)
		}
		if _, err := orgs.ChangeRoles(by("second"), access.Root(), acme, u, []string{"member", "manager"}, "test"); err != nil {
			t.Fatal(err)
		}
		list, err := f.Store.RoleAssignments(t.Context(), u, acme)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, a := range list {
			got[a.Role] = a.AssignedBy
		}
		if got["member"] != "first" || got["manager"] != "second" {
			t.Errorf("given by %v", got)
		}
	})
}
