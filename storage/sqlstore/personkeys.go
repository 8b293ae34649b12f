package sqlstore

import (
	"context"
	"time"

	"github.com/signet-idp/signet/storage"
)

// PutPersonKey implements storage.PersonKeys. Of writers at the same time the
// first wins and the others get its key.
func (s *Store) PutPersonKey(ctx context.Context, userID string, sealed []byte, at time.Time) (stands []byte, err error) {
	// The update changes nothing: it makes the standing row come back, also one
	// that was committed after this statement's snapshot.
	err = s.row(ctx, "put person key", `INSERT INTO person_keys (user_id, sealed, created_at) VALUES ($1, $2, $3)
		ON CONFLICT (user_id) DO UPDATE SET created_at = person_keys.created_at RETURNING sealed`,
		[]any{userID, sealed, at}, &stands)
	return stands, err
}

// PersonKey implements storage.PersonKeys.
func (s *Store) PersonKey(ctx context.Context, userID string) (sealed []byte, err error) {
	err = s.row(ctx, "person key", `SELECT sealed FROM person_keys WHERE user_id = $1`, []any{userID}, &sealed)
	return sealed, err
}

// DeletePersonKey implements storage.PersonKeys.
func (s *Store) DeletePersonKey(ctx context.Context, userID string) error {
	return s.must(ctx, "delete person key", storage.ErrNotFound, `DELETE FROM person_keys WHERE user_id = $1`, userID)
}
