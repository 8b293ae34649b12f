package storage

import (
	"context"
	"time"
)

// OrganizationQuery pages organizations, by id; deleted ones are never among them.
type OrganizationQuery struct {
	After  string
	Offset int
	Limit  int
}

// Tenancy answers what spans the rows of organizations.
type Tenancy interface {
	QueryOrganizations(ctx context.Context, q OrganizationQuery) ([]Organization, error)
	CountOrganizations(ctx context.Context) (int64, error)
	// OrganizationsByID returns those of at most MaxIDs organizations that
	// there are, by id.
	OrganizationsByID(ctx context.Context, ids []string) ([]Organization, error)
	// MemberCounts counts the members of at most MaxIDs organizations; one
	// without members, or that does not exist, is not in the answer.
	MemberCounts(ctx context.Context, ids []string) (map[string]int64, error)
	// InvitationsFor lists the invitations of an address that can be accepted
	// at now, to active organizations, newest first.
	InvitationsFor(ctx context.Context, emailCanonical string, now time.Time, limit int) ([]Invitation, error)
	// RevokeInvitationsOf revokes every standing invitation of an organization
	// and returns how many there were.
	RevokeInvitationsOf(ctx context.Context, organizationID string, at time.Time) (int64, error)
	// ReassignInvitation names another inviter of a standing invitation.
	ReassignInvitation(ctx context.Context, id, invitedBy string) error
}

// MaxIDs is how many ids one query takes; those behind are not looked at.
const MaxIDs = 500
