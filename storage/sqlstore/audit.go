package sqlstore

import (
	"context"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

// PruneEvents implements storage.Audit.
func (s *Store) PruneEvents(ctx context.Context, prune string, events []storage.Event) error {
	if len(events) == 0 {
		return nil
	}
	return s.InTx(ctx, func(ctx context.Context) error {
		stmts := make([]engine.Statement, 0, 2*len(events))
		for _, e := range events {
			stmts = append(stmts,
				engine.Statement{
					SQL:  `INSERT INTO pruned_events (seq, hash, prune) VALUES ($1, $2, $3)`,
					Args: []any{e.Seq, e.Hash, prune},
				},
				engine.Statement{SQL: `DELETE FROM events WHERE seq = $1`, Args: []any{e.Seq}})
		}
		t := s.tx(ctx)
		counts, err := t.inner.Batch(ctx, stmts)
		if err := t.note(err); err != nil {
			return opErr("prune events", err)
		}
		for _, n := range counts {
			if n == 0 {
				return opErr("prune events", t.note(storage.ErrVersion))
			}
		}
		return nil
	})
}

// PrunedEventsAfter implements storage.Audit.
func (s *Store) PrunedEventsAfter(ctx context.Context, after int64, limit int) ([]storage.PrunedEvent, error) {
	return rows(ctx, s, "pruned events", `SELECT seq, hash, prune FROM pruned_events WHERE seq > $1 ORDER BY seq LIMIT $2`,
		[]any{after, max(limit, 1)}, func(scan engine.Scan) (p storage.PrunedEvent, err error) {
			err = scan(&p.Seq, &p.Hash, &p.Prune)
			return p, err
		})
}

// EventReach implements storage.Audit.
func (s *Store) EventReach(ctx context.Context) (seq int64, err error) {
	err = s.row(ctx, "event reach", `SELECT COALESCE(MAX(seq), 0) FROM event_cursors`, nil, &seq)
	return seq, err
}

// OldestWaitingEvent implements storage.Audit.
func (s *Store) OldestWaitingEvent(ctx context.Context) (seq int64, err error) {
	err = s.row(ctx, "oldest waiting event", `SELECT COALESCE(MIN(seq), 0) FROM (
		SELECT MIN(seq) AS seq FROM parked_events UNION ALL
		SELECT MIN(seq) AS seq FROM webhook_deliveries WHERE state = 'pending') AS waiting`, nil, &seq)
	return seq, err
}

// GuardHolds implements storage.Audit.
func (s *Store) GuardHolds(ctx context.Context) error {
	return s.must(ctx, "guard holds", storage.ErrNotFound, `UPDATE audit_guard SET version = version + 1 WHERE id = 1`)
}

const holdColumns = `id, kind, value, reason, created_by, created_at`

func scanHold(scan engine.Scan) (h storage.Hold, err error) {
	err = scan(&h.ID, (*string)(&h.Kind), &h.Value, &h.Reason, &h.CreatedBy, &h.CreatedAt)
	return h, err
}

// InsertHold implements storage.Audit.
func (s *Store) InsertHold(ctx context.Context, h storage.Hold) error {
	_, err := s.exec(ctx, "insert hold", `INSERT INTO audit_holds (`+holdColumns+`) VALUES ($1, $2, $3, $4, $5, $6)`,
		h.ID, h.Kind, h.Value, h.Reason, h.CreatedBy, h.CreatedAt)
	return err
}

// DeleteHold implements storage.Audit.
func (s *Store) DeleteHold(ctx context.Context, id string) (storage.Hold, error) {
	list, err := rows(ctx, s, "delete hold", `DELETE FROM audit_holds WHERE id = $1 RETURNING `+holdColumns, []any{id}, scanHold)
	if err != nil {
		return storage.Hold{}, err
	}
	if len(list) == 0 {
		return storage.Hold{}, opErr("delete hold", storage.ErrNotFound)
	}
	return list[0], nil
}

// Holds implements storage.Audit.
func (s *Store) Holds(ctx context.Context) ([]storage.Hold, error) {
	return rows(ctx, s, "holds", `SELECT `+holdColumns+` FROM audit_holds ORDER BY id`, nil, scanHold)
}
