package storage

import (
	"context"
	"time"
)

// Gate is a named set of rules by which /auth/validate judges tokens for a
// gateway. What is empty asks for nothing.
type Gate struct {
	Name           string
	Audience       string
	Scopes         []string // all of them
	Roles          []string // one of them; system roles as system:NAME
	OrganizationID string
	ACR            string
	MaxAge         time.Duration // since the person signed in
	// Style is empty, or "auth-request" for gateways that know 200, 401 and 403
	// only.
	Style     string
	ManagedBy string
	Version   int64
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Gates keeps gates. Changes raise the configuration version.
type Gates interface {
	PutGate(ctx context.Context, g Gate) error
	GateByName(ctx context.Context, name string) (Gate, error)
	// ListGates pages gates by name.
	ListGates(ctx context.Context, after string, limit int) ([]Gate, error)
	DeleteGate(ctx context.Context, name string) error
}
