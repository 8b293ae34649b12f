package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// The scopes under which one learns what somebody may do.
const (
	scopeAccount       = "account"          // of oneself
	scopeOrganizations = "organizations"    // of the members of an organization that one runs
	scopePermissions   = "permissions:read" // a service, of everybody within its reach
)

// runsMembers is the permission that lets a person see what the members of an
// organization may do there.
const runsMembers = "write:members"

// Standing describes a person in an organization for somebody who asks what
// they may do: themself, with the scope account; a service with the scope
// permissions:read, within its organization if it has one; a system
// administrator; whoever runs the members of the organization, with the scope
// organizations. The last see what the person holds there and nothing of other
// organizations or of the system. An empty organizationID means the caller's
// own for services and for who runs the members, else the person's last one.
//
// fault.UserNotFound for strangers, fault.Forbidden for colleagues without the
// right, fault.InsufficientScope, fault.NotMember when the person does not
// belong to the organization asked for.
func (d *Directory) Standing(ctx context.Context, c Caller, userID, organizationID string) (Account, Sight, error) {
	if organizationID != "" && !isID(organizationID) {
		return Account{}, 0, notMember()
	}
	if c.Service {
		return d.standingForService(ctx, c, userID, organizationID)
	}
	if c.ID == userID {
		if !slices.Contains(c.Scopes, scopeAccount) {
			return Account{}, 0, insufficient(scopeAccount)
		}
		a, err := d.Account(ctx, userID, organizationID)
		return a, SightFull, err
	}
	if _, err := d.known(ctx, userID); err != nil {
		return Account{}, 0, err
	}
	if all, err := d.system(ctx, c); err != nil {
		return Account{}, 0, err
	} else if all {
		a, err := d.Account(ctx, userID, organizationID)
		return a, SightFull, err
	}
	return d.standingForMember(ctx, c, userID, organizationID)
}

func (d *Directory) standingForService(ctx context.Context, c Caller, userID, organizationID string) (Account, Sight, error) {
	if _, err := d.known(ctx, userID); err != nil {
		return Account{}, 0, err
	}
	if all, err := d.system(ctx, c); err != nil {
		return Account{}, 0, err
	} else if all {
		a, err := d.Account(ctx, userID, organizationID)
		return a, SightFull, err
	}
	if !slices.Contains(c.Scopes, scopePermissions) {
		return Account{}, 0, insufficient(scopePermissions)
	}
	within, err := d.Within(ctx, c, userID)
	if err != nil {
		return Account{}, 0, err
	}
	if !within {
		return Account{}, 0, unknownUser(nil)
	}
	if c.OrganizationID != "" {
		if organizationID == "" {
			organizationID = c.OrganizationID
		}
		if organizationID != c.OrganizationID {
			return Account{}, 0, notMember()
		}
	}
	a, err := d.Account(ctx, userID, organizationID)
	if c.OrganizationID != "" {
		a.Memberships = only(a.Memberships, c.OrganizationID)
	}
	return a, SightFull, err
}

// standingForMember is what somebody learns who has nothing but an organization
// in common with the person.
func (d *Directory) standingForMember(ctx context.Context, c Caller, userID, organizationID string) (Account, Sight, error) {
	_, sight, err := d.Person(ctx, c, userID, runsMembers)
	if err != nil {
		return Account{}, 0, err
	}
	if organizationID == "" {
		organizationID = c.OrganizationID
	}
	if sight != SightMember || organizationID == "" {
		return Account{}, 0, forbidden()
	}
	h, err := d.Holder(ctx, c, organizationID)
	if err != nil {
		return Account{}, 0, err
	}
	if sees, err := d.May(ctx, h, "read:members"); err != nil {
		return Account{}, 0, err
	} else if !sees { // they run another one; what this one is they do not learn
		return Account{}, 0, notMember()
	}
	if runs, err := d.May(ctx, h, runsMembers); err != nil {
		return Account{}, 0, err
	} else if !runs {
		return Account{}, 0, forbidden()
	}
	if !slices.Contains(c.Scopes, scopeOrganizations) {
		return Account{}, 0, insufficient(scopeOrganizations)
	}
	a, err := d.Account(ctx, userID, organizationID)
	if err != nil {
		return Account{}, 0, err
	}
	return d.inside(ctx, a)
}

// inside cuts an account down to one organization.
func (d *Directory) inside(ctx context.Context, a Account) (Account, Sight, error) {
	a.SystemRoles = nil
	a.Memberships = only(a.Memberships, organizationOf(a))
	a.Roles = slices.DeleteFunc(a.Roles, func(r string) bool {
		scope, _ := access.ParseTokenRole(r)
		return scope == storage.ScopeSystem
	})
	var err error
	if a.Permissions, err = d.Resolver.Permissions(ctx, a.Roles, organizationOf(a)); err != nil {
		return a, 0, fault.Wrap(err, fault.Unavailable, "role definitions cannot be read now; try again")
	}
	return a, SightMember, nil
}

// known says whether there is such a person, deleted ones excepted.
func (d *Directory) known(ctx context.Context, userID string) (storage.User, error) {
	if !isID(userID) {
		return storage.User{}, unknownUser(nil)
	}
	u, err := d.Store.UserByID(ctx, userID)
	switch {
	case errors.Is(err, storage.ErrNotFound), err == nil && u.Status == storage.UserDeleted:
		return storage.User{}, unknownUser(err)
	case err != nil:
		return u, fmt.Errorf("directory: person: %w", err)
	}
	return u, nil
}

// system says whether the caller sees everybody.
func (d *Directory) system(ctx context.Context, c Caller) (bool, error) {
	h, err := d.Holder(ctx, c, "")
	if err != nil {
		return false, err
	}
	return d.May(ctx, h, "read:system:users")
}

func only(list []storage.Membership, organizationID string) []storage.Membership {
	return slices.DeleteFunc(slices.Clone(list), func(m storage.Membership) bool { return m.OrganizationID != organizationID })
}

func insufficient(scope string) error {
	f := fault.New(fault.InsufficientScope, "the token lacks the scope "+scope)
	f.Scope = scope
	return f
}

func forbidden() error {
	return fault.New(fault.Forbidden, "what somebody else may do is told to who runs the members of the organization: "+runsMembers)
}

func notMember() error {
	return fault.New(fault.NotMember, "the person is not a member of this organization")
}
