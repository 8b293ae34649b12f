// Package guard slows down who guesses: passwords, codes, anything that proves
// who somebody is. Failures count for the canonical account, whatever was
// guessed at, and attempts for the network address.
package guard

import (
	"context"
	"time"
)

// Counter counts within windows (storage/volatile). The window begins with the
// first count; adding 0 only looks.
type Counter interface {
	Add(ctx context.Context, key string, n int64, window time.Duration) (total int64, resetAfter time.Duration, err error)
	// Reset forgets a counter.
	Reset(ctx context.Context, key string) error
}

// Limits of guesses (design §15).
type Limits struct {
	// Failures within Window lock an identifier for Lock, which doubles with
	// every further lock within a day.
	Failures int64
	Window   time.Duration
	Lock     time.Duration
	// Attempts a minute from one address.
	Attempts int64
}

// DefaultLimits are 10 failures in 15 minutes, a lock of 15 minutes, and 100
// attempts a minute.
func DefaultLimits() Limits {
	return Limits{Failures: 10, Window: 15 * time.Minute, Lock: 15 * time.Minute, Attempts: 100}
}

// Who makes an attempt, at whose account.
type Who struct {
	// Identifier is the canonical one of the account, known or not; empty: only
	// the address counts.
	Identifier string
	// Known names a device or session that the account knows, or is empty. A
	// known one is refused for its own failures only, so that a stranger who
	// hammers does not lock the owner out; its failures count for strangers too.
	Known   string
	Address string
}

// own is the counter that decides about who.
func (w Who) own() string {
	if w.Known == "" {
		return w.Identifier
	}
	return w.Identifier + " known:" + w.Known // no canonical identifier holds a space
}

// LockedError says that there were too many failures for an identifier.
type LockedError struct {
	RetryAfter time.Duration
	// Fresh: this attempt was the one that locked it.
	Fresh bool
}

// Error implements error.
func (e *LockedError) Error() string { return "guard: locked after too many failures" }

// LimitedError says that there were too many attempts from an address.
type LimitedError struct {
	Limit      int64 // attempts a minute
	RetryAfter time.Duration
}

// Error implements error.
func (e *LimitedError) Error() string { return "guard: too many attempts from this address" }

// Guard counts. It is safe for concurrent use.
type Guard struct {
	counter Counter
	limits  Limits
}

// New makes a Guard.
func New(c Counter, l Limits) *Guard { return &Guard{counter: c, limits: l} }

// Failures is how many failures lock an identifier.
func (g *Guard) Failures() int64 { return g.limits.Failures }

// Check counts an attempt before it is judged and refuses it with *LimitedError
// when there were too many from the address, with *LockedError when there were
// too many failures for the identifier.
func (g *Guard) Check(ctx context.Context, who Who) error {
	n, reset, err := g.counter.Add(ctx, "login:address:"+who.Address, 1, time.Minute)
	if err != nil {
		return err
	}
	if n > g.limits.Attempts {
		return &LimitedError{Limit: g.limits.Attempts, RetryAfter: reset}
	}
	if who.Identifier == "" {
		return nil
	}
	locked, reset, err := g.counter.Add(ctx, lockOf(who.own()), 0, 0)
	if err != nil {
		return err
	}
	if locked > 0 {
		return &LockedError{RetryAfter: reset}
	}
	if who.Known != "" {
		if n, _, err = g.counter.Add(ctx, failures(who.Identifier), 1, g.limits.Window); err != nil {
			return err
		}
		if n > g.limits.Failures {
			if _, err := g.lock(ctx, who.Identifier); err != nil {
				return err
			}
		}
	}
	// The attempt counts as a failure until it has succeeded, so that many at
	// once get no more tries than one after another.
	if n, _, err = g.counter.Add(ctx, failures(who.own()), 1, g.limits.Window); err != nil {
		return err
	}
	if n > g.limits.Failures {
		refusal, err := g.lock(ctx, who.own())
		if err != nil {
			return err
		}
		return refusal
	}
	return nil
}

// remembered is how long earlier locks count for the length of the next;
// doublings bounds it.
const (
	remembered = 24 * time.Hour
	doublings  = 6
)

// lock locks an identifier. Of several at once one sets it and the rest see it
// set. The failures are not forgotten: an attempt that saw no lock a moment ago
// must still find them. They run out before the lock does, unless Window is the
// longer one.
func (g *Guard) lock(ctx context.Context, identifier string) (*LockedError, error) {
	earlier, _, err := g.counter.Add(ctx, locks(identifier), 0, 0)
	if err != nil {
		return nil, err
	}
	n, reset, err := g.counter.Add(ctx, lockOf(identifier), 1, g.limits.Lock<<min(earlier, doublings))
	if err != nil {
		return nil, err
	}
	if n == 1 {
		if _, _, err := g.counter.Add(ctx, locks(identifier), 1, remembered); err != nil {
			return nil, err
		}
	}
	return &LockedError{RetryAfter: reset, Fresh: n == 1}, nil
}

// Succeeded takes back the failure that Check counted ahead. Earlier ones stay
// until their window ends.
func (g *Guard) Succeeded(ctx context.Context, who Who) error {
	for _, identifier := range []string{who.own(), who.Identifier} {
		if _, _, err := g.counter.Add(ctx, failures(identifier), -1, g.limits.Window); err != nil {
			return err
		}
		if who.Known == "" {
			break
		}
	}
	return nil
}

func failures(identifier string) string { return "login:failures:" + identifier }
func lockOf(identifier string) string   { return "login:lock:" + identifier }
func locks(identifier string) string    { return "login:locks:" + identifier }
