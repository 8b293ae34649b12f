package event

import "errors"

// Type names what happened, as in `user.login`. It is also the name of the
// event's topic (docs/events.md).
type Type string

// Event is what a caller records.
type Event struct {
	// ID is a new UUIDv7 of the caller's, who wants to name the event
	// afterwards; empty: one is made.
	ID   string
	Type Type
	// Subject is the id of what the event is about: what its type says (see
	// Entry.Subject). Consumers get the events of one subject in order.
	Subject string
	// Organization is the tenant it happened in, or empty.
	Organization string
	// Data holds the members that the type declares, with values of the
	// declared kind: string, bool, int, int64 or []string.
	Data map[string]any
	// PersonalOf is the user whose key seals Personal; both or neither.
	PersonalOf string
	// Personal holds what says something about the person, by the names in
	// PersonalNames. Values are cut to MaxPersonalValue bytes, metadata to
	// MaxMetadata.
	Personal map[string]string
}

// Bounds of what one event holds, in bytes, and how many events one call takes.
const (
	MaxID            = 255
	MaxURI           = 2048
	MaxEnum          = 64
	MaxListItems     = 128
	MaxListItem      = 128
	MaxDataBytes     = 96 << 10 // five full lists
	MaxPersonalValue = 512
	MaxMetadata      = 4 << 10
	MaxBatch         = 500
)

// Errors of this package.
var (
	// ErrUndeclared: the type, a member of Data, its kind or a personal name is
	// not in the catalogue. A programming error; nothing was written.
	ErrUndeclared = errors.New("event: not declared in the catalogue")
	// ErrErased: the key that sealed the personal part was destroyed.
	ErrErased = errors.New("event: personal data was erased")
	// ErrSealed: the personal part cannot be opened: it was altered, or moved
	// from another event.
	ErrSealed = errors.New("event: personal data cannot be opened")
)
