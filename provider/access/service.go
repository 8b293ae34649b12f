package access

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/revocation"
	"github.com/signet-idp/signet/storage"
)

// Store is what the service reads and writes.
type Store interface {
	storage.Roles
	GuardOrganization(ctx context.Context, id string) error
	CountRole(ctx context.Context, organizationID, role string) (int64, error)
	MembersOf(ctx context.Context, organizationID, after string, limit int) ([]storage.Membership, error)
	PutMembership(ctx context.Context, m storage.Membership) error
	ListClients(ctx context.Context, after string, limit int) ([]storage.Client, error)
}

// Service changes role definitions.
type Service struct {
	store    Store
	resolver *Resolver
	changes  change.Runner
}

// NewService makes the service. The resolver decides who may define what.
func NewService(store Store, resolver *Resolver, changes change.Runner) *Service {
	return &Service{store: store, resolver: resolver, changes: changes}
}

// Bounds of a custom role.
const (
	maxDescription = 500
	maxRoles       = 200 // custom roles of one organization, or of the system
	page           = 500
)

// Role returns a role, built-in ones included: of an organization, or with an
// empty id of the system. fault.NotFound when there is none.
func (s *Service) Role(ctx context.Context, scope storage.RoleScope, organizationID, name string) (storage.Role, error) {
	for _, b := range Builtins() {
		if b.Scope == scope && b.Name == name {
			return b, nil
		}
	}
	if !ValidRoleName(name) {
		return storage.Role{}, fmt.Errorf("access: role: %w", notFound(storage.ErrNotFound))
	}
	r, err := s.store.Role(ctx, scope, organizationID, name)
	if err != nil {
		return storage.Role{}, fmt.Errorf("access: role: %w", notFound(err))
	}
	return r, nil
}

// List lists the built-in and custom roles of an organization, or with an
// empty id of the system, by name.
func (s *Service) List(ctx context.Context, organizationID string) ([]storage.Role, error) {
	scope := storage.ScopeOrganization
	if organizationID == "" {
		scope = storage.ScopeSystem
	}
	rows, err := s.store.ListRoles(ctx, organizationID)
	if err != nil {
		return nil, fmt.Errorf("access: list roles: %w", err)
	}
	var roles []storage.Role
	for _, r := range append(Builtins(), rows...) {
		if r.Scope == scope && (r.Builtin || !reservedName(r.Name)) {
			roles = append(roles, r)
		}
	}
	slices.SortFunc(roles, func(a, b storage.Role) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(roles, func(a, b storage.Role) bool { return a.Name == b.Name }), nil
}

// Normalize checks a custom role and returns it with its permissions sorted and
// without doubles; fault.Invalid names every field that is wrong.
func Normalize(r storage.Role) (storage.Role, error) {
	var fields []fault.FieldError
	wrong := func(field, message string) { fields = append(fields, fault.FieldError{Field: field, Message: message}) }
	switch {
	case !ValidRoleName(r.Name):
		wrong("name", "a role's name is a lower-case letter and at most 62 more of a-z, 0-9, _ and -")
	case reservedName(r.Name):
		wrong("name", "this is a built-in role's name; choose another")
	}
	switch {
	case r.Scope != storage.ScopeSystem && r.Scope != storage.ScopeOrganization:
		wrong("scope", `a role's scope is "system" or "organization"`)
	case (r.Scope == storage.ScopeOrganization) != (r.OrganizationID != ""):
		wrong("organization", "an organization role belongs to an organization, a system role to none")
	}
	if len(r.Description) > maxDescription || !utf8.ValidString(r.Description) || strings.ContainsRune(r.Description, 0) {
		wrong("description", fmt.Sprintf("a description is text of at most %d bytes", maxDescription))
	}
	if len(r.Permissions) > MaxPermissions {
		wrong("permissions", fmt.Sprintf("a role holds at most %d permissions; use a wildcard such as read:*", MaxPermissions))
	}
	for i, p := range r.Permissions[:min(len(r.Permissions), MaxPermissions)] {
		switch {
		case !ValidPermission(p):
			wrong(fmt.Sprintf("permissions.%d", i), "a permission is written action:resource in lower case, such as read:invoice or read:*")
		case r.Scope == storage.ScopeOrganization && OfSystem(p):
			wrong(fmt.Sprintf("permissions.%d", i), "an organization's role holds nothing of the system")
		}
	}
	if len(fields) > 0 {
		return r, &fault.Error{Code: fault.Invalid, Message: "the role is not valid", Fields: fields}
	}
	r.Permissions = slices.Clone(r.Permissions)
	slices.Sort(r.Permissions)
	r.Permissions = slices.Compact(r.Permissions)
	if r.Permissions == nil {
		r.Permissions = []string{}
	}
	r.Builtin = false
	return r, nil
}

// Put defines a custom role, or replaces its description and permissions. by
// must hold what the role gives and gave. What is taken away becomes one role
// entry in the feed; putting what is there already changes nothing.
func (s *Service) Put(ctx context.Context, by Holder, r storage.Role) (storage.Role, error) {
	r, err := Normalize(r)
	if err != nil {
		return storage.Role{}, fmt.Errorf("access: put role: %w", err)
	}
	if err := s.mayDefine(ctx, by, r.OrganizationID, r.Permissions); err != nil {
		return storage.Role{}, fmt.Errorf("access: put role: %w", err)
	}
	var out storage.Role
	err = s.changes.Do(ctx, "access: put role", func(ctx context.Context, c *change.Change) error {
		if err := s.guard(ctx, r.OrganizationID); err != nil {
			return err
		}
		old, err := s.store.Role(ctx, r.Scope, r.OrganizationID, r.Name)
		switch {
		case errors.Is(err, storage.ErrNotFound):
			out, err = s.insert(ctx, c, r)
			return err
		case err != nil:
			return err
		}
		out, err = s.update(ctx, c, by, old, r)
		return err
	})
	return out, err
}

func (s *Service) insert(ctx context.Context, c *change.Change, r storage.Role) (storage.Role, error) {
	all, err := s.store.ListRoles(ctx, r.OrganizationID)
	if err != nil {
		return r, err
	}
	if len(all) >= maxRoles {
		return r, fault.Newf(fault.Conflict, "there are %d roles already; remove some first", len(all))
	}
	r.Version, r.CreatedAt, r.UpdatedAt = 1, c.Now, c.Now
	if err := s.store.PutRole(ctx, r); err != nil {
		return r, err
	}
	c.Record(definitionEvent("role_defined", r, r.Permissions, nil))
	return r, nil
}

func (s *Service) update(ctx context.Context, c *change.Change, by Holder, old, r storage.Role) (storage.Role, error) {
	if old.Description == r.Description && slices.Equal(old.Permissions, r.Permissions) && old.ManagedBy == r.ManagedBy {
		return old, nil
	}
	if err := s.mayDefine(ctx, by, r.OrganizationID, old.Permissions); err != nil {
		return r, err
	}
	added, removed := change.Minus(r.Permissions, old.Permissions), change.Minus(old.Permissions, r.Permissions)
	r.Version, r.CreatedAt, r.UpdatedAt = old.Version+1, old.CreatedAt, c.Now
	if err := s.store.PutRole(ctx, r); err != nil {
		return r, err
	}
	c.Record(definitionEvent("role_updated", r, added, removed))
	// A system role has no guard row: another writer may have added, unseen,
	// what this write takes away. So every rewrite of one counts as taking away.
	if _, kept := CoversAll(r.Permissions, removed); !kept || r.Scope == storage.ScopeSystem {
		c.Revoke(storage.RevokeRole, revocation.RoleValue(r.OrganizationID, r.Name))
	}
	return r, nil
}

// Delete removes a custom role and takes it from every member of its
// organization. A system role must not be held any more, and no role by a
// client (fault.Conflict).
func (s *Service) Delete(ctx context.Context, by Holder, scope storage.RoleScope, organizationID, name string) error {
	if reservedName(name) {
		return fmt.Errorf("access: delete role: %w", fault.New(fault.Forbidden, "a built-in role cannot be deleted"))
	}
	if !ValidRoleName(name) {
		return fmt.Errorf("access: delete role: %w", notFound(storage.ErrNotFound))
	}
	return s.changes.Do(ctx, "access: delete role", func(ctx context.Context, c *change.Change) error {
		if err := s.guard(ctx, organizationID); err != nil {
			return err
		}
		old, err := s.store.Role(ctx, scope, organizationID, name)
		if err != nil {
			return notFound(err)
		}
		if err := s.mayDefine(ctx, by, organizationID, old.Permissions); err != nil {
			return err
		}
		if err := s.unassign(ctx, old); err != nil {
			return err
		}
		if err := s.unheld(ctx, old); err != nil {
			return err
		}
		if err := s.store.DeleteRole(ctx, scope, organizationID, name); err != nil {
			return notFound(err)
		}
		c.Record(definitionEvent("role_deleted", old, nil, old.Permissions))
		c.Revoke(storage.RevokeRole, revocation.RoleValue(organizationID, name))
		return nil
	})
}

// unassign takes the role from all members: a later role of the same name must
// not come into their hands by itself.
func (s *Service) unassign(ctx context.Context, r storage.Role) error {
	n, err := s.store.CountRole(ctx, r.OrganizationID, r.Name)
	if err != nil || n == 0 {
		return err
	}
	if r.Scope == storage.ScopeSystem {
		return fault.Newf(fault.Conflict, "%d people hold this role; take it from them first", n)
	}
	for after := ""; ; {
		members, err := s.store.MembersOf(ctx, r.OrganizationID, after, page)
		if err != nil {
			return err
		}
		for _, m := range members {
			if i := slices.Index(m.Roles, r.Name); i >= 0 {
				m.Roles = slices.Delete(slices.Clone(m.Roles), i, i+1)
				if err := s.store.PutMembership(ctx, m); err != nil {
					return err
				}
			}
		}
		if len(members) < page {
			return nil
		}
		after = members[len(members)-1].UserID
	}
}

// unheld says no when a client holds the role: a later one of the same name
// must not come into its hands either. The guard keeps others from getting it.
func (s *Service) unheld(ctx context.Context, r storage.Role) error {
	role := TokenRole(r.Scope, r.Name)
	for after := ""; ; {
		clients, err := s.store.ListClients(ctx, after, page)
		if err != nil {
			return err
		}
		for _, c := range clients {
			after = c.ClientID
			if c.OrganizationID == r.OrganizationID && slices.Contains(c.Metadata.Roles, role) {
				return fault.Newf(fault.Conflict, "the client %s holds this role; take it from it first", c.ClientID)
			}
		}
		if len(clients) < page {
			return nil
		}
	}
}

func (s *Service) guard(ctx context.Context, organizationID string) error {
	if organizationID == "" {
		return nil
	}
	err := s.store.GuardOrganization(ctx, organizationID)
	if errors.Is(err, storage.ErrNotFound) {
		return fault.Wrap(err, fault.OrganizationNotFound, "there is no such organization")
	}
	return err
}

func (s *Service) mayDefine(ctx context.Context, by Holder, organizationID string, permissions []string) error {
	d, err := s.resolver.MayDefine(ctx, by, organizationID, permissions)
	switch {
	case err != nil:
		return fault.Wrap(err, fault.Unavailable, "role definitions cannot be read now; try again")
	case !d.Allowed:
		return fault.Newf(fault.Forbidden, "nobody gives what they lack: %s", d.Missing)
	}
	return nil
}

func notFound(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return fault.Wrap(err, fault.NotFound, "there is no such role")
	}
	return err
}

func definitionEvent(what string, r storage.Role, added, removed []string) event.Event {
	return event.Event{
		Type: event.AuthPermissionChanged, Subject: r.OrganizationID, Organization: r.OrganizationID,
		Data: map[string]any{
			"change": what, "scope": string(r.Scope), "role": r.Name,
			"permissions_added": change.List(added), "permissions_removed": change.List(removed),
		},
	}
}
