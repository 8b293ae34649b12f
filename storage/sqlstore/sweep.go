package sqlstore

import (
	"context"
	"sync"
	"time"
)

// Keep is how long a row stays after it has become useless: longer than any
// access token lives and than replicas' clocks can differ, so that a late code
// or token is still recognized as spent instead of unknown.
const Keep = 24 * time.Hour

// keepInvitations is how long an invitation can be renewed after it has expired.
const keepInvitations = 30 * 24 * time.Hour

// sweepGrantsFactor is how many grants a sweep looks at for each row it may
// delete: most of them are alive.
const sweepGrantsFactor = 10

// sweeper remembers how far the walk over the grants has come.
type sweeper struct {
	mu     sync.Mutex
	cursor string // grant id
}

// expired are the tables with an index on expires_at.
var expired = []struct {
	name, sql string
	keep      time.Duration
}{
	{"sessions", `DELETE FROM sessions WHERE id IN (
		SELECT id FROM sessions WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`, Keep},
	{"login transactions", `DELETE FROM login_transactions WHERE id IN (
		SELECT id FROM login_transactions WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`, time.Hour},
	{"used once", `DELETE FROM used_once WHERE (kind, value) IN (
		SELECT kind, value FROM used_once WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`, time.Hour},
	// The entry's own expiry has the longest token and the skew in it.
	{"revocations", `DELETE FROM revocations WHERE seq IN (
		SELECT seq FROM revocations WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`, 0},
	{"links", `DELETE FROM links WHERE id IN (
		SELECT id FROM links WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`, Keep},
	{"devices", `DELETE FROM devices WHERE id IN (
		SELECT id FROM devices WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`, 0},
	{"messages", `DELETE FROM messages WHERE id IN (
		SELECT id FROM messages WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`, 0},
	{"webhook deliveries", `DELETE FROM webhook_deliveries WHERE expires_at < $1 AND (webhook_id, seq) IN (
		SELECT webhook_id, seq FROM webhook_deliveries WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`, 0},
	// Judged again on deletion: one may have been taken anew meanwhile, or an
	// invitation renewed.
	{"idempotent requests", `DELETE FROM idempotent_requests WHERE expires_at < $1 AND id IN (
		SELECT id FROM idempotent_requests WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`, 0},
	// Not those that were accepted: they say who asked a member in.
	{"invitations", `DELETE FROM invitations WHERE accepted_at = 0 AND expires_at < $1 AND id IN (
		SELECT id FROM invitations WHERE accepted_at = 0 AND expires_at < $1 ORDER BY expires_at LIMIT $2)`, keepInvitations},
}

// Sweep implements storage.Sweeper. Sessions go Keep after their absolute
// expiry, links after theirs; grants as sweepGrants says; login transactions and
// one-time marks an hour after they expire; feed entries, messages, devices, deliveries of webhooks
// and answers to repeated requests when they expire; invitations that nobody accepted after
// 30 days.
func (s *Store) Sweep(ctx context.Context, now time.Time, limit int) (total int64, err error) {
	limit = max(limit, 1)
	for _, t := range expired {
		n, err := s.exec(ctx, "sweep "+t.name, t.sql, now.Add(-t.keep), limit)
		if err != nil {
			return total, err
		}
		total += n
	}
	n, err := s.sweepGrants(ctx, now, limit)
	return total + n, err
}

// sweepGrants walks over the grants in the order of their ids, some more with
// each call, and deletes what has been of no use for Keep: expired, revoked,
// not refreshed in time, or never given a refresh token. A grant of a live
// session stays, since the session's end must tell its client. The walk needs
// no index of its own, which every refresh would have to maintain.
func (s *Store) sweepGrants(ctx context.Context, now time.Time, limit int) (int64, error) {
	s.sweeper.mu.Lock()
	defer s.sweeper.mu.Unlock()
	from := s.sweeper.cursor
	ids, err := rows(ctx, s, "sweep grants", `SELECT COALESCE(MAX(id), '') FROM (
		SELECT id FROM grants WHERE id > $1 ORDER BY id LIMIT $2) page`, []any{from, limit * sweepGrantsFactor}, scanText)
	if err != nil {
		return 0, err
	}
	to := ids[0]
	s.sweeper.cursor = to // empty at the end: from the beginning next time
	if to == "" {
		return 0, nil
	}
	return s.exec(ctx, "sweep grants", `DELETE FROM grants WHERE id IN (SELECT g.id FROM grants g
		LEFT JOIN sessions s ON s.id = g.session_id AND s.ended_at = 0 AND s.expires_at > $4 AND s.idle_expires_at > $4
		WHERE g.id > $1 AND g.id <= $2 AND s.id IS NULL AND (g.expires_at < $3
			OR (g.revoked_at <> 0 AND g.revoked_at < $3)
			OR (g.refresh_expires_at <> 0 AND g.refresh_expires_at < $3)
			OR (g.generation = 0 AND g.code_hash IS NOT NULL AND g.code_expires_at < $3))
		LIMIT $5)`, from, to, now.Add(-Keep), now, limit)
}
