package storage

import (
	"context"
	"encoding/json"
	"time"
)

// ClientMetadata are a client's members, named as in RFC 7591 §2 (OpenID
// Connect Registration §2) where they have a name there. It is kept as one
// JSON document: a client is read whole or not at all.
type ClientMetadata struct {
	ClientName                       string          `json:"client_name,omitempty"`
	ApplicationType                  string          `json:"application_type,omitempty"` // web (default) or native
	RedirectURIs                     []string        `json:"redirect_uris,omitempty"`
	PostLogoutRedirectURIs           []string        `json:"post_logout_redirect_uris,omitempty"`
	GrantTypes                       []string        `json:"grant_types,omitempty"`
	ResponseTypes                    []string        `json:"response_types,omitempty"`
	Scope                            string          `json:"scope,omitempty"`
	Audience                         []string        `json:"audience,omitempty"` // resources the client may ask for; the first is its default
	TokenEndpointAuthMethod          string          `json:"token_endpoint_auth_method,omitempty"`
	TokenEndpointAuthSigningAlg      string          `json:"token_endpoint_auth_signing_alg,omitempty"`
	JWKS                             json.RawMessage `json:"jwks,omitempty"`
	JWKSURI                          string          `json:"jwks_uri,omitempty"`
	IDTokenSignedResponseAlg         string          `json:"id_token_signed_response_alg,omitempty"`
	AccessTokenSigningAlg            string          `json:"access_token_signing_alg,omitempty"`
	RequestObjectSigningAlg          string          `json:"request_object_signing_alg,omitempty"`
	DefaultMaxAge                    *int64          `json:"default_max_age,omitempty"` // seconds
	RequireAuthTime                  bool            `json:"require_auth_time,omitempty"`
	BackchannelLogoutURI             string          `json:"backchannel_logout_uri,omitempty"`
	BackchannelLogoutSessionRequired bool            `json:"backchannel_logout_session_required,omitempty"`
	LogoURI                          string          `json:"logo_uri,omitempty"`
	ClientURI                        string          `json:"client_uri,omitempty"`
	PolicyURI                        string          `json:"policy_uri,omitempty"`
	TOSURI                           string          `json:"tos_uri,omitempty"`
	InitiateLoginURI                 string          `json:"initiate_login_uri,omitempty"`
	Contacts                         []string        `json:"contacts,omitempty"`

	// Signet's own members.
	FirstParty          bool        `json:"first_party,omitempty"` // no consent page
	JSONLogin           bool        `json:"json_login,omitempty"`  // served by /auth/login and /auth/refresh
	CORSOrigins         []string    `json:"cors_origins,omitempty"`
	Roles               []string    `json:"roles,omitempty"`                 // of the client itself, in its organization
	IDTokenClaims       string      `json:"id_token_claims,omitempty"`       // "" (scope claims too) or "minimal"
	AccessTokenLifetime int64       `json:"access_token_lifetime,omitempty"` // seconds; 0: the default
	ClaimRules          []ClaimRule `json:"claim_rules,omitempty"`
}

// ClaimRule adds or renames a claim of a client's tokens, declaratively.
type ClaimRule struct {
	// Claim is the name written.
	Claim string `json:"claim"`
	// From names the claim or user attribute that is copied; Value is a
	// constant. Exactly one of the two is set.
	From  string `json:"from,omitempty"`
	Value any    `json:"value,omitempty"`
	// In lists where: "access_token", "id_token", "userinfo". Empty: access_token.
	In []string `json:"in,omitempty"`
}

// Client is a registered OAuth client.
type Client struct {
	ClientID       string
	OrganizationID string // empty: of the whole system
	Metadata       ClientMetadata
	Secrets        []ClientSecret // read along; written by PutClientSecret
	Disabled       bool
	ManagedBy      string
	Version        int64
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// ClientSecret is one live secret: a keyed hash of 256 random bits. Two live
// at once while one is being replaced.
type ClientSecret struct {
	ID        string
	Hash      []byte // names the key it was made with
	CreatedAt time.Time
	ExpiresAt time.Time // zero: does not expire
}

// Clients keeps clients. Every change also raises the configuration version
// (see Configuration), so that all replicas drop what they hold in memory.
type Clients interface {
	InsertClient(ctx context.Context, c Client) error
	ClientByID(ctx context.Context, clientID string) (Client, error)
	UpdateClient(ctx context.Context, c Client) error
	// DeleteClient removes the client with its secrets and what people have
	// consented to: another client of that name starts without.
	DeleteClient(ctx context.Context, clientID string) error
	ListClients(ctx context.Context, after string, limit int) ([]Client, error)
	PutClientSecret(ctx context.Context, clientID string, s ClientSecret) error
	DeleteClientSecret(ctx context.Context, clientID, id string) error
}

// Resource is an API that verifies tokens (RFC 8707).
type Resource struct {
	Identifier     string // absolute URI without fragment
	OrganizationID string
	Name           string
	Scopes         []ResourceScope
	SigningAlg     string        // empty: the client's, then the default
	TokenLifetime  time.Duration // 0: the client's, then the default
	Introspectors  []string      // client_ids that may introspect tokens for it
	ManagedBy      string
	Version        int64
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// ResourceScope is a scope that a resource defines.
type ResourceScope struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
}

// Resources keeps resources. Changes raise the configuration version.
type Resources interface {
	PutResource(ctx context.Context, r Resource) error
	ResourceByIdentifier(ctx context.Context, identifier string) (Resource, error)
	ListResources(ctx context.Context, after string, limit int) ([]Resource, error)
	DeleteResource(ctx context.Context, identifier string) error
}
