package sqlstore

import (
	"context"
	"time"
)

// UseOnce implements storage.Once.
func (s *Store) UseOnce(ctx context.Context, kind, value string, expiry time.Time) (bool, error) {
	return s.won(ctx, "use once", `INSERT INTO used_once (kind, value, expires_at) VALUES ($1, $2, $3)
		ON CONFLICT (kind, value) DO NOTHING`, kind, value, expiry)
}
