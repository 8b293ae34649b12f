package sqlstore

import (
	"context"
	"time"

	"github.com/signet-idp/signet/storage"
)

const linkColumns = `id, purpose, user_id, hash, data, attempts, created_at, expires_at, used_at`

func linkDest(l *storage.Link) []any {
	return []any{&l.ID, &l.Purpose, &l.UserID, &l.Hash, &l.Data, &l.Attempts, &l.CreatedAt, &l.Expiry, &l.UsedAt}
}

// InsertLink implements storage.Links; ErrNotFound when there is no such user,
// ErrConflict when the id or the hash is taken.
func (s *Store) InsertLink(ctx context.Context, l storage.Link) error {
	_, err := s.exec(ctx, "insert link", `INSERT INTO links (`+linkColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		l.ID, l.Purpose, l.UserID, blob(l.Hash), l.Data, l.Attempts, l.CreatedAt, l.Expiry, l.UsedAt)
	return err
}

// LinkByID implements storage.Links.
func (s *Store) LinkByID(ctx context.Context, id string) (l storage.Link, err error) {
	err = s.row(ctx, "link by id", `SELECT `+linkColumns+` FROM links WHERE id = $1`, []any{id}, linkDest(&l)...)
	return l, err
}

// LinkByHash implements storage.Links.
func (s *Store) LinkByHash(ctx context.Context, purpose string, hash []byte) (l storage.Link, err error) {
	err = s.row(ctx, "link by hash", `SELECT `+linkColumns+` FROM links WHERE hash = $1 AND purpose = $2`,
		[]any{blob(hash), purpose}, linkDest(&l)...)
	return l, err
}

// OpenLink implements storage.Links.
func (s *Store) OpenLink(ctx context.Context, userID, purpose string, now time.Time) (l storage.Link, err error) {
	err = s.row(ctx, "open link", `SELECT `+linkColumns+` FROM links
		WHERE user_id = $1 AND purpose = $2 AND used_at = 0 AND expires_at > $3 ORDER BY created_at DESC, id DESC LIMIT 1`,
		[]any{userID, purpose, now}, linkDest(&l)...)
	return l, err
}

// TryLink implements storage.Links. A guess at a used link is never judged.
func (s *Store) TryLink(ctx context.Context, id string, limit int64) (bool, error) {
	return s.won(ctx, "try link",
		`UPDATE links SET attempts = attempts + 1 WHERE id = $1 AND attempts < $2 AND used_at = 0`, id, limit)
}

// UseLink implements storage.Links.
func (s *Store) UseLink(ctx context.Context, id string, at time.Time) (bool, error) {
	return s.won(ctx, "use link", `UPDATE links SET used_at = $2 WHERE id = $1 AND used_at = 0 AND expires_at > $2`, id, at)
}

// VoidLinks implements storage.Links.
func (s *Store) VoidLinks(ctx context.Context, userID, purpose string, at time.Time) error {
	_, err := s.exec(ctx, "void links",
		`UPDATE links SET used_at = $3 WHERE user_id = $1 AND purpose = $2 AND used_at = 0`, userID, purpose, at)
	return err
}
