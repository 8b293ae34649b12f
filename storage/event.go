package storage

import (
	"context"
	"time"
)

// Event is one row of the record of what happened (design §8). Data holds ids
// and enumerations only; Personal is sealed under the person's own key.
type Event struct {
	// Number is the insertion number, Seq the gap-free position given by the
	// sequencer (0 until then).
	Number       int64
	Seq          int64
	ID           string
	Type         string
	Time         time.Time
	Actor        string // user id, client_id or "system"
	ActorKind    string // user, client, system
	Subject      string
	Organization string
	Request      string // request id
	TraceParent  string // W3C Trace Context, or empty
	Data         []byte // JSON object
	Personal     []byte // sealed, or nil
	PersonalOf   string // whose key sealed Personal
	Hash         []byte // of the chain, once sequenced
}

// Events keeps the record.
type Events interface {
	// InsertEvents writes events in the running transaction. The caller has
	// locked the subject's row before, so insertion numbers follow the order of
	// commits per subject.
	InsertEvents(ctx context.Context, events ...Event) error
	// UnsequencedEvents lists events without a seq by insertion number.
	UnsequencedEvents(ctx context.Context, limit int) ([]Event, error)
	// SequenceEvents writes seq and hash of these events.
	SequenceEvents(ctx context.Context, events []Event) error
	// LastEvent returns the newest sequenced event, or ErrNotFound.
	LastEvent(ctx context.Context) (Event, error)
	// EventsAfter lists sequenced events with a seq above after in order.
	EventsAfter(ctx context.Context, after int64, limit int) ([]Event, error)
}

// PersonKeys keeps the sealed key of each person; destroying it erases what is
// personal in the record.
type PersonKeys interface {
	// PutPersonKey stores a key unless there is one and returns the one that stands.
	PutPersonKey(ctx context.Context, userID string, sealed []byte, at time.Time) ([]byte, error)
	PersonKey(ctx context.Context, userID string) ([]byte, error)
	DeletePersonKey(ctx context.Context, userID string) error
}

// Lease is the right to do something alone until Expiry. Token rises with each
// new holder: a fence against one who lost it without noticing.
type Lease struct {
	Name   string
	Holder string
	Token  int64
	Expiry time.Time
}

// Leases keeps leases.
type Leases interface {
	// AcquireLease takes the lease when it is free or expired at now, or
	// extends it when held by the same holder. It says whether holder has it.
	AcquireLease(ctx context.Context, name, holder string, now, expiry time.Time) (Lease, bool, error)
	// CheckLease locks the lease's row in the running transaction and answers
	// ErrVersion when the token is no longer the current one.
	CheckLease(ctx context.Context, l Lease) error
	ReleaseLease(ctx context.Context, l Lease) error
}

// Sweeper removes what has expired, in bounded steps.
type Sweeper interface {
	// Sweep deletes at most limit expired rows per table and returns how many.
	Sweep(ctx context.Context, now time.Time, limit int) (int64, error)
}
