package sqlstore

import (
	"context"
	"time"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

const parkedColumns = `consumer, seq, id, type, subject, reason, attempts, parked_at, due_at`

func scanParked(scan engine.Scan) (e storage.ParkedEvent, err error) {
	err = scan(&e.Consumer, &e.Seq, &e.ID, &e.Type, &e.Subject, &e.Reason, &e.Attempts, &e.ParkedAt, &e.DueAt)
	return e, err
}

// ParkEvents implements storage.ParkedEvents.
func (s *Store) ParkEvents(ctx context.Context, events ...storage.ParkedEvent) error {
	stmts := make([]engine.Statement, 0, len(events))
	for _, e := range events {
		stmts = append(stmts, engine.Statement{
			SQL: `INSERT INTO parked_events (` + parkedColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
				ON CONFLICT (consumer, seq) DO NOTHING`,
			Args: []any{e.Consumer, e.Seq, e.ID, e.Type, e.Subject, e.Reason, e.Attempts, e.ParkedAt, e.DueAt},
		})
	}
	if len(stmts) == 0 {
		return nil
	}
	return s.batch(ctx, "park events", stmts)
}

// SubjectParked implements storage.ParkedEvents.
func (s *Store) SubjectParked(ctx context.Context, consumer, subject string) (bool, error) {
	var n int64
	err := s.row(ctx, "subject parked", `SELECT COUNT(*) FROM (SELECT 1 FROM parked_events WHERE consumer = $1 AND subject = $2 LIMIT 1) AS one`,
		[]any{consumer, subject}, &n)
	return n > 0, err
}

// ParkedEventsAfter implements storage.ParkedEvents.
func (s *Store) ParkedEventsAfter(ctx context.Context, consumer string, after int64, limit int) ([]storage.ParkedEvent, error) {
	return rows(ctx, s, "parked events", `SELECT `+parkedColumns+` FROM parked_events
		WHERE consumer = $1 AND seq > $2 ORDER BY seq LIMIT $3`, []any{consumer, after, page(limit)}, scanParked)
}

// DueParkedEvents implements storage.ParkedEvents.
func (s *Store) DueParkedEvents(ctx context.Context, consumer string, now time.Time, limit int) ([]storage.ParkedEvent, error) {
	return rows(ctx, s, "due parked events", `SELECT `+parkedColumns+` FROM parked_events p
		WHERE consumer = $1 AND due_at <= $2 AND (subject = '' OR NOT EXISTS (
			SELECT 1 FROM parked_events b WHERE b.consumer = p.consumer AND b.subject = p.subject AND b.seq < p.seq))
		ORDER BY seq LIMIT $3`, []any{consumer, now, page(limit)}, scanParked)
}

// CountParkedEvents implements storage.ParkedEvents.
func (s *Store) CountParkedEvents(ctx context.Context, consumer string) (n int64, err error) {
	err = s.row(ctx, "count parked events", `SELECT COUNT(*) FROM parked_events WHERE consumer = $1`, []any{consumer}, &n)
	return n, err
}

// PutOffParkedEvent implements storage.ParkedEvents.
func (s *Store) PutOffParkedEvent(ctx context.Context, e storage.ParkedEvent) error {
	return s.must(ctx, "put off parked event", storage.ErrNotFound, `UPDATE parked_events SET reason = $3, attempts = $4, due_at = $5
		WHERE consumer = $1 AND seq = $2`, e.Consumer, e.Seq, e.Reason, e.Attempts, e.DueAt)
}

// HastenParkedEvents implements storage.ParkedEvents.
func (s *Store) HastenParkedEvents(ctx context.Context, consumer string, seq int64, due time.Time) (int64, error) {
	return s.exec(ctx, "hasten parked events", `UPDATE parked_events SET due_at = $3
		WHERE consumer = $1 AND (seq = $2 OR CAST($2 AS BIGINT) = 0)`, consumer, seq, due)
}

// UnparkEvent implements storage.ParkedEvents.
func (s *Store) UnparkEvent(ctx context.Context, consumer string, seq int64) (bool, error) {
	return s.won(ctx, "unpark event", `DELETE FROM parked_events WHERE consumer = $1 AND seq = $2`, consumer, seq)
}
