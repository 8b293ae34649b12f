package notify

import (
	"context"
	"slices"
	"sync"
)

// captured is how many messages a Capture keeps.
const captured = 200

// Capture is a Sender for development: it keeps the last 200 messages in memory
// for /dev/inbox. The zero value is ready.
type Capture struct {
	mu   sync.Mutex
	list []Delivery
}

// Send implements Sender; it never fails.
func (c *Capture) Send(_ context.Context, d Delivery) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, d)
	if n := len(c.list) - captured; n > 0 {
		c.list = slices.Delete(c.list, 0, n)
	}
	return nil
}

// Messages lists what was sent, the newest first.
func (c *Capture) Messages() []Delivery {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := slices.Clone(c.list)
	slices.Reverse(list)
	return list
}
