package sqlstore

import (
	"context"
	"time"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

const invitationColumns = `id, organization_id, email, email_canonical, roles, hash, invited_by, created_at, sent_at, expires_at,
	accepted_at, accepted_by, revoked_at`

// standing is the condition of three partial indices: neither accepted nor revoked.
const standing = `accepted_at = 0 AND revoked_at = 0`

func invitationDest(i *storage.Invitation) []any {
	return []any{
		&i.ID, &i.OrganizationID, &i.Email, &i.EmailCanonical, &i.Roles, &i.Hash, &i.InvitedBy, &i.CreatedAt, &i.SentAt,
		&i.Expiry, &i.AcceptedAt, &i.AcceptedBy, &i.RevokedAt,
	}
}

func scanInvitation(scan engine.Scan) (i storage.Invitation, err error) {
	err = scan(invitationDest(&i)...)
	return i, err
}

// InsertInvitation implements storage.Invitations; ErrNotFound when there is no
// such organization, ErrConflict also when the id or the hash is taken.
func (s *Store) InsertInvitation(ctx context.Context, i storage.Invitation) error {
	_, err := s.exec(ctx, "insert invitation", `INSERT INTO invitations (`+invitationColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		i.ID, i.OrganizationID, i.Email, i.EmailCanonical, i.Roles, blob(i.Hash), i.InvitedBy, i.CreatedAt, i.SentAt,
		i.Expiry, i.AcceptedAt, i.AcceptedBy, i.RevokedAt)
	return err
}

// InvitationByID implements storage.Invitations.
func (s *Store) InvitationByID(ctx context.Context, organizationID, id string) (i storage.Invitation, err error) {
	err = s.row(ctx, "invitation by id", `SELECT `+invitationColumns+` FROM invitations WHERE id = $1 AND organization_id = $2`,
		[]any{id, organizationID}, invitationDest(&i)...)
	return i, err
}

// InvitationByHash implements storage.Invitations.
func (s *Store) InvitationByHash(ctx context.Context, hash []byte) (i storage.Invitation, err error) {
	err = s.row(ctx, "invitation by hash", `SELECT `+invitationColumns+` FROM invitations WHERE hash = $1`,
		[]any{blob(hash)}, invitationDest(&i)...)
	return i, err
}

// StandingInvitation implements storage.Invitations.
func (s *Store) StandingInvitation(ctx context.Context, organizationID, emailCanonical string) (i storage.Invitation, err error) {
	err = s.row(ctx, "standing invitation", `SELECT `+invitationColumns+` FROM invitations
		WHERE organization_id = $1 AND email_canonical = $2 AND `+standing,
		[]any{organizationID, emailCanonical}, invitationDest(&i)...)
	return i, err
}

// RenewInvitation implements storage.Invitations.
func (s *Store) RenewInvitation(ctx context.Context, id string, hash []byte, roles []string, sentAt, expiry time.Time) (bool, error) {
	return s.won(ctx, "renew invitation", `UPDATE invitations SET hash = $2, roles = $3, sent_at = $4, expires_at = $5
		WHERE id = $1 AND `+standing, id, blob(hash), roles, sentAt, expiry)
}

// AcceptInvitation implements storage.Invitations.
func (s *Store) AcceptInvitation(ctx context.Context, id, userID string, at time.Time) (bool, error) {
	return s.won(ctx, "accept invitation", `UPDATE invitations SET accepted_at = $3, accepted_by = $2
		WHERE id = $1 AND expires_at > $3 AND `+standing, id, userID, at)
}

// RevokeInvitation implements storage.Invitations.
func (s *Store) RevokeInvitation(ctx context.Context, id string, at time.Time) (bool, error) {
	return s.won(ctx, "revoke invitation", `UPDATE invitations SET revoked_at = $2 WHERE id = $1 AND `+standing, id, at)
}

// InvitationsOf implements storage.Invitations.
func (s *Store) InvitationsOf(ctx context.Context, organizationID, after string, offset, limit int) ([]storage.Invitation, error) {
	return rows(ctx, s, "invitations of organization", `SELECT `+invitationColumns+` FROM invitations
		WHERE organization_id = $1 AND id > $2 AND `+standing+` ORDER BY id LIMIT $3 OFFSET $4`,
		[]any{organizationID, after, page(limit), max(offset, 0)}, scanInvitation)
}

// CountInvitations implements storage.Invitations.
func (s *Store) CountInvitations(ctx context.Context, organizationID string, now time.Time) (n int64, err error) {
	err = s.row(ctx, "count invitations", `SELECT CAST(count(*) AS BIGINT) FROM invitations
		WHERE organization_id = $1 AND expires_at > $2 AND `+standing, []any{organizationID, now}, &n)
	return n, err
}
