package servers

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signet-idp/signet/internal/testkit/servers/launch"
)

// stepTimeout bounds each thing asked of a server, starting it included.
const stepTimeout = 2 * time.Minute

// postgresURL finds or starts this test process's PostgreSQL. It is the
// process's one piece of shared state: starting a cluster takes a second, and
// its leash ends it with the process.
var postgresURL = sync.OnceValues(func() (string, error) {
	if u := os.Getenv("SIGNET_TEST_POSTGRES_URL"); u != "" {
		return u, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stepTimeout)
	defer cancel()
	s, err := launch.Postgres(ctx)
	if err != nil {
		return "", fmt.Errorf("%w\ninstall PostgreSQL (Debian: apt-get install postgresql), "+
			"or set SIGNET_TEST_POSTGRES_URL to a role that may create databases", err)
	}
	return s.URL, nil
})

// Postgres returns the URL (postgres://user:password@host:port/name) of a new,
// empty database with a name of its own. It is dropped when the test ends,
// with any connection still open to it.
func Postgres(tb testing.TB) string {
	tb.Helper()
	server, err := postgresURL()
	if err != nil {
		tb.Fatalf("servers.Postgres: %v", err)
	}
	u, err := url.Parse(server)
	if err != nil {
		tb.Fatal("servers.Postgres: SIGNET_TEST_POSTGRES_URL is no URL") // its text may hold a password
	}
	name := "signet_test_" + randomHex(8)
	// template0 is never connected to, so that parallel creation never waits.
	if err := execOn(server, `CREATE DATABASE `+name+` TEMPLATE template0`); err != nil {
		tb.Fatalf("servers.Postgres: create database: %v", err)
	}
	tb.Cleanup(func() {
		if err := execOn(server, `DROP DATABASE `+name+` WITH (FORCE)`); err != nil {
			tb.Errorf("servers.Postgres: drop database: %v", err)
		}
	})
	u.Path = "/" + name
	return u.String()
}

// execOn runs one statement on a connection of its own: CREATE and DROP
// DATABASE refuse to run inside a transaction.
func execOn(server, statement string) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), stepTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() {
		if e := conn.Close(ctx); e != nil && err == nil {
			err = fmt.Errorf("close: %w", e)
		}
	}()
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("exec: %w", err)
	}
	return nil
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // crypto/rand never fails since Go 1.24
	return hex.EncodeToString(b)
}
