// Package inproc keeps volatile state in the memory of one process.
package inproc

import (
	"context"
	"sync"

	"github.com/signet-idp/signet/storage/volatile"
)

// backlog is how many messages a subscriber may be behind.
const backlog = 16

// Fanout implements volatile.Fanout within the process. The zero value is ready.
type Fanout struct {
	mu     sync.Mutex
	topics map[string]map[chan []byte]struct{}
}

var _ volatile.Fanout = (*Fanout)(nil)

// Publish implements volatile.Fanout.
func (f *Fanout) Publish(_ context.Context, topic string, payload []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.topics[topic] {
		select {
		case c <- payload:
		default: // too slow; it has enough to look at
		}
	}
	return nil
}

// Subscribe implements volatile.Fanout.
func (f *Fanout) Subscribe(ctx context.Context, topic string) (<-chan []byte, func()) {
	c := make(chan []byte, backlog)
	c <- nil
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.topics == nil {
		f.topics = make(map[string]map[chan []byte]struct{})
	}
	if f.topics[topic] == nil {
		f.topics[topic] = make(map[chan []byte]struct{})
	}
	f.topics[topic][c] = struct{}{}
	stop := sync.OnceFunc(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.topics[topic], c)
		close(c)
	})
	unhook := context.AfterFunc(ctx, stop)
	return c, func() { unhook(); stop() }
}
