package directory

import (
	"context"
	"slices"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// Question asks whether somebody may do something.
type Question struct {
	UserID         string // empty: the caller
	OrganizationID string // where; empty: see Standing, for oneself the token's
	Permission     string // action:resource
}

// Answer is the decision and about whom and where it is.
type Answer struct {
	access.Decision
	UserID         string
	OrganizationID string // empty: in none
	// Epoch is the highest position of the revocation feed that touches what
	// the person may do there; 0 when nothing alive does.
	Epoch int64
}

// ReasonInactive means that the account is suspended, whatever roles it holds.
const ReasonInactive access.Reason = "inactive"

// Authorize decides. About the caller, in the token's organization, it answers
// from the token's roles and memory alone. For everybody else, and everywhere
// else, it reads what they hold now, if the caller may know that (see
// Standing, with its errors). Nobody holds anything but system roles in an
// organization they do not belong to, so for whoever may see the whole person
// that is a plain refusal; it says nothing about whether there is such an
// organization. fault.Unavailable when the roles cannot be resolved.
func (d *Directory) Authorize(ctx context.Context, c Caller, q Question) (Answer, error) {
	if q.UserID == "" {
		q.UserID = c.ID
	}
	if q.UserID == c.ID && (q.OrganizationID == "" || q.OrganizationID == c.OrganizationID) {
		return d.authorizeToken(ctx, c, q)
	}
	head := d.Feed.Head()
	a, sight, err := d.Standing(ctx, c, q.UserID, q.OrganizationID)
	if fault.Is(err, fault.NotMember) {
		a, sight, err = d.outside(ctx, c, q)
	}
	if err != nil {
		return Answer{}, err
	}
	h := access.Holder{Roles: a.Roles, OrganizationID: organizationOf(a)}
	if a.Organization == nil && sight == SightFull {
		h.OrganizationID = q.OrganizationID // what system roles give there
	}
	out := Answer{UserID: q.UserID, OrganizationID: h.OrganizationID}
	if out.Decision, err = d.decide(ctx, h, q.Permission); err != nil {
		return Answer{}, err
	}
	if a.User.Status != storage.UserActive {
		out.Decision = access.Decision{Reason: ReasonInactive, Missing: q.Permission, Version: out.Version}
	}
	out.Epoch = d.epoch(head, q.UserID, h.OrganizationID, h.Roles)
	return out, nil
}

// outside is somebody in an organization they do not belong to, for callers
// who see the whole of them.
func (d *Directory) outside(ctx context.Context, c Caller, q Question) (Account, Sight, error) {
	if c.Service && c.OrganizationID != "" && q.OrganizationID != c.OrganizationID {
		return Account{}, 0, notMember()
	}
	a, sight, err := d.Standing(ctx, c, q.UserID, "")
	if err != nil {
		return a, sight, err
	}
	if sight != SightFull {
		return Account{}, 0, notMember()
	}
	a.Organization = nil
	a.Roles = a.Roles[:0]
	for _, name := range a.SystemRoles {
		a.Roles = append(a.Roles, access.TokenRole(storage.ScopeSystem, name))
	}
	return a, sight, nil
}

// authorizeToken decides about the caller from what the token says.
func (d *Directory) authorizeToken(ctx context.Context, c Caller, q Question) (Answer, error) {
	wanted := scopeAccount
	if c.Service {
		wanted = scopePermissions
	}
	if !slices.Contains(c.Scopes, wanted) {
		return Answer{}, insufficient(wanted)
	}
	h := access.Holder{Roles: c.Roles, OrganizationID: c.OrganizationID}
	decision, err := d.decide(ctx, h, q.Permission)
	if err != nil {
		return Answer{}, err
	}
	epoch := d.Feed.Epoch(c.ID, c.OrganizationID, c.Roles)
	if epoch > c.Position { // revoked since the token was looked at
		return Answer{}, fault.New(fault.TokenStale, "roles have changed; refresh the token")
	}
	return Answer{Decision: decision, UserID: c.ID, OrganizationID: c.OrganizationID, Epoch: epoch}, nil
}

func (d *Directory) decide(ctx context.Context, h access.Holder, permission string) (access.Decision, error) {
	decision, err := d.Resolver.Decide(ctx, h, permission)
	if err != nil {
		return decision, fault.Wrap(err, fault.Unavailable, "role definitions cannot be read now; try again")
	}
	return decision, nil
}

// epoch is the epoch of roles that were read after head.
func (d *Directory) epoch(head int64, userID, organizationID string, roles []string) int64 {
	return min(head, d.Feed.Epoch(userID, organizationID, roles))
}

// Rights is a standing with its epoch.
type Rights struct {
	Account
	Sight Sight
	Epoch int64
}

// Rights is Standing with the feed position it is as new as, and without
// permissions when the account is suspended. A service that asks for itself
// gets what its token says.
func (d *Directory) Rights(ctx context.Context, c Caller, userID, organizationID string) (Rights, error) {
	head := d.Feed.Head()
	if c.Service && userID == c.ID {
		return d.serviceRights(ctx, c, organizationID)
	}
	a, sight, err := d.Standing(ctx, c, userID, organizationID)
	if err != nil {
		return Rights{}, err
	}
	if a.User.Status != storage.UserActive {
		a.Permissions = []string{}
	}
	return Rights{Account: a, Sight: sight, Epoch: d.epoch(head, userID, organizationOf(a), a.Roles)}, nil
}

func (d *Directory) serviceRights(ctx context.Context, c Caller, organizationID string) (Rights, error) {
	if !slices.Contains(c.Scopes, scopePermissions) {
		return Rights{}, insufficient(scopePermissions)
	}
	if organizationID != "" && organizationID != c.OrganizationID {
		return Rights{}, notMember()
	}
	permissions, err := d.Resolver.Permissions(ctx, c.Roles, c.OrganizationID)
	if err != nil {
		return Rights{}, fault.Wrap(err, fault.Unavailable, "role definitions cannot be read now; try again")
	}
	a := Account{User: storage.User{ID: c.ID, Status: storage.UserActive}, Roles: c.Roles, Permissions: permissions}
	if c.OrganizationID != "" {
		o, err := d.find(ctx, c.OrganizationID)
		if err != nil {
			return Rights{}, err
		}
		a.Organization = &o
	}
	return Rights{Account: a, Sight: SightFull, Epoch: d.Feed.Epoch(c.ID, c.OrganizationID, c.Roles)}, nil
}
