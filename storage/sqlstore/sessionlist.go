package sqlstore

import (
	"context"
	"time"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

const liveSessions = ` FROM sessions WHERE user_id = $1 AND ended_at = 0 AND idle_expires_at > $2 AND expires_at > $2`

// QuerySessions implements storage.SessionLists.
func (s *Store) QuerySessions(ctx context.Context, q storage.SessionQuery) ([]storage.Session, error) {
	return rows(ctx, s, "query sessions", `SELECT `+sessionColumns+liveSessions+` AND ($3 = '' OR
		(created_at, id) < (SELECT c.created_at, c.id FROM sessions c WHERE c.id = $3 AND c.user_id = $1))
		ORDER BY created_at DESC, id DESC LIMIT $4 OFFSET $5`,
		[]any{q.UserID, q.Now, q.Before, page(q.Limit), max(q.Offset, 0)}, scanSession)
}

// CountSessions implements storage.SessionLists.
func (s *Store) CountSessions(ctx context.Context, userID string, now time.Time) (n int64, err error) {
	err = s.row(ctx, "count sessions", `SELECT COUNT(*)`+liveSessions, []any{userID, now}, &n)
	return n, err
}

// LastUses implements storage.GrantUses.
func (s *Store) LastUses(ctx context.Context, userID string) (map[string]time.Time, error) {
	type use struct {
		client string
		at     time.Time
	}
	uses, err := rows(ctx, s, "last uses of grants", `SELECT client_id,
		MAX(CASE WHEN stepped_at > code_used_at THEN stepped_at ELSE code_used_at END)
		FROM grants WHERE user_id = $1 GROUP BY client_id`, []any{userID}, func(scan engine.Scan) (u use, err error) {
		err = scan(&u.client, &u.at)
		return u, err
	})
	if err != nil {
		return nil, err
	}
	out := make(map[string]time.Time, len(uses))
	for _, u := range uses {
		out[u.client] = u.at
	}
	return out, nil
}

// EndGrantsOf implements storage.GrantUses.
func (s *Store) EndGrantsOf(ctx context.Context, userID, clientID, reason string, at time.Time) ([]string, error) {
	return rows(ctx, s, "end grants of user and client", `UPDATE grants SET revoked_at = $3, revoke_reason = $2
		WHERE user_id = $1 AND client_id = $4 AND revoked_at = 0 RETURNING id`, []any{userID, reason, at, clientID}, scanText)
}
