package org

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

// maxMemberRoles bounds what one member holds, and so what a token carries.
const maxMemberRoles = 16

// AddMember makes a person a member with these roles (bare names, at least
// one). by must hold what they give. fault.Conflict when already a member,
// fault.UserNotFound, fault.OrganizationNotFound, fault.Forbidden, or
// fault.Invalid for a role that does not exist.
func (s *Service) AddMember(ctx context.Context, by access.Holder, organizationID, userID string, roles []string, source string) (storage.Membership, error) {
	roles, err := s.roles(ctx, by, organizationID, roles)
	if err != nil {
		return storage.Membership{}, fmt.Errorf("org: add member: %w", err)
	}
	var m storage.Membership
	err = s.changes.Do(ctx, "org: add member", func(ctx context.Context, c *change.Change) error {
		if err := s.guard(ctx, organizationID, roles); err != nil {
			return err
		}
		if err := s.activeUser(ctx, userID); err != nil {
			return err
		}
		_, err := s.store.Membership(ctx, organizationID, userID)
		switch {
		case err == nil:
			return fault.New(fault.Conflict, "the person is a member already")
		case !errors.Is(err, storage.ErrNotFound):
			return err
		}
		m, err = s.add(ctx, c, storage.Membership{
			OrganizationID: organizationID, UserID: userID, Roles: roles, AssignedBy: event.ActorFrom(ctx).ID,
		}, map[string]any{"source": change.Enum(source)})
		return err
	})
	return m, err
}

// add makes somebody a member in the running transaction, the guard being held;
// data is what the event says besides whom and which roles.
func (s *Service) add(ctx context.Context, c *change.Change, m storage.Membership, data map[string]any) (storage.Membership, error) {
	m.JoinedAt = c.Now
	if err := s.store.PutMembership(ctx, m); err != nil {
		return m, err
	}
	data["user_id"], data["roles"] = m.UserID, change.List(m.Roles)
	c.Record(event.Event{Type: event.OrganizationUserAdded, Subject: m.OrganizationID, Organization: m.OrganizationID, Data: data})
	return m, nil
}

// ChangeRoles gives a member exactly these roles. by must hold what every
// added and removed one gives. fault.LastOwner when nobody would own the
// organization, fault.NotMember. What is removed becomes one member entry:
// tokens go stale, sessions live. The same roles again change nothing.
func (s *Service) ChangeRoles(ctx context.Context, by access.Holder, organizationID, userID string, roles []string, source string) (storage.Membership, error) {
	before, err := s.Member(ctx, organizationID, userID)
	if err != nil {
		return storage.Membership{}, fmt.Errorf("org: change roles: %w", err)
	}
	if roles, err = s.roles(ctx, by, organizationID, roles); err != nil {
		return storage.Membership{}, fmt.Errorf("org: change roles: %w", err)
	}
	if err := s.mayTake(ctx, by, organizationID, change.Minus(before.Roles, roles)); err != nil {
		return storage.Membership{}, fmt.Errorf("org: change roles: %w", err)
	}
	var m storage.Membership
	err = s.changes.Do(ctx, "org: change roles", func(ctx context.Context, c *change.Change) error {
		if err := s.guard(ctx, organizationID, roles); err != nil {
			return err
		}
		if m, err = s.unchanged(ctx, before); err != nil {
			return err
		}
		added, removed := change.Minus(roles, m.Roles), change.Minus(m.Roles, roles)
		if len(added)+len(removed) == 0 {
			return nil
		}
		if slices.Contains(removed, access.Owner) {
			if err := s.notLast(ctx, organizationID); err != nil {
				return err
			}
		}
		m.Roles, m.AssignedAt, m.AssignedBy = roles, c.Now, event.ActorFrom(ctx).ID
		if err := s.store.PutMembership(ctx, m); err != nil {
			return err
		}
		if len(removed) > 0 {
			c.Revoke(storage.RevokeMember, revocation.MemberValue(organizationID, userID))
		}
		c.Record(event.Event{
			Type: event.OrganizationRoleChanged, Subject: organizationID, Organization: organizationID,
			Data: map[string]any{
				"user_id": userID, "roles": change.List(roles), "source": change.Enum(source),
				"roles_added": change.List(added), "roles_removed": change.List(removed),
			},
		})
		return nil
	})
	return m, err
}

// RemoveMember ends a membership. by must hold what the member's roles give,
// unless it is the member who leaves (self). fault.LastOwner, fault.NotMember.
func (s *Service) RemoveMember(ctx context.Context, by access.Holder, organizationID, userID string, self bool, reason string) error {
	before, err := s.Member(ctx, organizationID, userID)
	if err != nil {
		return fmt.Errorf("org: remove member: %w", err)
	}
	if !self {
		if err := s.mayTake(ctx, by, organizationID, before.Roles); err != nil {
			return fmt.Errorf("org: remove member: %w", err)
		}
	}
	return s.changes.Do(ctx, "org: remove member", func(ctx context.Context, c *change.Change) error {
		if err := s.store.GuardOrganization(ctx, organizationID); err != nil {
			return notFound(err)
		}
		m, err := s.unchanged(ctx, before)
		if err != nil {
			return err
		}
		return s.remove(ctx, c, m, reason)
	})
}

// LeaveAll implements user.Memberships: it ends every membership of a person in
// one transaction.
func (s *Service) LeaveAll(ctx context.Context, userID, reason string) error {
	return s.changes.Do(ctx, "org: leave all", func(ctx context.Context, c *change.Change) error {
		for after := ""; ; {
			// By organization id: two people who leave lock in the same order.
			list, err := s.store.MembershipsOf(ctx, userID, after, 500)
			if err != nil || len(list) == 0 {
				return err
			}
			for _, m := range list {
				if err := s.store.GuardOrganization(ctx, m.OrganizationID); err != nil {
					return notFound(err)
				}
				m, err := s.store.Membership(ctx, m.OrganizationID, userID)
				if errors.Is(err, storage.ErrNotFound) {
					continue // removed meanwhile
				}
				if err != nil {
					return err
				}
				if err := s.remove(ctx, c, m, reason); err != nil {
					return err
				}
			}
			after = list[len(list)-1].OrganizationID
		}
	})
}

// remove ends a membership in the running transaction, the guard being held.
func (s *Service) remove(ctx context.Context, c *change.Change, m storage.Membership, reason string) error {
	if slices.Contains(m.Roles, access.Owner) && m.OrganizationStatus != storage.OrganizationDeleted {
		if err := s.notLast(ctx, m.OrganizationID); err != nil {
			return err
		}
	}
	if err := s.store.DeleteMembership(ctx, m.OrganizationID, m.UserID); err != nil {
		return notMember(err)
	}
	c.Revoke(storage.RevokeMember, revocation.MemberValue(m.OrganizationID, m.UserID))
	c.Record(event.Event{
		Type: event.OrganizationUserRemoved, Subject: m.OrganizationID, Organization: m.OrganizationID,
		Data: map[string]any{"user_id": m.UserID, "reason": change.Enum(reason)},
	})
	return nil
}

// notLast says no when there is only one owner. The guard is held, so the count
// stays true until the commit.
func (s *Service) notLast(ctx context.Context, organizationID string) error {
	n, err := s.store.CountRole(ctx, organizationID, access.Owner)
	if err != nil {
		return err
	}
	if n <= 1 {
		return fault.New(fault.LastOwner, "an organization never loses its last owner; make somebody else an owner first")
	}
	return nil
}

// Member returns a membership; fault.NotMember when there is none.
func (s *Service) Member(ctx context.Context, organizationID, userID string) (storage.Membership, error) {
	m, err := s.store.Membership(ctx, organizationID, userID)
	if err != nil {
		return m, fmt.Errorf("org: member: %w", notMember(err))
	}
	return m, nil
}

// Members pages an organization's members by user id.
func (s *Service) Members(ctx context.Context, organizationID, after string, limit int) ([]storage.Membership, error) {
	list, err := s.store.MembersOf(ctx, organizationID, after, limit)
	if err != nil {
		return nil, fmt.Errorf("org: members: %w", err)
	}
	return list, nil
}

// MembershipsOf pages a person's memberships by organization id.
func (s *Service) MembershipsOf(ctx context.Context, userID, after string, limit int) ([]storage.Membership, error) {
	list, err := s.store.MembershipsOf(ctx, userID, after, limit)
	if err != nil {
		return nil, fmt.Errorf("org: memberships: %w", err)
	}
	return list, nil
}

// unchanged reads the membership again, the guard being held: what by may do
// was decided on the roles of before.
func (s *Service) unchanged(ctx context.Context, before storage.Membership) (storage.Membership, error) {
	m, err := s.store.Membership(ctx, before.OrganizationID, before.UserID)
	if err != nil {
		return m, notMember(err)
	}
	if !slices.Equal(m.Roles, before.Roles) {
		return m, fault.New(fault.Conflict, "the roles were changed by somebody else meanwhile; read them again")
	}
	return m, nil
}

// guard takes the organization's guard and checks that it is in use and that
// the roles exist.
func (s *Service) guard(ctx context.Context, organizationID string, roles []string) error {
	if err := s.store.GuardOrganization(ctx, organizationID); err != nil {
		return notFound(err)
	}
	if _, err := s.alive(ctx, organizationID); err != nil {
		return err
	}
	for _, name := range roles {
		if access.Builtin(storage.ScopeOrganization, name) {
			continue
		}
		_, err := s.store.Role(ctx, storage.ScopeOrganization, organizationID, name)
		if errors.Is(err, storage.ErrNotFound) {
			return noRole(name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// roles normalizes a list of roles and decides whether by may give them.
func (s *Service) roles(ctx context.Context, by access.Holder, organizationID string, roles []string) ([]string, error) {
	roles = slices.Clone(roles)
	slices.Sort(roles)
	roles = slices.Compact(roles)
	if len(roles) == 0 || len(roles) > maxMemberRoles {
		return nil, fault.Field("roles", fmt.Sprintf("a member holds 1 to %d roles", maxMemberRoles))
	}
	for _, name := range roles {
		if !access.ValidRoleName(name) { // "system:admin" among them
			return nil, noRole(name)
		}
	}
	return roles, s.mayTake(ctx, by, organizationID, roles)
}

// mayTake decides whether by may give or take roles. Whether by may change
// members at all is the caller's question (access.Resolver.Decide).
func (s *Service) mayTake(ctx context.Context, by access.Holder, organizationID string, roles []string) error {
	if by.Root {
		return nil
	}
	d, err := s.resolver.MayGrant(ctx, by, organizationID, roles)
	switch {
	case err != nil:
		return fault.Wrap(err, fault.Unavailable, "role definitions cannot be read now; try again")
	case d.Reason == access.ReasonUndefined:
		return noRole(d.Missing)
	case !d.Allowed:
		return fault.Newf(fault.Forbidden, "nobody gives or takes what they lack: %s", d.Missing)
	}
	return nil
}

func noRole(name string) error {
	return fault.Field("roles", fmt.Sprintf("there is no role %.64q in this organization", name))
}

func notMember(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return fault.Wrap(err, fault.NotMember, "the person is not a member of this organization")
	}
	return err
}
