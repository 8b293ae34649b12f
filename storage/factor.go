package storage

import (
	"context"
	"time"
)

// The kinds of second factor. Backup codes are no rows here: they hang on their
// person (Factors.ReplaceBackupCodes).
const (
	FactorTOTP     = "totp"
	FactorEmail    = "email"
	FactorSMS      = "sms"
	FactorWebAuthn = "webauthn"
)

// Factor is something a person can prove besides a password, or instead of one.
type Factor struct {
	ID     string
	UserID string
	Type   string
	Name   string // what the person calls it
	// Sealed is what proves it: the secret, the address, the credential.
	Sealed []byte
	// CredentialID is the WebAuthn credential's, unique; nil for other kinds.
	CredentialID []byte
	// Position only grows: the last time step that was accepted, the
	// authenticator's signature counter.
	Position   int64
	CreatedAt  time.Time
	VerifiedAt time.Time // zero: set up and not confirmed; it counts for nothing
	LastUsedAt time.Time
}

// Factors keeps second factors and backup codes.
type Factors interface {
	InsertFactor(ctx context.Context, f Factor) error // ErrConflict when the credential is known
	// FactorByID returns a factor of the person; anybody else's is ErrNotFound.
	FactorByID(ctx context.Context, userID, id string) (Factor, error)
	FactorByCredential(ctx context.Context, credentialID []byte) (Factor, error)
	// FactorsOf lists a person's factors, oldest first, unconfirmed ones too.
	FactorsOf(ctx context.Context, userID string) ([]Factor, error)
	// CountFactors counts a person's confirmed factors.
	CountFactors(ctx context.Context, userID string) (int, error)
	// UpdateFactor writes Name, Sealed, CredentialID, Position, VerifiedAt and
	// LastUsedAt, if the position still is from; it says whether it did.
	// ErrConflict when the credential is another factor's.
	UpdateFactor(ctx context.Context, f Factor, from int64) (won bool, err error)
	// DeleteFactor removes one and says whether it was there.
	DeleteFactor(ctx context.Context, userID, id string) (won bool, err error)
	// ReplaceBackupCodes puts new codes, as keyed hashes, in place of all old ones.
	ReplaceBackupCodes(ctx context.Context, userID string, hashes [][]byte) error
	// UseBackupCode uses a code up and says whether this call was the one that did.
	UseBackupCode(ctx context.Context, userID string, hash []byte) (won bool, err error)
	CountBackupCodes(ctx context.Context, userID string) (int, error)
}

// Device is a browser or program that a person has signed in with.
type Device struct {
	ID         string
	UserID     string
	Hash       []byte // keyed hash of the secret in its cookie
	Name       string
	UserAgent  string
	IPAddress  string
	CreatedAt  time.Time
	LastSeenAt time.Time
	// TrustedUntil is until when no second factor is asked for on it.
	TrustedUntil time.Time
	Expiry       time.Time
}

// Devices keeps devices.
type Devices interface {
	// PutDevice inserts a device, or writes everything but ID and CreatedAt of
	// the one with that person and hash.
	PutDevice(ctx context.Context, d Device) error
	// DeviceByHash returns the person's device; ErrNotFound for anybody else's.
	DeviceByHash(ctx context.Context, userID string, hash []byte) (Device, error)
	// DevicesOf lists a person's devices, the one seen last first, at most limit.
	DevicesOf(ctx context.Context, userID string, limit int) ([]Device, error)
	// CountDevices counts a person's devices.
	CountDevices(ctx context.Context, userID string) (int, error)
	// DeleteDevice forgets one and says whether it was there.
	DeleteDevice(ctx context.Context, userID, id string) (won bool, err error)
	// DistrustDevices ends the trust in all of a person's devices and returns in
	// how many there was some at at.
	DistrustDevices(ctx context.Context, userID string, at time.Time) (int64, error)
}

// Whom an MFA policy is for.
const (
	PolicySystem       = "system"
	PolicyOrganization = "organization"
	PolicyUser         = "user"
)

// MFAPolicy says which second factors are asked of whom.
type MFAPolicy struct {
	Scope   string // PolicySystem, PolicyOrganization, PolicyUser
	Subject string // id of the organization or user; empty for the system
	// Requirement is disabled, optional, recommended or required.
	Requirement string
	// Enforcement names what it is for: login, sensitive_operations,
	// suspicious_login.
	Enforcement []string
	Methods     []string // allowed kinds; nil: all
	GraceDays   int64
	Exceptions  []string // user ids it does not bind
	// Relaxes says that it may ask for less than those above it (user only).
	Relaxes bool
	// Since is when it began to ask for this much: the grace runs from here.
	Since     time.Time
	UpdatedAt time.Time
	UpdatedBy string
}

// MFAPolicies keeps policies.
type MFAPolicies interface {
	PutMFAPolicy(ctx context.Context, p MFAPolicy) error
	MFAPolicy(ctx context.Context, scope, subject string) (MFAPolicy, error)
	DeleteMFAPolicy(ctx context.Context, scope, subject string) error
	// MFAPoliciesOf lists those that touch a person: the system's, those of the
	// organizations they belong to, their own.
	MFAPoliciesOf(ctx context.Context, userID string) ([]MFAPolicy, error)
}
