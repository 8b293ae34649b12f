// Package lite is the SQLite engine (modernc.org/sqlite, no cgo): WAL, one
// writer connection whose transactions are immediate, and a pool of readers.
//
// It speaks to the driver's connections directly instead of through
// database/sql: with one goroutine per connection at a time there is nothing
// for its pool, its per-call goroutine and its value conversion to do, and a
// statement costs about half.
package lite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

// Config says how to open a database file.
type Config struct {
	// Path of the file; it and its folder are made (0600, 0700) when missing.
	Path string
	// Timeout bounds the wait for a connection, and each wait for a lock that
	// something outside this process holds.
	Timeout time.Duration
	// Readers is the size of the reader pool; 0: two per processor, at least 2
	// and at most 8.
	Readers int
}

// Engine is an open SQLite database. It implements engine.Engine.
type Engine struct {
	path    string
	timeout time.Duration
	unlock  func() error
	writer  chan *conn // holds the one writer while it is free
	readers chan *conn
	max     int
	waits   atomic.Int64
	closing chan struct{}
	once    sync.Once
}

var _ engine.Engine = (*Engine)(nil)

// Open opens the file and takes it for this process: a second one is refused
// with storage.ErrLocked.
func Open(ctx context.Context, cfg Config) (*Engine, error) {
	if err := prepareFile(cfg.Path); err != nil {
		return nil, fmt.Errorf("lite: prepare %s: %w", cfg.Path, err)
	}
	unlock, err := lockFile(cfg.Path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("lite: lock %s: %w", cfg.Path, err)
	}
	readers := cfg.Readers
	if readers <= 0 {
		readers = min(8, max(2, 2*runtime.GOMAXPROCS(0)))
	}
	e := &Engine{
		path:    cfg.Path,
		timeout: cfg.Timeout,
		unlock:  unlock,
		writer:  make(chan *conn, 1),
		readers: make(chan *conn, readers),
		max:     readers + 1,
		closing: make(chan struct{}),
	}
	w, err := e.connect(ctx, writerPragmas)
	if err != nil {
		return nil, errors.Join(err, unlock())
	}
	e.writer <- w
	for range readers {
		e.readers <- nil // opened when first taken
	}
	return e, nil
}

// prepareFile makes the file unreadable to others before SQLite creates it
// with the process's umask; the -wal and -shm files follow its mode.
func prepareFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

var (
	writerPragmas = []string{
		"journal_mode(WAL)", "synchronous(NORMAL)", "foreign_keys(1)",
		"temp_store(MEMORY)", "cache_size(-4000)", "journal_size_limit(67108864)",
		"secure_delete(1)", // see Scrub
	}
	readerPragmas = []string{"query_only(1)", "temp_store(MEMORY)", "cache_size(-1000)"}
)

func (e *Engine) dsn(pragmas []string) string {
	q := url.Values{"_pragma": pragmas, "_dqs": {"0"}}
	q.Set("_busy_timeout", strconv.FormatInt(e.timeout.Milliseconds(), 10))
	u := url.URL{Scheme: "file", OmitHost: true, Path: e.path, RawQuery: q.Encode()}
	if !filepath.IsAbs(e.path) {
		u.Path, u.Opaque = "", (&url.URL{Path: e.path}).EscapedPath()
	}
	return u.String()
}

func (e *Engine) connect(ctx context.Context, pragmas []string) (*conn, error) {
	connector, err := sqlite.NewConnector(e.dsn(pragmas))
	if err != nil {
		return nil, fmt.Errorf("lite: open: %w", err)
	}
	dc, err := connector.Connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("lite: open: %w", mapError(err))
	}
	return newConn(dc)
}

var errClosed = fmt.Errorf("lite: closed: %w", storage.ErrUnavailable)

// take waits for a connection of the pool until the deadline or ctx ends.
func (e *Engine) take(ctx context.Context, pool chan *conn) (*conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, unavailable(err)
	}
	select {
	case <-e.closing:
		return nil, errClosed
	default:
	}
	select {
	case c := <-pool:
		return e.ready(ctx, pool, c)
	default:
	}
	e.waits.Add(1)
	timer := time.NewTimer(e.timeout)
	defer timer.Stop()
	select {
	case c := <-pool:
		return e.ready(ctx, pool, c)
	case <-ctx.Done():
		return nil, unavailable(ctx.Err())
	case <-timer.C:
		return nil, unavailable(errors.New("no free connection in time"))
	case <-e.closing:
		return nil, errClosed
	}
}

// ready opens a reader that was not needed until now.
func (e *Engine) ready(ctx context.Context, pool chan *conn, c *conn) (*conn, error) {
	if c != nil {
		return c, nil
	}
	c, err := e.connect(ctx, readerPragmas)
	if err != nil {
		pool <- nil
		return nil, err
	}
	return c, nil
}

// pool returns the pool whose connections may run the statement.
func (e *Engine) pool(sql string) chan *conn {
	if reads(sql) {
		return e.readers
	}
	return e.writer
}

func reads(sql string) bool { return len(sql) >= 6 && sql[:6] == "SELECT" }

// Exec implements engine.Querier.
func (e *Engine) Exec(ctx context.Context, sql string, args ...any) (int64, error) {
	c, err := e.take(ctx, e.writer)
	if err != nil {
		return 0, err
	}
	defer func() { e.writer <- c }()
	return c.exec(sql, args)
}

// Row implements engine.Querier.
func (e *Engine) Row(ctx context.Context, sql string, args []any, dest ...any) error {
	pool := e.pool(sql)
	c, err := e.take(ctx, pool)
	if err != nil {
		return err
	}
	defer func() { pool <- c }()
	return c.row(sql, args, dest)
}

// Rows implements engine.Querier.
func (e *Engine) Rows(ctx context.Context, sql string, args []any, each func(engine.Scan) error) error {
	pool := e.pool(sql)
	c, err := e.take(ctx, pool)
	if err != nil {
		return err
	}
	defer func() { pool <- c }()
	return c.rows(sql, args, each)
}

// Begin implements engine.Engine: it takes the writer and its lock.
func (e *Engine) Begin(ctx context.Context) (engine.Tx, error) {
	c, err := e.take(ctx, e.writer)
	if err != nil {
		return nil, err
	}
	if _, err := c.exec("BEGIN IMMEDIATE", nil); err != nil {
		e.writer <- c
		return nil, err
	}
	return &tx{e: e, c: c}, nil
}

// Ping implements engine.Engine.
func (e *Engine) Ping(ctx context.Context) error {
	var n int64
	return e.Row(ctx, "SELECT 1", nil, &n)
}

// Stats implements engine.Engine.
func (e *Engine) Stats() engine.Stats {
	free := len(e.readers) + len(e.writer)
	return engine.Stats{
		Engine: "sqlite", Max: int64(e.max), Open: int64(e.max),
		InUse: int64(e.max - free), Waits: e.waits.Load(),
	}
}

// SchemaVersion implements engine.Engine.
func (e *Engine) SchemaVersion(ctx context.Context) (int64, error) {
	var n int64
	err := e.Row(ctx, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = $1", []any{engine.VersionTable}, &n)
	if err != nil || n == 0 {
		return 0, err
	}
	err = e.Row(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM "+engine.VersionTable, nil, &n)
	return n, err
}

// Migration implements engine.Engine. The file lock keeps others out.
func (e *Engine) Migration() (engine.Migration, error) {
	connector, err := sqlite.NewConnector(e.dsn(writerPragmas))
	if err != nil {
		return engine.Migration{}, fmt.Errorf("lite: open: %w", err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	return engine.Migration{
		DB:      db,
		Dialect: goose.DialectSQLite3,
		Words: map[string]string{
			"{{serial}}": "INTEGER PRIMARY KEY AUTOINCREMENT",
			"{{text}}":   "TEXT",
		},
	}, nil
}

// Close waits for running statements and transactions, at most for the
// timeout each, closes the file and gives it free.
func (e *Engine) Close() error {
	var errs []error
	e.once.Do(func() {
		close(e.closing)
		// Readers first: the last connection to close checkpoints the WAL, and
		// a query_only one would not.
		for range cap(e.readers) {
			errs = append(errs, e.shut(e.readers))
		}
		errs = append(errs, e.shut(e.writer), e.unlock())
	})
	return errors.Join(errs...)
}

func (e *Engine) shut(pool chan *conn) error {
	timer := time.NewTimer(e.timeout)
	defer timer.Stop()
	select {
	case c := <-pool:
		if c == nil {
			return nil
		}
		return c.close()
	case <-timer.C:
		return errors.New("lite: close: a connection is still in use")
	}
}
