package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
	"github.com/signet-idp/signet/storage/sqlstore/lite"
	"github.com/signet-idp/signet/storage/sqlstore/pg"
)

// DefaultTimeout bounds a statement when Options.Timeout is zero: short enough
// for a clean 503 within two seconds when the database hangs.
const DefaultTimeout = 1500 * time.Millisecond

// FeedTopic is what Notify is called with after a commit that added to the
// revocation feed or raised the configuration version.
const FeedTopic = "feed"

// Options say which database and how to use it.
type Options struct {
	// URL is "sqlite:PATH", "sqlite::memory:" (a file that goes away at Close)
	// or "postgres://…".
	URL string
	// Notify, when set, is called after such a commit with FeedTopic. It only
	// says "look"; it must be quick and may lose calls.
	Notify func(ctx context.Context, topic string)
	// MaxConns is the size of PostgreSQL's pool (0: four per processor, at
	// least 8) or of SQLite's reader pool (0: two per processor, at most 8).
	MaxConns int
	// Timeout bounds every statement; 0: DefaultTimeout.
	Timeout time.Duration
	// TracerProvider, when set, gets a span for every statement.
	TracerProvider trace.TracerProvider
}

// Store implements every interface of package storage over one database. It is
// safe for concurrent use.
type Store struct {
	engine  engine.Engine
	notify  func(ctx context.Context, topic string)
	cleanup func() error
	sweeper sweeper
	// scrubbed: nobody was erased since the files were scrubbed.
	scrubbed atomic.Bool
}

// Open opens the database without looking at its schema (see Migrate). An
// SQLite file that another process has open is refused with storage.ErrLocked;
// PostgreSQL need not be reachable yet.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	s := &Store{notify: o.Notify, cleanup: func() error { return nil }}
	if s.notify == nil {
		s.notify = func(context.Context, string) {}
	}
	scheme, rest, _ := strings.Cut(o.URL, ":")
	var err error
	switch scheme {
	case "sqlite":
		err = s.openLite(ctx, rest, o)
	case "postgres", "postgresql":
		err = s.openPG(ctx, o)
	default:
		// The URL itself may hold a password.
		return nil, fmt.Errorf("sqlstore: open: unknown scheme %q, want sqlite or postgres", cut(scheme, 16))
	}
	if err != nil {
		return nil, fmt.Errorf("sqlstore: open: %w", err)
	}
	return s, nil
}

func (s *Store) openLite(ctx context.Context, path string, o Options) error {
	if path == ":memory:" {
		dir, err := os.MkdirTemp("", "signet-")
		if err != nil {
			return err
		}
		s.cleanup = func() error { return os.RemoveAll(dir) }
		path = filepath.Join(dir, "signet.db")
	}
	path = strings.TrimPrefix(path, "//")
	if path == "" {
		return errors.New("sqlite: without a path")
	}
	e, err := lite.Open(ctx, lite.Config{Path: path, Timeout: o.Timeout, Readers: o.MaxConns})
	if err != nil {
		return errors.Join(err, s.cleanup())
	}
	s.engine = e
	if o.TracerProvider != nil {
		s.engine = traced(e, o.TracerProvider)
	}
	return nil
}

func (s *Store) openPG(ctx context.Context, o Options) error {
	n := o.MaxConns
	if n <= 0 {
		n = max(8, 4*runtime.GOMAXPROCS(0))
	}
	e, err := pg.Open(ctx, pg.Config{URL: o.URL, MaxConns: n, Timeout: o.Timeout, TracerProvider: o.TracerProvider})
	if err != nil {
		return err
	}
	s.engine = e
	return nil
}

// Close waits for what is running and closes the database.
func (s *Store) Close() error {
	if err := errors.Join(s.engine.Close(), s.cleanup()); err != nil {
		return fmt.Errorf("sqlstore: close: %w", err)
	}
	return nil
}

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return opErr("ping", s.engine.Ping(ctx)) }

// Stats returns the state of the connections.
func (s *Store) Stats() engine.Stats { return s.engine.Stats() }

// opErr puts the operation's name before an error.
func opErr(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("sqlstore: %s: %w", op, err)
}

func cut(s string, n int) string { return s[:min(n, len(s))] }

// page bounds the size of a page to 1..500 rows.
func page(limit int) int { return min(max(limit, 1), 500) }

// exec runs a statement that writes: in the transaction of ctx, else by itself
// and again when the database gave it up in favour of another.
func (s *Store) exec(ctx context.Context, op, sql string, args ...any) (n int64, err error) {
	if t := s.tx(ctx); t != nil {
		n, err = t.inner.Exec(ctx, sql, args...)
		return n, opErr(op, t.note(err))
	}
	err = retry(ctx, func() (err error) {
		n, err = s.engine.Exec(ctx, sql, args...)
		return err
	})
	return n, opErr(op, err)
}

// won is exec for a conditional statement on one row: whether it found it.
func (s *Store) won(ctx context.Context, op, sql string, args ...any) (bool, error) {
	n, err := s.exec(ctx, op, sql, args...)
	return n > 0, err
}

// must is exec for a statement that has to find a row; otherwise none.
func (s *Store) must(ctx context.Context, op string, none error, sql string, args ...any) error {
	n, err := s.exec(ctx, op, sql, args...)
	if err == nil && n == 0 {
		err = opErr(op, none)
	}
	return err
}

// row reads one row, or answers storage.ErrNotFound.
func (s *Store) row(ctx context.Context, op, sql string, args []any, dest ...any) error {
	if t := s.tx(ctx); t != nil {
		return opErr(op, t.note(t.inner.Row(ctx, sql, args, dest...)))
	}
	return opErr(op, retry(ctx, func() error { return s.engine.Row(ctx, sql, args, dest...) }))
}

// rows reads every row with one, which must not use the store, into a list.
func rows[T any](ctx context.Context, s *Store, op, sql string, args []any, one func(engine.Scan) (T, error)) ([]T, error) {
	var list []T
	collect := func(scan engine.Scan) error {
		v, err := one(scan)
		if err == nil {
			list = append(list, v)
		}
		return err
	}
	if t := s.tx(ctx); t != nil {
		err := t.note(t.inner.Rows(ctx, sql, args, collect))
		return list, opErr(op, err)
	}
	err := retry(ctx, func() error {
		list = nil
		return s.engine.Rows(ctx, sql, args, collect)
	})
	return list, opErr(op, err)
}

var (
	_ storage.Transactor         = (*Store)(nil)
	_ storage.Users              = (*Store)(nil)
	_ storage.ParkedEvents       = (*Store)(nil)
	_ storage.Organizations      = (*Store)(nil)
	_ storage.Memberships        = (*Store)(nil)
	_ storage.Roles              = (*Store)(nil)
	_ storage.Clients            = (*Store)(nil)
	_ storage.Resources          = (*Store)(nil)
	_ storage.Sessions           = (*Store)(nil)
	_ storage.LoginTransactions  = (*Store)(nil)
	_ storage.Consents           = (*Store)(nil)
	_ storage.Grants             = (*Store)(nil)
	_ storage.Once               = (*Store)(nil)
	_ storage.Revocations        = (*Store)(nil)
	_ storage.Configuration      = (*Store)(nil)
	_ storage.Events             = (*Store)(nil)
	_ storage.PersonKeys         = (*Store)(nil)
	_ storage.SealedValues       = (*Store)(nil)
	_ storage.Leases             = (*Store)(nil)
	_ storage.LogoutDeliveries   = (*Store)(nil)
	_ storage.SigningKeys        = (*Store)(nil)
	_ storage.DataKeys           = (*Store)(nil)
	_ storage.Sweeper            = (*Store)(nil)
	_ storage.Links              = (*Store)(nil)
	_ storage.Messages           = (*Store)(nil)
	_ storage.Invitations        = (*Store)(nil)
	_ storage.Domains            = (*Store)(nil)
	_ storage.IdempotentRequests = (*Store)(nil)
	_ storage.Presences          = (*Store)(nil)
	_ storage.Reports            = (*Store)(nil)
	_ storage.Rollups            = (*Store)(nil)
	_ storage.EventQueries       = (*Store)(nil)
	_ storage.Directory          = (*Store)(nil)
)
