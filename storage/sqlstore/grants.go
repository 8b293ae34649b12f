package sqlstore

import (
	"context"
	"time"

	"github.com/signet-idp/signet/storage"
)

const grantColumns = `id, client_id, user_id, session_id, organization_id, scope, audience, claims, nonce, auth_time, acr, amr,
	offline, redirect_uri, code_hash, code_challenge, code_expires_at, code_used_at, generation, stepped_at,
	refresh_expires_at, revoked_at, revoke_reason, created_at, expires_at`

// InsertGrant implements storage.Grants; ErrNotFound when there is no such
// user, ErrConflict when the id or the code is taken.
func (s *Store) InsertGrant(ctx context.Context, g storage.Grant) error {
	_, err := s.exec(ctx, "insert grant", `INSERT INTO grants (`+grantColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,
		$10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)`,
		g.ID, g.ClientID, g.UserID, g.SessionID, g.OrganizationID, g.Scope, g.Audience, g.Claims, g.Nonce, g.AuthTime, g.ACR,
		g.AMR, g.Offline, g.RedirectURI, g.CodeHash, g.CodeChallenge, g.CodeExpiry, g.CodeUsedAt, g.Generation, g.SteppedAt,
		g.RefreshExpiry, g.RevokedAt, g.RevokeReason, g.CreatedAt, g.Expiry)
	return err
}

// selectGrants reads everything from one snapshot, so the head of the feed is
// no later than the states beside it: an entry for a change that the snapshot
// does not show has a greater seq.
const selectGrants = `SELECT
	g.id, g.client_id, g.user_id, g.session_id, g.organization_id, g.scope, g.audience, g.claims, g.nonce, g.auth_time,
	g.acr, g.amr, g.offline, g.redirect_uri, g.code_hash, g.code_challenge, g.code_expires_at, g.code_used_at, g.generation,
	g.stepped_at, g.refresh_expires_at, g.revoked_at, g.revoke_reason, g.created_at, g.expires_at,
	` + personColumns + `,
	COALESCE(o.id, ''), COALESCE(o.slug, ''), COALESCE(o.name, ''), COALESCE(o.profile, ''), COALESCE(o.status, ''),
	COALESCE(o.managed_by, ''), COALESCE(o.created_by, ''), COALESCE(o.version, 0), COALESCE(o.created_at, 0), COALESCE(o.updated_at, 0),
	CASE WHEN m.user_id IS NULL THEN 0 ELSE 1 END,
	CASE WHEN s.ended_at = 0 AND s.idle_expires_at > $2 AND s.expires_at > $2 THEN 1 ELSE 0 END,
	COALESCE(s.parent_id, ''), COALESCE(s.kind, ''), COALESCE(s.remember, 0),
	COALESCE((SELECT string_agg(r.role, ' ' ORDER BY r.role) FROM role_assignments r
		WHERE r.user_id = g.user_id AND r.organization_id = ''), ''),
	COALESCE((SELECT string_agg(r.role, ' ' ORDER BY r.role) FROM role_assignments r
		WHERE r.user_id = g.user_id AND r.organization_id = g.organization_id AND g.organization_id <> ''), ''),
	(SELECT value FROM counters WHERE name = 'revocation')
	FROM grants g
	JOIN users u ON u.id = g.user_id
	LEFT JOIN organizations o ON o.id = g.organization_id
	LEFT JOIN memberships m ON m.organization_id = g.organization_id AND m.user_id = g.user_id
	LEFT JOIN sessions s ON s.id = g.session_id
	WHERE `

// GrantByID implements storage.Grants.
func (s *Store) GrantByID(ctx context.Context, id string, now time.Time) (storage.GrantState, error) {
	return s.grant(ctx, "grant by id", selectGrants+`g.id = $1`, id, now)
}

// GrantByCode implements storage.Grants.
func (s *Store) GrantByCode(ctx context.Context, codeHash []byte, now time.Time) (storage.GrantState, error) {
	return s.grant(ctx, "grant by code", selectGrants+`g.code_hash = $1`, codeHash, now)
}

func (s *Store) grant(ctx context.Context, op, sql string, key any, now time.Time) (storage.GrantState, error) {
	var v storage.GrantState
	var o storage.Organization
	g := &v.Grant
	dest := []any{
		&g.ID, &g.ClientID, &g.UserID, &g.SessionID, &g.OrganizationID, &g.Scope, &g.Audience, &g.Claims, &g.Nonce, &g.AuthTime,
		&g.ACR, &g.AMR, &g.Offline, &g.RedirectURI, &g.CodeHash, &g.CodeChallenge, &g.CodeExpiry, &g.CodeUsedAt, &g.Generation,
		&g.SteppedAt, &g.RefreshExpiry, &g.RevokedAt, &g.RevokeReason, &g.CreatedAt, &g.Expiry,
	}
	dest = append(append(dest, personDest(&v.User)...), organizationDest(&o)...)
	dest = append(dest, &v.Member, &v.SessionLive, &v.ParentSessionID, (*string)(&v.SessionKind), &v.Remember, &v.SystemRoles, &v.Roles, &v.RevocationHead)
	err := s.row(ctx, op, sql, []any{key, now}, dest...)
	if err != nil {
		return storage.GrantState{}, err
	}
	v.UserStatus = v.User.Status
	if o.ID != "" {
		v.Organization = &o
	}
	return v, nil
}

// UseCode implements storage.Grants.
func (s *Store) UseCode(ctx context.Context, id string, generation int64, at, refreshExpiry time.Time) (bool, error) {
	return s.won(ctx, "use code", `UPDATE grants SET code_used_at = $3, generation = $2, stepped_at = $3, refresh_expires_at = $4
		WHERE id = $1 AND code_hash IS NOT NULL AND code_used_at = 0 AND revoked_at = 0`, id, generation, at, refreshExpiry)
}

// StepGrant implements storage.Grants.
func (s *Store) StepGrant(ctx context.Context, id string, from int64, organizationID string, at, refreshExpiry time.Time) (bool, error) {
	return s.won(ctx, "step grant", `UPDATE grants SET generation = generation + 1, organization_id = $3, stepped_at = $4,
		refresh_expires_at = $5 WHERE id = $1 AND generation = $2 AND revoked_at = 0`, id, from, organizationID, at, refreshExpiry)
}

// ReauthenticateGrant implements storage.Grants.
func (s *Store) ReauthenticateGrant(ctx context.Context, id string, authTime time.Time, acr string, amr []string) (bool, error) {
	return s.won(ctx, "reauthenticate grant",
		`UPDATE grants SET auth_time = $2, acr = $3, amr = $4 WHERE id = $1 AND revoked_at = 0`, id, authTime, acr, amr)
}

// RevokeGrant implements storage.Grants.
func (s *Store) RevokeGrant(ctx context.Context, id, reason string, at time.Time) (bool, error) {
	return s.won(ctx, "revoke grant",
		`UPDATE grants SET revoked_at = $3, revoke_reason = $2 WHERE id = $1 AND revoked_at = 0`, id, reason, at)
}

// RevokeGrantsOfSession implements storage.Grants.
func (s *Store) RevokeGrantsOfSession(ctx context.Context, sessionID, reason string, keepOffline bool, at time.Time) (int64, error) {
	return s.exec(ctx, "revoke grants of session", `UPDATE grants SET revoked_at = $3, revoke_reason = $2
		WHERE session_id = $1 AND revoked_at = 0 AND (offline = 0 OR $4 = 0)`, sessionID, reason, at, keepOffline)
}

// RevokeGrantsOfUser implements storage.Grants.
func (s *Store) RevokeGrantsOfUser(ctx context.Context, userID, exceptSession, reason string, at time.Time) (int64, error) {
	return s.exec(ctx, "revoke grants of user", `UPDATE grants SET revoked_at = $3, revoke_reason = $2
		WHERE user_id = $1 AND revoked_at = 0 AND ($4 = '' OR session_id <> $4)`, userID, reason, at, exceptSession)
}

// RevokeGrantsOfUserClient implements storage.Grants.
func (s *Store) RevokeGrantsOfUserClient(ctx context.Context, userID, clientID, reason string, at time.Time) (int64, error) {
	return s.exec(ctx, "revoke grants of user and client", `UPDATE grants SET revoked_at = $3, revoke_reason = $2
		WHERE user_id = $1 AND client_id = $4 AND revoked_at = 0`, userID, reason, at, clientID)
}

// RevokeGrantsOfClient implements storage.Grants.
func (s *Store) RevokeGrantsOfClient(ctx context.Context, clientID, reason string, at time.Time) (int64, error) {
	return s.exec(ctx, "revoke grants of client", `UPDATE grants SET revoked_at = $3, revoke_reason = $2
		WHERE client_id = $1 AND revoked_at = 0`, clientID, reason, at)
}
