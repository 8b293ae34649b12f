package storage

import (
	"context"
	"time"
)

// RevocationKind names the claim (or claims) an entry is matched with.
type RevocationKind string

// The kinds of revocation entry. A token that matches kind and value is dead if
// its pe is below the entry's seq; jti and kid kill always.
const (
	RevokeJTI    RevocationKind = "jti"
	RevokeGrant  RevocationKind = "grant"  // gid
	RevokeSID    RevocationKind = "sid"    // session
	RevokeSub    RevocationKind = "sub"    // everything of one person (or service)
	RevokeClient RevocationKind = "client" // client_id
	RevokeOrg    RevocationKind = "org"    // org_id
	RevokeMember RevocationKind = "member" // org_id/sub, for system roles: /sub
	RevokeRole   RevocationKind = "role"   // org_id/role, system roles: /role
	RevokeKID    RevocationKind = "kid"
	RevokeAll    RevocationKind = "all"
)

// Revocation is one entry of the ordered feed (design §4).
type Revocation struct {
	Seq    int64 // set by the store
	Kind   RevocationKind
	Value  string
	Expiry time.Time // when no token it could match is alive any more
}

// FeedHead is the state of the feed at one moment.
type FeedHead struct {
	FeedID string
	Seq    int64
	// Config is the configuration version: it rises with every change of
	// clients, resources, roles and keys.
	Config int64
}

// Revocations keeps the feed.
type Revocations interface {
	// AppendRevocation adds entries to the running transaction (or one of its
	// own); they get their seq as its last statement.
	AppendRevocation(ctx context.Context, entries ...Revocation) error
	// RevocationsAfter lists entries with a seq above after in order, at most limit.
	RevocationsAfter(ctx context.Context, after int64, limit int) ([]Revocation, error)
	FeedHead(ctx context.Context) (FeedHead, error)
	// ResetFeed gives the feed a new id and moves its position far ahead (after
	// a database was restored): tokens of the lost timeline are below it.
	ResetFeed(ctx context.Context, feedID string) error
}

// Surviving is a kind of thing that a restored database holds alive though it
// may have ended since the backup.
type Surviving string

// What survives a restore.
const (
	SurvivingSessions Surviving = "sessions"
	SurvivingGrants   Surviving = "grants"
	SurvivingLinks    Surviving = "links" // sent to people, not used
)

// Restored ends what a restored database holds alive.
type Restored interface {
	// EndSurviving ends those that have not ended among the next limit after an
	// id, in the order of ids. It returns the last id that it came to, empty at
	// the end, and how many it ended.
	EndSurviving(ctx context.Context, kind Surviving, after string, limit int, reason string, at time.Time) (last string, n int64, err error)
}

// Configuration numbers the changes of what replicas hold in memory.
type Configuration interface {
	// BumpConfiguration raises the configuration version in the running transaction.
	BumpConfiguration(ctx context.Context) error
}
