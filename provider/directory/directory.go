// Package directory answers who may see whom, and what an account and an
// organization look like from where the caller stands. Every route that takes
// the id of a person or an organization asks here first: Directory.Person and
// Directory.Organization are the one place where another tenant's object
// becomes "not found".
package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// Store is what the directory reads.
type Store interface {
	UserByID(ctx context.Context, id string) (storage.User, error)
	OrganizationByID(ctx context.Context, id string) (storage.Organization, error)
	OrganizationBySlug(ctx context.Context, slug string) (storage.Organization, error)
	Membership(ctx context.Context, organizationID, userID string) (storage.Membership, error)
	MembershipsOf(ctx context.Context, userID, after string, limit int) ([]storage.Membership, error)
	SystemRoles(ctx context.Context, userID string) ([]string, error)
	SharedMemberships(ctx context.Context, viewerID, otherID string, limit int) ([]storage.Membership, error)
}

// Factors counts the second factors a person has confirmed. nil: none exist.
type Factors interface {
	CountFactors(ctx context.Context, userID string) (int, error)
}

// Feed is how far the revocation feed is applied here, and the last position
// that touches what somebody may do (*revocation.View).
type Feed interface {
	Head() int64
	Epoch(sub, organizationID string, roles []string) int64
}

// Directory looks people and organizations up. It is safe for concurrent use.
type Directory struct {
	Store    Store
	Resolver *access.Resolver
	Factors  Factors
	Feed     Feed
}

// Caller is who asks, as the access token says.
type Caller struct {
	ID             string // user id, or the client_id of a service
	Service        bool   // a client of its own, no person behind it
	OrganizationID string // the token's active organization, or empty
	Roles          []string
	Scopes         []string
	// Position is the feed position at which the token's roles were read (pe).
	Position int64
}

// scopeAdmin is the scope under which system roles act: a token of an
// administrator without it has no more than any other person's.
const scopeAdmin = "admin"

// MaxMemberships bounds how many organizations of one person are looked at.
const MaxMemberships = 500

// Sight is how much of a person a caller sees.
type Sight int

// What is seen.
const (
	// SightPublic: names, picture, job; what colleagues see of each other.
	SightPublic Sight = iota + 1
	// SightMember: what an administrator of a shared organization sees: the
	// address, roles and activity there; nothing that would let them in.
	SightMember
	// SightFull: the person, and system administrators.
	SightFull
)

// Holder is what the caller holds in an organization (empty: nowhere but in the
// system), read anew from the database for people; a service holds what its
// token says in its own organization.
func (d *Directory) Holder(ctx context.Context, c Caller, organizationID string) (access.Holder, error) {
	h := access.Holder{OrganizationID: organizationID}
	if c.Service {
		for _, r := range c.Roles {
			scope, _ := access.ParseTokenRole(r)
			if scope == storage.ScopeSystem && slices.Contains(c.Scopes, scopeAdmin) ||
				scope != storage.ScopeSystem && organizationID != "" && c.OrganizationID == organizationID {
				h.Roles = append(h.Roles, r)
			}
		}
		return h, nil
	}
	system, err := d.Store.SystemRoles(ctx, c.ID)
	if err != nil {
		return h, fmt.Errorf("directory: holder: %w", err)
	}
	for _, name := range system {
		if name == access.SystemUser || slices.Contains(c.Scopes, scopeAdmin) {
			h.Roles = append(h.Roles, access.TokenRole(storage.ScopeSystem, name))
		}
	}
	if organizationID == "" {
		return h, nil
	}
	m, err := d.Store.Membership(ctx, organizationID, c.ID)
	switch {
	case errors.Is(err, storage.ErrNotFound):
	case err != nil:
		return h, fmt.Errorf("directory: holder: %w", err)
	default:
		h.Roles = append(h.Roles, m.Roles...)
	}
	return h, nil
}

// May decides whether the holder may do permission; fault.Unavailable when that
// cannot be known now.
func (d *Directory) May(ctx context.Context, h access.Holder, permission string) (bool, error) {
	verdict, err := d.Resolver.Decide(ctx, h, permission)
	if err != nil {
		return false, fault.Wrap(err, fault.Unavailable, "role definitions cannot be read now; try again")
	}
	return verdict.Allowed, nil
}

// Organization returns an organization, by id or slug, that the caller may see,
// with what they hold there, if they may do permission in it.
// fault.OrganizationNotFound for strangers, fault.Forbidden for who sees it
// and lacks the permission. A suspended organization is seen only by the system.
func (d *Directory) Organization(ctx context.Context, c Caller, idOrSlug, permission string) (storage.Organization, access.Holder, error) {
	o, err := d.find(ctx, idOrSlug)
	if err != nil {
		return o, access.Holder{}, err
	}
	h, err := d.Holder(ctx, c, o.ID)
	if err != nil {
		return o, h, err
	}
	sees, err := d.May(ctx, h, "read:organization")
	if err == nil && (!sees || o.Status != storage.OrganizationActive) {
		sees, err = d.May(ctx, h, "read:system:organizations")
	}
	if err != nil {
		return o, h, err
	}
	if !sees {
		return storage.Organization{}, access.Holder{}, unknownOrganization(nil)
	}
	if permission == "read:organization" {
		return o, h, nil
	}
	may, err := d.May(ctx, h, permission)
	if err == nil && !may {
		err = fault.New(fault.Forbidden, "this needs the permission "+permission+" in the organization")
	}
	return o, h, err
}

func (d *Directory) find(ctx context.Context, idOrSlug string) (storage.Organization, error) {
	read := d.Store.OrganizationBySlug
	switch {
	case isID(idOrSlug):
		read = d.Store.OrganizationByID
	case !slug(idOrSlug):
		return storage.Organization{}, unknownOrganization(nil)
	}
	o, err := read(ctx, idOrSlug)
	switch {
	case errors.Is(err, storage.ErrNotFound), err == nil && o.Status == storage.OrganizationDeleted:
		return storage.Organization{}, unknownOrganization(err)
	case err != nil:
		return o, fmt.Errorf("directory: organization: %w", err)
	}
	return o, nil
}

// isID tells ids from slugs, which never have the form of a UUID, and from what
// no store has to be asked about.
func isID(s string) bool {
	return len(s) == 36 && s[8] == '-' && s[13] == '-' && uuid.Validate(s) == nil
}

// slug says whether s can be one, so that no store is asked for what it cannot
// even compare.
func slug(s string) bool {
	return s != "" && len(s) <= 63 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// Person returns an account and how much of it the caller sees;
// fault.UserNotFound for strangers and for people who are deleted. permission
// is what an organization's role must give there to see more than the public
// part ("read:members", "read:activity"); empty: "write:members".
func (d *Directory) Person(ctx context.Context, c Caller, userID, permission string) (storage.User, Sight, error) {
	u, err := d.known(ctx, userID)
	if err != nil {
		return u, 0, err
	}
	if !c.Service && c.ID == userID {
		return u, SightFull, nil
	}
	h, err := d.Holder(ctx, c, "")
	if err != nil {
		return u, 0, err
	}
	if all, err := d.May(ctx, h, "read:system:users"); err != nil || all {
		return u, SightFull, err
	}
	if permission == "" {
		permission = "write:members"
	}
	sight, err := d.together(ctx, c, h, userID, permission)
	if err == nil && sight == 0 {
		err = unknownUser(nil)
	}
	if err != nil {
		return storage.User{}, 0, err
	}
	return u, sight, nil
}

// together is what is seen of somebody who shares an organization.
func (d *Directory) together(ctx context.Context, c Caller, system access.Holder, userID, permission string) (Sight, error) {
	shared, err := d.shared(ctx, c, userID)
	if err != nil {
		return 0, err
	}
	var sight Sight
	for _, m := range shared {
		h := access.Holder{OrganizationID: m.OrganizationID, Roles: slices.Concat(system.Roles, m.Roles)}
		if may, err := d.May(ctx, h, permission); err != nil {
			return 0, err
		} else if may {
			return SightMember, nil
		}
		if may, err := d.May(ctx, h, "read:members"); err != nil {
			return 0, err
		} else if may {
			sight = SightPublic
		}
	}
	return sight, nil
}

// shared lists where the caller and the person meet, with the caller's roles.
func (d *Directory) shared(ctx context.Context, c Caller, userID string) ([]storage.Membership, error) {
	if !c.Service {
		list, err := d.Store.SharedMemberships(ctx, c.ID, userID, MaxMemberships)
		if err != nil {
			return nil, fmt.Errorf("directory: shared: %w", err)
		}
		return list, nil
	}
	if c.OrganizationID == "" {
		return nil, nil
	}
	m, err := d.Store.Membership(ctx, c.OrganizationID, userID)
	switch {
	case errors.Is(err, storage.ErrNotFound), err == nil && m.OrganizationStatus != storage.OrganizationActive:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("directory: shared: %w", err)
	}
	m.Roles = slices.DeleteFunc(slices.Clone(c.Roles), func(r string) bool {
		scope, _ := access.ParseTokenRole(r)
		return scope == storage.ScopeSystem
	})
	return []storage.Membership{m}, nil
}

// Within says whether a service that acts under a narrow scope (permissions:read
// and its kin) reaches the person: those of its own organization, or everybody
// when the client belongs to none. A person's token reaches nobody by it.
func (d *Directory) Within(ctx context.Context, c Caller, userID string) (bool, error) {
	switch {
	case !c.Service:
		return false, nil
	case c.OrganizationID == "":
		return true, nil
	}
	_, err := d.Store.Membership(ctx, c.OrganizationID, userID)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("directory: within: %w", err)
	}
	return true, nil
}

func unknownUser(err error) error {
	return fault.Wrap(err, fault.UserNotFound, "there is no such user")
}

func unknownOrganization(err error) error {
	return fault.Wrap(err, fault.OrganizationNotFound, "there is no such organization")
}
