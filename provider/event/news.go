package event

import "sync"

// News wakes those who wait for events to be sequenced. The zero value is ready.
type News struct {
	mu     sync.Mutex
	next   chan struct{}
	closed bool
}

// Wait returns what is closed when there is something new; at once when nothing
// more is told.
func (n *News) Wait() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.next == nil {
		n.next = make(chan struct{})
		if n.closed {
			close(n.next)
		}
	}
	return n.next
}

// Tell wakes everybody. It never blocks.
func (n *News) Tell() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.next != nil && !n.closed {
		close(n.next)
		n.next = nil
	}
}

// Close wakes everybody, for good: the server is about to stop.
func (n *News) Close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.next != nil && !n.closed {
		close(n.next)
	}
	n.closed = true
}

// Closed tells whether Close was called.
func (n *News) Closed() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.closed
}
