package lite

import (
	"context"

	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

// tx is a transaction on the writer connection.
type tx struct {
	e *Engine
	c *conn // nil once it is over
}

func (t *tx) Exec(ctx context.Context, sql string, args ...any) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, unavailable(err)
	}
	return t.c.exec(sql, args)
}

func (t *tx) Row(ctx context.Context, sql string, args []any, dest ...any) error {
	if err := ctx.Err(); err != nil {
		return unavailable(err)
	}
	return t.c.row(sql, args, dest)
}

func (t *tx) Rows(ctx context.Context, sql string, args []any, each func(engine.Scan) error) error {
	if err := ctx.Err(); err != nil {
		return unavailable(err)
	}
	return t.c.rows(sql, args, each)
}

func (t *tx) Batch(ctx context.Context, stmts []engine.Statement) ([]int64, error) {
	counts := make([]int64, 0, len(stmts))
	for _, s := range stmts {
		n, err := t.Exec(ctx, s.SQL, s.Args...)
		if err != nil {
			return nil, err
		}
		counts = append(counts, n)
	}
	return counts, nil
}

func (t *tx) Commit(ctx context.Context, last []engine.Statement) error {
	defer t.Rollback()
	if _, err := t.Batch(ctx, last); err != nil {
		return err
	}
	if _, err := t.c.exec("COMMIT", nil); err != nil {
		return err
	}
	t.release()
	return nil
}

func (t *tx) Rollback() {
	if t.c == nil {
		return
	}
	// After a full disk or an I/O error SQLite has rolled back by itself and
	// refuses; either way no transaction is open then.
	_, _ = t.c.exec("ROLLBACK", nil)
	t.release()
}

func (t *tx) release() {
	t.e.writer <- t.c
	t.c = nil
}
