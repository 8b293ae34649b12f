package storage

import (
	"context"
	"time"
)

// HeldRole is a role that a person holds, with what a review of it needs to
// know of the person.
type HeldRole struct {
	RoleAssignment
	Email       string
	Status      UserStatus
	LastLoginAt time.Time
	Factors     int64 // confirmed ones
}

// TypeCount is how many events of a type there are.
type TypeCount struct {
	Type  string
	Count int64
}

// Reports asks what only reports need, and what may take its time.
type Reports interface {
	// HeldRoles lists who holds which role, by person, organization and role,
	// from the one behind after (its user, organization and role count); of one
	// organization, if it is not empty.
	HeldRoles(ctx context.Context, organizationID string, after RoleAssignment, limit int) ([]HeldRole, error)
	// CountEventTypes counts the sequenced events of from until before to by
	// type, from the record itself; of one organization, if it is not empty.
	CountEventTypes(ctx context.Context, organizationID string, from, to time.Time) ([]TypeCount, error)
}
