package sqlstore

import (
	"context"

	"github.com/signet-idp/signet/storage"
)

// FindOrganizations implements storage.OrganizationLists.
func (s *Store) FindOrganizations(ctx context.Context, oq storage.OrganizationSearch) ([]storage.Organization, error) {
	var q query
	q.add(`SELECT `, organizationColumns)
	matchOrganizations(&q, oq)
	q.add(` AND id > `, q.arg(oq.After), ` ORDER BY id LIMIT `, q.arg(page(oq.Limit)), ` OFFSET `, q.arg(max(oq.Offset, 0)))
	return rows(ctx, s, "find organizations", q.text.String(), q.args, scanOrganization)
}

// CountFoundOrganizations implements storage.OrganizationLists. After, Offset and
// Limit do not matter.
func (s *Store) CountFoundOrganizations(ctx context.Context, oq storage.OrganizationSearch) (n int64, err error) {
	var q query
	q.add(`SELECT CAST(count(*) AS BIGINT)`)
	matchOrganizations(&q, oq)
	err = s.row(ctx, "count found organizations", q.text.String(), q.args, &n)
	return n, err
}

// matchOrganizations adds where organizations come from and the conditions. A
// slug is folded and holds none of LIKE's signs.
func matchOrganizations(q *query, oq storage.OrganizationSearch) {
	q.add(` FROM organizations WHERE `)
	if oq.Status != "" {
		q.add(`status = `, q.arg(string(oq.Status)))
	} else {
		q.add(`status <> `, q.arg(string(storage.OrganizationDeleted)))
	}
	if oq.Slug != "" {
		q.add(` AND slug LIKE `, q.arg("%"+oq.Slug+"%"))
	}
}
