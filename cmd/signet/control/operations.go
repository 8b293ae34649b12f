package control

import (
	"context"
	"time"

	"github.com/signet-idp/signet/provider/apply"
	"github.com/signet-idp/signet/provider/audit"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore"
)

// Operations is everything that commands do to an installation. Errors are
// *fault.Error, *apply.Error or storage.ErrUnavailable in a chain, or unexpected.
type Operations interface {
	Inspect(ctx context.Context) (Inspection, error)
	Migrations(ctx context.Context) ([]sqlstore.MigrationStatus, error)

	Apply(ctx context.Context, r ApplyRequest) (*apply.Report, error)
	Export(ctx context.Context, r ExportRequest) (ExportResult, error)

	ListKeys(ctx context.Context) ([]Key, error)
	RotateKey(ctx context.Context, r KeyRequest) ([]KeyChange, error)
	RevokeKey(ctx context.Context, r KeyRequest) ([]KeyChange, error)
	// RewrapKeys does the next step of sealing everything anew and returns what is
	// to be asked for next.
	RewrapKeys(ctx context.Context, r Rewrapping) (Rewrapping, error)

	// FinishRestore ends all that a restored database holds alive.
	FinishRestore(ctx context.Context) (RestoreEnded, error)

	CreateUser(ctx context.Context, r CreateUser) (User, error)
	ListUsers(ctx context.Context, r Page) ([]User, error)
	GetUser(ctx context.Context, r UserRequest) (User, error)
	SetUserStatus(ctx context.Context, r UserRequest) (User, error)
	ResetPassword(ctx context.Context, r UserRequest) (User, error)
	RecoverUser(ctx context.Context, r UserRequest) (RecoveryLink, error)
	ResetFactors(ctx context.Context, r UserRequest) (User, error)

	// Rebuild does the next step of a rebuilding and returns what is to be asked
	// for next: nothing is held between the steps, and each is short.
	Rebuild(ctx context.Context, r Rebuilding) (Rebuilding, error)

	// Events reads the record from a position on.
	Events(ctx context.Context, r EventPage) ([]event.Envelope, error)
	// ReplayEvents does the next step of publishing events to Kafka again, and
	// returns what is to be asked for next.
	ReplayEvents(ctx context.Context, r Replaying) (Replaying, error)
	ParkedEvents(ctx context.Context, r EventPage) ([]ParkedEvent, error)
	RetryParked(ctx context.Context, r ParkedRequest) (ParkedResult, error)
	DiscardParked(ctx context.Context, r ParkedRequest) (ParkedResult, error)

	// AuditPage reads a stretch of the record's chain.
	AuditPage(ctx context.Context, r AuditPage) (audit.Page, error)
	// AuditReach is the highest seq that a consumer of the record has come to.
	AuditReach(ctx context.Context) (AuditReach, error)
	// AuditEntries reads what matches of the record.
	AuditEntries(ctx context.Context, f audit.Filter) ([]audit.Entry, error)
	// AuditHolds, AddAuditHold and RemoveAuditHold look after legal holds.
	AuditHolds(ctx context.Context) ([]AuditHold, error)
	AddAuditHold(ctx context.Context, r AuditHold) (AuditHold, error)
	RemoveAuditHold(ctx context.Context, r AuditHold) (AuditHold, error)
	// AuditAsOf says who had which role at a moment.
	AuditAsOf(ctx context.Context, m audit.Moment) (audit.Holdings, error)

	Report(ctx context.Context, r ReportRequest) (ReportFile, error)

	CreateClient(ctx context.Context, r CreateClient) (Client, error)
	ListClients(ctx context.Context, r Page) ([]Client, error)
	GetClient(ctx context.Context, r ClientRequest) (Client, error)
	RotateClientSecret(ctx context.Context, r ClientRequest) (Client, error)
	DisableClient(ctx context.Context, r ClientRequest) (Client, error)
	DeleteClient(ctx context.Context, r ClientRequest) (Client, error)

	CreateWebhook(ctx context.Context, r CreateWebhook) (Webhook, error)
	ListWebhooks(ctx context.Context, r WebhookRequest) ([]Webhook, error)
	GetWebhook(ctx context.Context, r WebhookRequest) (Webhook, error)
	EnableWebhook(ctx context.Context, r WebhookRequest) (Webhook, error)
	DeleteWebhook(ctx context.Context, r WebhookRequest) (Webhook, error)
	RotateWebhookSecret(ctx context.Context, r WebhookRequest) (Webhook, error)
	TestWebhook(ctx context.Context, r WebhookRequest) (WebhookTest, error)
	WebhookDeliveries(ctx context.Context, r WebhookRequest) ([]WebhookDelivery, error)
	RetryWebhook(ctx context.Context, r WebhookRequest) (WebhookDelivery, error)
	// ReplayWebhook does the next step of a replay.
	ReplayWebhook(ctx context.Context, r WebhookRequest) (WebhookReplay, error)
}

// Inspection is what doctor asks of the store.
type Inspection struct {
	Engine    string        `json:"engine"`
	Latency   time.Duration `json:"latency"` // of one question, in nanoseconds
	Pending   int           `json:"pending_migrations"`
	Version   int64         `json:"schema_version"`
	Now       time.Time     `json:"now"` // of the process that has the store open
	Keys      []Key         `json:"keys"`
	ViaSocket bool          `json:"via_socket"`
}

// ApplyRequest is a file to apply.
type ApplyRequest struct {
	Name   string `json:"name"` // as problems call it
	Text   []byte `json:"text"`
	DryRun bool   `json:"dry_run"`
	Prune  bool   `json:"prune"`
}

// ExportRequest says what an export holds.
type ExportRequest struct {
	PasswordHashes bool `json:"password_hashes"`
}

// ExportResult is a file in the form that Apply takes.
type ExportResult struct {
	YAML []byte `json:"yaml"`
}

// Key is a signing key.
type Key struct {
	KID       string    `json:"kid"`
	Use       string    `json:"use"`
	Algorithm string    `json:"alg"`
	State     string    `json:"state"`
	CreatedAt time.Time `json:"created_at"`
	ActiveAt  time.Time `json:"active_at,omitzero"`
	RetireAt  time.Time `json:"retire_at,omitzero"`
	RevokedAt time.Time `json:"revoked_at,omitzero"`
	// The public half, as a JWK and as SubjectPublicKeyInfo.
	JWK map[string]any `json:"jwk"`
	PEM string         `json:"pem"`
}

// KeyRequest names keys: an algorithm (empty: all) to rotate, or a kid to revoke.
type KeyRequest struct {
	Data      bool   `json:"data,omitempty"` // data keys are to rotate
	Algorithm string `json:"alg,omitempty"`
	KID       string `json:"kid,omitempty"`
}

// KeyChange is what became of a key.
type KeyChange struct {
	Change    string    `json:"change"` // rotated, revoked
	KID       string    `json:"kid"`    // that signs next, or is revoked
	Algorithm string    `json:"alg"`
	At        time.Time `json:"at"`
}

// Rewrapping is how far sealing everything anew is: keys under the first master
// key, then, column by column, what is sealed under data keys. The first step has
// nothing.
type Rewrapping struct {
	Begun       bool   `json:"begun"`
	MasterKey   string `json:"master_key"`   // that seals
	SigningKeys int    `json:"signing_keys"` // sealed anew, as the following
	DataKeys    int    `json:"data_keys"`
	Values      int    `json:"values"`
	Column      int    `json:"column"` // that is being looked through
	After       string `json:"after,omitempty"`
	Done        int64  `json:"done"` // values looked at
	Total       int64  `json:"total"`
	Finished    bool   `json:"finished"`
	// Removable are the other master keys of the configuration: when it is
	// finished nothing is sealed under them.
	Removable []string `json:"removable"`
	// SealsFrom is when the newest data keys begin to seal, if they do not yet;
	// until then values stay under the older ones.
	SealsFrom time.Time `json:"seals_from,omitzero"`
}

// Page asks for part of a list: up to Limit rows (0: all) after a key.
type Page struct {
	After string `json:"after,omitempty"`
	Limit int    `json:"limit,omitempty"`
}

// CreateUser is a person to create.
type CreateUser struct {
	Email         string             `json:"email"`
	EmailVerified bool               `json:"email_verified"`
	Name          string             `json:"name,omitempty"`
	Password      string             `json:"password,omitempty"` // empty: one is made
	NoPassword    bool               `json:"no_password,omitempty"`
	Roles         []string           `json:"roles,omitempty"`
	Organizations []apply.Membership `json:"organizations,omitempty"`
}

// UserRequest is about one person.
type UserRequest struct {
	User     string `json:"user"` // id or address
	Status   string `json:"status,omitempty"`
	Reason   string `json:"reason,omitempty"`
	Password string `json:"password,omitempty"` // empty: one is made
	Mail     bool   `json:"mail,omitempty"`     // a recovery link is sent, not told
}

// RecoveryLink is where a person sets a new password, once.
type RecoveryLink struct {
	UserID    string    `json:"user_id"`
	Email     string    `json:"email"`
	URL       string    `json:"url,omitempty"` // told this once
	Delivered bool      `json:"delivered"`     // queued to be sent to the address
	ExpiresAt time.Time `json:"expires_at"`
}

// What can be rebuilt.
const (
	RebuildCounts = "counts" // of events
	RebuildSearch = "search" // the words by which people are found
)

// RestoreEnded is what a restored database held alive.
type RestoreEnded struct {
	FeedID   string `json:"feed_id"` // of the revocation feed from now on
	Sessions int64  `json:"sessions"`
	Grants   int64  `json:"grants"`
	Links    int64  `json:"links"` // sent to people, not used
}

// Rebuilding is how far a rebuilding is. The first step has only What.
type Rebuilding struct {
	What     string `json:"what"`
	Begun    bool   `json:"begun"`
	After    string `json:"after,omitempty"` // the account that was last
	Since    string `json:"since,omitempty"` // the day whose counts are the first that are made anew; empty: all are
	Done     int64  `json:"done"`            // events, or accounts
	Total    int64  `json:"total"`
	Finished bool   `json:"finished"`
}

// EventPage asks for up to Limit events with a seq above After. A negative After
// counts from the end: -10 begins before the last ten.
type EventPage struct {
	After int64 `json:"after"`
	Limit int   `json:"limit"`
}

// Replaying is how far a replay is. The first step has not Begun; From and To
// are included, and To is 0 for everything that was published.
type Replaying struct {
	From      int64 `json:"from"`
	To        int64 `json:"to"`
	Begun     bool  `json:"begun"`
	After     int64 `json:"after"` // the event that was last
	Published int64 `json:"published"`
	Finished  bool  `json:"finished"`
}

// ParkedEvent is an event that Kafka refused, or one that waits behind such.
type ParkedEvent struct {
	Seq      int64     `json:"seq"`
	ID       string    `json:"id"`
	Type     string    `json:"type"`
	Subject  string    `json:"subject"`
	Reason   string    `json:"reason"` // empty: waits behind another of its subject
	Attempts int64     `json:"attempts"`
	ParkedAt time.Time `json:"parked_at"`
	DueAt    time.Time `json:"due_at"`
}

// ParkedRequest is about one parked event, or all (Seq 0).
type ParkedRequest struct {
	Seq int64 `json:"seq"`
}

// ParkedResult is how many parked events something was done to.
type ParkedResult struct {
	Events int64 `json:"events"`
}

// AuditPage asks for a stretch of the chain: Size places (0: as many as may be)
// behind After.
type AuditPage struct {
	After int64 `json:"after"`
	Size  int   `json:"size"`
}

// AuditHold is a legal hold; a new one has Kind, Value and Reason, one to remove
// its ID.
type AuditHold struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind"` // all, subject, organization
	Value     string    `json:"value"`
	Reason    string    `json:"reason"`
	CreatedBy string    `json:"created_by"`
	CreatedAt time.Time `json:"created_at"`
}

// What reports there are besides report.SOC2 and report.HIPAA.
const (
	ReportAccess  = "access-review"
	ReportErasure = "erasure"
	ReportPerson  = "person"
)

// ReportRequest asks for a report in a format of package report.
type ReportRequest struct {
	Report       string    `json:"report"`
	Format       string    `json:"format"`
	Organization string    `json:"organization,omitempty"` // slug or id; empty: all
	User         string    `json:"user,omitempty"`         // of erasure and person: id or address
	From         time.Time `json:"from,omitzero"`          // of evidence; included
	To           time.Time `json:"to,omitzero"`            // not included
}

// ReportFile is a report.
type ReportFile struct {
	Body []byte `json:"body"`
}

// AuditReach is a seq.
type AuditReach struct {
	Seq int64 `json:"seq"`
}

// User is a person as commands show one.
type User struct {
	ID            string             `json:"id"`
	Email         string             `json:"email"`
	EmailVerified bool               `json:"email_verified"`
	Status        string             `json:"status"`
	Name          string             `json:"name"`
	Roles         []string           `json:"roles"`
	Organizations []apply.Membership `json:"organizations"`
	HasPassword   bool               `json:"has_password"`
	CreatedAt     time.Time          `json:"created_at"`
	LastLoginAt   time.Time          `json:"last_login_at,omitzero"`
	// Password was made for the person and is told this once.
	Password string `json:"password,omitempty"`
}

// CreateClient is a client to register.
type CreateClient struct {
	ClientID     string                 `json:"client_id,omitempty"`
	Organization string                 `json:"organization,omitempty"` // slug or id
	Secret       string                 `json:"client_secret,omitempty"`
	Metadata     storage.ClientMetadata `json:"metadata"`
}

// ClientRequest is about one client.
type ClientRequest struct {
	ClientID string        `json:"client_id"`
	Disabled bool          `json:"disabled,omitempty"`
	Reason   string        `json:"reason,omitempty"`
	Overlap  time.Duration `json:"overlap,omitempty"` // of an old secret with the new one
}

// Client is a client as commands show one.
type Client struct {
	ClientID     string `json:"client_id"`
	Organization string `json:"organization,omitempty"` // slug
	Disabled     bool   `json:"disabled"`
	storage.ClientMetadata
	Secrets   int       `json:"secrets"` // how many are live
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	// ClientSecret was made for the client and is told this once.
	ClientSecret string `json:"client_secret,omitempty"`
}
