package sqlstore

import (
	"cmp"
	"context"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

// memberColumns need m (organization_id, user_id, joined_at), o and u.
const memberColumns = membershipColumns + `, ` + personColumns

const memberJoins = ` m JOIN organizations o ON o.id = m.organization_id JOIN users u ON u.id = m.user_id `

func scanMember(scan engine.Scan) (m storage.Member, err error) {
	err = scan(append(membershipDest(&m.Membership), personDest(&m.User)...)...)
	return m, err
}

// QueryMembers implements storage.Directory. The page is cut from the index
// alone; people, organization and roles are looked up for its rows only.
func (s *Store) QueryMembers(ctx context.Context, mq storage.MemberQuery) ([]storage.Member, error) {
	var q query
	q.add(`SELECT `, memberColumns, ` FROM (SELECT m.organization_id, m.user_id, m.joined_at`)
	key := matchMembers(&q, mq)
	q.add(` AND `, key, ` > `, q.arg(mq.After), ` ORDER BY `, key,
		` LIMIT `, q.arg(page(mq.Limit)), ` OFFSET `, q.arg(max(mq.Offset, 0)), `)`, memberJoins, `ORDER BY m.user_id`)
	return rows(ctx, s, "query members", q.text.String(), q.args, scanMember)
}

// CountMembers implements storage.Directory. After, Offset and Limit do not matter.
func (s *Store) CountMembers(ctx context.Context, mq storage.MemberQuery) (n int64, err error) {
	var q query
	q.add(`SELECT CAST(count(*) AS BIGINT)`)
	matchMembers(&q, mq)
	err = s.row(ctx, "count members", q.text.String(), q.args, &n)
	return n, err
}

// matchMembers adds where members come from and the conditions; it returns the
// column that an index has in order.
func matchMembers(q *query, mq storage.MemberQuery) (key string) {
	if mq.Role == "" {
		key = `m.user_id`
		q.add(` FROM memberships m WHERE m.organization_id = `, q.arg(mq.OrganizationID))
	} else {
		key = `h.user_id`
		q.add(` FROM role_assignments h JOIN memberships m ON m.organization_id = h.organization_id AND m.user_id = h.user_id
			WHERE h.organization_id = `, q.arg(mq.OrganizationID), ` AND h.role = `, q.arg(mq.Role))
	}
	matchTerms(q, key, mq.Terms)
	return key
}

// QueryUsers implements storage.Directory.
func (s *Store) QueryUsers(ctx context.Context, uq storage.UserQuery) ([]storage.User, error) {
	var q query
	q.add(`SELECT `, personColumns)
	key := matchUsers(&q, uq)
	q.add(` AND `, key, ` > `, q.arg(uq.After), ` ORDER BY `, key,
		` LIMIT `, q.arg(page(uq.Limit)), ` OFFSET `, q.arg(max(uq.Offset, 0)))
	return rows(ctx, s, "query users", q.text.String(), q.args, scanPerson)
}

// CountUsers implements storage.Directory. After, Offset and Limit do not matter.
func (s *Store) CountUsers(ctx context.Context, uq storage.UserQuery) (n int64, err error) {
	var q query
	q.add(`SELECT CAST(count(*) AS BIGINT)`)
	matchUsers(&q, uq)
	err = s.row(ctx, "count users", q.text.String(), q.args, &n)
	return n, err
}

func matchUsers(q *query, uq storage.UserQuery) (key string) {
	key = `u.id`
	q.add(` FROM users u`)
	if uq.OrganizationID != "" {
		key = `m.user_id`
		q.add(` JOIN memberships m ON m.user_id = u.id AND m.organization_id = `, q.arg(uq.OrganizationID))
	}
	if uq.Status == "" {
		q.add(` WHERE u.status <> 'deleted'`)
	} else {
		q.add(` WHERE u.status = `, q.arg(uq.Status))
	}
	matchTerms(q, key, uq.Terms)
	return key
}

// matchTerms adds that the person is found by every prefix. The longest, which
// most likely finds the fewest, is looked up as a set; the others are asked of
// each one in it.
func matchTerms(q *query, key string, terms []string) {
	terms = slices.DeleteFunc(slices.Clone(terms[:min(len(terms), storage.MaxTerms)]), func(t string) bool { return t == "" })
	if len(terms) == 0 {
		return
	}
	slices.SortStableFunc(terms, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	q.add(` AND `, key, ` IN (SELECT user_id FROM user_terms WHERE `)
	matchTerm(q, terms[0])
	q.add(`)`)
	for i := 1; i < powerOfTwo(len(terms)); i++ { // the last again: few texts for all numbers of terms
		q.add(` AND EXISTS (SELECT 1 FROM user_terms WHERE user_id = `, key, ` AND `)
		matchTerm(q, terms[min(i, len(terms)-1)])
		q.add(`)`)
	}
}

func matchTerm(q *query, prefix string) {
	q.add(`term >= `, q.arg(prefix))
	if end, ok := prefixEnd(prefix); ok {
		q.add(` AND term < `, q.arg(end))
	}
}

// prefixEnd returns the least text above all that begin with prefix, by bytes,
// which for UTF-8 is by code points; ok is false when there is none.
func prefixEnd(prefix string) (end string, ok bool) {
	for prefix != "" {
		r, n := utf8.DecodeLastRuneInString(prefix)
		prefix = prefix[:len(prefix)-n]
		switch r {
		case utf8.MaxRune:
			continue
		case 0xD7FF: // the next ones are surrogates, which no text has
			return prefix + "\uE000", true
		}
		return prefix + string(r+1), true
	}
	return "", false
}

// PutUserTerms implements storage.Directory; ErrNotFound when there is no such
// person. It belongs into the transaction that writes the person's row: those
// at the same time would mix.
func (s *Store) PutUserTerms(ctx context.Context, userID string, terms []string) error {
	stmts := []engine.Statement{{SQL: `DELETE FROM user_terms WHERE user_id = $1`, Args: []any{userID}}}
	for _, term := range terms {
		stmts = append(stmts, engine.Statement{
			SQL:  `INSERT INTO user_terms (term, user_id) VALUES ($1, $2) ON CONFLICT (term, user_id) DO NOTHING`,
			Args: []any{term, userID},
		})
	}
	return s.batch(ctx, "put user terms", stmts)
}

// SharedMemberships implements storage.Directory; by organization id.
func (s *Store) SharedMemberships(ctx context.Context, viewerID, otherID string, limit int) ([]storage.Membership, error) {
	return rows(ctx, s, "shared memberships", selectMemberships+`
		JOIN memberships n ON n.organization_id = m.organization_id AND n.user_id = $2
		WHERE m.user_id = $1 AND o.status = 'active' ORDER BY m.organization_id LIMIT $3`,
		[]any{viewerID, otherID, page(limit)}, scanMembership)
}

// RoleAssignments implements storage.Directory; system roles first, by name.
func (s *Store) RoleAssignments(ctx context.Context, userID, organizationID string) ([]storage.RoleAssignment, error) {
	return rows(ctx, s, "role assignments", `SELECT user_id, organization_id, role, assigned_at, assigned_by FROM role_assignments
		WHERE user_id = $1 AND organization_id IN ('', $2) ORDER BY organization_id, role`, []any{userID, organizationID},
		func(scan engine.Scan) (a storage.RoleAssignment, err error) {
			err = scan(&a.UserID, &a.OrganizationID, &a.Role, &a.AssignedAt, &a.AssignedBy)
			return a, err
		})
}

// ActiveMembers implements storage.Directory.
func (s *Store) ActiveMembers(ctx context.Context, organizationID string, since time.Time) (n int64, err error) {
	err = s.row(ctx, "active members", `SELECT CAST(count(*) AS BIGINT) FROM memberships m JOIN users u ON u.id = m.user_id
		WHERE m.organization_id = $1 AND u.last_login_at >= $2`, []any{organizationID, since}, &n)
	return n, err
}

// RecentMembers implements storage.Directory; the last one first.
func (s *Store) RecentMembers(ctx context.Context, organizationID string, limit int) ([]storage.Member, error) {
	return rows(ctx, s, "recent members", `SELECT `+memberColumns+` FROM (
		SELECT organization_id, user_id, joined_at FROM memberships WHERE organization_id = $1
		ORDER BY joined_at DESC, user_id DESC LIMIT $2)`+memberJoins+`ORDER BY m.joined_at DESC, m.user_id DESC`,
		[]any{organizationID, page(limit)}, scanMember)
}

// UsersToErase implements storage.Directory; the longest due first.
func (s *Store) UsersToErase(ctx context.Context, now time.Time, limit int) ([]storage.User, error) {
	return rows(ctx, s, "users to erase", `SELECT `+personColumns+` FROM users u
		WHERE u.erase_at <> 0 AND u.erase_at <= $1 ORDER BY u.erase_at LIMIT $2`, []any{now, page(limit)}, scanPerson)
}
