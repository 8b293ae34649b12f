package sqlstore

import (
	"context"
	"time"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

// QueryOrganizations implements storage.Tenancy.
func (s *Store) QueryOrganizations(ctx context.Context, q storage.OrganizationQuery) ([]storage.Organization, error) {
	return rows(ctx, s, "query organizations", `SELECT `+organizationColumns+` FROM organizations
		WHERE id > $1 AND status <> 'deleted' ORDER BY id LIMIT $2 OFFSET $3`,
		[]any{q.After, page(q.Limit), max(q.Offset, 0)}, scanOrganization)
}

// CountOrganizations implements storage.Tenancy.
func (s *Store) CountOrganizations(ctx context.Context) (n int64, err error) {
	err = s.row(ctx, "count organizations", `SELECT CAST(count(*) AS BIGINT) FROM organizations WHERE status <> 'deleted'`, nil, &n)
	return n, err
}

// OrganizationsByID implements storage.Tenancy.
func (s *Store) OrganizationsByID(ctx context.Context, ids []string) ([]storage.Organization, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var q query
	q.add(`SELECT `, organizationColumns, ` FROM organizations WHERE id IN `, q.list(ids[:min(len(ids), storage.MaxIDs)]), ` ORDER BY id`)
	return rows(ctx, s, "organizations by id", q.text.String(), q.args, scanOrganization)
}

// MemberCounts implements storage.Tenancy.
func (s *Store) MemberCounts(ctx context.Context, ids []string) (map[string]int64, error) {
	counts := map[string]int64{}
	if len(ids) == 0 {
		return counts, nil
	}
	type count struct {
		id string
		n  int64
	}
	var q query
	q.add(`SELECT organization_id, CAST(count(*) AS BIGINT) FROM memberships WHERE organization_id IN `,
		q.list(ids[:min(len(ids), storage.MaxIDs)]), ` GROUP BY organization_id`)
	list, err := rows(ctx, s, "member counts", q.text.String(), q.args, func(scan engine.Scan) (c count, err error) {
		err = scan(&c.id, &c.n)
		return c, err
	})
	for _, c := range list {
		counts[c.id] = c.n
	}
	return counts, err
}

// InvitationsFor implements storage.Tenancy.
func (s *Store) InvitationsFor(ctx context.Context, emailCanonical string, now time.Time, limit int) ([]storage.Invitation, error) {
	return rows(ctx, s, "invitations for", `SELECT `+invitationColumns+` FROM invitations
		WHERE email_canonical = $1 AND expires_at > $2 AND `+standing+`
		AND EXISTS (SELECT 1 FROM organizations o WHERE o.id = organization_id AND o.status = 'active')
		ORDER BY id DESC LIMIT $3`,
		[]any{emailCanonical, now, page(limit)}, scanInvitation)
}

// RevokeInvitationsOf implements storage.Tenancy.
func (s *Store) RevokeInvitationsOf(ctx context.Context, organizationID string, at time.Time) (int64, error) {
	return s.exec(ctx, "revoke invitations of organization",
		`UPDATE invitations SET revoked_at = $2 WHERE organization_id = $1 AND `+standing, organizationID, at)
}

// ReassignInvitation implements storage.Tenancy; ErrNotFound when it does not
// stand any more.
func (s *Store) ReassignInvitation(ctx context.Context, id, invitedBy string) error {
	return s.must(ctx, "reassign invitation", storage.ErrNotFound,
		`UPDATE invitations SET invited_by = $2 WHERE id = $1 AND `+standing, id, invitedBy)
}

var _ storage.Tenancy = (*Store)(nil)
