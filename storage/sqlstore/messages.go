package sqlstore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

const messageColumns = `id, channel, user_id, sealed, attempts, due_at, created_at, expires_at`

// InsertMessage implements storage.Messages.
func (s *Store) InsertMessage(ctx context.Context, m storage.Message) error {
	_, err := s.exec(ctx, "insert message", `INSERT INTO messages (`+messageColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		m.ID, m.Channel, m.UserID, blob(m.Sealed), m.Attempts, m.DueAt, m.CreatedAt, m.Expiry)
	return err
}

// TakeMessages implements storage.Messages. Whoever finds a row taken meanwhile
// looks at its due time again, so may get fewer than limit.
func (s *Store) TakeMessages(ctx context.Context, now, retryAt time.Time, limit int) ([]storage.Message, error) {
	list, err := rows(ctx, s, "take messages", `UPDATE messages SET attempts = attempts + 1, due_at = $2
		WHERE due_at <= $1 AND id IN (
			SELECT id FROM messages WHERE due_at <= $1 AND expires_at > $1 ORDER BY due_at, id LIMIT $3)
		RETURNING `+messageColumns, []any{now, retryAt, page(limit)},
		func(scan engine.Scan) (m storage.Message, err error) {
			err = scan(&m.ID, &m.Channel, &m.UserID, &m.Sealed, &m.Attempts, &m.DueAt, &m.CreatedAt, &m.Expiry)
			return m, err
		})
	slices.SortFunc(list, func(a, b storage.Message) int { return cmp.Compare(a.ID, b.ID) })
	return list, err
}

// PostponeMessage implements storage.Messages; it does nothing when the row is gone.
func (s *Store) PostponeMessage(ctx context.Context, id string, dueAt time.Time) error {
	_, err := s.exec(ctx, "postpone message", `UPDATE messages SET due_at = $2 WHERE id = $1`, id, dueAt)
	return err
}

// DeleteMessage implements storage.Messages; deleting twice is no error.
func (s *Store) DeleteMessage(ctx context.Context, id string) error {
	_, err := s.exec(ctx, "delete message", `DELETE FROM messages WHERE id = $1`, id)
	return err
}

// DeleteMessagesOf implements storage.Messages. An empty id names nobody.
func (s *Store) DeleteMessagesOf(ctx context.Context, userID string) error {
	_, err := s.exec(ctx, "delete messages of user", `DELETE FROM messages WHERE user_id = $1 AND user_id <> ''`, userID)
	return err
}

// CountMessages implements storage.Messages.
func (s *Store) CountMessages(ctx context.Context) (n int64, err error) {
	err = s.row(ctx, "count messages", `SELECT CAST(count(*) AS BIGINT) FROM messages`, nil, &n)
	return n, err
}
