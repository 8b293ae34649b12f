package gateway

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	exact "github.com/go-jose/go-jose/v4/json"
)

// Claims are what a verified access token says (RFC 9068 §2.2).
type Claims struct {
	Issuer    string
	Subject   string // the person, or the client itself (client credentials)
	Audience  []string
	Expiry    time.Time
	IssuedAt  time.Time
	JTI       string
	ClientID  string
	Scope     []string
	AuthTime  time.Time // when the person signed in; zero for services
	ACR       string    // aal1, aal2, aal3
	AMR       []string  // RFC 8176
	SessionID string    // sid; empty for services
	GrantID   string    // gid
	// OrgID and OrgSlug name the one organization that the token acts in.
	OrgID, OrgSlug string
	// Roles: those in the organization by bare name, system roles as
	// system:NAME.
	Roles []string
	// Permissions is nil unless the token was issued with the scope permissions
	// and they fit.
	Permissions []string
	// KeyID is the key that signed the token.
	KeyID string
	// FeedPosition is the revocation feed's position that the token's claims
	// are as old as (pe).
	FeedPosition int64

	raw []byte
}

// HasScope says whether the token holds a scope.
func (c *Claims) HasScope(scope string) bool { return slices.Contains(c.Scope, scope) }

// HasRole says whether the token holds a role; system roles as system:NAME.
func (c *Claims) HasRole(role string) bool { return slices.Contains(c.Roles, role) }

// HasPermission says whether the token itself holds a permission.
func (c *Claims) HasPermission(p string) bool { return slices.Contains(c.Permissions, p) }

// Person says whether a person is behind the token, not a service alone.
func (c *Claims) Person() bool { return c.SessionID != "" }

// Unmarshal decodes all claims of the token into v, for those this package
// does not know (claim rules).
func (c *Claims) Unmarshal(v any) error { return json.Unmarshal(c.raw, v) }

// wire is the claims as they travel.
type wire struct {
	Issuer      string      `json:"iss"`
	Subject     string      `json:"sub"`
	Audience    textOrTexts `json:"aud"`
	Expiry      int64       `json:"exp"`
	IssuedAt    int64       `json:"iat"`
	NotBefore   int64       `json:"nbf"`
	JTI         string      `json:"jti"`
	ClientID    string      `json:"client_id"`
	Scope       string      `json:"scope"`
	AuthTime    int64       `json:"auth_time"`
	ACR         string      `json:"acr"`
	AMR         texts       `json:"amr"`
	SID         string      `json:"sid"`
	GID         string      `json:"gid"`
	OrgID       string      `json:"org_id"`
	OrgSlug     string      `json:"org_slug"`
	Roles       texts       `json:"roles"`
	RolesForm   string      `json:"roles_form"`
	Permissions texts       `json:"permissions"`
	PE          int64       `json:"pe"`
}

// texts is a list of strings and nothing else: encoding/json takes null for "".
type texts []string

// UnmarshalJSON implements json.Unmarshaler.
func (t *texts) UnmarshalJSON(b []byte) error {
	var list []*string
	if err := json.Unmarshal(b, &list); err != nil || list == nil {
		return err
	}
	*t = make(texts, len(list))
	for i, s := range list {
		if s == nil {
			return errClaims
		}
		(*t)[i] = *s
	}
	return nil
}

// textOrTexts is a string or a list of strings (RFC 7519 §4.1.3).
type textOrTexts []string

// UnmarshalJSON implements json.Unmarshaler.
func (a *textOrTexts) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*a = textOrTexts{""}
		return json.Unmarshal(b, &(*a)[0])
	}
	return (*texts)(a).UnmarshalJSON(b)
}

var errClaims = errors.New("a required claim is missing or malformed")

// maxNumber is where verifiers in other languages begin to round (RFC 8259 §6).
const maxNumber = 1 << 53

// maxTime keeps times within what time.Time can add to.
const maxTime = 1 << 40

// parseClaims reads a payload whose signature was checked.
func parseClaims(payload []byte, keyID string) (*Claims, error) {
	var w wire
	// Names count to the letter and only once (RFC 7519 §4): encoding/json would
	// take "Roles" for "roles", and the last of two; verifiers in other
	// languages would not.
	if !utf8.Valid(payload) || exact.Unmarshal(payload, &w) != nil {
		return nil, errClaims
	}
	for _, n := range []int64{w.Expiry, w.IssuedAt, w.NotBefore, w.AuthTime, w.PE} {
		if n <= -maxNumber || n >= maxNumber {
			return nil, errClaims
		}
	}
	if w.Issuer == "" || w.Subject == "" || w.JTI == "" || len(w.Audience) == 0 || w.Expiry <= 0 || w.Expiry > maxTime ||
		w.IssuedAt > maxTime || w.NotBefore > maxTime {
		return nil, errClaims
	}
	c := &Claims{
		Issuer: w.Issuer, Subject: w.Subject, Audience: w.Audience, Expiry: time.Unix(w.Expiry, 0).UTC(),
		IssuedAt: time.Unix(max(w.IssuedAt, w.NotBefore), 0).UTC(), JTI: w.JTI, ClientID: w.ClientID, Scope: scopes(w.Scope),
		ACR: w.ACR, AMR: w.AMR, SessionID: w.SID, GrantID: w.GID, OrgID: w.OrgID, OrgSlug: w.OrgSlug,
		Permissions: w.Permissions, KeyID: keyID, FeedPosition: w.PE, raw: payload,
	}
	if w.AuthTime > 0 && w.AuthTime < maxTime {
		c.AuthTime = time.Unix(w.AuthTime, 0).UTC()
	}
	switch w.RolesForm {
	case "":
		c.Roles = w.Roles
	case rolesBare:
		c.Roles = marked(w.Roles)
	default:
		return nil, errClaims
	}
	return c, nil
}

// scopes splits at spaces and at nothing else (RFC 6749 §3.3).
func scopes(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' })
}

// A server that writes roles as an older system did (system roles bare, those
// of the organization as org:NAME) marks its tokens so.
const (
	rolesBare    = "bare"
	systemPrefix = "system:"
	orgPrefix    = "org:"
)

func marked(roles []string) []string {
	out := make([]string, len(roles))
	for i, r := range roles {
		if name, ok := strings.CutPrefix(r, orgPrefix); ok {
			out[i] = name
		} else {
			out[i] = systemPrefix + r
		}
	}
	return out
}
