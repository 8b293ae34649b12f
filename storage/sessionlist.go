package storage

import (
	"context"
	"time"
)

// SessionQuery pages the live sessions of a person, newest first.
type SessionQuery struct {
	UserID string
	Now    time.Time // decides what is live
	Before string    // session id after which to go on; empty: from the newest
	Offset int
	Limit  int
}

// SessionLists shows people what they are signed in with.
type SessionLists interface {
	QuerySessions(ctx context.Context, q SessionQuery) ([]Session, error)
	CountSessions(ctx context.Context, userID string, now time.Time) (int64, error)
}

// GrantUses tells what clients do with what people gave them.
type GrantUses interface {
	// LastUses tells, by client_id, when a person's grants last gave tokens.
	LastUses(ctx context.Context, userID string) (map[string]time.Time, error)
	// EndGrantsOf ends the live grants that a person gave to a client and
	// returns their ids.
	EndGrantsOf(ctx context.Context, userID, clientID, reason string, at time.Time) ([]string, error)
}
