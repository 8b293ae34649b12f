package storage

import (
	"context"
	"time"
)

// Invitation asks somebody, by address, into an organization.
type Invitation struct {
	ID             string
	OrganizationID string
	Email          string // as it was written
	EmailCanonical string
	Roles          []string // bare names, sorted
	Hash           []byte   // keyed hash of the token in the mail
	InvitedBy      string   // user id or client_id
	CreatedAt      time.Time
	SentAt         time.Time
	Expiry         time.Time
	AcceptedAt     time.Time
	AcceptedBy     string
	RevokedAt      time.Time
}

// Open says whether the invitation can be accepted at now.
func (i Invitation) Open(now time.Time) bool {
	return i.AcceptedAt.IsZero() && i.RevokedAt.IsZero() && now.Before(i.Expiry)
}

// Invitations keeps invitations.
type Invitations interface {
	// InsertInvitation answers ErrConflict while one that was neither accepted
	// nor revoked, expired or not, stands for the address in the organization.
	InsertInvitation(ctx context.Context, i Invitation) error
	InvitationByID(ctx context.Context, organizationID, id string) (Invitation, error)
	InvitationByHash(ctx context.Context, hash []byte) (Invitation, error)
	// StandingInvitation returns the one that is neither accepted nor revoked.
	StandingInvitation(ctx context.Context, organizationID, emailCanonical string) (Invitation, error)
	// RenewInvitation gives a standing invitation a new token, roles and expiry
	// and says whether it was still standing.
	RenewInvitation(ctx context.Context, id string, hash []byte, roles []string, sentAt, expiry time.Time) (won bool, err error)
	// AcceptInvitation and RevokeInvitation settle a standing invitation and say
	// whether this call was the one that did; an expired one is not accepted.
	AcceptInvitation(ctx context.Context, id, userID string, at time.Time) (won bool, err error)
	RevokeInvitation(ctx context.Context, id string, at time.Time) (won bool, err error)
	// InvitationsOf lists those of an organization that stand, by id.
	InvitationsOf(ctx context.Context, organizationID, after string, offset, limit int) ([]Invitation, error)
	// CountInvitations counts those that can be accepted at now.
	CountInvitations(ctx context.Context, organizationID string, now time.Time) (int64, error)
}

// Domain is a DNS domain that an organization says is its own; VerifiedAt is
// set once it has proven that.
type Domain struct {
	OrganizationID string
	Domain         string // lower case, ASCII form
	Challenge      string // what the DNS record must hold
	CreatedAt      time.Time
	VerifiedAt     time.Time
}

// Domains keeps domains. One domain is verified for one organization only.
type Domains interface {
	InsertDomain(ctx context.Context, d Domain) error // ErrConflict when the organization has it
	Domain(ctx context.Context, organizationID, domain string) (Domain, error)
	DomainsOf(ctx context.Context, organizationID string) ([]Domain, error)
	// VerifyDomain marks it verified; ErrConflict when another organization has it verified.
	VerifyDomain(ctx context.Context, organizationID, domain string, at time.Time) error
	DeleteDomain(ctx context.Context, organizationID, domain string) error
	// OwnerOfDomain returns the organization that has verified the domain, or ErrNotFound.
	OwnerOfDomain(ctx context.Context, domain string) (organizationID string, err error)
}
