package storage

import (
	"context"
	"time"
)

// Grant is one authorization: what one code and all its refreshes give. The
// code is part of the row until it is redeemed, the refresh family after, so
// that issuing is one insert and each redemption one read and one
// compare-and-swap. Its id is the gid claim.
type Grant struct {
	ID             string
	ClientID       string
	UserID         string
	SessionID      string
	OrganizationID string // the grant's active organization, or empty
	Scope          []string
	Audience       []string // resources granted
	// Claims is the claims request parameter (OpenID Connect Core §5.5) as
	// canonical JSON, or empty.
	Claims   string
	Nonce    string
	AuthTime time.Time
	ACR      string
	AMR      []string
	// Offline: granted offline_access, so it outlives the browser session.
	Offline bool

	RedirectURI   string
	CodeHash      []byte // nil when the grant was not begun by a code
	CodeChallenge string // S256
	CodeExpiry    time.Time
	CodeUsedAt    time.Time

	// Generation counts the steps of the refresh family: 0 before the first
	// refresh token is given out, n when token n is current.
	Generation    int64
	SteppedAt     time.Time
	RefreshExpiry time.Time // sliding

	RevokedAt    time.Time
	RevokeReason string
	CreatedAt    time.Time
	Expiry       time.Time // absolute
}

// GrantState is a grant with all that a token made from it says about its
// person, read in one statement.
type GrantState struct {
	Grant
	UserStatus   UserStatus
	User         User // without PasswordHash
	SystemRoles  []string
	Organization *Organization // nil when the grant has none or it is gone
	Member       bool
	Roles        []string // in the grant's organization
	SessionLive  bool     // the session has not ended and not expired at the time asked
	// ParentSessionID is the browser session that an offline grant grew from,
	// or empty.
	ParentSessionID string
	SessionKind     SessionKind
	// Remember: the session was begun with remember_me.
	Remember bool
	// RevocationHead is the feed position read before the rest.
	RevocationHead int64
}

// Grants keeps grants.
type Grants interface {
	InsertGrant(ctx context.Context, g Grant) error
	// GrantByID and GrantByCode read the grant with its person's state; now
	// decides SessionLive.
	GrantByID(ctx context.Context, id string, now time.Time) (GrantState, error)
	GrantByCode(ctx context.Context, codeHash []byte, now time.Time) (GrantState, error)
	// UseCode marks the code used and begins the refresh family (generation is
	// 1 when a refresh token is given out, else 0), if nobody did and the grant
	// is not revoked; it says whether this call won.
	UseCode(ctx context.Context, id string, generation int64, at, refreshExpiry time.Time) (won bool, err error)
	// StepGrant moves the family from one generation to the next, if it is
	// still there and the grant is not revoked; organizationID becomes the
	// grant's. It says whether this call won.
	StepGrant(ctx context.Context, id string, from int64, organizationID string, at, refreshExpiry time.Time) (won bool, err error)
	// ReauthenticateGrant notes a fresh authentication in a grant that is not
	// revoked and says whether it did.
	ReauthenticateGrant(ctx context.Context, id string, authTime time.Time, acr string, amr []string) (bool, error)
	// RevokeGrant ends the grant and says whether this call was the one that did.
	RevokeGrant(ctx context.Context, id, reason string, at time.Time) (won bool, err error)
	// RevokeGrantsOfSession ends the live grants of a session; with keepOffline
	// those with offline_access live on. It returns how many ended.
	RevokeGrantsOfSession(ctx context.Context, sessionID, reason string, keepOffline bool, at time.Time) (int64, error)
	RevokeGrantsOfUser(ctx context.Context, userID, exceptSession, reason string, at time.Time) (int64, error)
	RevokeGrantsOfUserClient(ctx context.Context, userID, clientID, reason string, at time.Time) (int64, error)
	RevokeGrantsOfClient(ctx context.Context, clientID, reason string, at time.Time) (int64, error)
}

// Once remembers what may happen only once until it expires: assertion jti,
// back-channel tokens, one-time links.
type Once interface {
	// UseOnce says whether this call was the first for (kind, value).
	UseOnce(ctx context.Context, kind, value string, expiry time.Time) (won bool, err error)
}
