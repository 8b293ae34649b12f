package storage

import (
	"context"
	"time"
)

// Link is a one-time token that was sent to a person: to prove an address, to
// set a new password, to confirm a new address or number.
type Link struct {
	ID      string
	Purpose string
	UserID  string
	Hash    []byte // keyed hash of the token
	Data    []byte // sealed: what the link confirms; nil when nothing
	// Attempts counts wrong guesses of short codes (TryLink).
	Attempts  int64
	CreatedAt time.Time
	Expiry    time.Time
	UsedAt    time.Time
}

// Links keeps one-time links.
type Links interface {
	InsertLink(ctx context.Context, l Link) error
	// LinkByID returns a link, used and expired ones included.
	LinkByID(ctx context.Context, id string) (Link, error)
	// LinkByHash returns a link, used and expired ones included.
	LinkByHash(ctx context.Context, purpose string, hash []byte) (Link, error)
	// OpenLink returns the newest link of a person and purpose that is neither
	// used nor expired at now; ErrNotFound when there is none.
	OpenLink(ctx context.Context, userID, purpose string, now time.Time) (Link, error)
	// TryLink counts one guess, if fewer than limit were made; it says whether
	// this guess may be judged. One at a used link may not.
	TryLink(ctx context.Context, id string, limit int64) (allowed bool, err error)
	// UseLink marks it used, if it was not and has not expired at at; it says
	// whether this call was the one that did.
	UseLink(ctx context.Context, id string, at time.Time) (won bool, err error)
	// VoidLinks marks every open link of a person and purpose used.
	VoidLinks(ctx context.Context, userID, purpose string, at time.Time) error
}
