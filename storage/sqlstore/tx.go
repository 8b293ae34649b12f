package sqlstore

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

// attempts bounds how often a transaction is run that keeps losing to others.
const attempts = 8

// txKey finds the running transaction of one store in a context.
type txKey struct{ s *Store }

// txState is a running transaction and what it has to do at its end.
type txState struct {
	inner engine.Tx
	// failed is the first statement's error. PostgreSQL refuses everything
	// after it; SQLite would go on, so that the store has to remember.
	failed error
	events []engine.Statement // inserts that wait for the commit, see InsertEvents
	revoke []storage.Revocation
	bump   bool
}

func (s *Store) tx(ctx context.Context) *txState {
	t, _ := ctx.Value(txKey{s}).(*txState)
	return t
}

func (t *txState) note(err error) error {
	if err != nil && t.failed == nil && !errors.Is(err, engine.ErrNoRows) {
		t.failed = err
	}
	return err
}

// InTx implements storage.Transactor. A transaction is used by one goroutine at
// a time. When a statement in it has failed (other than by finding no row) it
// cannot commit any more, even if fn returns nil.
func (s *Store) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	if s.tx(ctx) != nil {
		return fn(ctx)
	}
	var told bool
	err := retry(ctx, func() (err error) {
		told, err = s.runTx(ctx, fn)
		return err
	})
	if err == nil && told {
		s.notify(ctx, FeedTopic)
	}
	return err
}

// runTx runs fn once. It says whether the commit is news for followers of the
// feed.
func (s *Store) runTx(ctx context.Context, fn func(ctx context.Context) error) (told bool, err error) {
	inner, err := s.engine.Begin(ctx)
	if err != nil {
		return false, opErr("begin", err)
	}
	defer inner.Rollback() // also when fn panics; nothing after a commit
	t := &txState{inner: inner}
	err = fn(context.WithValue(ctx, txKey{s}, t))
	switch {
	case errors.Is(t.failed, engine.ErrRetry):
		return false, opErr("transaction", t.failed) // whatever fn made of it
	case err != nil:
		return false, err
	case t.failed != nil:
		return false, opErr("transaction", t.failed)
	}
	return t.bump || len(t.revoke) > 0, opErr("commit", inner.Commit(ctx, t.last()))
}

// last lists what goes before the commit. The rows of counters are the last
// locks taken and in one order for all (configuration, then revocation):
// whoever holds one waits for nothing any more, so the order of seq is the
// order of commits, without gaps and without deadlocks.
func (t *txState) last() []engine.Statement {
	stmts := t.events
	if t.bump {
		stmts = append(stmts, engine.Statement{SQL: `UPDATE counters SET value = value + 1 WHERE name = 'configuration'`})
	}
	n := len(t.revoke)
	if n == 0 {
		return stmts
	}
	stmts = append(stmts, engine.Statement{
		SQL:  `UPDATE counters SET value = value + $1 WHERE name = 'revocation'`,
		Args: []any{n},
	})
	for i, r := range t.revoke {
		stmts = append(stmts, engine.Statement{
			SQL: `INSERT INTO revocations (seq, kind, value, expires_at)
				SELECT value - CAST($1 AS BIGINT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS BIGINT)
				FROM counters WHERE name = 'revocation'`,
			Args: []any{n - 1 - i, r.Kind, r.Value, r.Expiry},
		})
	}
	return stmts
}

// flushEvents writes waiting events now, for a reader in the same transaction.
func (t *txState) flushEvents(ctx context.Context) error {
	if len(t.events) == 0 {
		return nil
	}
	_, err := t.inner.Batch(ctx, t.events)
	t.events = nil
	return t.note(err)
}

// retry runs f again, at most attempts times, while it loses to others.
func retry(ctx context.Context, f func() error) error {
	for n := 0; ; n++ {
		err := f()
		if err == nil || n == attempts-1 || !errors.Is(err, engine.ErrRetry) {
			return err
		}
		if wait(ctx, n) != nil {
			return err
		}
	}
}

// wait sleeps 1, 2, 4 … 64 ms, half of it by chance, so that two transactions
// do not meet again.
func wait(ctx context.Context, n int) error {
	var b [1]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	full := time.Millisecond << min(n, 6)
	timer := time.NewTimer(full/2 + full/2*time.Duration(b[0])/256)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
