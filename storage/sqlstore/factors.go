package sqlstore

import (
	"context"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

const factorColumns = `id, user_id, type, name, sealed, credential_id, position, created_at, verified_at, last_used_at`

func factorDest(f *storage.Factor) []any {
	return []any{
		&f.ID, &f.UserID, &f.Type, &f.Name, &f.Sealed, &f.CredentialID, &f.Position, &f.CreatedAt, &f.VerifiedAt, &f.LastUsedAt,
	}
}

func scanFactor(scan engine.Scan) (f storage.Factor, err error) {
	err = scan(factorDest(&f)...)
	return f, err
}

// InsertFactor implements storage.Factors; ErrNotFound when there is no such user.
func (s *Store) InsertFactor(ctx context.Context, f storage.Factor) error {
	_, err := s.exec(ctx, "insert factor", `INSERT INTO factors (`+factorColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		f.ID, f.UserID, f.Type, f.Name, blob(f.Sealed), f.CredentialID, f.Position, f.CreatedAt, f.VerifiedAt, f.LastUsedAt)
	return err
}

// FactorByID implements storage.Factors.
func (s *Store) FactorByID(ctx context.Context, userID, id string) (f storage.Factor, err error) {
	err = s.row(ctx, "factor by id", `SELECT `+factorColumns+` FROM factors WHERE user_id = $1 AND id = $2`,
		[]any{userID, id}, factorDest(&f)...)
	return f, err
}

// FactorByCredential implements storage.Factors.
func (s *Store) FactorByCredential(ctx context.Context, credentialID []byte) (f storage.Factor, err error) {
	err = s.row(ctx, "factor by credential", `SELECT `+factorColumns+` FROM factors WHERE credential_id = $1`,
		[]any{blob(credentialID)}, factorDest(&f)...)
	return f, err
}

// FactorsOf implements storage.Factors. Ids are UUIDv7: their order is the order of time.
func (s *Store) FactorsOf(ctx context.Context, userID string) ([]storage.Factor, error) {
	return rows(ctx, s, "factors of", `SELECT `+factorColumns+` FROM factors WHERE user_id = $1 ORDER BY id`, []any{userID}, scanFactor)
}

// CountFactors implements storage.Factors.
func (s *Store) CountFactors(ctx context.Context, userID string) (int, error) {
	var n int64
	err := s.row(ctx, "count factors", `SELECT COUNT(*) FROM factors WHERE user_id = $1 AND verified_at <> 0`, []any{userID}, &n)
	return int(n), err
}

// UpdateFactor implements storage.Factors.
func (s *Store) UpdateFactor(ctx context.Context, f storage.Factor, from int64) (bool, error) {
	return s.won(ctx, "update factor", `UPDATE factors
		SET name = $3, sealed = $4, credential_id = $5, position = $6, verified_at = $7, last_used_at = $8
		WHERE user_id = $1 AND id = $2 AND position = $9`,
		f.UserID, f.ID, f.Name, blob(f.Sealed), f.CredentialID, f.Position, f.VerifiedAt, f.LastUsedAt, from)
}

// DeleteFactor implements storage.Factors.
func (s *Store) DeleteFactor(ctx context.Context, userID, id string) (bool, error) {
	return s.won(ctx, "delete factor", `DELETE FROM factors WHERE user_id = $1 AND id = $2`, userID, id)
}

// ReplaceBackupCodes implements storage.Factors; ErrNotFound when there is no such user.
func (s *Store) ReplaceBackupCodes(ctx context.Context, userID string, hashes [][]byte) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		if _, err := s.exec(ctx, "replace backup codes", `DELETE FROM backup_codes WHERE user_id = $1`, userID); err != nil {
			return err
		}
		for _, h := range hashes {
			if _, err := s.exec(ctx, "replace backup codes", `INSERT INTO backup_codes (user_id, hash) VALUES ($1, $2)`, userID, blob(h)); err != nil {
				return err
			}
		}
		return nil
	})
}

// UseBackupCode implements storage.Factors.
func (s *Store) UseBackupCode(ctx context.Context, userID string, hash []byte) (bool, error) {
	return s.won(ctx, "use backup code", `DELETE FROM backup_codes WHERE user_id = $1 AND hash = $2`, userID, blob(hash))
}

// CountBackupCodes implements storage.Factors.
func (s *Store) CountBackupCodes(ctx context.Context, userID string) (int, error) {
	var n int64
	err := s.row(ctx, "count backup codes", `SELECT COUNT(*) FROM backup_codes WHERE user_id = $1`, []any{userID}, &n)
	return int(n), err
}
