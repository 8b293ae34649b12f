package storage

import (
	"context"
	"time"
)

// ParkedEvent is an event that a consumer of the record could not deliver, or
// one of the same subject that waits behind it, so that the order holds.
type ParkedEvent struct {
	Consumer string
	Seq      int64
	ID       string
	Type     string
	Subject  string
	Reason   string // why it was refused; empty: it waits behind another
	Attempts int64
	ParkedAt time.Time
	DueAt    time.Time // when it is tried again, once it is the first of its subject
}

// ParkedEvents keeps what consumers could not deliver.
type ParkedEvents interface {
	// ParkEvents writes rows; what is parked already stays as it is.
	ParkEvents(ctx context.Context, events ...ParkedEvent) error
	// SubjectParked tells whether an event of the subject is parked.
	SubjectParked(ctx context.Context, consumer, subject string) (bool, error)
	// ParkedEventsAfter lists what is parked with a seq above after, in order.
	ParkedEventsAfter(ctx context.Context, consumer string, after int64, limit int) ([]ParkedEvent, error)
	// DueParkedEvents lists, in order, those that are due and the first of their
	// subject. Events without a subject wait behind none.
	DueParkedEvents(ctx context.Context, consumer string, now time.Time, limit int) ([]ParkedEvent, error)
	CountParkedEvents(ctx context.Context, consumer string) (int64, error)
	// PutOffParkedEvent writes reason, attempts and due time; ErrNotFound when it
	// is not parked any more.
	PutOffParkedEvent(ctx context.Context, e ParkedEvent) error
	// HastenParkedEvents makes the event with that seq due, or all (seq 0), and
	// returns how many there are.
	HastenParkedEvents(ctx context.Context, consumer string, seq int64, due time.Time) (int64, error)
	// UnparkEvent forgets a parked event: it was delivered, or given up. It says
	// whether it was there.
	UnparkEvent(ctx context.Context, consumer string, seq int64) (bool, error)
}
