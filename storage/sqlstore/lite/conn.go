package lite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

// conn is one connection with its prepared statements. One goroutine uses it
// at a time. All statement texts are constants of the program, so the cache is
// bounded by them.
type conn struct {
	dc    prepConn
	stmts map[string]stmt
	named []driver.NamedValue // scratch
	vals  []driver.Value      // scratch
}

type prepConn interface {
	driver.Conn
	driver.ConnPrepareContext
}

type stmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

func newConn(dc driver.Conn) (*conn, error) {
	pc, ok := dc.(prepConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("lite: driver connection %T cannot prepare", dc), dc.Close())
	}
	return &conn{dc: pc, stmts: make(map[string]stmt)}, nil
}

func (c *conn) close() error {
	var errs []error
	for _, s := range c.stmts {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.dc.Close())...)
}

// The driver is called with the background context on purpose: with one that
// can end it starts a goroutine per statement. Every statement here is bounded
// by its LIMIT or its key, and waits for locks by busy_timeout.

func (c *conn) prepare(sql string) (stmt, error) {
	if s, ok := c.stmts[sql]; ok {
		return s, nil
	}
	ds, err := c.dc.PrepareContext(context.Background(), sql)
	if err != nil {
		return nil, mapError(err)
	}
	s, ok := ds.(stmt)
	if !ok {
		return nil, errors.Join(fmt.Errorf("lite: driver statement %T takes no context", ds), ds.Close())
	}
	c.stmts[sql] = s
	return s, nil
}

func (c *conn) bind(args []any) ([]driver.NamedValue, error) {
	if err := engine.Encode(args); err != nil {
		return nil, err
	}
	c.named = c.named[:0]
	for i, a := range args {
		c.named = append(c.named, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return c.named, nil
}

func (c *conn) exec(sql string, args []any) (int64, error) {
	s, err := c.prepare(sql)
	if err != nil {
		return 0, err
	}
	named, err := c.bind(args)
	if err != nil {
		return 0, err
	}
	res, err := s.ExecContext(context.Background(), named)
	if err != nil {
		return 0, mapError(err)
	}
	return res.RowsAffected()
}

func (c *conn) row(sql string, args, dest []any) error {
	found := false
	err := c.query(sql, args, func(vals []driver.Value) (more bool, err error) {
		found = true
		// A write goes on to its end, where it commits.
		return !reads(sql), decode(vals, dest)
	})
	if err == nil && !found {
		err = engine.ErrNoRows
	}
	return err
}

func (c *conn) rows(sql string, args []any, each func(engine.Scan) error) error {
	return c.query(sql, args, func(vals []driver.Value) (bool, error) {
		return true, each(func(dest ...any) error { return decode(vals, dest) })
	})
}

func (c *conn) query(sql string, args []any, each func([]driver.Value) (more bool, err error)) (err error) {
	s, err := c.prepare(sql)
	if err != nil {
		return err
	}
	named, err := c.bind(args)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(context.Background(), named)
	if err != nil {
		return mapError(err)
	}
	defer func() {
		if cerr := rows.Close(); err == nil && cerr != nil {
			err = mapError(cerr)
		}
	}()
	n := len(rows.Columns())
	if cap(c.vals) < n {
		c.vals = make([]driver.Value, n)
	}
	vals := c.vals[:n]
	for more := true; more; {
		err := rows.Next(vals)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return mapError(err)
		}
		if more, err = each(vals); err != nil {
			return err
		}
	}
	return nil
}

func decode(vals []driver.Value, dest []any) error {
	if len(vals) != len(dest) {
		return fmt.Errorf("lite: %d columns for %d destinations", len(vals), len(dest))
	}
	for i, d := range dest {
		if err := engine.Decode(vals[i], d); err != nil {
			return fmt.Errorf("lite: column %d: %w", i+1, err)
		}
	}
	return nil
}
