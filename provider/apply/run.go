package apply

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/gate"
	"github.com/signet-idp/signet/provider/org"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/storage"
)

// run is one application of a file, inside its transaction.
type run struct {
	*Applier
	file    *File
	options Options
	hashes  map[string]string // of first passwords, by canonical address
	report  *Report
	orgs    map[string]string // ids by slug
}

// all goes from what others refer to towards what refers to it.
func (r *run) all(ctx context.Context) error {
	for i := range r.file.Organizations {
		if err := r.at("organizations", i, r.organization(ctx, &r.file.Organizations[i])); err != nil {
			return err
		}
	}
	for i := range r.file.Roles {
		if err := r.at("roles", i, r.role(ctx, &r.file.Roles[i])); err != nil {
			return err
		}
	}
	for i := range r.file.Users {
		if err := r.at("users", i, r.user(ctx, &r.file.Users[i])); err != nil {
			return err
		}
	}
	// Owners first: somebody may hand an organization over.
	for _, owners := range []bool{true, false} {
		for i := range r.file.Users {
			if err := r.at("users", i, r.memberships(ctx, &r.file.Users[i], owners)); err != nil {
				return err
			}
		}
	}
	for i := range r.file.Resources {
		if err := r.at("resources", i, r.resource(ctx, &r.file.Resources[i])); err != nil {
			return err
		}
	}
	for i := range r.file.Clients {
		if err := r.at("clients", i, r.client(ctx, &r.file.Clients[i])); err != nil {
			return err
		}
	}
	for i := range r.file.Gates {
		if err := r.at("gates", i, r.gate(ctx, &r.file.Gates[i])); err != nil {
			return err
		}
	}
	if err := r.webhooks(ctx); err != nil {
		return err
	}
	if r.options.Prune {
		return r.prune(ctx)
	}
	return nil
}

// at turns a refusal by the domain into a problem of the place in the file. A
// version mismatch passes: the whole runs again.
func (r *run) at(kind string, i int, err error) error {
	f := asFault(err)
	if f == nil || errors.Is(err, storage.ErrVersion) || f.Code == fault.Internal || f.Code == fault.Unavailable {
		return err
	}
	p := &problems{file: r.file.name, at: r.file.at}
	p.fault(fmt.Sprintf("%s[%d]", kind, i), err)
	return p.err()
}

func (r *run) done(action Action, kind, name string, members []string) {
	if action == Updated && len(members) == 0 {
		action = Unchanged
	}
	r.report.Objects = append(r.report.Objects, Done{Action: action, Kind: kind, Name: name, Members: members})
}

// home returns the id of an organization by its slug.
func (r *run) home(ctx context.Context, slug string) (string, error) {
	if slug == "" {
		return "", nil
	}
	if id, ok := r.orgs[slug]; ok {
		return id, nil
	}
	o, err := r.Orgs.Get(ctx, slug)
	if err != nil {
		return "", err
	}
	r.orgs[slug] = o.ID
	return o.ID, nil
}

func (r *run) organization(ctx context.Context, o *Organization) error {
	there, err := r.Orgs.Get(ctx, o.Slug)
	if fault.Is(err, fault.OrganizationNotFound) {
		made, err := r.Orgs.Create(ctx, org.Organization{
			ID: o.ID, Slug: o.Slug, Name: o.Name, Profile: o.Profile, ManagedBy: ManagedBy, Source: r.options.Source,
		})
		if err != nil {
			return err
		}
		r.orgs[o.Slug] = made.ID
		r.done(Created, "organization", o.Slug, nil)
		if o.Status == string(storage.OrganizationSuspended) {
			_, err = r.Orgs.SetStatus(ctx, made.ID, storage.OrganizationSuspended, r.options.Source)
		}
		return err
	}
	if err != nil {
		return err
	}
	r.orgs[o.Slug] = there.ID
	if o.ID != "" && o.ID != there.ID {
		return fault.Field("id", "the organization exists with another id, which cannot change")
	}
	var members []string
	update := org.Update{}
	if there.Name != o.Name {
		members, update.Name = append(members, "name"), &o.Name
	}
	if o.Profile != nil && !sameJSON(org.Described(there.Profile), o.Profile) {
		members, update.Profile = append(members, "profile"), o.Profile
	}
	if len(members) > 0 {
		if _, err := r.Orgs.Update(ctx, there.ID, update, r.options.Source); err != nil {
			return err
		}
	}
	if o.Status != "" && o.Status != string(there.Status) {
		members = append(members, "status")
		if _, err := r.Orgs.SetStatus(ctx, there.ID, storage.OrganizationStatus(o.Status), r.options.Source); err != nil {
			return err
		}
	}
	r.done(Updated, "organization", o.Slug, members)
	return nil
}

func (r *run) role(ctx context.Context, role *Role) error {
	home, err := r.home(ctx, role.Organization)
	if err != nil {
		return err
	}
	row := storage.Role{
		Scope: storage.ScopeSystem, OrganizationID: home, Name: role.Name,
		Description: role.Description, Permissions: role.Permissions, ManagedBy: ManagedBy,
	}
	if home != "" {
		row.Scope = storage.ScopeOrganization
	}
	name := strings.TrimPrefix(role.Organization+"/"+role.Name, "/")
	old, err := r.Store.Role(ctx, row.Scope, home, role.Name)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		_, err := r.Access.Put(ctx, access.Root(), row)
		r.done(Created, "role", name, nil)
		return err
	case err != nil:
		return err
	}
	row.ManagedBy = old.ManagedBy
	put, err := r.Access.Put(ctx, access.Root(), row)
	if err != nil {
		return err
	}
	var members []string
	if old.Description != put.Description {
		members = append(members, "description")
	}
	if !slices.Equal(old.Permissions, put.Permissions) {
		members = append(members, "permissions")
	}
	r.done(Updated, "role", name, members)
	return nil
}

func (r *run) user(ctx context.Context, u *User) error {
	canonical, err := user.Canonical(u.Email)
	if err != nil {
		return fault.Field("email", err.Error())
	}
	there, err := r.Store.UserByEmail(ctx, canonical)
	if errors.Is(err, storage.ErrNotFound) {
		return r.newUser(ctx, u, canonical)
	}
	if err != nil {
		return err
	}
	if u.ID != "" && u.ID != there.ID {
		return fault.Field("id", "the account exists with another id, which cannot change")
	}
	members, err := r.updateUser(ctx, u, canonical, there)
	if err != nil {
		return err
	}
	r.done(Updated, "user", u.Email, members)
	return nil
}

func (r *run) newUser(ctx context.Context, u *User, canonical string) error {
	made, err := r.Users.Create(ctx, access.Root(), user.Account{
		ID: u.ID, Email: u.Email, EmailVerified: u.EmailVerified != nil && *u.EmailVerified, PasswordHash: r.hashes[canonical],
		Profile: u.Profile, SystemRoles: u.Roles, ManagedBy: ManagedBy, Source: r.options.Source,
	})
	if err != nil {
		return err
	}
	r.done(Created, "user", u.Email, nil)
	if u.Status == string(storage.UserSuspended) {
		_, err = r.Users.SetStatus(ctx, made.ID, storage.UserSuspended, r.options.Source)
	}
	return err
}

// updateUser changes what differs and lists it.
func (r *run) updateUser(ctx context.Context, u *User, canonical string, there storage.User) (members []string, err error) {
	verified := there.EmailVerified
	if u.EmailVerified != nil {
		verified = *u.EmailVerified
	}
	if there.Email != u.Email || there.EmailVerified != verified {
		if there.Email != u.Email {
			members = append(members, "email")
		}
		if there.EmailVerified != verified {
			members = append(members, "email_verified")
		}
		if _, err := r.Users.SetEmail(ctx, there.ID, u.Email, verified, r.options.Source); err != nil {
			return nil, err
		}
	}
	if len(u.Profile) > 0 {
		updated, err := r.Users.UpdateProfile(ctx, there.ID, u.Profile, r.options.Source)
		if err != nil {
			return nil, err
		}
		for name := range u.Profile {
			if !reflect.DeepEqual(there.Profile[name], updated.Profile[name]) {
				members = append(members, name)
			}
		}
	}
	if hash := r.hashes[canonical]; hash != "" && there.PasswordHash == "" {
		members = append(members, "password")
		if _, err := r.Users.SetPassword(ctx, there.ID, hash, "", r.options.Source); err != nil {
			return nil, err
		}
	}
	if u.Roles != nil {
		before, err := r.Users.SystemRoles(ctx, there.ID)
		if err != nil {
			return nil, err
		}
		after, err := r.Users.SetSystemRoles(ctx, access.Root(), there.ID, u.Roles)
		if err != nil {
			return nil, err
		}
		if !slices.Equal(before, after) {
			members = append(members, "roles")
		}
	}
	if u.Status != "" && u.Status != string(there.Status) {
		members = append(members, "status")
		if _, err := r.Users.SetStatus(ctx, there.ID, storage.UserStatus(u.Status), r.options.Source); err != nil {
			return nil, err
		}
	}
	slices.Sort(members)
	return members, nil
}

// memberships puts a person where the file says: those as an owner, or the rest.
func (r *run) memberships(ctx context.Context, u *User, owners bool) error {
	if len(u.Organizations) == 0 {
		return nil
	}
	there, err := r.Users.ByEmail(ctx, u.Email)
	if err != nil {
		return err
	}
	for i, m := range u.Organizations {
		if slices.Contains(m.Roles, access.Owner) != owners {
			continue
		}
		if err := r.membership(ctx, u.Email, there.ID, m); err != nil {
			return below(fmt.Sprintf("organizations.%d", i), err)
		}
	}
	return nil
}

// below makes a refusal one about a part of the object.
func below(field string, err error) error {
	f := asFault(err)
	if f == nil || errors.Is(err, storage.ErrVersion) || f.Code == fault.Unavailable || f.Code == fault.Internal {
		return err
	}
	if len(f.Fields) > 0 {
		return fault.Field(field+"."+f.Fields[0].Field, f.Fields[0].Message)
	}
	return fault.Field(field, f.Message)
}

func (r *run) membership(ctx context.Context, email, userID string, m Membership) error {
	home, err := r.home(ctx, m.Slug)
	if err != nil {
		return err
	}
	name := email + " in " + m.Slug
	before, err := r.Orgs.Member(ctx, home, userID)
	if fault.Is(err, fault.NotMember) {
		_, err := r.Orgs.AddMember(ctx, access.Root(), home, userID, m.Roles, r.options.Source)
		r.done(Created, "membership", name, nil)
		return err
	}
	if err != nil {
		return err
	}
	after, err := r.Orgs.ChangeRoles(ctx, access.Root(), home, userID, m.Roles, r.options.Source)
	if err != nil {
		return err
	}
	var members []string
	if len(change.Minus(before.Roles, after.Roles))+len(change.Minus(after.Roles, before.Roles)) > 0 {
		members = []string{"roles"}
	}
	r.done(Updated, "membership", name, members)
	return nil
}

func (r *run) resource(ctx context.Context, res *Resource) error {
	home, err := r.home(ctx, res.Organization)
	if err != nil {
		return err
	}
	row := res.row(home)
	old, err := r.Store.ResourceByIdentifier(ctx, res.Identifier)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		_, err := r.Clients.PutResource(ctx, row, r.options.Source)
		r.done(Created, "resource", res.Identifier, nil)
		return err
	case err != nil:
		return err
	}
	row.ManagedBy = old.ManagedBy
	put, err := r.Clients.PutResource(ctx, row, r.options.Source)
	if err != nil {
		return err
	}
	r.done(Updated, "resource", res.Identifier, client.ChangedResource(old, put))
	return nil
}

func (r *run) gate(ctx context.Context, g *Gate) error {
	home, err := r.home(ctx, g.Organization)
	if err != nil {
		return err
	}
	row := g.row(home)
	old, err := r.Store.GateByName(ctx, g.Name)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		_, err := r.Gates.Put(ctx, row)
		r.done(Created, "gate", g.Name, nil)
		return err
	case err != nil:
		return err
	}
	row.ManagedBy = old.ManagedBy
	put, err := r.Gates.Put(ctx, row)
	if err != nil {
		return err
	}
	r.done(Updated, "gate", g.Name, gate.Changed(old, put))
	return nil
}

func (r *run) client(ctx context.Context, c *Client) error {
	home, err := r.home(ctx, c.Organization)
	if err != nil {
		return err
	}
	old, err := r.Store.ClientByID(ctx, c.ClientID)
	if errors.Is(err, storage.ErrNotFound) {
		_, secret, err := r.Clients.Create(ctx, access.Root(), client.Registration{
			ClientID: c.ClientID, OrganizationID: home, Metadata: c.ClientMetadata, Secret: c.ClientSecret,
			ManagedBy: ManagedBy, Source: r.options.Source,
		})
		if err != nil {
			return err
		}
		r.done(Created, "client", c.ClientID, nil)
		r.report.Objects[len(r.report.Objects)-1].ClientSecret = secret
		if c.Disabled != nil && *c.Disabled {
			_, err = r.Clients.Disable(ctx, c.ClientID, true, r.options.Source)
		}
		return err
	}
	if err != nil {
		return err
	}
	if old.OrganizationID != home {
		return fault.Field("organization", "a client stays in its organization; delete it and declare a new one")
	}
	updated, err := r.Clients.Update(ctx, access.Root(), c.ClientID, c.ClientMetadata, r.options.Source)
	if err != nil {
		return err
	}
	members := client.ChangedMembers(old.Metadata, updated.Metadata)
	if c.ClientSecret != "" {
		changed, err := r.Clients.SetSecret(ctx, c.ClientID, c.ClientSecret)
		if err != nil {
			return err
		}
		if changed {
			members = append(members, "client_secret")
		}
	}
	if c.Disabled != nil && *c.Disabled != old.Disabled {
		members = append(members, "disabled")
		if _, err := r.Clients.Disable(ctx, c.ClientID, *c.Disabled, r.options.Source); err != nil {
			return err
		}
	}
	slices.Sort(members)
	r.done(Updated, "client", c.ClientID, members)
	return nil
}
