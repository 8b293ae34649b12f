package storage

import (
	"context"
	"time"
)

// SessionKind says what a session hangs on.
type SessionKind string

// The kinds of session.
const (
	// SessionBrowser hangs on a cookie of the hosted pages.
	SessionBrowser SessionKind = "browser"
	// SessionOffline carries an offline_access grant past the browser session.
	SessionOffline SessionKind = "offline"
	// SessionJSON was begun by POST /auth/login.
	SessionJSON SessionKind = "json"
)

// Session is one login of one person on one device; its id is the sid claim.
type Session struct {
	ID         string
	UserID     string
	Kind       SessionKind
	CookieHash []byte // keyed hash of the cookie's secret; nil when there is none
	// ParentID is the browser session an offline one grew from, or empty.
	ParentID     string
	AuthTime     time.Time
	ACR          string
	AMR          []string
	ClientID     string // the first client served
	DeviceName   string
	UserAgent    string // cut to 512 bytes
	IPAddress    string
	Remember     bool
	CreatedAt    time.Time
	LastActiveAt time.Time
	IdleExpiry   time.Time
	Expiry       time.Time
	EndedAt      time.Time
	EndReason    string
}

// Live says whether the session can be used at now.
func (s Session) Live(now time.Time) bool {
	return s.EndedAt.IsZero() && now.Before(s.IdleExpiry) && now.Before(s.Expiry)
}

// Sessions keeps sessions.
type Sessions interface {
	InsertSession(ctx context.Context, s Session) error
	SessionByID(ctx context.Context, id string) (Session, error)
	SessionByCookie(ctx context.Context, hash []byte) (Session, error)
	// TouchSession moves activity and idle expiry forward, never back;
	// ErrNotFound when the session has ended.
	TouchSession(ctx context.Context, id string, at, idleExpiry time.Time) error
	// Reauthenticate notes a fresh authentication in a session that has not
	// ended; ErrNotFound otherwise.
	Reauthenticate(ctx context.Context, id string, authTime time.Time, acr string, amr []string) error
	// EndSession ends a live session and says whether this call was the one that did.
	EndSession(ctx context.Context, id, reason string, at time.Time) (won bool, err error)
	// SessionsOf lists a person's sessions that have not ended, newest first, at most limit.
	SessionsOf(ctx context.Context, userID string, limit int) ([]Session, error)
	// EndSessionsOf ends all of a person's live sessions but one (except may be empty) and returns their ids.
	EndSessionsOf(ctx context.Context, userID, except, reason string, at time.Time) ([]string, error)
	// ClientsOfSession lists the client_ids that were ever given a grant of the
	// session or of an offline session that grew from it.
	ClientsOfSession(ctx context.Context, sessionID string) ([]string, error)
}

// LoginTransaction is what has been proven so far in one authorization request
// that is waiting for its person. The request itself travels sealed with the
// browser unless it is too large (Request).
type LoginTransaction struct {
	ID string
	// BrowserHash binds it to the browser that began it.
	BrowserHash []byte
	// Request is the sealed authorization request when it is too large to travel.
	Request []byte
	// SessionID is the session authenticated for this transaction, or empty;
	// AuthenticatedAt when that was done within it.
	SessionID       string
	AuthenticatedAt time.Time
	// ConsentedScope is what the person agreed to on the consent page.
	Consented      bool
	ConsentedScope string
	ConsumedAt     time.Time
	CreatedAt      time.Time
	Expiry         time.Time
	// UserID is whom a first factor has proven while a second one is waited
	// for, ProvenAt when, AMR how (RFC 8176).
	UserID   string
	ProvenAt time.Time
	AMR      []string
}

// LoginTransactions keeps login transactions.
type LoginTransactions interface {
	// PutLoginTransaction inserts it, or writes what was proven; a consumed one is never changed (ErrVersion).
	PutLoginTransaction(ctx context.Context, t LoginTransaction) error
	LoginTransactionByID(ctx context.Context, id string) (LoginTransaction, error)
	// ConsumeLoginTransaction marks it used, inserting the mark when no row was
	// needed until now, and says whether this call was the one that did.
	ConsumeLoginTransaction(ctx context.Context, t LoginTransaction, at time.Time) (won bool, err error)
}

// Consent is what a person has granted to a client.
type Consent struct {
	UserID    string
	ClientID  string
	Scope     []string
	Audience  []string
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Consents keeps consents.
type Consents interface {
	// PutConsent replaces the consent; the caller merges scopes.
	PutConsent(ctx context.Context, c Consent) error
	Consent(ctx context.Context, userID, clientID string) (Consent, error)
	ConsentsOf(ctx context.Context, userID string) ([]Consent, error)
	DeleteConsent(ctx context.Context, userID, clientID string) error
}
