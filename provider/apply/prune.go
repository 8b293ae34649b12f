package apply

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/storage"
)

const page = 500

// prune ends what a file created and this one does not declare, from what
// refers to others towards what is referred to.
func (r *run) prune(ctx context.Context) error {
	for _, step := range []func(context.Context) error{r.pruneGates, r.pruneClients, r.pruneResources, r.pruneUsers, r.pruneOrganizations, r.pruneRoles} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) pruneClients(ctx context.Context) error {
	declared := set(r.file.Clients, func(c Client) string { return c.ClientID })
	return pages(func(after string) (string, int, error) {
		list, err := r.Store.ListClients(ctx, after, page)
		if err != nil {
			return "", 0, err
		}
		for _, c := range list {
			after = c.ClientID
			if c.ManagedBy != ManagedBy || declared[c.ClientID] {
				continue
			}
			if err := r.Clients.Delete(ctx, c.ClientID, "pruned"); err != nil {
				return "", 0, err
			}
			r.done(Deleted, "client", c.ClientID, nil)
		}
		return after, len(list), nil
	})
}

func (r *run) pruneGates(ctx context.Context) error {
	declared := set(r.file.Gates, func(g Gate) string { return g.Name })
	return pages(func(after string) (string, int, error) {
		list, err := r.Store.ListGates(ctx, after, page)
		if err != nil {
			return "", 0, err
		}
		for _, g := range list {
			after = g.Name
			if g.ManagedBy != ManagedBy || declared[g.Name] {
				continue
			}
			if err := r.Gates.Delete(ctx, g.Name); err != nil {
				return "", 0, err
			}
			r.done(Deleted, "gate", g.Name, nil)
		}
		return after, len(list), nil
	})
}

func (r *run) pruneResources(ctx context.Context) error {
	declared := set(r.file.Resources, func(x Resource) string { return x.Identifier })
	return pages(func(after string) (string, int, error) {
		list, err := r.Store.ListResources(ctx, after, page)
		if err != nil {
			return "", 0, err
		}
		for _, x := range list {
			after = x.Identifier
			if x.ManagedBy != ManagedBy || declared[x.Identifier] {
				continue
			}
			if err := r.Clients.DeleteResource(ctx, x.Identifier, "pruned"); err != nil {
				return "", 0, err
			}
			r.done(Deleted, "resource", x.Identifier, nil)
		}
		return after, len(list), nil
	})
}

func (r *run) pruneUsers(ctx context.Context) error {
	declared := set(r.file.Users, func(u User) string {
		canonical, _ := user.Canonical(u.Email) // checked before
		return canonical
	})
	return pages(func(after string) (string, int, error) {
		list, err := r.Store.ListUsers(ctx, after, page)
		if err != nil {
			return "", 0, err
		}
		for _, u := range list {
			after = u.ID
			if u.ManagedBy != ManagedBy || u.Status != storage.UserActive || declared[u.EmailCanonical] {
				continue
			}
			if _, err := r.Users.SetStatus(ctx, u.ID, storage.UserSuspended, "pruned"); err != nil {
				return "", 0, err
			}
			r.done(Suspended, "user", u.Email, nil)
		}
		return after, len(list), nil
	})
}

func (r *run) pruneOrganizations(ctx context.Context) error {
	declared := set(r.file.Organizations, func(o Organization) string { return o.Slug })
	return r.eachOrganization(ctx, func(o storage.Organization) error {
		if o.ManagedBy != ManagedBy || o.Status != storage.OrganizationActive || declared[o.Slug] {
			return nil
		}
		_, err := r.Orgs.SetStatus(ctx, o.ID, storage.OrganizationSuspended, "pruned")
		r.done(Suspended, "organization", o.Slug, nil)
		return err
	})
}

func (r *run) pruneRoles(ctx context.Context) error {
	declared := set(r.file.Roles, func(x Role) string { return x.Organization + "/" + x.Name })
	of := func(id, slug string) error {
		roles, err := r.Store.ListRoles(ctx, id)
		if err != nil {
			return err
		}
		for _, x := range roles {
			if x.ManagedBy != ManagedBy || declared[slug+"/"+x.Name] {
				continue
			}
			if err := r.Access.Delete(ctx, access.Root(), x.Scope, id, x.Name); err != nil {
				return err
			}
			r.done(Deleted, "role", strings.TrimPrefix(slug+"/"+x.Name, "/"), nil)
		}
		return nil
	}
	if err := of("", ""); err != nil {
		return err
	}
	return r.eachOrganization(ctx, func(o storage.Organization) error { return of(o.ID, o.Slug) })
}

func (a *Applier) eachOrganization(ctx context.Context, do func(storage.Organization) error) error {
	return pages(func(after string) (string, int, error) {
		list, err := a.Store.ListOrganizations(ctx, after, page)
		if err != nil {
			return "", 0, err
		}
		for _, o := range list {
			after = o.ID
			if o.Status == storage.OrganizationDeleted {
				continue
			}
			if err := do(o); err != nil {
				return "", 0, err
			}
		}
		return after, len(list), nil
	})
}

// pages calls next with the key after which to go on, until a page is not full.
func pages(next func(after string) (last string, n int, err error)) error {
	for after := ""; ; {
		last, n, err := next(after)
		if err != nil || n < page {
			return err
		}
		after = last
	}
}

func set[T any](list []T, key func(T) string) map[string]bool {
	out := make(map[string]bool, len(list))
	for _, item := range list {
		out[key(item)] = true
	}
	return out
}

// sameJSON says whether two values are the same once written as JSON.
func sameJSON(a, b any) bool {
	x, okX := plain(a)
	y, okY := plain(b)
	return okX && okY && reflect.DeepEqual(x, y)
}

func plain(v any) (out any, ok bool) {
	raw, err := json.Marshal(v)
	ok = err == nil && json.Unmarshal(raw, &out) == nil
	return out, ok
}
