package webhook

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/internal/safehttp"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// Bounds of what is kept.
const (
	maxPerOrganization = 20
	maxOfSystem        = 50
	maxDescription     = 500
	// DefaultOverlap is how long an old secret signs beside the new one, unless
	// told otherwise; MaxOverlap is the longest.
	DefaultOverlap = 24 * time.Hour
	MaxOverlap     = 30 * 24 * time.Hour
)

// Store is what a Service needs of the store.
type Store interface {
	storage.Transactor
	storage.Webhooks
	storage.WebhookDeliveries
	GuardOrganization(ctx context.Context, id string) error
	LastEvent(ctx context.Context) (storage.Event, error)
	EventCursor(ctx context.Context, name string) (int64, error)
	EventsAfter(ctx context.Context, after int64, limit int) ([]storage.Event, error)
	EventsBySeq(ctx context.Context, seqs []int64) ([]storage.Event, error)
	OrganizationEventsAfter(ctx context.Context, organization string, after int64, limit int) ([]storage.Event, error)
}

// Deps are what a Service is made of; all but Kick are required.
type Deps struct {
	Store  Store
	Change change.Runner
	Client Client
	Key    Sealer // of SecretPurpose
	Clock  clock.Clock
	Random io.Reader
	Origin event.Origin
}

// Service keeps webhooks. Its methods take the organization whose webhook it is
// (empty: the system's); another's is fault.NotFound. It is safe for concurrent
// use.
type Service struct {
	Deps
	// Kick is called when something has become due; nil: nobody waits for it.
	Kick    func()
	sender  sender
	matcher matcher
}

// New makes the service.
func New(d Deps) *Service {
	return &Service{Deps: d, sender: sender{d.Client, d.Key, d.Clock}, matcher: newMatcher()}
}

// Registration is a webhook to make.
type Registration struct {
	URL         string
	Events      []string
	Description string
	Secret      string // empty: one is made
	ManagedBy   string
}

// Check says what is wrong with a registration: fault.Invalid.
func (s *Service) Check(in Registration) error {
	_, errKinds := Filters(in.Events)
	err := fault.All(s.checkURL(in.URL), errKinds, checkDescription(in.Description))
	if in.Secret != "" {
		_, errSecret := parseSecret(in.Secret)
		err = fault.All(err, errSecret)
	}
	return err
}

// Create makes a webhook and returns its secret, this once. fault.Invalid,
// fault.Conflict when there are too many.
func (s *Service) Create(ctx context.Context, organizationID string, in Registration) (storage.Webhook, string, error) {
	w := storage.Webhook{
		ID: storage.NewID(), OrganizationID: organizationID, URL: in.URL, Description: in.Description, Status: storage.WebhookEnabled, ManagedBy: in.ManagedBy, Version: 1,
	}
	if err := s.Check(in); err != nil {
		return w, "", fmt.Errorf("webhook: create: %w", err)
	}
	kinds, err := Filters(in.Events)
	if err != nil {
		return w, "", fmt.Errorf("webhook: create: %w", err)
	}
	w.Events = kinds
	secret := in.Secret
	if secret == "" {
		if secret, err = newSecret(s.Random); err != nil {
			return w, "", fmt.Errorf("webhook: create: %w", err)
		}
	}
	if w.Secret, err = seal(s.Key, w.ID, secret); err != nil {
		return w, "", fmt.Errorf("webhook: create: %w", err)
	}
	err = s.Change.Do(ctx, "webhook: create", func(ctx context.Context, c *change.Change) error {
		if err := s.room(ctx, organizationID); err != nil {
			return err
		}
		last, err := s.Store.LastEvent(ctx)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		w.StartSeq, w.CreatedAt, w.UpdatedAt = last.Seq, c.Now, c.Now
		if err := s.Store.InsertWebhook(ctx, w); err != nil {
			return err
		}
		c.Record(webhookEvent(event.WebhookCreated, w, map[string]any{"events": w.Events}))
		return nil
	})
	return w, secret, err
}

// room says whether there may be one more. It lets one at a time through.
func (s *Service) room(ctx context.Context, organizationID string) error {
	limit, guard := maxOfSystem, s.Store.GuardWebhooks
	if organizationID != "" {
		limit = maxPerOrganization
		guard = func(ctx context.Context) error { return s.Store.GuardOrganization(ctx, organizationID) }
	}
	if err := guard(ctx); err != nil {
		if errors.Is(err, storage.ErrNotFound) {
			err = fault.Wrap(err, fault.OrganizationNotFound, "there is no such organization")
		}
		return err
	}
	have, err := s.Store.WebhooksOf(ctx, organizationID, "", limit)
	if err == nil && len(have) >= limit {
		err = fault.Newf(fault.Conflict, "there are %d webhooks already; remove some first", limit)
	}
	return err
}

func (s *Service) checkURL(raw string) error {
	_, err := s.Client.CheckURL(raw)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, safehttp.ErrAddress):
		return fault.Field("url", "write the URL of a host on the public internet")
	}
	return fault.Field("url", "write an https URL without user name and fragment, of at most 2048 characters")
}

func checkDescription(d string) error {
	if utf8.RuneCountInString(d) > maxDescription || strings.ContainsFunc(d, func(r rune) bool { return r < ' ' }) {
		return fault.Field("description", fmt.Sprintf("at most %d characters on one line", maxDescription))
	}
	return nil
}

// List lists all webhooks by id: they are few.
func (s *Service) List(ctx context.Context, organizationID string) ([]storage.Webhook, error) {
	list, err := s.Store.WebhooksOf(ctx, organizationID, "", 2*maxOfSystem)
	if err != nil {
		return nil, fmt.Errorf("webhook: list: %w", err)
	}
	return list, nil
}

// Get returns a webhook.
func (s *Service) Get(ctx context.Context, organizationID, id string) (storage.Webhook, error) {
	w, err := s.Store.WebhookByID(ctx, id)
	if errors.Is(err, storage.ErrNotFound) || err == nil && w.OrganizationID != organizationID {
		return storage.Webhook{}, fault.Wrap(err, fault.NotFound, "there is no such webhook")
	}
	if err != nil {
		return storage.Webhook{}, fmt.Errorf("webhook: get: %w", err)
	}
	return w, nil
}

// Patch changes what is not nil.
type Patch struct {
	Version     int64 // the one that is meant; 0: any
	URL         *string
	Events      *[]string
	Description *string
	Enabled     *bool
}

// Update changes a webhook. One that is enabled again is as good as new; what
// happened while it was disabled a replay brings. fault.Invalid, fault.Outdated.
func (s *Service) Update(ctx context.Context, organizationID, id string, p Patch) (storage.Webhook, error) {
	var w storage.Webhook
	err := s.Change.Do(ctx, "webhook: update", func(ctx context.Context, c *change.Change) error {
		var err error
		if w, err = s.Get(ctx, organizationID, id); err != nil {
			return err
		}
		if p.Version != 0 && p.Version != w.Version {
			return fault.New(fault.Outdated, "the webhook changed meanwhile; read it again")
		}
		before := w
		fields, err := s.apply(&w, p)
		if err != nil || len(fields) == 0 {
			return err
		}
		w.UpdatedAt = c.Now
		if err := s.Store.UpdateWebhook(ctx, w); err != nil {
			return err
		}
		w.Version++
		if before.Status == storage.WebhookDisabled && w.Status == storage.WebhookEnabled {
			w.FailingSince, w.PausedUntil = time.Time{}, time.Time{}
			if err := s.Store.NoteWebhook(ctx, w.ID, w.FailingSince, w.PausedUntil); err != nil {
				return err
			}
		}
		if before.Status == storage.WebhookEnabled && w.Status == storage.WebhookDisabled {
			c.Record(disabledEvent(w, map[string]any{}))
		} else {
			c.Record(webhookEvent(event.WebhookUpdated, w, map[string]any{"fields": fields}))
		}
		return nil
	})
	if err == nil {
		s.kick()
	}
	return w, err
}

// apply writes a patch into w and names what changed.
func (s *Service) apply(w *storage.Webhook, p Patch) (fields []string, err error) {
	if p.URL != nil && *p.URL != w.URL {
		err, fields, w.URL = fault.All(err, s.checkURL(*p.URL)), append(fields, "url"), *p.URL
	}
	if p.Events != nil {
		kinds, problem := Filters(*p.Events)
		err, fields, w.Events = fault.All(err, problem), append(fields, "events"), kinds
	}
	if p.Description != nil && *p.Description != w.Description {
		err, fields, w.Description = fault.All(err, checkDescription(*p.Description)), append(fields, "description"), *p.Description
	}
	if p.Enabled != nil && *p.Enabled != (w.Status == storage.WebhookEnabled) {
		fields = append(fields, "status")
		w.Status, w.Reason = storage.WebhookEnabled, ""
		if !*p.Enabled {
			w.Status, w.Reason = storage.WebhookDisabled, reasonOperator
		}
	}
	return fields, err
}

// Delete removes a webhook with what waits for it.
func (s *Service) Delete(ctx context.Context, organizationID, id, reason string) error {
	return s.Change.Do(ctx, "webhook: delete", func(ctx context.Context, c *change.Change) error {
		w, err := s.Get(ctx, organizationID, id)
		if err != nil {
			return err
		}
		if err := s.Store.DeleteWebhook(ctx, id); err != nil {
			return err
		}
		c.Record(webhookEvent(event.WebhookDeleted, w, map[string]any{"reason": change.Enum(reason)}))
		return nil
	})
}

// Rotate gives a webhook a new secret, which is returned this once. The old one
// signs too for the overlap; an older one ends now.
func (s *Service) Rotate(ctx context.Context, organizationID, id string, overlap time.Duration) (storage.Webhook, string, error) {
	if overlap < 0 || overlap > MaxOverlap {
		return storage.Webhook{}, "", fault.Field("overlap", fmt.Sprintf("0 to %d, in seconds", int(MaxOverlap.Seconds())))
	}
	secret, err := newSecret(s.Random)
	if err != nil {
		return storage.Webhook{}, "", fmt.Errorf("webhook: rotate: %w", err)
	}
	w, err := s.replaceSecret(ctx, organizationID, id, secret, overlap)
	return w, secret, err
}

// SetSecret gives a webhook of the system a secret that was chosen elsewhere, and
// says whether it is another one. The old one signs too for DefaultOverlap.
func (s *Service) SetSecret(ctx context.Context, id, secret string) (bool, error) {
	raw, err := parseSecret(secret)
	if err != nil {
		return false, err
	}
	w, err := s.Get(ctx, "", id)
	if err != nil {
		return false, err
	}
	have, err := secrets(s.Key, w, w.OldUntil) // the present one alone
	if err != nil {
		return false, fmt.Errorf("webhook: set secret: %w", err)
	}
	if hmac.Equal(have[0], raw) {
		return false, nil
	}
	_, err = s.replaceSecret(ctx, "", id, secret, DefaultOverlap)
	return err == nil, err
}

func (s *Service) replaceSecret(ctx context.Context, organizationID, id, secret string, overlap time.Duration) (w storage.Webhook, err error) {
	sealed, err := seal(s.Key, id, secret)
	if err != nil {
		return w, fmt.Errorf("webhook: rotate: %w", err)
	}
	err = s.Change.Do(ctx, "webhook: rotate secret", func(ctx context.Context, c *change.Change) error {
		if w, err = s.Get(ctx, organizationID, id); err != nil {
			return err
		}
		w.OldSecret, w.OldUntil = w.Secret, c.Now.Add(overlap)
		if overlap == 0 {
			w.OldSecret, w.OldUntil = nil, time.Time{}
		}
		w.Secret, w.UpdatedAt = sealed, c.Now
		if err := s.Store.UpdateWebhook(ctx, w); err != nil {
			return err
		}
		w.Version++
		c.Record(webhookEvent(event.WebhookSecretRotated, w, map[string]any{"old_until": c.Now.Add(overlap).Unix()}))
		return nil
	})
	return w, err
}

func (s *Service) kick() {
	if s.Kick != nil {
		s.Kick()
	}
}

func webhookEvent(t event.Type, w storage.Webhook, data map[string]any) event.Event {
	return event.Event{Type: t, Subject: w.ID, Organization: w.OrganizationID, Data: data}
}

func disabledEvent(w storage.Webhook, data map[string]any) event.Event {
	data["reason"] = w.Reason
	return webhookEvent(event.WebhookDisabled, w, data)
}
