package storage

import (
	"context"
	"time"
)

// WebhookStatus says whether a webhook is sent anything.
type WebhookStatus string

// The states of a webhook.
const (
	WebhookEnabled  WebhookStatus = "enabled"
	WebhookDisabled WebhookStatus = "disabled"
)

// Webhook is an address that is told of events.
type Webhook struct {
	ID string
	// OrganizationID is whose events it is told of; empty: it is the system's,
	// and told of all.
	OrganizationID string
	URL            string
	Events         []string // which types: names, "noun.*", "*"
	Description    string
	Status         WebhookStatus
	Reason         string // why it is disabled
	Secret         []byte // sealed
	// OldSecret, sealed, is the one before, which signs too until OldUntil.
	OldSecret []byte
	OldUntil  time.Time
	// StartSeq is where the record was when the webhook was made: it is told of
	// what comes behind.
	StartSeq int64
	// FailingSince is when the first attempt failed since one succeeded; zero:
	// the last one succeeded.
	FailingSince time.Time
	// PausedUntil: nothing is sent before, since nobody answers there.
	PausedUntil time.Time
	// ManagedBy says what made it, where that was no person; it never changes.
	ManagedBy string
	Version   int64
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Webhooks keeps webhooks.
type Webhooks interface {
	InsertWebhook(ctx context.Context, w Webhook) error
	// GuardWebhooks locks those of the system in the running transaction, so that
	// they can be counted. Those of an organization GuardOrganization does.
	GuardWebhooks(ctx context.Context) error
	WebhookByID(ctx context.Context, id string) (Webhook, error)
	// WebhooksOf lists an organization's webhooks, or the system's (empty), by id.
	WebhooksOf(ctx context.Context, organizationID, after string, limit int) ([]Webhook, error)
	// UpdateWebhook writes all but what NoteWebhook writes if the version is
	// still that of w, and raises it; ErrVersion otherwise.
	UpdateWebhook(ctx context.Context, w Webhook) error
	// DeleteWebhook deletes a webhook with its deliveries.
	DeleteWebhook(ctx context.Context, id string) error
	// NoteWebhook writes how attempts went: FailingSince and PausedUntil.
	NoteWebhook(ctx context.Context, id string, failingSince, pausedUntil time.Time) error
	// WebhooksFor lists the enabled webhooks of the system and of those of at
	// most MaxIDs organizations that are active.
	WebhooksFor(ctx context.Context, organizationIDs []string) ([]Webhook, error)
	// DueWebhooks lists, by id, enabled webhooks with an id above after that are
	// not paused, whose organization is active, and that have something due.
	DueWebhooks(ctx context.Context, now time.Time, after string, limit int) ([]string, error)
}

// DeliveryState says how far a delivery is.
type DeliveryState string

// The states of a delivery.
const (
	DeliveryPending   DeliveryState = "pending"
	DeliveryDelivered DeliveryState = "delivered"
	DeliveryDead      DeliveryState = "dead" // given up
)

// WebhookDelivery is one event for one webhook.
type WebhookDelivery struct {
	WebhookID string
	Seq       int64
	EventID   string
	Type      string
	State     DeliveryState
	Attempts  int64
	Status    int64  // of the last answer; 0: there was none
	Error     string // why the last attempt failed, in a few words
	BegunAt   time.Time
	DueAt     time.Time // when it is tried next
	SettledAt time.Time // when it was delivered or given up
	Expiry    time.Time // when the row is forgotten
}

// DeliveryQuery pages the deliveries of a webhook, the newest first.
type DeliveryQuery struct {
	WebhookID string
	State     DeliveryState // empty: all
	Before    int64         // a seq; 0: from the newest
	Limit     int
}

// WebhookBacklog is what waits for one webhook.
type WebhookBacklog struct {
	WebhookID string
	Pending   int64
	Oldest    time.Time // BegunAt
}

// WebhookDeliveries keeps what webhooks are sent.
type WebhookDeliveries interface {
	// InsertWebhookDeliveries writes rows; what is there already stays as it is.
	InsertWebhookDeliveries(ctx context.Context, deliveries ...WebhookDelivery) error
	// ReopenWebhookDeliveries writes rows, also over those that are settled.
	// What is pending stays as it is.
	ReopenWebhookDeliveries(ctx context.Context, deliveries ...WebhookDelivery) error
	// TakeWebhookDeliveries takes at most limit deliveries of a webhook that are
	// due at now, in the order of seq, and moves their due time to until: of
	// several replicas one gets each, and one that dies gives it back by itself.
	TakeWebhookDeliveries(ctx context.Context, webhookID string, now, until time.Time, limit int) ([]WebhookDelivery, error)
	// SettleWebhookDelivery writes what came of an attempt, unless the delivery
	// is settled already or gone.
	SettleWebhookDelivery(ctx context.Context, d WebhookDelivery) error
	// WebhookDelivery returns the delivery of an event.
	WebhookDelivery(ctx context.Context, webhookID, eventID string) (WebhookDelivery, error)
	QueryWebhookDeliveries(ctx context.Context, q DeliveryQuery) ([]WebhookDelivery, error)
	// WebhookBacklogs says how much waits for each webhook that something waits for.
	WebhookBacklogs(ctx context.Context) ([]WebhookBacklog, error)
	// EventsBySeq lists the sequenced events with these seqs, at most MaxIDs, in order.
	EventsBySeq(ctx context.Context, seqs []int64) ([]Event, error)
}
