package storage

import (
	"context"
	"time"
)

// PrunedEvent is what stays of an event that is no longer kept: its place in
// the chain, and which event tells of its removal.
type PrunedEvent struct {
	Seq   int64
	Hash  []byte // of the chain at this event
	Prune string // id of the event audit.pruned that tells of it
}

// HoldKind says what a legal hold keeps.
type HoldKind string

// The kinds of hold.
const (
	HoldAll          HoldKind = "all"
	HoldSubject      HoldKind = "subject"      // events about it, or done by it
	HoldOrganization HoldKind = "organization" // events that happened in it
)

// Hold keeps events that retention would remove.
type Hold struct {
	ID        string
	Kind      HoldKind
	Value     string // the id of the subject or organization; empty for all
	Reason    string // a reference of the operator's, such as a case number
	CreatedBy string // actor
	CreatedAt time.Time
}

// Audit keeps what the record needs besides its rows: what stays of rows that
// were removed, and what must not be removed.
type Audit interface {
	// PruneEvents removes these sequenced events and keeps their places, in the
	// running transaction. One that is gone already is storage.ErrVersion.
	PruneEvents(ctx context.Context, prune string, events []Event) error
	// PrunedEventsAfter lists what stays of removed events by seq.
	PrunedEventsAfter(ctx context.Context, after int64, limit int) ([]PrunedEvent, error)
	// EventReach returns the highest seq that any consumer has come to.
	EventReach(ctx context.Context) (int64, error)
	// OldestWaitingEvent returns the lowest seq that is parked, or is to be sent
	// to a webhook; 0 when nothing waits.
	OldestWaitingEvent(ctx context.Context) (int64, error)

	// GuardHolds locks the holds in the running transaction.
	GuardHolds(ctx context.Context) error
	// InsertHold writes a hold.
	InsertHold(ctx context.Context, h Hold) error
	// DeleteHold removes a hold and returns it, or ErrNotFound.
	DeleteHold(ctx context.Context, id string) (Hold, error)
	// Holds lists all holds by id.
	Holds(ctx context.Context) ([]Hold, error)
}
