// Package engine is what sqlstore asks of a database: run one SQL text, begin
// a transaction, report on itself. Package pg answers it with PostgreSQL,
// package lite with SQLite; everything above speaks to this interface only.
package engine

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/signet-idp/signet/storage"
)

// Errors that adapters answer with besides the sentinels of package storage.
var (
	// ErrNoRows: Row found nothing. The statement itself went well, so a
	// running transaction goes on.
	ErrNoRows = fmt.Errorf("no rows: %w", storage.ErrNotFound)
	// ErrRetry: the database gave this transaction up in favour of another one
	// (serialization failure, deadlock, busy) and certainly committed nothing.
	ErrRetry = fmt.Errorf("transaction lost to another: %w", storage.ErrUnavailable)
)

// Scan reads the current row's columns into dest; see Decode for the types.
type Scan func(dest ...any) error

// Querier runs statements: `$N` placeholders, arguments of the types that
// Encode knows. A statement that begins with SELECT reads; every other one
// writes, also when it returns rows.
type Querier interface {
	// Exec runs a statement and returns how many rows it changed.
	Exec(ctx context.Context, sql string, args ...any) (int64, error)
	// Row runs a statement and reads its first row, or answers ErrNoRows.
	Row(ctx context.Context, sql string, args []any, dest ...any) error
	// Rows runs a statement and calls each for every row. Each must not use
	// the store.
	Rows(ctx context.Context, sql string, args []any, each func(Scan) error) error
}

// Statement is one statement of a batch.
type Statement struct {
	SQL  string
	Args []any
}

// Tx is a running transaction. It is used by one goroutine at a time; after a
// statement failed only Rollback is of use.
type Tx interface {
	Querier
	// Batch runs statements in order, in one trip where the engine can, and
	// returns how many rows each changed.
	Batch(ctx context.Context, stmts []Statement) ([]int64, error)
	// Commit runs the last statements and commits, in one trip where the
	// engine can. The transaction is over whatever it answers.
	Commit(ctx context.Context, last []Statement) error
	// Rollback ends the transaction; after Commit it does nothing.
	Rollback()
}

// Engine is one open database.
type Engine interface {
	Querier
	// Begin starts a transaction that may write.
	Begin(ctx context.Context) (Tx, error)
	Ping(ctx context.Context) error
	Stats() Stats
	// SchemaVersion returns the newest applied migration, 0 for an empty database.
	SchemaVersion(ctx context.Context) (int64, error)
	// Migration returns what is needed to migrate; the caller closes DB.
	Migration() (Migration, error)
	// Scrub takes what was deleted and overwritten out of the database's files,
	// as far as that is the engine's to do.
	Scrub(ctx context.Context) error
	Close() error
}

// VersionTable is where goose notes the applied migrations.
const VersionTable = "schema_versions"

// Migration is how an engine is migrated.
type Migration struct {
	DB      *sql.DB
	Dialect goose.Dialect
	// Locker keeps other processes out meanwhile; nil when none can be there.
	Locker lock.SessionLocker
	// Words replaces the engine-dependent words of the migrations, such as {{serial}}.
	Words map[string]string
}

// Stats is the state of the connections at one moment.
type Stats struct {
	Engine string // "sqlite" or "postgresql"
	Max    int64  // connections at most
	Open   int64
	InUse  int64
	// Waits counts acquisitions that had to wait since the start.
	Waits int64
}
