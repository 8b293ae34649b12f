// Package clock is the one home of the wall clock. Everything that needs the
// time takes a Clock, so that tests decide what time it is and two replicas
// can be made to disagree.
package clock

import "time"

// Clock tells the time. Implementations are safe for concurrent use.
type Clock interface {
	// Now returns the current time in UTC, cut to microseconds: the finest
	// unit the stores keep, so that a time read back equals the one written.
	Now() time.Time
}

// System is the machine's clock.
type System struct{}

// Now implements Clock.
func (System) Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// Offset is the machine's clock shifted by a fixed duration
// (SIGNET_CLOCK_OFFSET, for development and tests of skewed replicas).
type Offset time.Duration

// Now implements Clock.
func (o Offset) Now() time.Time { return System{}.Now().Add(time.Duration(o)) }
