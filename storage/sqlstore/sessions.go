package sqlstore

import (
	"context"
	"time"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

const sessionColumns = `id, user_id, kind, cookie_hash, parent_id, auth_time, acr, amr, client_id, device_name, user_agent,
	ip_address, remember, created_at, last_active_at, idle_expires_at, expires_at, ended_at, end_reason`

func sessionDest(v *storage.Session) []any {
	return []any{
		&v.ID, &v.UserID, (*string)(&v.Kind), &v.CookieHash, &v.ParentID, &v.AuthTime, &v.ACR, &v.AMR, &v.ClientID,
		&v.DeviceName, &v.UserAgent, &v.IPAddress, &v.Remember, &v.CreatedAt, &v.LastActiveAt, &v.IdleExpiry, &v.Expiry,
		&v.EndedAt, &v.EndReason,
	}
}

func scanSession(scan engine.Scan) (v storage.Session, err error) {
	err = scan(sessionDest(&v)...)
	return v, err
}

// InsertSession implements storage.Sessions.
func (s *Store) InsertSession(ctx context.Context, v storage.Session) error {
	_, err := s.exec(ctx, "insert session", `INSERT INTO sessions (`+sessionColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`,
		v.ID, v.UserID, v.Kind, v.CookieHash, v.ParentID, v.AuthTime, v.ACR, v.AMR, v.ClientID, v.DeviceName, v.UserAgent,
		v.IPAddress, v.Remember, v.CreatedAt, v.LastActiveAt, v.IdleExpiry, v.Expiry, v.EndedAt, v.EndReason)
	return err
}

// SessionByID implements storage.Sessions.
func (s *Store) SessionByID(ctx context.Context, id string) (v storage.Session, err error) {
	err = s.row(ctx, "session by id", `SELECT `+sessionColumns+` FROM sessions WHERE id = $1`, []any{id}, sessionDest(&v)...)
	return v, err
}

// SessionByCookie implements storage.Sessions.
func (s *Store) SessionByCookie(ctx context.Context, hash []byte) (v storage.Session, err error) {
	err = s.row(ctx, "session by cookie", `SELECT `+sessionColumns+` FROM sessions WHERE cookie_hash = $1`,
		[]any{hash}, sessionDest(&v)...)
	return v, err
}

// TouchSession implements storage.Sessions.
func (s *Store) TouchSession(ctx context.Context, id string, at, idleExpiry time.Time) error {
	return s.must(ctx, "touch session", storage.ErrNotFound, `UPDATE sessions SET
		last_active_at = CASE WHEN last_active_at < $2 THEN $2 ELSE last_active_at END,
		idle_expires_at = CASE WHEN idle_expires_at < $3 THEN $3 ELSE idle_expires_at END
		WHERE id = $1 AND ended_at = 0`, id, at, idleExpiry)
}

// Reauthenticate implements storage.Sessions.
func (s *Store) Reauthenticate(ctx context.Context, id string, authTime time.Time, acr string, amr []string) error {
	return s.must(ctx, "reauthenticate", storage.ErrNotFound,
		`UPDATE sessions SET auth_time = $2, acr = $3, amr = $4 WHERE id = $1 AND ended_at = 0`, id, authTime, acr, amr)
}

// EndSession implements storage.Sessions.
func (s *Store) EndSession(ctx context.Context, id, reason string, at time.Time) (bool, error) {
	return s.won(ctx, "end session",
		`UPDATE sessions SET ended_at = $3, end_reason = $2 WHERE id = $1 AND ended_at = 0`, id, reason, at)
}

// SessionsOf implements storage.Sessions.
func (s *Store) SessionsOf(ctx context.Context, userID string, limit int) ([]storage.Session, error) {
	return rows(ctx, s, "sessions of user", `SELECT `+sessionColumns+` FROM sessions
		WHERE user_id = $1 AND ended_at = 0 ORDER BY created_at DESC, id DESC LIMIT $2`,
		[]any{userID, page(limit)}, scanSession)
}

// EndSessionsOf implements storage.Sessions.
func (s *Store) EndSessionsOf(ctx context.Context, userID, except, reason string, at time.Time) ([]string, error) {
	return rows(ctx, s, "end sessions of user", `UPDATE sessions SET ended_at = $4, end_reason = $3
		WHERE user_id = $1 AND id <> $2 AND ended_at = 0 RETURNING id`,
		[]any{userID, except, reason, at}, scanText)
}

// ClientsOfSession implements storage.Sessions.
func (s *Store) ClientsOfSession(ctx context.Context, sessionID string) ([]string, error) {
	return rows(ctx, s, "clients of session", `SELECT DISTINCT client_id FROM grants WHERE session_id = $1
		OR session_id IN (SELECT id FROM sessions WHERE parent_id = $1) ORDER BY client_id`,
		[]any{sessionID}, scanText)
}
