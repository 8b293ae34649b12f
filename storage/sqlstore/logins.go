package sqlstore

import (
	"context"
	"time"

	"github.com/signet-idp/signet/storage"
)

const loginColumns = `id, browser_hash, request, session_id, authenticated_at, consented, consented_scope, consumed_at,
	created_at, expires_at, user_id, proven_at, amr`

func loginArgs(t storage.LoginTransaction) []any {
	hash := t.BrowserHash
	if hash == nil {
		hash = []byte{} // NOT NULL: bound to no browser
	}
	return []any{
		t.ID, hash, t.Request, t.SessionID, t.AuthenticatedAt, t.Consented, t.ConsentedScope, t.ConsumedAt,
		t.CreatedAt, t.Expiry, t.UserID, t.ProvenAt, t.AMR,
	}
}

// PutLoginTransaction implements storage.LoginTransactions. The browser it is
// bound to and the time it was made stay what they were.
func (s *Store) PutLoginTransaction(ctx context.Context, t storage.LoginTransaction) error {
	return s.must(ctx, "put login transaction", storage.ErrVersion, `INSERT INTO login_transactions (`+loginColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
		ON CONFLICT (id) DO UPDATE SET request = excluded.request, session_id = excluded.session_id,
		authenticated_at = excluded.authenticated_at, consented = excluded.consented,
		consented_scope = excluded.consented_scope, consumed_at = excluded.consumed_at, expires_at = excluded.expires_at,
		user_id = excluded.user_id, proven_at = excluded.proven_at, amr = excluded.amr
		WHERE login_transactions.consumed_at = 0`, loginArgs(t)...)
}

// LoginTransactionByID implements storage.LoginTransactions.
func (s *Store) LoginTransactionByID(ctx context.Context, id string) (t storage.LoginTransaction, err error) {
	err = s.row(ctx, "login transaction by id", `SELECT `+loginColumns+` FROM login_transactions WHERE id = $1`, []any{id},
		&t.ID, &t.BrowserHash, &t.Request, &t.SessionID, &t.AuthenticatedAt, &t.Consented, &t.ConsentedScope, &t.ConsumedAt,
		&t.CreatedAt, &t.Expiry, &t.UserID, &t.ProvenAt, &t.AMR)
	return t, err
}

// ConsumeLoginTransaction implements storage.LoginTransactions.
func (s *Store) ConsumeLoginTransaction(ctx context.Context, t storage.LoginTransaction, at time.Time) (bool, error) {
	t.ConsumedAt = at
	return s.won(ctx, "consume login transaction", `INSERT INTO login_transactions (`+loginColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
		ON CONFLICT (id) DO UPDATE SET consumed_at = excluded.consumed_at
		WHERE login_transactions.consumed_at = 0`, loginArgs(t)...)
}
