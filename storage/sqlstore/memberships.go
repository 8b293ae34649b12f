package sqlstore

import (
	"context"
	"time"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

const membershipColumns = `m.organization_id, m.user_id, o.slug, o.name, o.status, m.joined_at,
	COALESCE((SELECT string_agg(r.role, ' ' ORDER BY r.role) FROM role_assignments r
		WHERE r.user_id = m.user_id AND r.organization_id = m.organization_id), '')`

const selectMemberships = `SELECT ` + membershipColumns + `
	FROM memberships m JOIN organizations o ON o.id = m.organization_id `

func membershipDest(m *storage.Membership) []any {
	return []any{&m.OrganizationID, &m.UserID, &m.Slug, &m.Name, (*string)(&m.OrganizationStatus), &m.JoinedAt, &m.Roles}
}

func scanMembership(scan engine.Scan) (m storage.Membership, err error) {
	err = scan(membershipDest(&m)...)
	return m, err
}

// PutMembership implements storage.Memberships. The date of joining of a member
// stays what it was; ErrNotFound when the person or the organization is not there.
func (s *Store) PutMembership(ctx context.Context, m storage.Membership) error {
	at := m.AssignedAt
	if at.IsZero() {
		at = m.JoinedAt
	}
	return s.batch(ctx, "put membership", append([]engine.Statement{{
		SQL: `INSERT INTO memberships (organization_id, user_id, joined_at) VALUES ($1, $2, $3)
			ON CONFLICT (organization_id, user_id) DO NOTHING`,
		Args: []any{m.OrganizationID, m.UserID, m.JoinedAt},
	}}, replaceRoles(m.UserID, m.OrganizationID, m.Roles, m.AssignedBy, at)...))
}

// replaceRoles deletes the roles that go and inserts those that are new: the
// others keep their day.
func replaceRoles(userID, organizationID string, roles []string, by string, at time.Time) []engine.Statement {
	var gone query
	gone.add(`DELETE FROM role_assignments WHERE user_id = `, gone.arg(userID), ` AND organization_id = `, gone.arg(organizationID),
		` AND role NOT IN `, gone.list(roles))
	stmts := []engine.Statement{gone.statement()}
	for _, role := range roles {
		stmts = append(stmts, engine.Statement{
			SQL: `INSERT INTO role_assignments (user_id, organization_id, role, assigned_at, assigned_by) VALUES ($1, $2, $3, $4, $5)
				ON CONFLICT (user_id, organization_id, role) DO NOTHING`,
			Args: []any{userID, organizationID, role, at, by},
		})
	}
	return stmts
}

// batch runs statements that belong together in the transaction of ctx or one
// of their own.
func (s *Store) batch(ctx context.Context, op string, stmts []engine.Statement) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		t := s.tx(ctx)
		_, err := t.inner.Batch(ctx, stmts)
		return opErr(op, t.note(err))
	})
}

// DeleteMembership implements storage.Memberships.
func (s *Store) DeleteMembership(ctx context.Context, organizationID, userID string) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		if _, err := s.exec(ctx, "delete membership",
			`DELETE FROM role_assignments WHERE user_id = $1 AND organization_id = $2`, userID, organizationID); err != nil {
			return err
		}
		return s.must(ctx, "delete membership", storage.ErrNotFound,
			`DELETE FROM memberships WHERE organization_id = $1 AND user_id = $2`, organizationID, userID)
	})
}

// Membership implements storage.Memberships.
func (s *Store) Membership(ctx context.Context, organizationID, userID string) (m storage.Membership, err error) {
	err = s.row(ctx, "membership", selectMemberships+`WHERE m.organization_id = $1 AND m.user_id = $2`,
		[]any{organizationID, userID}, membershipDest(&m)...)
	return m, err
}

// MembershipsOf implements storage.Memberships.
func (s *Store) MembershipsOf(ctx context.Context, userID, after string, limit int) ([]storage.Membership, error) {
	return rows(ctx, s, "memberships of user", selectMemberships+
		`WHERE m.user_id = $1 AND m.organization_id > $2 ORDER BY m.organization_id LIMIT $3`,
		[]any{userID, after, page(limit)}, scanMembership)
}

// MembersOf implements storage.Memberships.
func (s *Store) MembersOf(ctx context.Context, organizationID, after string, limit int) ([]storage.Membership, error) {
	return rows(ctx, s, "members of organization", selectMemberships+
		`WHERE m.organization_id = $1 AND m.user_id > $2 ORDER BY m.user_id LIMIT $3`,
		[]any{organizationID, after, page(limit)}, scanMembership)
}

// CountRole implements storage.Memberships.
func (s *Store) CountRole(ctx context.Context, organizationID, role string) (n int64, err error) {
	err = s.row(ctx, "count role", `SELECT CAST(count(*) AS BIGINT) FROM role_assignments WHERE organization_id = $1 AND role = $2`,
		[]any{organizationID, role}, &n)
	return n, err
}

// SystemRoles implements storage.Memberships.
func (s *Store) SystemRoles(ctx context.Context, userID string) ([]string, error) {
	return rows(ctx, s, "system roles",
		`SELECT role FROM role_assignments WHERE user_id = $1 AND organization_id = '' ORDER BY role`,
		[]any{userID}, scanText)
}

func scanText(scan engine.Scan) (text string, err error) {
	err = scan(&text)
	return text, err
}

// PutSystemRoles implements storage.Memberships.
func (s *Store) PutSystemRoles(ctx context.Context, userID string, roles []string, by string, at time.Time) error {
	return s.batch(ctx, "put system roles", replaceRoles(userID, "", roles, by, at))
}
