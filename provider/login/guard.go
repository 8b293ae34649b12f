package login

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

// Limits of logins (design §15).
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

// Guard slows down who guesses. It counts by canonical identifier, known or
// not, and by address, before any look at the password.
type Guard struct {
	counter Counter
	limits  Limits
}

// NewGuard makes a Guard.
func NewGuard(c Counter, l Limits) *Guard { return &Guard{counter: c, limits: l} }

// Check counts an attempt from the address and refuses it with *LimitedError
// when there were too many, with *LockedError when there were too many failures
// for the identifier.
func (g *Guard) Check(ctx context.Context, identifier, address string) error {
	n, reset, err := g.counter.Add(ctx, "login:address:"+address, 1, time.Minute)
	if err != nil {
		return err
	}
	if n > g.limits.Attempts {
		return &LimitedError{Limit: g.limits.Attempts, RetryAfter: reset}
	}
	if identifier == "" {
		return nil
	}
	locked, reset, err := g.counter.Add(ctx, lockOf(identifier), 0, 0)
	if err != nil {
		return err
	}
	if locked > 0 {
		return &LockedError{RetryAfter: reset}
	}
	// The attempt counts as a failure until it has succeeded, so that many at
	// once get no more tries than one after another.
	n, _, err = g.counter.Add(ctx, failures(identifier), 1, g.limits.Window)
	if err != nil {
		return err
	}
	if n > g.limits.Failures {
		return g.lock(ctx, identifier)
	}
	return nil
}

// remembered is how long earlier locks count for the length of the next;
// doublings bounds it.
const (
	remembered = 24 * time.Hour
	doublings  = 6
)

// lock locks an identifier and returns *LockedError. Of several at once one
// sets it and the rest see it set. The failures are not forgotten: an attempt
// that saw no lock a moment ago must still find them. They run out before the
// lock does, unless Window is the longer one.
func (g *Guard) lock(ctx context.Context, identifier string) error {
	earlier, _, err := g.counter.Add(ctx, locks(identifier), 0, 0)
	if err != nil {
		return err
	}
	n, reset, err := g.counter.Add(ctx, lockOf(identifier), 1, g.limits.Lock<<min(earlier, doublings))
	if err != nil {
		return err
	}
	if n == 1 {
		if _, _, err := g.counter.Add(ctx, locks(identifier), 1, remembered); err != nil {
			return err
		}
	}
	return &LockedError{RetryAfter: reset, fresh: n == 1}
}

// Succeeded takes back the failure that Check counted ahead. Earlier ones stay
// until their window ends.
func (g *Guard) Succeeded(ctx context.Context, identifier string) error {
	_, _, err := g.counter.Add(ctx, failures(identifier), -1, g.limits.Window)
	return err
}

func failures(identifier string) string { return "login:failures:" + identifier }
func lockOf(identifier string) string   { return "login:lock:" + identifier }
func locks(identifier string) string    { return "login:locks:" + identifier }
