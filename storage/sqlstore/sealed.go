package sqlstore

import (
	"context"
	"fmt"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

// sealedText is the SQL for one column. A value is longer than one byte; a
// tombstone is not.
type sealedText struct{ list, count, replace string }

func sealedSQL(c storage.SealedColumn) (sealedText, error) {
	switch c {
	case storage.SealedFactors:
		return sealedText{
			`SELECT id, sealed FROM factors WHERE id > $1 AND length(sealed) > 1 ORDER BY id LIMIT $2`,
			`SELECT COUNT(*) FROM factors WHERE length(sealed) > 1`,
			`UPDATE factors SET sealed = $2 WHERE id = $1 AND sealed = $3`,
		}, nil
	case storage.SealedWebhooks:
		return sealedText{
			`SELECT id, secret FROM webhooks WHERE id > $1 AND length(secret) > 1 ORDER BY id LIMIT $2`,
			`SELECT COUNT(*) FROM webhooks WHERE length(secret) > 1`,
			`UPDATE webhooks SET secret = $2 WHERE id = $1 AND secret = $3`,
		}, nil
	case storage.SealedWebhookOld:
		return sealedText{
			`SELECT id, old_secret FROM webhooks WHERE id > $1 AND length(old_secret) > 1 ORDER BY id LIMIT $2`,
			`SELECT COUNT(*) FROM webhooks WHERE length(old_secret) > 1`,
			`UPDATE webhooks SET old_secret = $2 WHERE id = $1 AND old_secret = $3`,
		}, nil
	case storage.SealedPersons:
		return sealedText{
			`SELECT user_id, sealed FROM person_keys WHERE user_id > $1 AND length(sealed) > 1 ORDER BY user_id LIMIT $2`,
			`SELECT COUNT(*) FROM person_keys WHERE length(sealed) > 1`,
			`UPDATE person_keys SET sealed = $2 WHERE user_id = $1 AND sealed = $3`,
		}, nil
	}
	return sealedText{}, fmt.Errorf("sqlstore: no sealed column %q", c)
}

// SealedValues implements storage.SealedValues.
func (s *Store) SealedValues(ctx context.Context, c storage.SealedColumn, after string, limit int) ([]storage.SealedValue, error) {
	sql, err := sealedSQL(c)
	if err != nil {
		return nil, err
	}
	return rows(ctx, s, "sealed values", sql.list, []any{after, limit}, func(scan engine.Scan) (v storage.SealedValue, err error) {
		err = scan(&v.ID, &v.Sealed)
		return v, err
	})
}

// CountSealedValues implements storage.SealedValues.
func (s *Store) CountSealedValues(ctx context.Context, c storage.SealedColumn) (n int64, err error) {
	sql, err := sealedSQL(c)
	if err != nil {
		return 0, err
	}
	err = s.row(ctx, "count sealed values", sql.count, nil, &n)
	return n, err
}

// ReplaceSealedValue implements storage.SealedValues.
func (s *Store) ReplaceSealedValue(ctx context.Context, c storage.SealedColumn, v storage.SealedValue, was []byte) (bool, error) {
	sql, err := sealedSQL(c)
	if err != nil {
		return false, err
	}
	return s.won(ctx, "replace sealed value", sql.replace, v.ID, v.Sealed, was)
}
