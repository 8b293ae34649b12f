package sqlstore

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

const rollupColumns = `dimension, subject, day, type, outcome, total`

// AddRollups implements storage.Rollups. Rows are written in one order for all,
// so that nobody waits in a circle.
func (s *Store) AddRollups(ctx context.Context, rollups ...storage.Rollup) error {
	if len(rollups) == 0 {
		return nil
	}
	sorted := slices.SortedFunc(slices.Values(rollups), func(a, b storage.Rollup) int {
		return cmp.Or(cmp.Compare(a.Dimension, b.Dimension), cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Day, b.Day),
			cmp.Compare(a.Type, b.Type), cmp.Compare(a.Outcome, b.Outcome))
	})
	stmts := make([]engine.Statement, 0, len(sorted))
	for _, r := range sorted {
		stmts = append(stmts, engine.Statement{
			SQL: `INSERT INTO rollups (` + rollupColumns + `) VALUES ($1, $2, $3, $4, $5, $6)
				ON CONFLICT (dimension, subject, day, type, outcome) DO UPDATE SET total = rollups.total + excluded.total`,
			Args: []any{r.Dimension, r.Subject, r.Day, r.Type, r.Outcome, r.Total},
		})
	}
	return s.batch(ctx, "add rollups", stmts)
}

// RollupsOf implements storage.Rollups; by day, type and outcome.
func (s *Store) RollupsOf(ctx context.Context, dimension, subject string, fromDay, toDay int64) ([]storage.Rollup, error) {
	return rows(ctx, s, "rollups of subject", `SELECT `+rollupColumns+` FROM rollups
		WHERE dimension = $1 AND subject = $2 AND day >= $3 AND day <= $4 ORDER BY day, type, outcome`,
		[]any{dimension, subject, fromDay, toDay},
		func(scan engine.Scan) (r storage.Rollup, err error) {
			err = scan(&r.Dimension, &r.Subject, &r.Day, &r.Type, &r.Outcome, &r.Total)
			return r, err
		})
}

// EventCursor implements storage.Rollups.
func (s *Store) EventCursor(ctx context.Context, name string) (seq int64, err error) {
	err = s.row(ctx, "event cursor", `SELECT seq FROM event_cursors WHERE name = $1`, []any{name}, &seq)
	if errors.Is(err, storage.ErrNotFound) {
		return 0, nil
	}
	return seq, err
}

// ClearRollups implements storage.Rollups.
func (s *Store) ClearRollups(ctx context.Context, from int64, dimensions ...string) error {
	stmts := make([]engine.Statement, 0, len(dimensions))
	for _, d := range dimensions {
		stmts = append(stmts, engine.Statement{SQL: `DELETE FROM rollups WHERE dimension = $1 AND day >= $2`, Args: []any{d, from}})
	}
	return s.batch(ctx, "clear rollups", stmts)
}

// CopyRollups implements storage.Rollups.
func (s *Store) CopyRollups(ctx context.Context, r storage.Rollup, outcome string) error {
	_, err := s.exec(ctx, "copy rollups", `INSERT INTO rollups (`+rollupColumns+`)
		SELECT dimension, subject, day, type, CAST($5 AS TEXT), total FROM rollups
		WHERE dimension = $1 AND day = $2 AND type = $3 AND outcome = $4
		ON CONFLICT (dimension, subject, day, type, outcome) DO NOTHING`, r.Dimension, r.Day, r.Type, r.Outcome, outcome)
	return err
}

// MoveEventCursor implements storage.Rollups. One that never began stands at 0.
func (s *Store) MoveEventCursor(ctx context.Context, name string, from, to int64, at time.Time) (bool, error) {
	if from == 0 {
		return s.won(ctx, "move event cursor", `INSERT INTO event_cursors (name, seq, updated_at) VALUES ($1, $2, $3)
			ON CONFLICT (name) DO UPDATE SET seq = excluded.seq, updated_at = excluded.updated_at
			WHERE event_cursors.seq = 0`, name, to, at)
	}
	return s.won(ctx, "move event cursor",
		`UPDATE event_cursors SET seq = $3, updated_at = $4 WHERE name = $1 AND seq = $2`, name, from, to, at)
}
