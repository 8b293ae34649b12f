package pg

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

// migrationLock is the advisory lock of whoever migrates: "signet" in ASCII.
const migrationLock int64 = 0x7369676e6574

// SchemaVersion implements engine.Engine.
func (e *Engine) SchemaVersion(ctx context.Context) (int64, error) {
	var n int64
	err := e.Row(ctx, "SELECT CAST(count(*) AS BIGINT) FROM pg_class WHERE oid = to_regclass($1)", []any{engine.VersionTable}, &n)
	if err != nil || n == 0 {
		return 0, err
	}
	err = e.Row(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM "+engine.VersionTable, nil, &n)
	return n, err
}

// Migration implements engine.Engine.
func (e *Engine) Migration() (engine.Migration, error) {
	return engine.Migration{
		DB:      stdlib.OpenDBFromPool(e.pool),
		Dialect: goose.DialectPostgres,
		Locker:  locker{},
		Words: map[string]string{
			"{{serial}}": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
			"{{text}}":   `TEXT COLLATE "C"`,
		},
	}, nil
}

// locker waits for the lock on the server instead of asking again and again;
// it is given free with the session, so a crash leaves none behind.
type locker struct{}

func (locker) SessionLock(ctx context.Context, c *sql.Conn) error {
	_, err := c.ExecContext(ctx, "SELECT pg_advisory_lock($1)", migrationLock)
	return err
}

func (locker) SessionUnlock(ctx context.Context, c *sql.Conn) error {
	_, err := c.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", migrationLock)
	return err
}
