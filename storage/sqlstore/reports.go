package sqlstore

import (
	"context"
	"time"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

// HeldRoles implements storage.Reports.
func (s *Store) HeldRoles(ctx context.Context, organizationID string, after storage.RoleAssignment, limit int) ([]storage.HeldRole, error) {
	var q query
	q.add(`SELECT a.user_id, a.organization_id, a.role, a.assigned_at, a.assigned_by, u.email, u.status, u.last_login_at,
		(SELECT CAST(count(*) AS BIGINT) FROM factors f WHERE f.user_id = a.user_id AND f.verified_at <> 0)
		FROM role_assignments a JOIN users u ON u.id = a.user_id`)
	if organizationID != "" { // the members of one stand in the order of the primary key of memberships
		q.add(` JOIN memberships m ON m.user_id = a.user_id AND m.organization_id = a.organization_id
			WHERE m.organization_id = `, q.arg(organizationID), ` AND m.user_id >= `, q.arg(after.UserID),
			` AND (m.user_id > `, q.arg(after.UserID), ` OR a.role > `, q.arg(after.Role), `) ORDER BY m.user_id, a.role`)
	} else {
		q.add(` WHERE (a.user_id, a.organization_id, a.role) > (`, q.arg(after.UserID), `, `, q.arg(after.OrganizationID), `, `, q.arg(after.Role),
			`) ORDER BY a.user_id, a.organization_id, a.role`)
	}
	q.add(` LIMIT `, q.arg(page(limit)))
	return rows(ctx, s, "held roles", q.text.String(), q.args, func(scan engine.Scan) (r storage.HeldRole, err error) {
		var status string
		err = scan(&r.UserID, &r.OrganizationID, &r.Role, &r.AssignedAt, &r.AssignedBy, &r.Email, &status, &r.LastLoginAt, &r.Factors)
		r.Status = storage.UserStatus(status)
		return r, err
	})
}

// CountEventTypes implements storage.Reports; by type.
func (s *Store) CountEventTypes(ctx context.Context, organizationID string, from, to time.Time) ([]storage.TypeCount, error) {
	var q query
	q.add(`SELECT type, CAST(count(*) AS BIGINT)`)
	if err := s.matchEvents(ctx, &q, storage.EventQuery{Organization: organizationID, From: from, To: to}); err != nil {
		return nil, opErr("count event types", err)
	}
	q.add(` GROUP BY type ORDER BY type`)
	return rows(ctx, s, "count event types", q.text.String(), q.args, func(scan engine.Scan) (c storage.TypeCount, err error) {
		err = scan(&c.Type, &c.Count)
		return c, err
	})
}
