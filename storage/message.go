package storage

import (
	"context"
	"time"
)

// Message is a mail or text message that waits to be sent. Its recipient and
// text are sealed; the row is deleted on delivery and on expiry.
type Message struct {
	ID        string
	Channel   string // email, sms
	UserID    string // whom it is about, or empty
	Sealed    []byte
	Attempts  int64
	DueAt     time.Time
	CreatedAt time.Time
	Expiry    time.Time
}

// Messages keeps messages that wait.
type Messages interface {
	InsertMessage(ctx context.Context, m Message) error
	// TakeMessages takes at most limit messages due at now and not expired,
	// raises their attempts and moves their due time to retryAt: of several
	// replicas one gets each, and one that dies gives it back by itself.
	TakeMessages(ctx context.Context, now, retryAt time.Time, limit int) ([]Message, error)
	// PostponeMessage moves the due time of one that was taken.
	PostponeMessage(ctx context.Context, id string, dueAt time.Time) error
	DeleteMessage(ctx context.Context, id string) error
	// DeleteMessagesOf drops what waits for a person who is erased.
	DeleteMessagesOf(ctx context.Context, userID string) error
	CountMessages(ctx context.Context) (int64, error)
}
