package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/provider/gate"
	"github.com/signet-idp/signet/provider/org"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/provider/user/password"
	"github.com/signet-idp/signet/storage"
)

// check looks at everything in a file before anything is done.
type check struct {
	problems
	applier  *Applier
	file     *File
	warnings []string
}

func (c *check) all(ctx context.Context) error {
	for _, look := range []func(context.Context) error{c.organizations, c.roles, c.users, c.resources, c.clients, c.gates, c.webhooks, c.owners} {
		if err := look(ctx); err != nil {
			return fmt.Errorf("apply: check: %w", err)
		}
	}
	return c.err()
}

// once notes a key that stands twice.
func (c *check) once(seen map[string]string, key, path string) {
	if first, twice := seen[key]; twice {
		c.add(path, "this is declared twice, first as %s", first)
		return
	}
	seen[key] = path
}

func (c *check) organizations(context.Context) error {
	seen := map[string]string{}
	for i, o := range c.file.Organizations {
		path := fmt.Sprintf("organizations[%d]", i)
		if o.Name == "" {
			c.add(path+".name", "an organization has a name")
		}
		if !org.ValidSlug(o.Slug) {
			c.add(path+".slug", "a slug is 1 to 63 of a-z, 0-9 and -, with no - at either end")
		}
		c.id(path, o.ID)
		c.status(path, o.Status)
		if _, err := org.NormalizeProfile(o.Profile); err != nil {
			c.fault(path+".profile", err)
		}
		c.once(seen, o.Slug, path)
	}
	return nil
}

func (c *check) id(path, id string) {
	if id == "" {
		return
	}
	if parsed, err := uuid.Parse(id); err != nil || parsed.String() != id {
		c.add(path+".id", "an id is a UUID in lower case")
	}
}

func (c *check) status(path, status string) {
	if !slices.Contains([]string{"", "active", "suspended"}, status) {
		c.add(path+".status", "a status is active or suspended")
	}
}

func (c *check) roles(ctx context.Context) error {
	seen := map[string]string{}
	for i, r := range c.file.Roles {
		path := fmt.Sprintf("roles[%d]", i)
		row := storage.Role{Scope: storage.ScopeSystem, Name: r.Name, Description: r.Description, Permissions: r.Permissions}
		if r.Organization != "" {
			row.Scope, row.OrganizationID = storage.ScopeOrganization, r.Organization // any id will do
			if err := c.organization(ctx, path+".organization", r.Organization); err != nil {
				return err
			}
		}
		if _, err := access.Normalize(row); err != nil {
			c.fault(path, err)
		}
		c.once(seen, r.Organization+"/"+r.Name, path)
	}
	return nil
}

// organization notes a slug that neither the file nor the store knows.
func (c *check) organization(ctx context.Context, path, slug string) error {
	if slices.ContainsFunc(c.file.Organizations, func(o Organization) bool { return o.Slug == slug }) {
		return nil
	}
	o, err := c.applier.Store.OrganizationBySlug(ctx, slug)
	if errors.Is(err, storage.ErrNotFound) || err == nil && o.Status == storage.OrganizationDeleted {
		c.add(path, "there is no organization %q, in this file or installed", slug)
		return nil
	}
	return err
}

// held notes a role that is neither built in nor in the file nor installed.
func (c *check) held(ctx context.Context, path string, scope storage.RoleScope, slug, name string) error {
	if access.Builtin(scope, name) || slices.ContainsFunc(c.file.Roles, func(r Role) bool { return r.Organization == slug && r.Name == name }) {
		return nil
	}
	home := ""
	if scope == storage.ScopeOrganization {
		o, err := c.applier.Store.OrganizationBySlug(ctx, slug)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		if home = o.ID; home == "" {
			c.add(path, "there is no role %q in the organization %q", name, slug)
			return nil
		}
	}
	_, err := c.applier.Store.Role(ctx, scope, home, name)
	if errors.Is(err, storage.ErrNotFound) {
		where := "of the system"
		if slug != "" {
			where = fmt.Sprintf("in the organization %q", slug)
		}
		c.add(path, "there is no role %q %s", name, where)
		return nil
	}
	return err
}

func (c *check) users(ctx context.Context) error {
	seen := map[string]string{}
	for i, u := range c.file.Users {
		path := fmt.Sprintf("users[%d]", i)
		canonical, err := user.Canonical(u.Email)
		if err != nil {
			c.add(path+".email", "write an e-mail address such as alice@example.com")
		} else {
			c.once(seen, canonical, path)
		}
		c.id(path, u.ID)
		c.status(path, u.Status)
		c.password(path, u)
		if _, err := user.NormalizeProfile(u.Profile); err != nil {
			c.fault(path, err)
		}
		for j, role := range u.Roles {
			if err := c.held(ctx, fmt.Sprintf("%s.roles[%d]", path, j), storage.ScopeSystem, "", role); err != nil {
				return err
			}
		}
		if err := c.memberships(ctx, path, u.Organizations); err != nil {
			return err
		}
	}
	return nil
}

func (c *check) memberships(ctx context.Context, path string, list []Membership) error {
	seen := map[string]string{}
	for i, m := range list {
		at := fmt.Sprintf("%s.organizations[%d]", path, i)
		c.once(seen, m.Slug, at)
		if err := c.organization(ctx, at+".slug", m.Slug); err != nil {
			return err
		}
		if len(m.Roles) == 0 {
			c.add(at, "a member holds at least one role, such as member")
		}
		for j, role := range m.Roles {
			if err := c.held(ctx, fmt.Sprintf("%s.roles[%d]", at, j), storage.ScopeOrganization, m.Slug, role); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *check) password(path string, u User) {
	switch {
	case u.Password != "" && u.PasswordHash != "":
		c.add(path+".password_hash", "give password or password_hash, not both")
	case u.PasswordHash != "":
		if _, err := password.Recognize(u.PasswordHash); err != nil {
			c.add(path+".password_hash", "%s; there are bcrypt, argon2id, pbkdf2 and scrypt strings", err)
		}
	case u.Password != "":
		switch err := c.applier.Policy.Check(u.Password, password.WordsOf(u.Email, u.Profile)...); {
		case errors.Is(err, password.ErrPassword) || errors.Is(err, password.ErrTooLong):
			c.add(path+".password", "%s", err)
		case err != nil:
			c.warnings = append(c.warnings, fmt.Sprintf("%s: %s", path+".password", err))
		}
	}
}

func (c *check) resources(ctx context.Context) error {
	seen := map[string]string{}
	for i, r := range c.file.Resources {
		path := fmt.Sprintf("resources[%d]", i)
		c.once(seen, r.Identifier, path)
		if r.TokenLifetime < 0 || r.TokenLifetime > 1e9 { // or it overflows a duration
			c.add(path+".token_lifetime", "0 (the default) to 86400 seconds")
			continue
		}
		if _, err := client.NormalizeResource(r.row("")); err != nil {
			c.fault(path, err)
		}
		if r.Organization != "" {
			if err := c.organization(ctx, path+".organization", r.Organization); err != nil {
				return err
			}
		}
	}
	return nil
}

// row is the record that a resource is kept as.
func (r Resource) row(organizationID string) storage.Resource {
	return storage.Resource{
		Identifier: r.Identifier, OrganizationID: organizationID, Name: r.Name, Scopes: r.Scopes, SigningAlg: r.SigningAlg,
		TokenLifetime: time.Duration(r.TokenLifetime) * time.Second, Introspectors: r.Introspectors, ManagedBy: ManagedBy,
	}
}

func (c *check) gates(ctx context.Context) error {
	seen := map[string]string{}
	for i, g := range c.file.Gates {
		path := fmt.Sprintf("gates[%d]", i)
		c.once(seen, g.Name, path)
		if g.MaxAge < 0 || g.MaxAge > 1e9 { // or it overflows a duration
			c.add(path+".max_age", "seconds, at most a year")
			continue
		}
		if _, err := gate.Normalize(g.row("")); err != nil {
			c.fault(path, err)
		}
		if g.Organization != "" {
			if err := c.organization(ctx, path+".organization", g.Organization); err != nil {
				return err
			}
		}
	}
	return nil
}

// row is the record that a gate is kept as.
func (g Gate) row(organizationID string) storage.Gate {
	return storage.Gate{
		Name: g.Name, Audience: g.Audience, Scopes: g.Scopes, Roles: g.Roles, OrganizationID: organizationID, ACR: g.ACR,
		MaxAge: time.Duration(g.MaxAge) * time.Second, Style: g.Style, Fail: g.Fail, Browser: g.Browser, ManagedBy: ManagedBy,
	}
}

// goodSecret is the length from which a secret is not guessed.
const goodSecret = 32

func (c *check) clients(ctx context.Context) error {
	seen := map[string]string{}
	for i, cl := range c.file.Clients {
		path := fmt.Sprintf("clients[%d]", i)
		if !client.ValidID(cl.ClientID) {
			c.add(path+".client_id", "a client_id is 1 to 128 of A-Z a-z 0-9 . _ ~ : -, and no UUID")
		} else {
			c.once(seen, cl.ClientID, path)
		}
		m, err := client.Normalize(cl.ClientMetadata)
		if err != nil {
			c.fault(path, err)
		} else if cl.ClientSecret != "" && !client.NeedsSecret(m) {
			c.add(path+".client_secret", "a client with %s has no secret", m.TokenEndpointAuthMethod)
		}
		switch {
		case len(cl.ClientSecret) > 256:
			c.add(path+".client_secret", "a secret is 1 to 256 visible ASCII characters; leave it out to have one made")
		case cl.ClientSecret != "" && len(cl.ClientSecret) < goodSecret:
			c.warnings = append(c.warnings, fmt.Sprintf("%s.client_secret is shorter than %d characters; leave it out to have one made", path, goodSecret))
		}
		if cl.Organization == "" {
			if len(cl.Roles) > 0 {
				c.add(path+".roles", "a client's roles hold in its organization, and it has none")
			}
			continue
		}
		if err := c.organization(ctx, path+".organization", cl.Organization); err != nil {
			return err
		}
		for j, role := range cl.Roles {
			if err := c.held(ctx, fmt.Sprintf("%s.roles[%d]", path, j), storage.ScopeOrganization, cl.Organization, role); err != nil {
				return err
			}
		}
	}
	return nil
}

// owners warns of organizations that nobody of the file owns and that are new.
func (c *check) owners(ctx context.Context) error {
	for i, o := range c.file.Organizations {
		owned := slices.ContainsFunc(c.file.Users, func(u User) bool {
			return slices.ContainsFunc(u.Organizations, func(m Membership) bool { return m.Slug == o.Slug && slices.Contains(m.Roles, access.Owner) })
		})
		if owned {
			continue
		}
		_, err := c.applier.Store.OrganizationBySlug(ctx, o.Slug)
		if errors.Is(err, storage.ErrNotFound) {
			c.warnings = append(c.warnings, fmt.Sprintf("organizations[%d]: nobody in this file owns %s", i, o.Slug))
		} else if err != nil {
			return err
		}
	}
	return nil
}
