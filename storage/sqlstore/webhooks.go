package sqlstore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

const webhookColumns = `id, organization_id, url, events, description, status, reason, secret, old_secret, old_until,
	start_seq, failing_since, paused_until, managed_by, version, created_at, updated_at`

func scanWebhook(scan engine.Scan) (w storage.Webhook, err error) {
	var status string
	err = scan(&w.ID, &w.OrganizationID, &w.URL, &w.Events, &w.Description, &status, &w.Reason, &w.Secret, &w.OldSecret, &w.OldUntil,
		&w.StartSeq, &w.FailingSince, &w.PausedUntil, &w.ManagedBy, &w.Version, &w.CreatedAt, &w.UpdatedAt)
	w.Status = storage.WebhookStatus(status)
	return w, err
}

// reachable holds for webhooks (w) that may be sent something: a suspended
// organization's are not.
const reachable = `w.status = 'enabled' AND (w.organization_id = ''
	OR EXISTS (SELECT 1 FROM organizations o WHERE o.id = w.organization_id AND o.status = 'active'))`

// InsertWebhook implements storage.Webhooks.
func (s *Store) InsertWebhook(ctx context.Context, w storage.Webhook) error {
	_, err := s.exec(ctx, "insert webhook", `INSERT INTO webhooks (`+webhookColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
		w.ID, w.OrganizationID, w.URL, w.Events, w.Description, w.Status, w.Reason, blob(w.Secret), w.OldSecret, w.OldUntil,
		w.StartSeq, w.FailingSince, w.PausedUntil, w.ManagedBy, w.Version, w.CreatedAt, w.UpdatedAt)
	return err
}

// GuardWebhooks implements storage.Webhooks.
func (s *Store) GuardWebhooks(ctx context.Context) error {
	return s.must(ctx, "guard webhooks", storage.ErrNotFound, `UPDATE webhook_guard SET version = version + 1 WHERE id = 1`)
}

// WebhookByID implements storage.Webhooks.
func (s *Store) WebhookByID(ctx context.Context, id string) (storage.Webhook, error) {
	list, err := rows(ctx, s, "webhook by id", `SELECT `+webhookColumns+` FROM webhooks WHERE id = $1`, []any{id}, scanWebhook)
	switch {
	case err != nil:
		return storage.Webhook{}, err
	case len(list) == 0:
		return storage.Webhook{}, opErr("webhook by id", storage.ErrNotFound)
	}
	return list[0], nil
}

// WebhooksOf implements storage.Webhooks.
func (s *Store) WebhooksOf(ctx context.Context, organizationID, after string, limit int) ([]storage.Webhook, error) {
	return rows(ctx, s, "webhooks of organization", `SELECT `+webhookColumns+` FROM webhooks
		WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3`, []any{organizationID, after, page(limit)}, scanWebhook)
}

// UpdateWebhook implements storage.Webhooks.
func (s *Store) UpdateWebhook(ctx context.Context, w storage.Webhook) error {
	return s.must(ctx, "update webhook", storage.ErrVersion, `UPDATE webhooks SET url = $3, events = $4, description = $5, status = $6,
		reason = $7, secret = $8, old_secret = $9, old_until = $10, updated_at = $11, version = version + 1
		WHERE id = $1 AND version = $2`,
		w.ID, w.Version, w.URL, w.Events, w.Description, w.Status, w.Reason, blob(w.Secret), w.OldSecret, w.OldUntil, w.UpdatedAt)
}

// DeleteWebhook implements storage.Webhooks.
func (s *Store) DeleteWebhook(ctx context.Context, id string) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		if err := s.must(ctx, "delete webhook", storage.ErrNotFound, `DELETE FROM webhooks WHERE id = $1`, id); err != nil {
			return err
		}
		_, err := s.exec(ctx, "delete webhook", `DELETE FROM webhook_deliveries WHERE webhook_id = $1`, id)
		return err
	})
}

// NoteWebhook implements storage.Webhooks; it does nothing when the row is gone.
func (s *Store) NoteWebhook(ctx context.Context, id string, failingSince, pausedUntil time.Time) error {
	_, err := s.exec(ctx, "note webhook", `UPDATE webhooks SET failing_since = $2, paused_until = $3 WHERE id = $1`,
		id, failingSince, pausedUntil)
	return err
}

// WebhooksFor implements storage.Webhooks.
func (s *Store) WebhooksFor(ctx context.Context, organizationIDs []string) ([]storage.Webhook, error) {
	var q query
	// The empty id is the system's, and stands for what the list is filled up with.
	ids := append([]string{""}, organizationIDs[:min(len(organizationIDs), storage.MaxIDs)]...)
	q.add(`SELECT `, webhookColumns, ` FROM webhooks w WHERE w.organization_id IN `, q.list(ids), ` AND `, reachable, ` ORDER BY w.id`)
	return rows(ctx, s, "webhooks for", q.text.String(), q.args, scanWebhook)
}

// DueWebhooks implements storage.Webhooks.
func (s *Store) DueWebhooks(ctx context.Context, now time.Time, after string, limit int) ([]string, error) {
	return rows(ctx, s, "due webhooks", `SELECT w.id FROM webhooks w WHERE w.id > $1 AND w.paused_until <= $2 AND `+reachable+`
		AND EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.webhook_id = w.id AND d.state = 'pending' AND d.due_at <= $2)
		ORDER BY w.id LIMIT $3`, []any{after, now, page(limit)}, scanText)
}

const deliveryColumns = `webhook_id, seq, event_id, type, state, attempts, status, error, begun_at, due_at, settled_at, expires_at`

func scanDelivery(scan engine.Scan) (d storage.WebhookDelivery, err error) {
	var state string
	err = scan(&d.WebhookID, &d.Seq, &d.EventID, &d.Type, &state, &d.Attempts, &d.Status, &d.Error, &d.BegunAt, &d.DueAt, &d.SettledAt, &d.Expiry)
	d.State = storage.DeliveryState(state)
	return d, err
}

// InsertWebhookDeliveries implements storage.WebhookDeliveries.
func (s *Store) InsertWebhookDeliveries(ctx context.Context, deliveries ...storage.WebhookDelivery) error {
	return s.putDeliveries(ctx, "insert webhook deliveries", `DO NOTHING`, deliveries)
}

// ReopenWebhookDeliveries implements storage.WebhookDeliveries.
func (s *Store) ReopenWebhookDeliveries(ctx context.Context, deliveries ...storage.WebhookDelivery) error {
	return s.putDeliveries(ctx, "reopen webhook deliveries", `DO UPDATE SET state = excluded.state, attempts = excluded.attempts,
		status = excluded.status, error = excluded.error, begun_at = excluded.begun_at, due_at = excluded.due_at,
		settled_at = excluded.settled_at, expires_at = excluded.expires_at WHERE webhook_deliveries.state <> 'pending'`, deliveries)
}

func (s *Store) putDeliveries(ctx context.Context, op, conflict string, deliveries []storage.WebhookDelivery) error {
	if len(deliveries) == 0 {
		return nil
	}
	stmts := make([]engine.Statement, 0, len(deliveries))
	for _, d := range deliveries {
		stmts = append(stmts, engine.Statement{
			SQL: `INSERT INTO webhook_deliveries (` + deliveryColumns + `)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (webhook_id, seq) ` + conflict,
			Args: []any{
				d.WebhookID, d.Seq, d.EventID, d.Type, d.State, d.Attempts, d.Status, d.Error, d.BegunAt, d.DueAt, d.SettledAt, d.Expiry,
			},
		})
	}
	return s.batch(ctx, op, stmts)
}

// TakeWebhookDeliveries implements storage.WebhookDeliveries. Whoever finds a
// row taken meanwhile looks at its due time again, so may get fewer than limit.
func (s *Store) TakeWebhookDeliveries(ctx context.Context, webhookID string, now, until time.Time, limit int) ([]storage.WebhookDelivery, error) {
	list, err := rows(ctx, s, "take webhook deliveries", `UPDATE webhook_deliveries SET due_at = $3
		WHERE webhook_id = $1 AND state = 'pending' AND due_at <= $2 AND seq IN (
			SELECT seq FROM webhook_deliveries WHERE webhook_id = $1 AND state = 'pending' AND due_at <= $2
			ORDER BY due_at, seq LIMIT $4)
		RETURNING `+deliveryColumns, []any{webhookID, now, until, page(limit)}, scanDelivery)
	sortBySeq(list)
	return list, err
}

// SettleWebhookDelivery implements storage.WebhookDeliveries.
func (s *Store) SettleWebhookDelivery(ctx context.Context, d storage.WebhookDelivery) error {
	_, err := s.exec(ctx, "settle webhook delivery", `UPDATE webhook_deliveries SET state = $3, attempts = $4, status = $5, error = $6,
		due_at = $7, settled_at = $8, expires_at = $9 WHERE webhook_id = $1 AND seq = $2 AND state = 'pending'`,
		d.WebhookID, d.Seq, d.State, d.Attempts, d.Status, d.Error, d.DueAt, d.SettledAt, d.Expiry)
	return err
}

// WebhookDelivery implements storage.WebhookDeliveries. The record knows which
// seq an event has, so that deliveries need no index of their own for it; only
// for an event that retention has removed those of the webhook are gone through.
func (s *Store) WebhookDelivery(ctx context.Context, webhookID, eventID string) (storage.WebhookDelivery, error) {
	args := []any{webhookID, eventID}
	list, err := rows(ctx, s, "webhook delivery", `SELECT `+deliveryColumns+` FROM webhook_deliveries
		WHERE webhook_id = $1 AND seq = (SELECT seq FROM events WHERE id = $2)`, args, scanDelivery)
	if err == nil && len(list) == 0 {
		list, err = rows(ctx, s, "webhook delivery", `SELECT `+deliveryColumns+` FROM webhook_deliveries
			WHERE webhook_id = $1 AND event_id = $2 LIMIT 1`, args, scanDelivery)
	}
	switch {
	case err != nil:
		return storage.WebhookDelivery{}, err
	case len(list) == 0:
		return storage.WebhookDelivery{}, opErr("webhook delivery", storage.ErrNotFound)
	}
	return list[0], nil
}

// QueryWebhookDeliveries implements storage.WebhookDeliveries.
func (s *Store) QueryWebhookDeliveries(ctx context.Context, dq storage.DeliveryQuery) ([]storage.WebhookDelivery, error) {
	var q query
	q.add(`SELECT `, deliveryColumns, ` FROM webhook_deliveries WHERE webhook_id = `, q.arg(dq.WebhookID))
	if dq.State != "" {
		q.add(` AND state = `, q.arg(dq.State))
	}
	if dq.Before > 0 {
		q.add(` AND seq < `, q.arg(dq.Before))
	}
	q.add(` ORDER BY seq DESC LIMIT `, q.arg(page(dq.Limit)))
	return rows(ctx, s, "query webhook deliveries", q.text.String(), q.args, scanDelivery)
}

// WebhookBacklogs implements storage.WebhookDeliveries.
func (s *Store) WebhookBacklogs(ctx context.Context) ([]storage.WebhookBacklog, error) {
	return rows(ctx, s, "webhook backlogs", `SELECT webhook_id, CAST(count(*) AS BIGINT), MIN(begun_at) FROM webhook_deliveries
		WHERE state = 'pending' GROUP BY webhook_id ORDER BY webhook_id`, nil,
		func(scan engine.Scan) (b storage.WebhookBacklog, err error) {
			err = scan(&b.WebhookID, &b.Pending, &b.Oldest)
			return b, err
		})
}

// EventsBySeq implements storage.WebhookDeliveries.
func (s *Store) EventsBySeq(ctx context.Context, seqs []int64) ([]storage.Event, error) {
	if len(seqs) == 0 {
		return nil, nil
	}
	seqs = seqs[:min(len(seqs), storage.MaxIDs)]
	var q query
	q.add(`WHERE seq IN (`)
	for i := range powerOfTwo(len(seqs)) { // as query.list does
		if i > 0 {
			q.add(`, `)
		}
		q.add(q.arg(seqs[min(i, len(seqs)-1)]))
	}
	q.add(`) ORDER BY seq`)
	return s.events(ctx, "events by seq", q.text.String(), q.args...)
}

func sortBySeq(list []storage.WebhookDelivery) {
	slices.SortFunc(list, func(a, b storage.WebhookDelivery) int { return cmp.Compare(a.Seq, b.Seq) })
}
