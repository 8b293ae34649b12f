package storage

import (
	"context"

	"github.com/google/uuid"
)

// Transactor runs several changes as one.
type Transactor interface {
	// InTx runs fn in a transaction and commits when fn returns nil. The
	// transaction travels in the context given to fn: every method of the same
	// store called with it takes part. Nested calls join the outer one. fn is
	// run again, from the start, after a serialization failure, a deadlock or a
	// busy database, so it must not have effects of its own; no hashing, RSA
	// signing or outward call belongs inside.
	//
	// Revocation entries and configuration bumps made in fn get their numbers
	// as the last statements before the commit: their order is the commit order
	// and there are no gaps.
	InTx(ctx context.Context, fn func(ctx context.Context) error) error
}

// NewID returns a new UUIDv7 (RFC 9562 §5.7) in lower case.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }
