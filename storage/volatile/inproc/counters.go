package inproc

import (
	"context"
	"sync"
	"time"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/storage/volatile"
)

// MaxCounters bounds the memory of Counters: some 20 MiB when all are in use
// with keys of 100 bytes.
const MaxCounters = 100_000

// Counters implements volatile.Counters in memory, bounded: when full, what
// ran out goes first, then any. An attacker with that many keys makes limits
// forget, never the process grow.
type Counters struct {
	clock clock.Clock
	max   int
	mu    sync.Mutex
	cells map[string]cell
}

type cell struct {
	total int64
	ends  time.Time
}

var _ volatile.Counters = (*Counters)(nil)

// NewCounters returns counters that hold at most max keys; 0: MaxCounters.
func NewCounters(c clock.Clock, max int) *Counters {
	if max <= 0 {
		max = MaxCounters
	}
	return &Counters{clock: c, max: max, cells: make(map[string]cell)}
}

// Add implements volatile.Counters.
func (c *Counters) Add(_ context.Context, key string, n int64, window time.Duration) (int64, time.Duration, error) {
	now := c.clock.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.cells[key]
	if !ok || !now.Before(v.ends) {
		if n == 0 {
			return 0, 0, nil
		}
		if !ok && len(c.cells) >= c.max {
			c.evict(now)
		}
		v = cell{ends: now.Add(window)}
	}
	v.total += n
	c.cells[key] = v
	return v.total, v.ends.Sub(now), nil
}

// evictBatch is how many cells are looked at to make room: each new key pays
// for a bounded look, and on average several are freed by it.
const evictBatch = 64

// evict makes room for one more. A map's order is random, so the batch is a
// sample; what has not run out is only dropped when nothing in it has.
func (c *Counters) evict(now time.Time) {
	var victim string
	seen, freed := 0, 0
	for k, v := range c.cells {
		if !now.Before(v.ends) {
			delete(c.cells, k)
			freed++
		} else if seen == 0 || v.total < c.cells[victim].total {
			victim = k // the smallest count is the least loss
		}
		if seen++; seen == evictBatch {
			break
		}
	}
	if freed == 0 {
		delete(c.cells, victim)
	}
}

// Reset implements volatile.Counters.
func (c *Counters) Reset(_ context.Context, key string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.cells, key)
	return nil
}

// Len returns how many keys are held.
func (c *Counters) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.cells)
}
