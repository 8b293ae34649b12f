// Package client knows the registered OAuth clients and the resources (APIs)
// they may ask tokens for. Registry answers from memory on every request;
// register.go and validate.go change what it answers.
package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/storage"
)

// Errors of the registry.
var (
	// ErrUnknown: there is no such client (or resource).
	ErrUnknown = errors.New("client: unknown")
	// ErrDisabled: the client exists and may not be used.
	ErrDisabled = errors.New("client: disabled")
)

// Defaults of RFC 7591 §2.
const (
	AuthBasic      = "client_secret_basic"
	AuthPost       = "client_secret_post"
	AuthNone       = "none"
	AuthPrivateKey = "private_key_jwt"

	GrantCode    = "authorization_code"
	GrantRefresh = "refresh_token"
	GrantClient  = "client_credentials"
)

// Client is a registered client, prepared for use. It is shared between
// requests and never changed.
type Client struct {
	storage.Client
	// OrganizationSlug is set when the client belongs to an organization.
	OrganizationSlug string
	scopes           map[string]struct{}
	scopeList        []string
}

// Public says whether the client cannot keep a secret.
func (c *Client) Public() bool { return c.AuthMethod() == AuthNone }

// AuthMethod is how the client authenticates at the token endpoint.
func (c *Client) AuthMethod() string {
	if c.Metadata.TokenEndpointAuthMethod == "" {
		return AuthBasic
	}
	return c.Metadata.TokenEndpointAuthMethod
}

// MayUse says whether the client is registered for a grant type.
func (c *Client) MayUse(grantType string) bool {
	if len(c.Metadata.GrantTypes) == 0 {
		return grantType == GrantCode
	}
	return slices.Contains(c.Metadata.GrantTypes, grantType)
}

// MayAsk says whether the client is registered for a scope.
func (c *Client) MayAsk(scope string) bool {
	_, ok := c.scopes[scope]
	return ok
}

// Scopes lists the registered scopes in their registered order. Not to be changed.
func (c *Client) Scopes() []string { return c.scopeList }

// Name is what people are shown.
func (c *Client) Name() string {
	if c.Metadata.ClientName != "" {
		return c.Metadata.ClientName
	}
	return c.ClientID
}

// IDTokenAlg is the algorithm of the client's ID tokens (OpenID Connect
// Registration §2: RS256 unless registered otherwise).
func (c *Client) IDTokenAlg() string {
	if c.Metadata.IDTokenSignedResponseAlg == "" {
		return "RS256"
	}
	return c.Metadata.IDTokenSignedResponseAlg
}

// SecretVerifier compares a presented secret with a stored keyed hash in
// constant time.
type SecretVerifier interface {
	VerifySecret(hash []byte, secret string) bool
}

// Store is what the registry reads.
type Store interface {
	ClientByID(ctx context.Context, clientID string) (storage.Client, error)
	ResourceByIdentifier(ctx context.Context, identifier string) (storage.Resource, error)
	OrganizationByID(ctx context.Context, id string) (storage.Organization, error)
}

// cached is one remembered answer; value nil: there is none.
type cached[T any] struct{ value *T }

// key carries the configuration version under which it was read, so that a
// change makes every older answer unreachable at once and a slow read that
// began before the change cannot bring an old answer back.
type key struct {
	version int64
	id      string
}

// Registry answers from memory which clients and resources there are. It is
// safe for concurrent use.
type Registry struct {
	store     Store
	secrets   SecretVerifier
	clock     clock.Clock
	dummy     []byte
	version   atomic.Int64
	clients   *otter.Cache[key, cached[Client]]
	resources *otter.Cache[key, cached[storage.Resource]]
}

// maxCached bounds each cache, and with it what a stranger who invents
// client_ids can make us remember.
const maxCached = 10_000

// NewRegistry makes a registry. dummy is the hash of a secret that nobody has:
// comparing with it costs what a real comparison does.
func NewRegistry(store Store, secrets SecretVerifier, clk clock.Clock, dummy []byte) (*Registry, error) {
	clients, err := otter.New(&otter.Options[key, cached[Client]]{MaximumSize: maxCached})
	if err != nil {
		return nil, fmt.Errorf("client: cache: %w", err)
	}
	resources, err := otter.New(&otter.Options[key, cached[storage.Resource]]{MaximumSize: maxCached})
	if err != nil {
		return nil, fmt.Errorf("client: cache: %w", err)
	}
	return &Registry{store: store, secrets: secrets, clock: clk, dummy: dummy, clients: clients, resources: resources}, nil
}

// Configure tells the registry the configuration version that the replica has
// seen; a higher one makes it read everything anew.
func (r *Registry) Configure(version int64) {
	for {
		old := r.version.Load()
		if version <= old || r.version.CompareAndSwap(old, version) {
			return
		}
	}
}

// Get returns a usable client: ErrUnknown when there is none, ErrDisabled when
// it may not be used.
func (r *Registry) Get(ctx context.Context, clientID string) (*Client, error) {
	k := key{r.version.Load(), clientID}
	hit, ok := r.clients.GetIfPresent(k)
	if !ok {
		c, err := r.load(ctx, clientID)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return nil, fmt.Errorf("client: get: %w", err)
		}
		hit = cached[Client]{c}
		r.clients.Set(k, hit)
	}
	switch {
	case hit.value == nil:
		return nil, ErrUnknown
	case hit.value.Disabled:
		return nil, ErrDisabled
	}
	return hit.value, nil
}

func (r *Registry) load(ctx context.Context, clientID string) (*Client, error) {
	row, err := r.store.ClientByID(ctx, clientID)
	if err != nil {
		return nil, err
	}
	c := &Client{Client: row, scopeList: strings.Fields(row.Metadata.Scope), scopes: map[string]struct{}{}}
	for _, s := range c.scopeList {
		c.scopes[s] = struct{}{}
	}
	if row.OrganizationID != "" {
		o, err := r.store.OrganizationByID(ctx, row.OrganizationID)
		if err != nil {
			return nil, err
		}
		c.OrganizationSlug = o.Slug
		c.Disabled = c.Disabled || o.Status != storage.OrganizationActive
	}
	return c, nil
}

// Resource returns a resource or ErrUnknown.
func (r *Registry) Resource(ctx context.Context, identifier string) (*storage.Resource, error) {
	k := key{r.version.Load(), identifier}
	hit, ok := r.resources.GetIfPresent(k)
	if !ok {
		res, err := r.store.ResourceByIdentifier(ctx, identifier)
		switch {
		case err == nil:
			hit = cached[storage.Resource]{&res}
		case !errors.Is(err, storage.ErrNotFound):
			return nil, fmt.Errorf("client: resource: %w", err)
		}
		r.resources.Set(k, hit)
	}
	if hit.value == nil {
		return nil, ErrUnknown
	}
	return hit.value, nil
}

// VerifySecret says whether secret is one of the client's live secrets. It
// takes as long for a client that is nil.
func (r *Registry) VerifySecret(c *Client, secret string) bool {
	if c == nil {
		r.secrets.VerifySecret(r.dummy, secret)
		return false
	}
	now, ok := r.clock.Now(), false
	for _, s := range c.Secrets {
		if live(s, now) && r.secrets.VerifySecret(s.Hash, secret) {
			ok = true
		}
	}
	if len(c.Secrets) == 0 {
		r.secrets.VerifySecret(r.dummy, secret)
	}
	return ok
}

func live(s storage.ClientSecret, now time.Time) bool {
	return s.ExpiresAt.IsZero() || now.Before(s.ExpiresAt)
}
