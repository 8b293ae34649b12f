// Package pg is the PostgreSQL engine: pgx with its own pool, prepared
// statements, and a deadline on every statement.
package pg

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/trace"

	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

// Config says how to reach the database.
type Config struct {
	// URL is a connection string as libpq understands it.
	URL string
	// MaxConns is the size of the pool, which is kept warm.
	MaxConns int
	// Timeout bounds every statement with the wait for a connection.
	Timeout time.Duration
	// TracerProvider, when set, gets a span for every statement.
	TracerProvider trace.TracerProvider
}

// Engine is a pool of connections. It implements engine.Engine.
type Engine struct {
	pool    *pgxpool.Pool
	timeout time.Duration
}

var _ engine.Engine = (*Engine)(nil)

// idleInTransaction frees the locks of a replica that froze in a transaction.
const idleInTransaction = "5s"

// Open makes the pool. It does not wait for the database: statements answer
// storage.ErrUnavailable until it can be reached.
func Open(ctx context.Context, cfg Config) (*Engine, error) {
	pc, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("pg: %w", err) // pgx leaves the password out
	}
	pc.MaxConns = int32(cfg.MaxConns)
	pc.MinConns = pc.MaxConns
	pc.MaxConnLifetime = time.Hour
	pc.MaxConnLifetimeJitter = 10 * time.Minute
	pc.MaxConnIdleTime = time.Hour
	pc.HealthCheckPeriod = 5 * time.Second
	pc.ConnConfig.ConnectTimeout = cfg.Timeout
	pc.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
	if pc.ConnConfig.RuntimeParams["application_name"] == "" {
		pc.ConnConfig.RuntimeParams["application_name"] = "signet"
	}
	// At a deadline ask the server to stop and keep the connection; give it up
	// if there is no answer soon.
	pc.ConnConfig.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: 250 * time.Millisecond}
	}
	pc.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, "SET idle_in_transaction_session_timeout = '"+idleInTransaction+"'")
		return err
	}
	if cfg.TracerProvider != nil {
		pc.ConnConfig.Tracer = otelpgx.NewTracer(otelpgx.WithTracerProvider(cfg.TracerProvider))
	}
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("pg: %w", mapError(err))
	}
	return &Engine{pool: pool, timeout: cfg.Timeout}, nil
}

// bound gives a statement its deadline. It goes on when the request that asked
// for it is given up: cancelling would cost the connection, so that strangers
// who hang up could empty the pool, and would leave the outcome unknown.
func (e *Engine) bound(ctx context.Context) (context.Context, context.CancelFunc, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, unavailable(err)
	}
	detached := context.WithoutCancel(ctx)
	if d, ok := ctx.Deadline(); ok {
		inner, cancelInner := context.WithDeadline(detached, d)
		outer, cancel := context.WithTimeout(inner, e.timeout)
		return outer, func() { cancel(); cancelInner() }, nil
	}
	bounded, cancel := context.WithTimeout(detached, e.timeout)
	return bounded, cancel, nil
}

// once runs f, and again if the first connection turned out to be dead before
// anything was sent on it (the database was restarted while it was idle).
func once[T any](f func() (T, error)) (T, error) {
	v, err := f()
	if err != nil && pgconn.SafeToRetry(err) {
		v, err = f()
	}
	return v, err
}

// Exec implements engine.Querier; a single statement commits by itself.
func (e *Engine) Exec(ctx context.Context, sql string, args ...any) (int64, error) {
	ctx, cancel, err := e.bound(ctx)
	if err != nil {
		return 0, err
	}
	defer cancel()
	if err := engine.Encode(args); err != nil {
		return 0, err
	}
	tag, err := once(func() (pgconn.CommandTag, error) { return e.pool.Exec(ctx, sql, args...) })
	return tag.RowsAffected(), mapError(err)
}

// Row implements engine.Querier.
func (e *Engine) Row(ctx context.Context, sql string, args []any, dest ...any) error {
	ctx, cancel, err := e.bound(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	if err := engine.Encode(args); err != nil {
		return err
	}
	_, err = once(func() (struct{}, error) {
		return struct{}{}, scan(e.pool.QueryRow(ctx, sql, args...).Scan, dest)
	})
	return mapError(err)
}

// Rows implements engine.Querier.
func (e *Engine) Rows(ctx context.Context, sql string, args []any, each func(engine.Scan) error) error {
	ctx, cancel, err := e.bound(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	if err := engine.Encode(args); err != nil {
		return err
	}
	rows, err := once(func() (pgx.Rows, error) { return e.pool.Query(ctx, sql, args...) })
	return eachRow(rows, err, each)
}

func eachRow(rows pgx.Rows, err error, each func(engine.Scan) error) error {
	if err != nil {
		return mapError(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(func(dest ...any) error { return scan(rows.Scan, dest) }); err != nil {
			return err
		}
	}
	return mapError(rows.Err())
}

// Begin implements engine.Engine. BEGIN itself travels with the first
// statement.
func (e *Engine) Begin(ctx context.Context) (engine.Tx, error) {
	bounded, cancel, err := e.bound(ctx)
	if err != nil {
		return nil, err
	}
	defer cancel()
	c, err := e.pool.Acquire(bounded)
	if err != nil {
		return nil, mapError(err)
	}
	return &tx{e: e, c: c}, nil
}

// Ping implements engine.Engine.
func (e *Engine) Ping(ctx context.Context) error {
	var n int64
	return e.Row(ctx, "SELECT CAST(1 AS BIGINT)", nil, &n)
}

// Scrub implements engine.Engine: there is nothing to do. The pages are
// VACUUM's, and the log and its archives are the operator's.
func (e *Engine) Scrub(context.Context) error { return nil }

// Stats implements engine.Engine.
func (e *Engine) Stats() engine.Stats {
	s := e.pool.Stat()
	return engine.Stats{
		Engine: "postgresql", Max: int64(s.MaxConns()), Open: int64(s.TotalConns()),
		InUse: int64(s.AcquiredConns()), Waits: s.EmptyAcquireCount(),
	}
}

// Close implements engine.Engine: it waits for running statements, which their
// deadlines bound.
func (e *Engine) Close() error {
	e.pool.Close()
	return nil
}

var errRolledBack = errors.New("pg: the transaction had failed and was rolled back")
