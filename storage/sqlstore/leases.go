package sqlstore

import (
	"context"
	"errors"
	"time"

	"github.com/signet-idp/signet/storage"
)

// AcquireLease implements storage.Leases. The token stays when a holder
// extends its lease in time, and rises otherwise.
func (s *Store) AcquireLease(ctx context.Context, name, holder string, now, expiry time.Time) (storage.Lease, bool, error) {
	l := storage.Lease{Name: name, Holder: holder, Expiry: expiry}
	err := s.row(ctx, "acquire lease", `INSERT INTO leases (name, holder, token, expires_at) VALUES ($1, $2, 1, $4)
		ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at,
		token = CASE WHEN leases.expires_at > $3 THEN leases.token ELSE leases.token + 1 END
		WHERE leases.expires_at <= $3 OR leases.holder = excluded.holder
		RETURNING token`, []any{name, holder, now, expiry}, &l.Token)
	if errors.Is(err, storage.ErrNotFound) {
		return storage.Lease{}, false, nil
	}
	if err != nil {
		return storage.Lease{}, false, err
	}
	return l, true, nil
}

// CheckLease implements storage.Leases.
func (s *Store) CheckLease(ctx context.Context, l storage.Lease) error {
	return s.must(ctx, "check lease", storage.ErrVersion,
		`UPDATE leases SET token = token WHERE name = $1 AND holder = $2 AND token = $3`, l.Name, l.Holder, l.Token)
}

// ReleaseLease implements storage.Leases; it does nothing when somebody else
// holds it by now.
func (s *Store) ReleaseLease(ctx context.Context, l storage.Lease) error {
	_, err := s.exec(ctx, "release lease",
		`UPDATE leases SET expires_at = 0 WHERE name = $1 AND holder = $2 AND token = $3`, l.Name, l.Holder, l.Token)
	return err
}
