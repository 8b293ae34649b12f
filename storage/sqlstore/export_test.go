package sqlstore

import (
	"context"

	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

// Exec runs a statement that only one engine may know.
func Exec(ctx context.Context, s *Store, sql string) error {
	_, err := s.engine.Exec(ctx, sql)
	return err
}

// Explain calls plan with the query plan of every list that s reads from now
// on, outside transactions.
func Explain(s *Store, plan func(lines []string)) {
	s.engine = explaining{s.engine, plan}
}

type explaining struct {
	engine.Engine
	plan func(lines []string)
}

func (e explaining) Rows(ctx context.Context, sql string, args []any, each func(engine.Scan) error) error {
	var lines []string
	var err error
	if e.Stats().Engine == "sqlite" {
		err = e.Engine.Rows(ctx, `EXPLAIN QUERY PLAN `+sql, args, func(scan engine.Scan) error {
			var id, parent, unused int64
			var detail string
			err := scan(&id, &parent, &unused, &detail)
			lines = append(lines, detail)
			return err
		})
	} else {
		err = e.Engine.Rows(ctx, `EXPLAIN (ANALYZE) `+sql, args, func(scan engine.Scan) error {
			var line string
			err := scan(&line)
			lines = append(lines, line)
			return err
		})
	}
	if err != nil {
		return err
	}
	e.plan(lines)
	return e.Engine.Rows(ctx, sql, args, each)
}
