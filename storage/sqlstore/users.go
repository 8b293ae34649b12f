package sqlstore

import (
	"context"
	"time"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

const userColumns = `id, email, email_canonical, email_verified, password_hash, password_changed_at, status,
	profile, last_organization_id, last_login_at, managed_by, deleted_at, erase_at, version, created_at, updated_at`

func userDest(u *storage.User) []any {
	return []any{
		&u.ID, &u.Email, &u.EmailCanonical, &u.EmailVerified, &u.PasswordHash, &u.PasswordChangedAt,
		(*string)(&u.Status),
		engine.JSON{V: &u.Profile},
		&u.LastOrganizationID, &u.LastLoginAt, &u.ManagedBy, &u.DeletedAt, &u.EraseAt,
		&u.Version, &u.CreatedAt, &u.UpdatedAt,
	}
}

// personColumns are a user's without the password's hash, for whatever reads
// people by the way or many of them.
const personColumns = `u.id, u.email, u.email_canonical, u.email_verified, u.password_changed_at, u.status, u.profile,
	u.last_organization_id, u.last_login_at, u.managed_by, u.deleted_at, u.erase_at, u.version, u.created_at, u.updated_at`

func personDest(u *storage.User) []any {
	return []any{
		&u.ID, &u.Email, &u.EmailCanonical, &u.EmailVerified, &u.PasswordChangedAt, (*string)(&u.Status),
		engine.JSON{V: &u.Profile},
		&u.LastOrganizationID, &u.LastLoginAt, &u.ManagedBy, &u.DeletedAt, &u.EraseAt,
		&u.Version, &u.CreatedAt, &u.UpdatedAt,
	}
}

func scanPerson(scan engine.Scan) (u storage.User, err error) {
	err = scan(personDest(&u)...)
	return u, err
}

func scanUser(scan engine.Scan) (u storage.User, err error) {
	err = scan(userDest(&u)...)
	return u, err
}

// InsertUser implements storage.Users.
func (s *Store) InsertUser(ctx context.Context, u storage.User) error {
	_, err := s.exec(ctx, "insert user", `INSERT INTO users (`+userColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
		u.ID, u.Email, u.EmailCanonical, u.EmailVerified, u.PasswordHash, u.PasswordChangedAt, u.Status,
		engine.JSON{V: u.Profile}, u.LastOrganizationID, u.LastLoginAt, u.ManagedBy, u.DeletedAt, u.EraseAt,
		u.Version, u.CreatedAt, u.UpdatedAt)
	return err
}

// UserByID implements storage.Users.
func (s *Store) UserByID(ctx context.Context, id string) (u storage.User, err error) {
	err = s.row(ctx, "user by id", `SELECT `+userColumns+` FROM users WHERE id = $1`, []any{id}, userDest(&u)...)
	return u, err
}

// UserByEmail implements storage.Users.
func (s *Store) UserByEmail(ctx context.Context, canonical string) (u storage.User, err error) {
	err = s.row(ctx, "user by email", `SELECT `+userColumns+` FROM users WHERE email_canonical = $1`,
		[]any{canonical}, userDest(&u)...)
	return u, err
}

// UpdateUser implements storage.Users.
func (s *Store) UpdateUser(ctx context.Context, u storage.User) error {
	return s.must(ctx, "update user", storage.ErrVersion, `UPDATE users SET
		email = $3, email_canonical = $4, email_verified = $5, password_hash = $6, password_changed_at = $7,
		status = $8, profile = $9, managed_by = $10, updated_at = $11, deleted_at = $12, erase_at = $13, version = version + 1
		WHERE id = $1 AND version = $2`,
		u.ID, u.Version, u.Email, u.EmailCanonical, u.EmailVerified, u.PasswordHash, u.PasswordChangedAt,
		u.Status, engine.JSON{V: u.Profile}, u.ManagedBy, u.UpdatedAt, u.DeletedAt, u.EraseAt)
}

// SetPasswordHash implements storage.Users. It raises the version: an update
// that was decided on the old row must not bring the old hash back.
func (s *Store) SetPasswordHash(ctx context.Context, userID, from, to string) error {
	_, err := s.exec(ctx, "set password hash",
		`UPDATE users SET password_hash = $3, version = version + 1 WHERE id = $1 AND password_hash = $2`, userID, from, to)
	return err
}

// TouchLogin implements storage.Users.
func (s *Store) TouchLogin(ctx context.Context, userID, organizationID string, at time.Time) error {
	return s.must(ctx, "touch login", storage.ErrNotFound, `UPDATE users SET last_organization_id = $2,
		last_login_at = CASE WHEN last_login_at < $3 THEN $3 ELSE last_login_at END WHERE id = $1`,
		userID, organizationID, at)
}

// ListUsers implements storage.Users.
func (s *Store) ListUsers(ctx context.Context, after string, limit int) ([]storage.User, error) {
	return rows(ctx, s, "list users", `SELECT `+userColumns+` FROM users WHERE id > $1 ORDER BY id LIMIT $2`,
		[]any{after, page(limit)}, scanUser)
}

// LockUser implements storage.Users.
func (s *Store) LockUser(ctx context.Context, id string) error {
	return s.must(ctx, "lock user", storage.ErrNotFound, `UPDATE users SET version = version WHERE id = $1`, id)
}
