// Package volatile is for state that may be lost: counters of limits and locks,
// and messages that only say "look". Redis shares it between replicas (package
// redis), a process alone keeps it in memory (package inproc), and Fallback
// goes on in memory while Redis is away. Nothing here may decide whether a
// one-time thing was used or a token is revoked: that is package storage's.
package volatile

import (
	"context"
	"time"
)

// Fanout carries messages to all replicas.
type Fanout interface {
	// Publish sends payload to whoever subscribes to topic now.
	Publish(ctx context.Context, topic string, payload []byte) error
	// Subscribe returns the messages of topic, until stop is called or ctx
	// ends; the channel is closed then. An empty message says that the
	// subscription stands from now on and something may have been missed
	// before: one comes first, and one whenever the server was lost and found
	// again. A subscriber that does not keep up loses messages, and never
	// delays others.
	Subscribe(ctx context.Context, topic string) (messages <-chan []byte, stop func())
}

// Counters count what happens in fixed windows.
type Counters interface {
	// Add adds n (0: only look) to the counter of key and returns its total and
	// how long until it starts from zero again. The window begins with the
	// first count and lasts for window; a look at a counter that does not
	// exist answers 0, 0.
	Add(ctx context.Context, key string, n int64, window time.Duration) (total int64, resetAfter time.Duration, err error)
	// Reset forgets the counter.
	Reset(ctx context.Context, key string) error
}
