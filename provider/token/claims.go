package token

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Claims are the claims of an access token (RFC 9068 §2.2 and design §3).
type Claims struct {
	Issuer   string   // iss
	Subject  string   // sub: the user, or the client for client_credentials
	Audience []string // aud; written as a plain string when single
	Expiry   time.Time
	IssuedAt time.Time // iat, and nbf
	JTI      string
	ClientID string
	Scope    []string
	AuthTime time.Time // zero when no person is behind the token
	ACR      string
	AMR      []string
	SID      string // the login session
	GID      string // the grant
	OrgID    string // the active organization
	OrgSlug  string
	Roles    []string // bare names of the organization's, system:NAME
	// BareRoles writes the roles as the previous system did, system roles bare
	// and the organization's as org:NAME, and marks the token so that they are
	// read back as what they are.
	BareRoles bool
	// Permissions is written only with the scope permissions; PermissionsOmitted
	// says that they were left out for their size.
	Permissions        []string
	PermissionsOmitted bool
	// PE is the feed position read before the roles and states in this token.
	PE int64
	// Extra holds what claim rules added. It never overrides a claim above.
	Extra map[string]any
}

// HasScope says whether the token holds a scope.
func (c *Claims) HasScope(scope string) bool { return slices.Contains(c.Scope, scope) }

// HasAudience says whether the token is meant for an audience.
func (c *Claims) HasAudience(aud string) bool { return slices.Contains(c.Audience, aud) }

// Person says whether a person is behind the token (not a service alone).
func (c *Claims) Person() bool { return c.SID != "" }

// reserved are the names that Extra may not take.
func reserved(name string) bool {
	switch name {
	case "iss", "sub", "aud", "exp", "iat", "nbf", "jti", "client_id", "scope", "auth_time", "acr", "amr",
		"sid", "gid", "org_id", "org_slug", "roles", rolesForm, "permissions", "permissions_omitted", "pe", "cnf", "act":
		return true
	}
	return false
}

// Reserved says whether a claim name is one of ours, so that no claim rule may write it.
func Reserved(name string) bool { return reserved(name) }

// appendJSON writes the claims as a JSON object. It is written by hand because
// it runs for every token issued: a map and encoding/json cost several times more.
func (c *Claims) appendJSON(b []byte) ([]byte, error) {
	b = append(b, `{"iss":`...)
	b = appendString(b, c.Issuer)
	b = append(b, `,"sub":`...)
	b = appendString(b, c.Subject)
	b = append(b, `,"aud":`...)
	if len(c.Audience) == 1 {
		b = appendString(b, c.Audience[0])
	} else {
		b = appendStrings(b, c.Audience)
	}
	iat := c.IssuedAt.Unix()
	b = append(b, `,"exp":`...)
	b = strconv.AppendInt(b, c.Expiry.Unix(), 10)
	b = append(b, `,"iat":`...)
	b = strconv.AppendInt(b, iat, 10)
	b = append(b, `,"nbf":`...)
	b = strconv.AppendInt(b, iat, 10)
	b = append(b, `,"jti":`...)
	b = appendString(b, c.JTI)
	b = append(b, `,"client_id":`...)
	b = appendString(b, c.ClientID)
	b = append(b, `,"scope":`...)
	b = appendJoined(b, c.Scope)
	if !c.AuthTime.IsZero() {
		b = append(b, `,"auth_time":`...)
		b = strconv.AppendInt(b, c.AuthTime.Unix(), 10)
	}
	b = appendMember(b, "acr", c.ACR)
	if len(c.AMR) > 0 {
		b = append(b, `,"amr":`...)
		b = appendStrings(b, c.AMR)
	}
	b = appendMember(b, "sid", c.SID)
	b = appendMember(b, "gid", c.GID)
	b = appendMember(b, "org_id", c.OrgID)
	b = appendMember(b, "org_slug", c.OrgSlug)
	b = append(b, `,"roles":`...)
	if c.BareRoles {
		b = appendStrings(b, bare(c.Roles))
		b = appendMember(b, rolesForm, rolesBare)
	} else {
		b = appendStrings(b, c.Roles)
	}
	if c.Permissions != nil {
		b = append(b, `,"permissions":`...)
		b = appendStrings(b, c.Permissions)
	}
	if c.PermissionsOmitted {
		b = append(b, `,"permissions_omitted":true`...)
	}
	b = append(b, `,"pe":`...)
	b = strconv.AppendInt(b, c.PE, 10)
	if len(c.Extra) > 0 {
		names := make([]string, 0, len(c.Extra))
		for name := range c.Extra {
			if !reserved(name) {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		for _, name := range names {
			v, err := json.Marshal(c.Extra[name])
			if err != nil {
				return nil, fmt.Errorf("token: claim %q: %w", name, err)
			}
			b = append(b, ',')
			b = appendString(b, name)
			b = append(b, ':')
			b = append(b, v...)
		}
	}
	return append(b, '}'), nil
}

func appendMember(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	b = append(b, ',', '"')
	b = append(b, name...)
	b = append(b, '"', ':')
	return appendString(b, value)
}

func appendStrings(b []byte, list []string) []byte {
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, s)
	}
	return append(b, ']')
}

// appendJoined writes the strings as one, with spaces between (RFC 9068 §2.2.3).
func appendJoined(b []byte, list []string) []byte {
	b = append(b, '"')
	for i, s := range list {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, s...) // scope tokens need no escaping: RFC 6749 §3.3 leaves out '"' and '\'
	}
	return append(b, '"')
}

// appendString writes a JSON string; the rare one that needs escaping goes
// through encoding/json.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			quoted, err := json.Marshal(s)
			if err != nil { // cannot happen for a string
				return append(b, `""`...)
			}
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// wire is the form in which claims are read back.
type wire struct {
	Issuer             string   `json:"iss"`
	Subject            string   `json:"sub"`
	Audience           audience `json:"aud"`
	Expiry             *int64   `json:"exp"`
	IssuedAt           int64    `json:"iat"`
	NotBefore          int64    `json:"nbf"`
	JTI                string   `json:"jti"`
	ClientID           string   `json:"client_id"`
	Scope              string   `json:"scope"`
	AuthTime           int64    `json:"auth_time"`
	ACR                string   `json:"acr"`
	AMR                []string `json:"amr"`
	SID                string   `json:"sid"`
	GID                string   `json:"gid"`
	OrgID              string   `json:"org_id"`
	OrgSlug            string   `json:"org_slug"`
	Roles              []string `json:"roles"`
	RolesForm          string   `json:"roles_form"`
	Permissions        []string `json:"permissions"`
	PermissionsOmitted bool     `json:"permissions_omitted"`
	PE                 int64    `json:"pe"`
	Email              string   `json:"email"`
	Gate               string   `json:"gate"`
	Name               string   `json:"name"`
	PreferredUsername  string   `json:"preferred_username"`
}

type audience []string

// UnmarshalJSON reads a string or an array of strings (RFC 7519 §4.1.3).
func (a *audience) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*a = audience{s}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(a))
}
