package sqlstore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

const logoutColumns = `id, client_id, session_id, user_id, attempts, due_at, created_at`

// InsertLogoutDelivery implements storage.LogoutDeliveries.
func (s *Store) InsertLogoutDelivery(ctx context.Context, d storage.LogoutDelivery) error {
	_, err := s.exec(ctx, "insert logout delivery", `INSERT INTO logout_deliveries (`+logoutColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`, d.ID, d.ClientID, d.SessionID, d.UserID, d.Attempts, d.DueAt, d.CreatedAt)
	return err
}

// TakeLogoutDeliveries implements storage.LogoutDeliveries. Whoever finds a row
// taken meanwhile looks at its due time again, so may get fewer than limit.
func (s *Store) TakeLogoutDeliveries(ctx context.Context, now, retryAt time.Time, limit int) ([]storage.LogoutDelivery, error) {
	list, err := rows(ctx, s, "take logout deliveries", `UPDATE logout_deliveries SET attempts = attempts + 1, due_at = $2
		WHERE due_at <= $1 AND id IN (SELECT id FROM logout_deliveries WHERE due_at <= $1 ORDER BY due_at, id LIMIT $3)
		RETURNING `+logoutColumns, []any{now, retryAt, page(limit)},
		func(scan engine.Scan) (d storage.LogoutDelivery, err error) {
			err = scan(&d.ID, &d.ClientID, &d.SessionID, &d.UserID, &d.Attempts, &d.DueAt, &d.CreatedAt)
			return d, err
		})
	slices.SortFunc(list, func(a, b storage.LogoutDelivery) int { return cmp.Compare(a.ID, b.ID) })
	return list, err
}

// DeleteLogoutDelivery implements storage.LogoutDeliveries; deleting twice is no error.
func (s *Store) DeleteLogoutDelivery(ctx context.Context, id string) error {
	_, err := s.exec(ctx, "delete logout delivery", `DELETE FROM logout_deliveries WHERE id = $1`, id)
	return err
}

// PostponeLogoutDelivery implements storage.LogoutDeliveries.
func (s *Store) PostponeLogoutDelivery(ctx context.Context, id string, dueAt time.Time) error {
	_, err := s.exec(ctx, "postpone logout delivery", `UPDATE logout_deliveries SET due_at = $2 WHERE id = $1`, id, dueAt)
	return err
}
