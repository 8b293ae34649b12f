package sqlstore

import (
	"context"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

// AppendRevocation implements storage.Revocations. The entries are written
// with the commit (see last): reads in the same transaction do not show them.
func (s *Store) AppendRevocation(ctx context.Context, entries ...storage.Revocation) error {
	if len(entries) == 0 {
		return nil
	}
	return s.InTx(ctx, func(ctx context.Context) error {
		t := s.tx(ctx)
		t.revoke = append(t.revoke, entries...)
		return nil
	})
}

// BumpConfiguration implements storage.Configuration: once per transaction,
// with the commit.
func (s *Store) BumpConfiguration(ctx context.Context) error {
	return s.bumping(ctx, func(context.Context) error { return nil })
}

// bumping runs a change of what replicas hold in memory.
func (s *Store) bumping(ctx context.Context, change func(ctx context.Context) error) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		if err := change(ctx); err != nil {
			return err
		}
		s.tx(ctx).bump = true
		return nil
	})
}

// RevocationsAfter implements storage.Revocations.
func (s *Store) RevocationsAfter(ctx context.Context, after int64, limit int) ([]storage.Revocation, error) {
	return rows(ctx, s, "revocations after",
		`SELECT seq, kind, value, expires_at FROM revocations WHERE seq > $1 ORDER BY seq LIMIT $2`,
		[]any{after, max(limit, 1)}, func(scan engine.Scan) (r storage.Revocation, err error) {
			err = scan(&r.Seq, (*string)(&r.Kind), &r.Value, &r.Expiry)
			return r, err
		})
}

// FeedHead implements storage.Revocations.
func (s *Store) FeedHead(ctx context.Context) (h storage.FeedHead, err error) {
	err = s.row(ctx, "feed head", `SELECT m.value, r.value, c.value FROM meta m, counters r, counters c
		WHERE m.name = 'feed_id' AND r.name = 'revocation' AND c.name = 'configuration'`, nil, &h.FeedID, &h.Seq, &h.Config)
	return h, err
}

// feedJump is how far a reset moves the feed's position ahead: further than
// the lost timeline can have got. A token minted there then has a pe below the
// entries that follow, and the entry for all kills it.
const feedJump = 1 << 32

// ResetFeed implements storage.Revocations.
func (s *Store) ResetFeed(ctx context.Context, feedID string) error {
	return s.bumping(ctx, func(ctx context.Context) error {
		if err := s.must(ctx, "reset feed", storage.ErrNotFound, `UPDATE counters SET value = value + $1 WHERE name = 'revocation'`, int64(feedJump)); err != nil {
			return err
		}
		return s.must(ctx, "reset feed", storage.ErrNotFound, `UPDATE meta SET value = $1 WHERE name = 'feed_id'`, feedID)
	})
}
