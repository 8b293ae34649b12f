package storage

import (
	"context"
	"time"
)

// UserStatus says whether an account may be used.
type UserStatus string

// The states of an account.
const (
	UserActive    UserStatus = "active"
	UserSuspended UserStatus = "suspended"
	UserDeleted   UserStatus = "deleted"
)

// User is one person's account. Whoever may see it decides the layer above.
type User struct {
	ID string
	// Email as the person wrote it; EmailCanonical is the one form used for
	// lookup, limits and locks, and is unique.
	Email          string
	EmailCanonical string
	EmailVerified  bool
	// PasswordHash is an encoded hash (PHC string, bcrypt, Django), or empty
	// when the account has no password.
	PasswordHash      string
	PasswordChangedAt time.Time
	Status            UserStatus
	// Profile holds the standard claims of OpenID Connect Core §5.1 (name,
	// given_name, locale, address, ...) other than sub and the e-mail ones.
	Profile map[string]any
	// LastOrganizationID is the organization active in the latest grant.
	LastOrganizationID string
	LastLoginAt        time.Time
	// ManagedBy names what created the row ("apply"), or is empty.
	ManagedBy string
	// DeletedAt is when the account was deleted, EraseAt when what it says of
	// its person will be erased; zero once that was done.
	DeletedAt time.Time
	EraseAt   time.Time
	Version   int64
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Users keeps accounts.
type Users interface {
	InsertUser(ctx context.Context, u User) error // ErrConflict when the address is taken
	UserByID(ctx context.Context, id string) (User, error)
	UserByEmail(ctx context.Context, canonical string) (User, error)
	// UpdateUser writes every column but what TouchLogin notes where Version
	// still matches, and raises it by one; ErrVersion otherwise.
	UpdateUser(ctx context.Context, u User) error
	// SetPasswordHash replaces a hash that was just verified by a stronger one
	// of the same password and raises the version; it does nothing when the
	// hash changed meanwhile.
	SetPasswordHash(ctx context.Context, userID, from, to string) error
	// TouchLogin notes the time of a login, never back, and the organization
	// then active; the version stays. ErrNotFound without such a user.
	TouchLogin(ctx context.Context, userID, organizationID string, at time.Time) error
	// LockUser keeps others from changing the account until the running
	// transaction ends; ErrNotFound without such a user. It is the guard row of
	// rules that span a person's rows.
	LockUser(ctx context.Context, id string) error
	// ListUsers pages by id: rows with an id above after, at most limit (1..500).
	ListUsers(ctx context.Context, after string, limit int) ([]User, error)
}
