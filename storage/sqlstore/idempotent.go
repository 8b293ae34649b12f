package sqlstore

import (
	"context"
	"errors"
	"time"

	"github.com/signet-idp/signet/storage"
)

const idempotentColumns = `id, fingerprint, status, answer, created_at, expires_at`

// BeginIdempotent implements storage.IdempotentRequests. When the one that
// stood in the way is gone before it could be read, it tries again.
func (s *Store) BeginIdempotent(ctx context.Context, r storage.IdempotentRequest) (stands storage.IdempotentRequest, won bool, err error) {
	for range attempts {
		won, err = s.won(ctx, "begin idempotent request", `INSERT INTO idempotent_requests (`+idempotentColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (id) DO UPDATE SET fingerprint = excluded.fingerprint, status = excluded.status,
			answer = excluded.answer, created_at = excluded.created_at, expires_at = excluded.expires_at
			WHERE idempotent_requests.expires_at <= excluded.created_at`,
			r.ID, blob(r.Fingerprint), r.Status, r.Answer, r.CreatedAt, r.Expiry)
		if err != nil || won {
			return storage.IdempotentRequest{}, won, err
		}
		err = s.row(ctx, "idempotent request", `SELECT `+idempotentColumns+` FROM idempotent_requests WHERE id = $1`,
			[]any{r.ID}, &stands.ID, &stands.Fingerprint, &stands.Status, &stands.Answer, &stands.CreatedAt, &stands.Expiry)
		if !errors.Is(err, storage.ErrNotFound) {
			break
		}
	}
	return stands, false, err
}

// FinishIdempotent implements storage.IdempotentRequests.
func (s *Store) FinishIdempotent(ctx context.Context, r storage.IdempotentRequest) error {
	return s.must(ctx, "finish idempotent request", storage.ErrNotFound,
		`UPDATE idempotent_requests SET status = $3, answer = $4, expires_at = $5 WHERE id = $1 AND created_at = $2 AND status = 0`,
		r.ID, r.CreatedAt, r.Status, r.Answer, r.Expiry)
}

// DropIdempotent implements storage.IdempotentRequests. One that was answered
// stays.
func (s *Store) DropIdempotent(ctx context.Context, id string, createdAt time.Time) error {
	_, err := s.exec(ctx, "drop idempotent request", `DELETE FROM idempotent_requests WHERE id = $1 AND created_at = $2 AND status = 0`, id, createdAt)
	return err
}
