package storage

import (
	"context"
	"time"
)

// IdempotentRequest is a request that carried an Idempotency-Key and its answer.
type IdempotentRequest struct {
	ID          string // hash over caller, route and key
	Fingerprint []byte // of the request's content
	Status      int64  // 0 while the first request is at work
	Answer      []byte // sealed
	CreatedAt   time.Time
	Expiry      time.Time
}

// IdempotentRequests remembers answers.
type IdempotentRequests interface {
	// BeginIdempotent inserts the request, replacing one that has expired at
	// r.CreatedAt; won is false when another stands, which is then returned. The
	// expiry is when somebody else may take a request over that never ended.
	BeginIdempotent(ctx context.Context, r IdempotentRequest) (standing IdempotentRequest, won bool, err error)
	// FinishIdempotent sets status, answer and expiry of the request that began
	// as r (same ID and CreatedAt); ErrNotFound when it was answered or taken
	// over.
	FinishIdempotent(ctx context.Context, r IdempotentRequest) error
	// DropIdempotent forgets a request that began so and came to nothing.
	DropIdempotent(ctx context.Context, id string, createdAt time.Time) error
}

// Rollup is a count of events of one day.
type Rollup struct {
	Dimension string // what is counted and of whom, such as user or login.method
	Subject   string // the id; empty for system
	Day       int64  // days since 1970-01-01 UTC
	Type      string
	Outcome   string // success, failure
	Total     int64
}

// Rollups keeps counts and the cursors of those who follow the events.
type Rollups interface {
	// AddRollups adds to the counts of these rows.
	AddRollups(ctx context.Context, rollups ...Rollup) error
	// ClearRollups forgets the counts of these dimensions from a day on.
	ClearRollups(ctx context.Context, from int64, dimensions ...string) error
	// CopyRollups copies the rows of a dimension, day, type and outcome to another
	// outcome, for every subject, where there are none.
	CopyRollups(ctx context.Context, r Rollup, outcome string) error
	// RollupsOf lists the rows of a subject from one day to another, both included.
	RollupsOf(ctx context.Context, dimension, subject string, fromDay, toDay int64) ([]Rollup, error)
	// EventCursor returns how far a consumer has come; 0 when it never began.
	EventCursor(ctx context.Context, name string) (int64, error)
	// MoveEventCursor moves it, if it still stands at from; it says whether it did.
	MoveEventCursor(ctx context.Context, name string, from, to int64, at time.Time) (won bool, err error)
}

// Presence says that a person was there in a day, a week or a month.
type Presence struct {
	Period       string // day, week, month
	Day          int64  // the period's first, in days since 1970-01-01 UTC
	Organization string // where; empty for the whole system
	UserID       string
}

// Presences keeps who was there, so that each person counts once a period.
type Presences interface {
	// MarkPresent keeps these presences and returns those that are new.
	MarkPresent(ctx context.Context, presences ...Presence) ([]Presence, error)
	// ForgetPresences forgets those of a period that began before a day.
	ForgetPresences(ctx context.Context, period string, before int64) error
	// ClearPresences forgets those of all periods that began at a day or later.
	ClearPresences(ctx context.Context, from int64) error
}

// MaxEventTypes is how many types one query can ask for; more are an error.
const MaxEventTypes = 128

// EventQuery asks for sequenced events, newest first.
type EventQuery struct {
	Subject      string // of this subject, if not empty
	Organization string // of this organization, if not empty
	Actor        string // done by this actor, if not empty
	Types        []string
	From, To     time.Time // from From until before To; zero: no bound
	Before       int64     // seq below which to begin; 0: from the newest
	After        int64     // seq above which the events are
	OldestFirst  bool      // the other way round
	Offset       int
	Limit        int
}

// EventQueries reads the record by subject or organization.
type EventQueries interface {
	QueryEvents(ctx context.Context, q EventQuery) ([]Event, error)
	// CountEvents counts at most limit matches: what an index walk of that
	// length tells.
	CountEvents(ctx context.Context, q EventQuery, limit int) (int64, error)
	// OrganizationEventsAfter lists an organization's sequenced events with a seq
	// above after, in order.
	OrganizationEventsAfter(ctx context.Context, organization string, after int64, limit int) ([]Event, error)
}

// MaxTerms is how many terms of a query are looked at; those behind are not.
const MaxTerms = 8

// Member is a membership with its person.
type Member struct {
	Membership
	User User // without PasswordHash
}

// MemberQuery pages the members of an organization, by user id.
type MemberQuery struct {
	OrganizationID string
	// Terms: only people found by every one of these folded prefixes.
	Terms  []string
	Role   string // only who holds it, if not empty
	After  string // user id after which to begin: constant cost at any depth
	Offset int
	Limit  int
}

// UserQuery pages accounts, by id.
type UserQuery struct {
	Terms  []string
	Status UserStatus // empty: all but deleted
	// OrganizationID: only members of it, if not empty.
	OrganizationID string
	After          string
	Offset         int
	Limit          int
}

// RoleAssignment is one role that a person holds.
type RoleAssignment struct {
	UserID         string
	OrganizationID string // empty for system roles
	Role           string
	AssignedAt     time.Time
	AssignedBy     string // actor id, or empty
}

// Directory finds people. No user it returns has a PasswordHash.
type Directory interface {
	QueryMembers(ctx context.Context, q MemberQuery) ([]Member, error)
	CountMembers(ctx context.Context, q MemberQuery) (int64, error)
	QueryUsers(ctx context.Context, q UserQuery) ([]User, error)
	CountUsers(ctx context.Context, q UserQuery) (int64, error)
	// PutUserTerms replaces the words by which a person is found; none removes
	// them. It belongs into the transaction that writes the person's row.
	PutUserTerms(ctx context.Context, userID string, terms []string) error
	// SharedMemberships lists viewer's memberships in active organizations that
	// the other person belongs to as well, at most limit.
	SharedMemberships(ctx context.Context, viewerID, otherID string, limit int) ([]Membership, error)
	// RoleAssignments lists what a person holds in an organization and, in any
	// case, of the system.
	RoleAssignments(ctx context.Context, userID, organizationID string) ([]RoleAssignment, error)
	// ActiveMembers counts members who have logged in at since or later.
	ActiveMembers(ctx context.Context, organizationID string, since time.Time) (int64, error)
	// MembersWithFactor counts members who have confirmed a second factor; of no
	// organization, all people who have.
	MembersWithFactor(ctx context.Context, organizationID string) (int64, error)
	// RecentMembers lists the members who joined last.
	RecentMembers(ctx context.Context, organizationID string, limit int) ([]Member, error)
	// UsersToErase lists people whose erasure is due at now.
	UsersToErase(ctx context.Context, now time.Time, limit int) ([]User, error)
}
