package apply

import "github.com/signet-idp/signet/storage"

// ManagedBy marks what a file created.
const ManagedBy = "apply"

// File is what a file declares. Names in JSON are those of the file.
type File struct {
	Organizations []Organization `json:"organizations,omitempty"`
	Roles         []Role         `json:"roles,omitempty"`
	Users         []User         `json:"users,omitempty"`
	Resources     []Resource     `json:"resources,omitempty"`
	Clients       []Client       `json:"clients,omitempty"`
	Gates         []Gate         `json:"gates,omitempty"`
	Webhooks      []Webhook      `json:"webhooks,omitempty"`

	name string
	at   map[string]position // where each path is written
}

// Organization is a tenant.
type Organization struct {
	ID      string         `json:"id,omitempty"` // a UUID to keep; given once, at creation
	Slug    string         `json:"slug"`
	Name    string         `json:"name"`
	Status  string         `json:"status,omitempty"` // empty: left as it is
	Profile map[string]any `json:"profile,omitempty"`
}

// Role is a custom role; without an organization it is a system role.
type Role struct {
	Name         string   `json:"name"`
	Organization string   `json:"organization,omitempty"` // slug
	Description  string   `json:"description,omitempty"`
	Permissions  []string `json:"permissions"`
}

// User is a person.
type User struct {
	ID            string       `json:"id,omitempty"` // a UUID to keep; given once, at creation
	Email         string       `json:"email"`
	EmailVerified *bool        `json:"email_verified,omitempty"`
	Password      string       `json:"password,omitempty"`
	PasswordHash  string       `json:"password_hash,omitempty"`
	Status        string       `json:"status,omitempty"` // empty: left as it is
	Organizations []Membership `json:"organizations,omitempty"`
	Roles         []string     `json:"roles,omitempty"` // system roles; nil: left as they are, "user" for a new account

	// Profile holds the standard claims, which stand beside the members above.
	Profile map[string]any `json:"-"`
}

// Membership is where a person belongs.
type Membership struct {
	Slug  string   `json:"slug"`
	Roles []string `json:"roles"`
}

// Resource is an API that verifies tokens.
type Resource struct {
	Identifier    string                  `json:"identifier"`
	Organization  string                  `json:"organization,omitempty"` // slug
	Name          string                  `json:"name,omitempty"`
	Scopes        []storage.ResourceScope `json:"scopes,omitempty"`
	SigningAlg    string                  `json:"signing_alg,omitempty"`
	TokenLifetime int64                   `json:"token_lifetime,omitempty"` // seconds
	Introspectors []string                `json:"introspectors,omitempty"`
}

// Gate is what /auth/validate/{name} asks of tokens.
type Gate struct {
	Name         string   `json:"name"`
	Audience     string   `json:"audience,omitempty"`
	Scopes       []string `json:"scopes,omitempty"`       // all of them
	Roles        []string `json:"roles,omitempty"`        // one of them
	Organization string   `json:"organization,omitempty"` // slug
	ACR          string   `json:"acr,omitempty"`
	MaxAge       int64    `json:"max_age,omitempty"` // seconds
	Style        string   `json:"style,omitempty"`
	Fail         string   `json:"fail,omitempty"`
	// Browser makes the gate sign people in who come with a browser.
	Browser *storage.GateBrowser `json:"browser,omitempty"`
}

// Client is an OAuth client; its members are named as in RFC 7591.
type Client struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret,omitempty"`
	Organization string `json:"organization,omitempty"` // slug
	Disabled     *bool  `json:"disabled,omitempty"`     // nil: left as it is
	storage.ClientMetadata
}
