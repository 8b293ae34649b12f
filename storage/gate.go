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
	Style string
	// Fail is empty: while nobody can say whether a token was revoked, the gate
	// refuses; or "open-on-valid-signature": it lets in who has a good token.
	Fail string
	// Browser makes the gate a relying party of its own; nil: it judges bearer
	// tokens only.
	Browser   *GateBrowser
	ManagedBy string
	Version   int64
	CreatedAt time.Time
	UpdatedAt time.Time
}

// GateBrowser is how a gate treats people with browsers.
type GateBrowser struct {
	// Hosts are those the gate protects, as browsers know them: host or host:port.
	Hosts []string `json:"hosts"`
	// Redirect is empty, or "never": nobody is sent to sign in, the answer is 401
	// and says where.
	Redirect string `json:"redirect,omitempty"`
	// Lifetime is how long a cookie lives that nobody renews, in seconds; 0: the
	// default.
	Lifetime int64 `json:"lifetime,omitempty"`
}

// Gates keeps gates. Changes raise the configuration version.
type Gates interface {
	PutGate(ctx context.Context, g Gate) error
	GateByName(ctx context.Context, name string) (Gate, error)
	// ListGates pages gates by name.
	ListGates(ctx context.Context, after string, limit int) ([]Gate, error)
	DeleteGate(ctx context.Context, name string) error
}
