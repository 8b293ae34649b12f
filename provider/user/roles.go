package user

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/revocation"
	"github.com/signet-idp/signet/storage"
)

// maxSystemRoles bounds what one person holds, and so what a token carries.
const maxSystemRoles = 16

// SetSystemRoles gives a person exactly these system roles (bare names). by
// must hold what every added and removed one gives. What is removed becomes one
// member entry without an organization ("/sub"): tokens go stale, sessions live.
func (s *Service) SetSystemRoles(ctx context.Context, by access.Holder, id string, roles []string) ([]string, error) {
	roles = normalRoles(roles)
	if len(roles) > maxSystemRoles {
		return nil, fmt.Errorf("user: set system roles: %w", fault.Field("roles", fmt.Sprintf("at most %d roles", maxSystemRoles)))
	}
	before, err := s.store.SystemRoles(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("user: set system roles: %w", err)
	}
	if err := s.mayGrant(ctx, by, append(change.Minus(roles, before), change.Minus(before, roles)...)); err != nil {
		return nil, fmt.Errorf("user: set system roles: %w", err)
	}
	err = s.changes.Do(ctx, "user: set system roles", func(ctx context.Context, c *change.Change) error {
		u, err := s.alive(ctx, id)
		if err != nil {
			return err
		}
		if err := s.defined(ctx, change.Minus(roles, before)); err != nil {
			return err
		}
		if slices.Equal(before, roles) {
			return nil
		}
		if err := s.write(ctx, c, &u); err != nil { // locks: roles are judged after it
			return err
		}
		now, err := s.store.SystemRoles(ctx, id)
		if err != nil {
			return err
		}
		if !slices.Equal(now, before) { // what by may do was decided on other roles
			return fault.New(fault.Conflict, "the roles were changed by somebody else meanwhile; read them again")
		}
		if err := s.store.PutSystemRoles(ctx, id, roles, event.ActorFrom(ctx).ID, c.Now); err != nil {
			return err
		}
		removed := change.Minus(before, roles)
		if len(removed) > 0 {
			c.Revoke(storage.RevokeMember, revocation.MemberValue("", id))
		}
		c.Record(event.Event{Type: event.AuthPermissionChanged, Subject: id, Data: map[string]any{
			"change": "roles_changed", "scope": string(storage.ScopeSystem), "user_id": id, "roles": change.List(roles),
			"roles_added": change.List(change.Minus(roles, before)), "roles_removed": change.List(removed),
		}})
		return nil
	})
	return roles, err
}

// defined checks that the system roles exist, in the running transaction.
func (s *Service) defined(ctx context.Context, roles []string) error {
	for _, name := range roles {
		if access.Builtin(storage.ScopeSystem, name) {
			continue
		}
		_, err := s.store.Role(ctx, storage.ScopeSystem, "", name)
		if errors.Is(err, storage.ErrNotFound) {
			return fault.Field("roles", fmt.Sprintf("there is no system role %.64q", name))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) mayGrant(ctx context.Context, by access.Holder, roles []string) error {
	if by.Root {
		return s.defined(ctx, roles)
	}
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = access.TokenRole(storage.ScopeSystem, r)
	}
	d, err := s.resolver.MayGrant(ctx, by, "", names)
	switch {
	case err != nil:
		return fault.Wrap(err, fault.Unavailable, "role definitions cannot be read now; try again")
	case d.Reason == access.ReasonUndefined:
		return fault.Field("roles", fmt.Sprintf("there is no role %.64q", d.Missing))
	case !d.Allowed:
		return fault.Newf(fault.Forbidden, "nobody gives or takes what they lack: %s", d.Missing)
	}
	return nil
}
