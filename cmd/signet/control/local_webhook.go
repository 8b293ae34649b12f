package control

import (
	"context"
	"errors"
	"time"

	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/webhook"
	"github.com/signet-idp/signet/storage"
)

// CreateWebhook is a webhook to make.
type CreateWebhook struct {
	Organization string   `json:"organization,omitempty"` // slug or id; empty: the system's
	URL          string   `json:"url"`
	Events       []string `json:"events"`
	Description  string   `json:"description,omitempty"`
}

// WebhookRequest is about one webhook, or (ListWebhooks) those of an organization.
type WebhookRequest struct {
	ID           string        `json:"id,omitempty"`
	Organization string        `json:"organization,omitempty"` // slug or id; empty: the system's
	Enabled      bool          `json:"enabled,omitempty"`
	Overlap      time.Duration `json:"overlap,omitempty"`  // of an old secret with the new one
	Delivery     string        `json:"delivery,omitempty"` // the id of an event
	State        string        `json:"state,omitempty"`
	Before       int64         `json:"before,omitempty"` // a seq
	Limit        int           `json:"limit,omitempty"`
	From         int64         `json:"from,omitempty"`
	To           int64         `json:"to,omitempty"`
}

// Webhook is a webhook as commands show one.
type Webhook struct {
	ID           string    `json:"id"`
	Organization string    `json:"organization,omitempty"` // slug; empty: the system's
	URL          string    `json:"url"`
	Events       []string  `json:"events"`
	Description  string    `json:"description,omitempty"`
	Status       string    `json:"status"`
	Reason       string    `json:"reason,omitempty"`
	FailingSince time.Time `json:"failing_since,omitzero"`
	CreatedAt    time.Time `json:"created_at"`
	UpdatedAt    time.Time `json:"updated_at"`
	// Secret was made for the webhook and is told this once.
	Secret string `json:"secret,omitempty"`
}

// WebhookDelivery is one event for one webhook.
type WebhookDelivery struct {
	ID        string    `json:"id"` // the event's
	Seq       int64     `json:"seq"`
	Type      string    `json:"type"`
	State     string    `json:"state"`
	Attempts  int64     `json:"attempts"`
	Status    int64     `json:"status,omitempty"`
	Error     string    `json:"error,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	DueAt     time.Time `json:"due_at,omitzero"`
	SettledAt time.Time `json:"settled_at,omitzero"`
}

// WebhookTest is what came of a test.
type WebhookTest struct {
	ID        string `json:"id"`
	Delivered bool   `json:"delivered"`
	Status    int    `json:"status,omitempty"`
	Error     string `json:"error,omitempty"`
}

// WebhookReplay is what one step of a replay did; More: ask for the next, from
// behind To.
type WebhookReplay struct {
	From       int64 `json:"from"`
	To         int64 `json:"to"`
	Deliveries int64 `json:"deliveries"`
	More       bool  `json:"more"`
}

// CreateWebhook implements Operations.
func (l Local) CreateWebhook(ctx context.Context, r CreateWebhook) (Webhook, error) {
	owner, err := l.owner(ctx, r.Organization)
	if err != nil {
		return Webhook{}, err
	}
	w, secret, err := l.Core.Webhooks.Create(by(ctx), owner, webhook.Registration{URL: r.URL, Events: r.Events, Description: r.Description})
	if err != nil {
		return Webhook{}, err
	}
	return l.showWebhook(ctx, w, secret)
}

// owner is the id of an organization named by slug or id; empty: the system.
func (l Local) owner(ctx context.Context, organization string) (string, error) {
	if organization == "" {
		return "", nil
	}
	o, err := l.Core.Organizations.Get(ctx, organization)
	return o.ID, err
}

// ListWebhooks implements Operations.
func (l Local) ListWebhooks(ctx context.Context, r WebhookRequest) ([]Webhook, error) {
	owner, err := l.owner(ctx, r.Organization)
	if err != nil {
		return nil, err
	}
	list, err := l.Core.Webhooks.List(ctx, owner)
	if err != nil {
		return nil, err
	}
	out := make([]Webhook, 0, len(list))
	for _, w := range list {
		shown, err := l.showWebhook(ctx, w, "")
		if err != nil {
			return nil, err
		}
		out = append(out, shown)
	}
	return out, nil
}

// webhook finds a webhook, whoever's it is.
func (l Local) webhook(ctx context.Context, id string) (storage.Webhook, error) {
	w, err := l.Core.Store.WebhookByID(ctx, id)
	if errors.Is(err, storage.ErrNotFound) {
		err = fault.Wrap(err, fault.NotFound, "there is no such webhook; signet webhook list shows those there are")
	}
	return w, err
}

// GetWebhook implements Operations.
func (l Local) GetWebhook(ctx context.Context, r WebhookRequest) (Webhook, error) {
	w, err := l.webhook(ctx, r.ID)
	if err != nil {
		return Webhook{}, err
	}
	return l.showWebhook(ctx, w, "")
}

// EnableWebhook implements Operations: it enables or disables.
func (l Local) EnableWebhook(ctx context.Context, r WebhookRequest) (Webhook, error) {
	w, err := l.webhook(ctx, r.ID)
	if err != nil {
		return Webhook{}, err
	}
	if w, err = l.Core.Webhooks.Update(by(ctx), w.OrganizationID, r.ID, webhook.Patch{Enabled: &r.Enabled}); err != nil {
		return Webhook{}, err
	}
	return l.showWebhook(ctx, w, "")
}

// DeleteWebhook implements Operations; it returns what was deleted.
func (l Local) DeleteWebhook(ctx context.Context, r WebhookRequest) (Webhook, error) {
	w, err := l.webhook(ctx, r.ID)
	if err != nil {
		return Webhook{}, err
	}
	was, err := l.showWebhook(ctx, w, "")
	if err != nil {
		return Webhook{}, err
	}
	return was, l.Core.Webhooks.Delete(by(ctx), w.OrganizationID, r.ID, "operator")
}

// RotateWebhookSecret implements Operations.
func (l Local) RotateWebhookSecret(ctx context.Context, r WebhookRequest) (Webhook, error) {
	w, err := l.webhook(ctx, r.ID)
	if err != nil {
		return Webhook{}, err
	}
	w, secret, err := l.Core.Webhooks.Rotate(by(ctx), w.OrganizationID, r.ID, r.Overlap)
	if err != nil {
		return Webhook{}, err
	}
	return l.showWebhook(ctx, w, secret)
}

// TestWebhook implements Operations.
func (l Local) TestWebhook(ctx context.Context, r WebhookRequest) (WebhookTest, error) {
	w, err := l.webhook(ctx, r.ID)
	if err != nil {
		return WebhookTest{}, err
	}
	got, err := l.Core.Webhooks.Test(by(ctx), w.OrganizationID, r.ID)
	return WebhookTest{ID: got.ID, Delivered: got.Delivered, Status: got.Status, Error: got.Problem}, err
}

// WebhookDeliveries implements Operations.
func (l Local) WebhookDeliveries(ctx context.Context, r WebhookRequest) ([]WebhookDelivery, error) {
	w, err := l.webhook(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	list, err := l.Core.Webhooks.Deliveries(ctx, w.OrganizationID, r.ID, storage.DeliveryQuery{
		State: storage.DeliveryState(r.State), Before: r.Before, Limit: limit(r.Limit),
	})
	if err != nil {
		return nil, err
	}
	out := make([]WebhookDelivery, 0, len(list))
	for _, d := range list {
		out = append(out, showDelivery(d))
	}
	return out, nil
}

// RetryWebhook implements Operations.
func (l Local) RetryWebhook(ctx context.Context, r WebhookRequest) (WebhookDelivery, error) {
	w, err := l.webhook(ctx, r.ID)
	if err != nil {
		return WebhookDelivery{}, err
	}
	d, err := l.Core.Webhooks.Retry(by(ctx), w.OrganizationID, r.ID, r.Delivery)
	return showDelivery(d), err
}

// ReplayWebhook implements Operations.
func (l Local) ReplayWebhook(ctx context.Context, r WebhookRequest) (WebhookReplay, error) {
	w, err := l.webhook(ctx, r.ID)
	if err != nil {
		return WebhookReplay{}, err
	}
	done, err := l.Core.Webhooks.Replay(by(ctx), w.OrganizationID, r.ID, webhook.Range{From: r.From, To: r.To})
	return WebhookReplay(done), err
}

func (l Local) showWebhook(ctx context.Context, w storage.Webhook, secret string) (Webhook, error) {
	out := Webhook{
		ID: w.ID, URL: w.URL, Events: w.Events, Description: w.Description, Status: string(w.Status), Reason: w.Reason,
		FailingSince: w.FailingSince, CreatedAt: w.CreatedAt, UpdatedAt: w.UpdatedAt, Secret: secret,
	}
	if w.OrganizationID != "" {
		o, err := l.Core.Store.OrganizationByID(ctx, w.OrganizationID)
		if err != nil {
			return Webhook{}, err
		}
		out.Organization = o.Slug
	}
	return out, nil
}

func showDelivery(d storage.WebhookDelivery) WebhookDelivery {
	return WebhookDelivery{
		ID: d.EventID, Seq: d.Seq, Type: d.Type, State: string(d.State), Attempts: d.Attempts, Status: d.Status, Error: d.Error,
		CreatedAt: d.BegunAt, DueAt: d.DueAt, SettledAt: d.SettledAt,
	}
}
