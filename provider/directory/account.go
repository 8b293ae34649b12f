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

// Account is a person with where they belong and what they may do in one
// organization.
type Account struct {
	User        storage.User
	SystemRoles []string
	Memberships []storage.Membership // in active organizations, at most MaxMemberships
	// Organization is the one that Roles and Permissions are of; nil: none.
	Organization *storage.Organization
	Roles        []string // as in the roles claim: system roles and those in Organization
	Permissions  []string // sorted
	Factors      int      // confirmed second factors
}

// Account describes a person in an organization; with an empty id in the one
// last used, if they still belong there, else in none. fault.UserNotFound;
// fault.NotMember when an id is given and they are no member of it.
func (d *Directory) Account(ctx context.Context, userID, organizationID string) (Account, error) {
	var a Account
	var err error
	if a.User, err = d.Store.UserByID(ctx, userID); err != nil {
		if errors.Is(err, storage.ErrNotFound) {
			return a, unknownUser(err)
		}
		return a, fmt.Errorf("directory: account: %w", err)
	}
	if a.SystemRoles, err = d.Store.SystemRoles(ctx, userID); err != nil {
		return a, fmt.Errorf("directory: account: %w", err)
	}
	if a.Memberships, err = d.Store.MembershipsOf(ctx, userID, "", MaxMemberships); err != nil {
		return a, fmt.Errorf("directory: account: %w", err)
	}
	a.Memberships = slices.DeleteFunc(a.Memberships, func(m storage.Membership) bool {
		return m.OrganizationStatus != storage.OrganizationActive
	})
	if a.Factors, err = d.factors(ctx, userID); err != nil {
		return a, err
	}
	asked := organizationID != ""
	if !asked {
		organizationID = a.User.LastOrganizationID
	}
	if err := d.within(ctx, &a, organizationID, asked); err != nil {
		return a, err
	}
	if a.Permissions, err = d.Resolver.Permissions(ctx, a.Roles, organizationOf(a)); err != nil {
		return a, fault.Wrap(err, fault.Unavailable, "role definitions cannot be read now; try again")
	}
	return a, nil
}

func organizationOf(a Account) string {
	if a.Organization == nil {
		return ""
	}
	return a.Organization.ID
}

// within fills in the organization and the roles there.
func (d *Directory) within(ctx context.Context, a *Account, organizationID string, asked bool) error {
	for _, name := range a.SystemRoles {
		a.Roles = append(a.Roles, access.TokenRole(storage.ScopeSystem, name))
	}
	i := slices.IndexFunc(a.Memberships, func(m storage.Membership) bool { return m.OrganizationID == organizationID })
	if i < 0 {
		if asked {
			return fault.New(fault.NotMember, "the person is not a member of this organization")
		}
		return nil
	}
	o, err := d.Store.OrganizationByID(ctx, organizationID)
	if err != nil {
		return fmt.Errorf("directory: account: %w", err)
	}
	a.Organization = &o
	a.Roles = append(a.Roles, a.Memberships[i].Roles...)
	return nil
}

func (d *Directory) factors(ctx context.Context, userID string) (int, error) {
	if d.Factors == nil {
		return 0, nil
	}
	n, err := d.Factors.CountFactors(ctx, userID)
	if err != nil {
		return 0, fmt.Errorf("directory: factors: %w", err)
	}
	return n, nil
}
