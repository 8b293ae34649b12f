package sqlstore

import (
	"context"
	"fmt"
	"math"

	"github.com/signet-idp/signet/storage"
)

// QueryEvents implements storage.EventQueries.
func (s *Store) QueryEvents(ctx context.Context, eq storage.EventQuery) ([]storage.Event, error) {
	var q query
	q.add(`SELECT `, eventColumns)
	if err := matchEvents(&q, eq); err != nil {
		return nil, opErr("query events", err)
	}
	q.add(` ORDER BY seq DESC LIMIT `, q.arg(page(eq.Limit)), ` OFFSET `, q.arg(max(eq.Offset, 0)))
	return rows(ctx, s, "query events", q.text.String(), q.args, scanEvent)
}

// CountEvents implements storage.EventQueries. Offset and Limit of the query do
// not matter.
func (s *Store) CountEvents(ctx context.Context, eq storage.EventQuery, limit int) (n int64, err error) {
	var q query
	q.add(`SELECT CAST(count(*) AS BIGINT) FROM (SELECT seq`)
	if err := matchEvents(&q, eq); err != nil {
		return 0, opErr("count events", err)
	}
	q.add(` ORDER BY seq DESC LIMIT `, q.arg(max(limit, 0)), `) matching`)
	err = s.row(ctx, "count events", q.text.String(), q.args, &n)
	return n, err
}

// matchEvents adds the conditions; the bound on seq leaves out what has none.
func matchEvents(q *query, eq storage.EventQuery) error {
	if len(eq.Types) > storage.MaxEventTypes {
		return fmt.Errorf("%d types, at most %d can be asked for", len(eq.Types), storage.MaxEventTypes)
	}
	before := eq.Before
	if before <= 0 {
		before = math.MaxInt64
	}
	q.add(` FROM events WHERE seq < `, q.arg(before))
	if eq.Subject != "" {
		q.add(` AND subject = `, q.arg(eq.Subject))
	}
	if eq.Organization != "" {
		q.add(` AND organization = `, q.arg(eq.Organization))
	}
	if !eq.From.IsZero() || !eq.To.IsZero() {
		to := any(eq.To)
		if eq.To.IsZero() {
			to = int64(math.MaxInt64)
		}
		q.add(` AND time >= `, q.arg(eq.From), ` AND time < `, q.arg(to))
	}
	if len(eq.Types) > 0 {
		q.add(` AND type IN `, q.list(eq.Types))
	}
	return nil
}
