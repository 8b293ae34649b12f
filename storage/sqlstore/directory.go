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

// A page of members is cut from an index alone; the rest is looked up for its
// rows only.
const (
	selectMembers = `SELECT ` + membershipColumns + `, ` + personColumns + ` FROM (`
	ofPage        = `) k JOIN memberships m ON m.organization_id = k.organization_id AND m.user_id = k.user_id
	JOIN organizations o ON o.id = m.organization_id JOIN users u ON u.id = m.user_id `
)

func scanMember(scan engine.Scan) (m storage.Member, err error) {
	err = scan(append(membershipDest(&m.Membership), personDest(&m.User)...)...)
	return m, err
}

// QueryMembers implements storage.Directory.
func (s *Store) QueryMembers(ctx context.Context, mq storage.MemberQuery) ([]storage.Member, error) {
	found, err := s.search(ctx, mq.Terms)
	if err != nil {
		return nil, err
	}
	var q query
	q.add(selectMembers, `SELECT h.organization_id, h.user_id`)
	matchMembers(&q, mq, found)
	q.add(` AND h.user_id > `, q.arg(mq.After), ` ORDER BY h.user_id LIMIT `, q.arg(page(mq.Limit)),
		` OFFSET `, q.arg(max(mq.Offset, 0)), ofPage, `ORDER BY m.user_id`)
	return rows(ctx, s, "query members", q.text.String(), q.args, scanMember)
}

// CountMembers implements storage.Directory. After, Offset and Limit do not matter.
func (s *Store) CountMembers(ctx context.Context, mq storage.MemberQuery) (n int64, err error) {
	found, err := s.search(ctx, mq.Terms)
	if err != nil {
		return 0, err
	}
	var q query
	q.add(`SELECT CAST(count(*) AS BIGINT)`)
	matchMembers(&q, mq, found)
	err = s.row(ctx, "count members", q.text.String(), q.args, &n)
	return n, err
}

// matchMembers adds where members come from, as h, and the conditions. Only
// members hold a role in an organization.
func matchMembers(q *query, mq storage.MemberQuery, found search) {
	if mq.Role == "" {
		q.add(` FROM memberships h WHERE h.organization_id = `, q.arg(mq.OrganizationID))
	} else {
		q.add(` FROM role_assignments h WHERE h.organization_id = `, q.arg(mq.OrganizationID), ` AND h.role = `, q.arg(mq.Role))
	}
	found.match(q, `h.user_id`)
}

// QueryUsers implements storage.Directory.
func (s *Store) QueryUsers(ctx context.Context, uq storage.UserQuery) ([]storage.User, error) {
	found, err := s.search(ctx, uq.Terms)
	if err != nil {
		return nil, err
	}
	var q query
	q.add(`SELECT `, personColumns)
	key := matchUsers(&q, uq, found)
	q.add(` AND `, key, ` > `, q.arg(uq.After), ` ORDER BY `, key,
		` LIMIT `, q.arg(page(uq.Limit)), ` OFFSET `, q.arg(max(uq.Offset, 0)))
	return rows(ctx, s, "query users", q.text.String(), q.args, scanPerson)
}

// CountUsers implements storage.Directory. After, Offset and Limit do not matter.
func (s *Store) CountUsers(ctx context.Context, uq storage.UserQuery) (n int64, err error) {
	found, err := s.search(ctx, uq.Terms)
	if err != nil {
		return 0, err
	}
	var q query
	q.add(`SELECT CAST(count(*) AS BIGINT)`)
	matchUsers(&q, uq, found)
	err = s.row(ctx, "count users", q.text.String(), q.args, &n)
	return n, err
}

func matchUsers(q *query, uq storage.UserQuery, found search) (key string) {
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
	found.match(q, key)
	return key
}

// few is how many people a prefix may find to be looked up as a set.
const few = 1000

// search is what is asked of terms: rarest first.
type search struct {
	prefixes []string
	rare     bool // the first finds few
}

// search looks, up to a bound, how many each prefix finds. What the engines
// guess is no better, and SQLite does not guess at all.
func (s *Store) search(ctx context.Context, terms []string) (search, error) {
	var v search
	for _, t := range terms[:min(len(terms), storage.MaxTerms)] {
		if t != "" && !slices.Contains(v.prefixes, t) {
			v.prefixes = append(v.prefixes, t)
		}
	}
	if len(v.prefixes) == 0 {
		return v, nil
	}
	found := make(map[string]int64, len(v.prefixes))
	for _, p := range v.prefixes {
		var q query
		var n int64
		q.add(`SELECT CAST(count(*) AS BIGINT) FROM (SELECT 1 FROM user_terms WHERE `)
		matchTerm(&q, p)
		q.add(` LIMIT `, q.arg(few), `) found`)
		if err := s.row(ctx, "count found", q.text.String(), q.args, &n); err != nil {
			return v, err
		}
		found[p] = n
	}
	slices.SortStableFunc(v.prefixes, func(a, b string) int { return cmp.Compare(found[a], found[b]) })
	v.rare = found[v.prefixes[0]] < few
	return v, nil
}

// match adds that the person is found by every prefix. A rare one is looked up
// as a set and the others are asked of each in it; when all find many, people
// are walked over in order and the page is soon full.
func (v search) match(q *query, key string) {
	if len(v.prefixes) == 0 {
		return
	}
	from := 0
	if v.rare {
		from = 1
		q.add(` AND `, key, ` IN (SELECT user_id FROM user_terms WHERE `)
		matchTerm(q, v.prefixes[0])
		q.add(`)`)
	}
	for i := from; i < powerOfTwo(len(v.prefixes)); i++ { // the last again: few texts for all numbers of terms
		q.add(` AND EXISTS (SELECT 1 FROM user_terms WHERE user_id = `, key, ` AND `)
		matchTerm(q, v.prefixes[min(i, len(v.prefixes)-1)])
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

// MembersWithFactor implements storage.Directory.
func (s *Store) MembersWithFactor(ctx context.Context, organizationID string) (n int64, err error) {
	if organizationID == "" {
		err = s.row(ctx, "people with a factor", `SELECT CAST(count(DISTINCT user_id) AS BIGINT) FROM factors WHERE verified_at <> 0`, nil, &n)
		return n, err
	}
	err = s.row(ctx, "members with a factor", `SELECT CAST(count(*) AS BIGINT) FROM memberships m WHERE m.organization_id = $1
		AND EXISTS (SELECT 1 FROM factors f WHERE f.user_id = m.user_id AND f.verified_at <> 0)`, []any{organizationID}, &n)
	return n, err
}

// RecentMembers implements storage.Directory; the last one first.
func (s *Store) RecentMembers(ctx context.Context, organizationID string, limit int) ([]storage.Member, error) {
	return rows(ctx, s, "recent members", selectMembers+`
		SELECT organization_id, user_id FROM memberships WHERE organization_id = $1
		ORDER BY joined_at DESC, user_id DESC LIMIT $2`+ofPage+`ORDER BY m.joined_at DESC, m.user_id DESC`,
		[]any{organizationID, page(limit)}, scanMember)
}

// UsersToErase implements storage.Directory; the longest due first.
func (s *Store) UsersToErase(ctx context.Context, now time.Time, limit int) ([]storage.User, error) {
	return rows(ctx, s, "users to erase", `SELECT `+personColumns+` FROM users u
		WHERE u.erase_at <> 0 AND u.erase_at <= $1 ORDER BY u.erase_at LIMIT $2`, []any{now, page(limit)}, scanPerson)
}
