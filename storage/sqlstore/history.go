package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/signet-idp/signet/storage"
)

// disorder is how far the times of events can be from the order of their seq:
// an event is stamped when it is recorded, so what can differ is the clocks of
// replicas and how long a transaction takes. Far above both.
const disorder = time.Hour

// QueryEvents implements storage.EventQueries.
func (s *Store) QueryEvents(ctx context.Context, eq storage.EventQuery) ([]storage.Event, error) {
	var q query
	q.add(`SELECT `, eventColumns)
	if err := s.matchEvents(ctx, &q, eq); err != nil {
		return nil, opErr("query events", err)
	}
	q.add(` ORDER BY seq`)
	if !eq.OldestFirst {
		q.add(` DESC`)
	}
	q.add(` LIMIT `, q.arg(page(eq.Limit)), ` OFFSET `, q.arg(max(eq.Offset, 0)))
	return rows(ctx, s, "query events", q.text.String(), q.args, scanEvent)
}

// OrganizationEventsAfter implements storage.EventQueries.
func (s *Store) OrganizationEventsAfter(ctx context.Context, organization string, after int64, limit int) ([]storage.Event, error) {
	return s.events(ctx, "organization events after", `WHERE organization = $1 AND seq > $2 ORDER BY seq LIMIT $3`,
		organization, after, page(limit))
}

// CountEvents implements storage.EventQueries. Offset and Limit of the query do
// not matter.
func (s *Store) CountEvents(ctx context.Context, eq storage.EventQuery, limit int) (n int64, err error) {
	var q query
	q.add(`SELECT CAST(count(*) AS BIGINT) FROM (SELECT seq`)
	if err := s.matchEvents(ctx, &q, eq); err != nil {
		return 0, opErr("count events", err)
	}
	q.add(` ORDER BY seq DESC LIMIT `, q.arg(max(limit, 0)), `) matching`)
	err = s.row(ctx, "count events", q.text.String(), q.args, &n)
	return n, err
}

// matchEvents adds the conditions. The bound on seq leaves out what has none.
func (s *Store) matchEvents(ctx context.Context, q *query, eq storage.EventQuery) error {
	if len(eq.Types) > storage.MaxEventTypes {
		return fmt.Errorf("%d types, at most %d can be asked for", len(eq.Types), storage.MaxEventTypes)
	}
	after, before, err := s.span(ctx, eq)
	if err != nil {
		return err
	}
	q.add(` FROM events WHERE seq > `, q.arg(after), ` AND seq < `, q.arg(before))
	// The expression keeps SQLite, which knows no better, from an index that
	// leads to more events than the first that fits.
	unindexed := ``
	for _, c := range []struct{ column, value string }{
		{"subject", eq.Subject}, {"actor", eq.Actor}, {"organization", eq.Organization},
	} {
		if c.value != "" {
			q.add(` AND `, c.column, unindexed, ` = `, q.arg(c.value))
			unindexed = ` || ''`
		}
	}
	if !eq.From.IsZero() {
		q.add(` AND time >= `, q.arg(eq.From))
	}
	if !eq.To.IsZero() {
		q.add(` AND time < `, q.arg(eq.To))
	}
	switch {
	case len(eq.Types) == 1:
		q.add(` AND type`, unindexed, ` = `, q.arg(eq.Types[0]))
	case len(eq.Types) > 1:
		q.add(` AND type IN `, q.list(eq.Types))
	}
	return nil
}

// span returns between which seqs to look, both left out. Of many subjects the
// indices have no order by time, so that the time range becomes a range of seq;
// a single subject's events are few enough to walk over.
func (s *Store) span(ctx context.Context, eq storage.EventQuery) (after, before int64, err error) {
	after, before = max(eq.After, 0), eq.Before
	if before <= 0 {
		before = math.MaxInt64
	}
	if eq.Subject != "" {
		return after, before, nil
	}
	if !eq.From.IsZero() {
		first, err := s.seqBefore(ctx, eq.From.Add(-disorder))
		if err != nil {
			return 0, 0, err
		}
		after = max(after, first)
	}
	if !eq.To.IsZero() {
		last, err := s.seqBefore(ctx, eq.To.Add(disorder))
		if err != nil {
			return 0, 0, err
		}
		before = min(before, last+1)
	}
	return after, before, nil
}

// seqBefore returns a seq, 0 if need be, with an event before t at it and none
// at the next: as the times rise, but for a disorder, everything up to it is
// before t and everything after it is not.
func (s *Store) seqBefore(ctx context.Context, t time.Time) (int64, error) {
	var low, high int64
	if err := s.row(ctx, "newest seq", `SELECT COALESCE(MAX(seq), 0) FROM events`, nil, &high); err != nil {
		return 0, err
	}
	for low < high {
		mid := low + (high-low+1)/2
		var found int64
		var at time.Time
		// The first that is still kept.
		err := s.row(ctx, "time of seq", `SELECT seq, time FROM events WHERE seq >= $1 ORDER BY seq LIMIT 1`, []any{mid}, &found, &at)
		switch {
		case err == nil && at.Before(t):
			low = min(found, high)
		case err == nil || errors.Is(err, storage.ErrNotFound):
			high = mid - 1
		default:
			return 0, err
		}
	}
	return low, nil
}
