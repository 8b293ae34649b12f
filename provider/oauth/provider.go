package oauth

import (
	"context"
	"crypto/rand"
	"io"
	"time"

	"github.com/ory/fosite"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/claims"
	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/provider/oauth/params"
	"github.com/signet-idp/signet/provider/session"
	"github.com/signet-idp/signet/provider/token"
	"github.com/signet-idp/signet/storage"
)

// Store is what the provider needs of storage.
type Store interface {
	storage.Grants
	storage.Once
	storage.LoginTransactions
	UserByID(ctx context.Context, id string) (storage.User, error)
	SystemRoles(ctx context.Context, userID string) ([]string, error)
	Membership(ctx context.Context, organizationID, userID string) (storage.Membership, error)
	MembershipsOf(ctx context.Context, userID, after string, limit int) ([]storage.Membership, error)
	OrganizationByID(ctx context.Context, id string) (storage.Organization, error)
	OrganizationBySlug(ctx context.Context, slug string) (storage.Organization, error)
	SessionByID(ctx context.Context, id string) (storage.Session, error)
	FeedHead(ctx context.Context) (storage.FeedHead, error)
	TouchLogin(ctx context.Context, userID, organizationID string, at time.Time) error
}

// DataKey makes keyed hashes that name their key (keys.Purpose).
type DataKey interface {
	MAC(data []byte) []byte
	VerifyMAC(mac, data []byte) bool
	Hash(data []byte) []byte
	HashAll(data []byte) [][]byte
}

// Hints verifies ID tokens given back to us, expired ones and those of keys
// long retired included.
type Hints interface {
	VerifyHint(compact string) (payload []byte, err error)
}

// Assertions verifies private_key_jwt client assertions (RFC 7523 §3).
type Assertions interface {
	VerifyAssertion(ctx context.Context, c *client.Client, compact string) (jti string, expiry time.Time, err error)
}

// RequestObjects verifies request objects passed by value (RFC 9101).
type RequestObjects interface {
	VerifyRequestObject(ctx context.Context, c *client.Client, compact string) (params.Form, error)
}

// Feed is the replica's position in the revocation feed.
type Feed interface {
	// Head is the position applied here, to what memory holds of clients and
	// roles as well.
	Head() int64
	// Sync returns when all that was committed before the call is applied.
	Sync(ctx context.Context) error
}

// Observer counts what was issued and refused.
type Observer interface {
	TokensIssued(to Recipient, took time.Duration)
	TokenError(to Recipient, code string)
}

// Recipient is whom a token is for.
type Recipient struct {
	Grant string // of RFC 6749, json_login or other
	// Client is nil where none has authenticated.
	Client *client.Client
}

// ClientType is public or confidential (RFC 6749 §2.1).
func (r Recipient) ClientType() string {
	if r.Client == nil || r.Client.Public() {
		return "public"
	}
	return "confidential"
}

// Lifetimes of what is issued.
type Lifetimes struct {
	AccessToken     time.Duration
	IDToken         time.Duration
	Code            time.Duration
	RefreshIdle     time.Duration // sliding
	RefreshRemember time.Duration // the same after a login with remember_me
	RefreshAbsolute time.Duration
	RefreshGrace    time.Duration
	// MaxAccessToken bounds what resources and clients may ask for; revocation
	// entries live this long plus the verifiers' skew.
	MaxAccessToken time.Duration
}

// Deps are what a Provider is made of.
type Deps struct {
	Issuer         string
	Store          Store
	Clients        *client.Registry
	Assertions     Assertions
	RequestObjects RequestObjects
	Minter         *token.Minter
	Verifier       *token.Verifier
	Signer         token.Signer // of ID tokens and logout tokens
	Hints          Hints
	Codes          DataKey
	Refresh        DataKey
	Claims         *claims.Builder
	Sessions       *session.Manager
	Change         change.Runner
	Observer       Observer
	Feed           Feed
	Clock          clock.Clock
	Rand           io.Reader // nil: crypto/rand
	Lifetimes      Lifetimes
	Legacy         Legacy
}

// Legacy are the switches for tokens of json_login clients (config group legacy).
type Legacy struct {
	// BareRoles writes system roles bare and organization roles as org:NAME.
	BareRoles bool
	// Opaque hands out sealed claims instead of a JWT.
	Opaque bool
}

// Provider is the authorization server. It is safe for concurrent use.
type Provider struct {
	Deps
	fosite *fosite.Fosite
}

// New makes a Provider.
func New(d Deps) *Provider {
	if d.Rand == nil {
		d.Rand = rand.Reader
	}
	p := &Provider{Deps: d}
	p.fosite = compose(p)
	return p
}
