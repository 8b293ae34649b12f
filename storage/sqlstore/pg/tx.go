package pg

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

// tx is a transaction (READ COMMITTED) on one connection. BEGIN travels with
// its first statement and COMMIT with its last ones, so that a transaction of
// n statements takes n trips or fewer instead of n+2.
type tx struct {
	e     *Engine
	c     *pgxpool.Conn // nil once it is over
	begun bool
}

// send runs statements in one trip and hands each its result.
func (t *tx) send(ctx context.Context, stmts []engine.Statement, read func(i int, br pgx.BatchResults) error) error {
	ctx, cancel, err := t.e.bound(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	var b pgx.Batch
	begin := !t.begun
	if begin {
		b.Queue("BEGIN")
	}
	for _, s := range stmts {
		if err := engine.Encode(s.Args); err != nil {
			return err
		}
		b.Queue(s.SQL, s.Args...)
	}
	t.begun = true
	br := t.c.SendBatch(ctx, &b)
	err = func() error {
		if begin {
			if _, err := br.Exec(); err != nil {
				return err
			}
		}
		for i := range stmts {
			if err := read(i, br); err != nil {
				return err
			}
		}
		return nil
	}()
	if cerr := br.Close(); err == nil {
		err = cerr
	}
	return mapError(err)
}

// Exec implements engine.Querier.
func (t *tx) Exec(ctx context.Context, sql string, args ...any) (int64, error) {
	if !t.begun {
		counts, err := t.Batch(ctx, []engine.Statement{{SQL: sql, Args: args}})
		if err != nil {
			return 0, err
		}
		return counts[0], nil
	}
	ctx, cancel, err := t.e.bound(ctx)
	if err != nil {
		return 0, err
	}
	defer cancel()
	if err := engine.Encode(args); err != nil {
		return 0, err
	}
	tag, err := t.c.Exec(ctx, sql, args...)
	return tag.RowsAffected(), mapError(err)
}

// Row implements engine.Querier.
func (t *tx) Row(ctx context.Context, sql string, args []any, dest ...any) error {
	if !t.begun {
		return t.send(ctx, []engine.Statement{{SQL: sql, Args: args}}, func(_ int, br pgx.BatchResults) error {
			return scan(br.QueryRow().Scan, dest)
		})
	}
	ctx, cancel, err := t.e.bound(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	if err := engine.Encode(args); err != nil {
		return err
	}
	return mapError(scan(t.c.QueryRow(ctx, sql, args...).Scan, dest))
}

// Rows implements engine.Querier.
func (t *tx) Rows(ctx context.Context, sql string, args []any, each func(engine.Scan) error) error {
	if !t.begun {
		return t.send(ctx, []engine.Statement{{SQL: sql, Args: args}}, func(_ int, br pgx.BatchResults) error {
			rows, err := br.Query()
			return eachRow(rows, err, each)
		})
	}
	ctx, cancel, err := t.e.bound(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	if err := engine.Encode(args); err != nil {
		return err
	}
	rows, err := t.c.Query(ctx, sql, args...)
	return eachRow(rows, err, each)
}

// Batch implements engine.Tx.
func (t *tx) Batch(ctx context.Context, stmts []engine.Statement) ([]int64, error) {
	if len(stmts) == 0 {
		return nil, nil
	}
	counts := make([]int64, len(stmts))
	err := t.send(ctx, stmts, func(i int, br pgx.BatchResults) error {
		tag, err := br.Exec()
		counts[i] = tag.RowsAffected()
		return err
	})
	return counts, err
}

// Commit implements engine.Tx. The locks of the last statements are held on
// the server only, never across a trip: a replica that stops in between holds
// nobody up.
func (t *tx) Commit(ctx context.Context, last []engine.Statement) error {
	defer t.Rollback()
	if !t.begun && len(last) == 0 {
		return nil
	}
	var end pgconn.CommandTag
	stmts := append(append(make([]engine.Statement, 0, len(last)+1), last...), engine.Statement{SQL: "COMMIT"})
	err := t.send(ctx, stmts, func(_ int, br pgx.BatchResults) (err error) {
		end, err = br.Exec()
		return err
	})
	if err == nil && end.String() != "COMMIT" {
		err = errRolledBack
	}
	return err
}

// Rollback implements engine.Tx.
func (t *tx) Rollback() {
	if t.c == nil {
		return
	}
	c := t.c
	t.c = nil
	defer c.Release() // closes the connection if it is still in a transaction
	if pc := c.Conn().PgConn(); pc.IsClosed() || pc.TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), t.e.timeout)
	defer cancel()
	_, _ = c.Exec(ctx, "ROLLBACK")
}
