package notify

import (
	"context"
	"errors"
	"time"
)

// Delivery is a message on its way out.
type Delivery struct {
	ID        string // of the row; the same at every attempt
	CreatedAt time.Time
	Content
}

// Sender delivers on one channel. It returns within sendTime or when ctx ends,
// and is safe for concurrent use. ErrRefused in an error's chain says that
// trying again is useless; any other error is tried again until the message
// expires. Errors name no recipient and hold nothing of a message: they are
// logged.
type Sender interface {
	Send(ctx context.Context, d Delivery) error
}

// ErrRefused says that the other side will never take this message.
var ErrRefused = errors.New("refused for good")
