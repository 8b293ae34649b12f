package storage

import (
	"context"
	"time"
)

// LogoutDelivery is a logout token that a client has yet to receive (OpenID
// Connect Back-Channel Logout 1.0 §2.5). It is written with the end of the
// session, so that a crash loses none.
type LogoutDelivery struct {
	ID        string
	ClientID  string
	SessionID string // the sid the client knows
	UserID    string
	Attempts  int64
	DueAt     time.Time
	CreatedAt time.Time
}

// LogoutDeliveries keeps logout tokens that are due.
type LogoutDeliveries interface {
	InsertLogoutDelivery(ctx context.Context, d LogoutDelivery) error
	// TakeLogoutDeliveries takes at most limit deliveries due at now, raises
	// their attempts and moves their due time to retryAt: of several replicas
	// one gets each, and one that dies gives it back by itself.
	TakeLogoutDeliveries(ctx context.Context, now, retryAt time.Time, limit int) ([]LogoutDelivery, error)
	// PostponeLogoutDelivery moves the due time of one that was taken.
	PostponeLogoutDelivery(ctx context.Context, id string, dueAt time.Time) error
	DeleteLogoutDelivery(ctx context.Context, id string) error
}
