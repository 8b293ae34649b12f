package client

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"

	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/oauth/redirect"
	"github.com/signet-idp/signet/provider/token"
	"github.com/signet-idp/signet/storage"
)

// Bounds of a registration.
const (
	maxClientID      = 128
	maxURIs          = 50
	maxURI           = 2048
	maxScopes        = 100
	maxScope         = 128
	maxAudience      = 20
	maxKeys          = 10
	maxJWKS          = 16 << 10
	maxContacts      = 10
	maxOrigins       = 20
	maxRules         = 32
	maxRuleValue     = 1 << 10
	maxClientName    = 200
	maxClientRoles   = 16
	maxLifetime      = 24 * 60 * 60     // seconds
	maxMaxAge        = 10 * 365 * 86400 // seconds
	minRSAModulus    = 2048 / 8         // bytes
	maxRSAModulus    = 8192 / 8
	defaultUserScope = "openid profile email"
)

// OwnPages is the client that events and sessions name when somebody signs in to
// a page of ours. No client is registered by it, and none can be.
const OwnPages = "signet-account"

// GatePrefix begins the ids of the clients that gates for browsers are.
const GatePrefix = "gate:"

// ValidID says whether id may be a client_id: 1 to 128 of A-Z a-z 0-9 . _ ~ :
// and -, not in the form of a UUID, and neither OwnPages nor a gate's. A service's token has its client_id as
// sub, which must never be a person's id; and it stands in URL paths.
func ValidID(id string) bool {
	if id == "" || id == OwnPages || strings.HasPrefix(id, GatePrefix) || len(id) > maxClientID || strings.Trim(id, ".") == "" {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("._~:-", c) >= 0) {
			return false
		}
	}
	return uuid.Validate(id) != nil
}

// OwnScope says whether a scope opens Signet's own APIs: only a system
// administrator registers a client for those.
func OwnScope(scope string) bool {
	switch scope {
	case "account", "organizations", "admin", "permissions:read", "users:contact", "activity:write", "revocations:read", "events:read", "metrics:read":
		return true
	}
	return false
}

// Normalize checks a client's metadata (RFC 7591 §2, OpenID Connect
// Registration §2) and returns it with defaults filled in; fault.Invalid names
// every member that is wrong. Which roles and resources exist is not looked at.
func Normalize(m storage.ClientMetadata) (storage.ClientMetadata, error) {
	v := &validation{}
	v.defaults(&m)
	v.grants(m)
	v.redirects(m)
	v.authentication(m)
	v.keys(m)
	v.algorithms(m)
	v.scopes(&m)
	v.display(m)
	v.own(m)
	v.claimRules(m.ClaimRules)
	if len(v.fields) > 0 {
		slices.SortStableFunc(v.fields, func(a, b fault.FieldError) int { return strings.Compare(a.Field, b.Field) })
		return m, &fault.Error{Code: fault.Invalid, Message: "the client metadata is not valid", Fields: v.fields}
	}
	return m, nil
}

type validation struct{ fields []fault.FieldError }

func (v *validation) wrong(field, format string, args ...any) {
	v.fields = append(v.fields, fault.FieldError{Field: field, Message: fmt.Sprintf(format, args...)})
}

// defaults fills in what RFC 7591 §2 says, and "web".
func (v *validation) defaults(m *storage.ClientMetadata) {
	if m.ApplicationType == "" {
		m.ApplicationType = "web"
	}
	if m.TokenEndpointAuthMethod == "" {
		m.TokenEndpointAuthMethod = AuthBasic
	}
	if len(m.GrantTypes) == 0 {
		m.GrantTypes = []string{GrantCode}
	}
	if len(m.ResponseTypes) == 0 && slices.Contains(m.GrantTypes, GrantCode) {
		m.ResponseTypes = []string{"code"}
	}
	if m.Scope == "" && slices.Contains(m.GrantTypes, GrantCode) {
		m.Scope = defaultUserScope
	}
}

func (v *validation) grants(m storage.ClientMetadata) {
	v.oneOf("application_type", m.ApplicationType, "web", redirect.Native)
	for i, g := range m.GrantTypes {
		v.oneOf(item("grant_types", i), g, GrantCode, GrantRefresh, GrantClient)
	}
	v.distinct("grant_types", m.GrantTypes, 3)
	code, refresh := slices.Contains(m.GrantTypes, GrantCode), slices.Contains(m.GrantTypes, GrantRefresh)
	if slices.Contains(m.GrantTypes, GrantClient) && m.TokenEndpointAuthMethod == AuthNone {
		v.wrong("grant_types", "a public client cannot use client_credentials: it has nothing to authenticate with")
	}
	if refresh && !code && !m.JSONLogin {
		v.wrong("grant_types", "refresh_token needs authorization_code: nothing else gives a first refresh token")
	}
	for i, r := range m.ResponseTypes {
		v.oneOf(item("response_types", i), r, "code")
	}
	v.distinct("response_types", m.ResponseTypes, 1)
	if !code && len(m.ResponseTypes) > 0 {
		v.wrong("response_types", "the response type code needs the grant type authorization_code")
	}
}

func (v *validation) redirects(m storage.ClientMetadata) {
	if slices.Contains(m.GrantTypes, GrantCode) && len(m.RedirectURIs) == 0 {
		v.wrong("redirect_uris", "authorization_code needs at least one redirect URI")
	}
	v.distinct("redirect_uris", m.RedirectURIs, maxURIs)
	for i, u := range m.RedirectURIs {
		if err := redirect.Validate(u, m.ApplicationType); err != nil {
			v.wrong(item("redirect_uris", i), "%s", err)
		}
	}
	v.distinct("post_logout_redirect_uris", m.PostLogoutRedirectURIs, maxURIs)
	for i, u := range m.PostLogoutRedirectURIs {
		if err := redirect.Validate(u, m.ApplicationType); err != nil {
			v.wrong(item("post_logout_redirect_uris", i), "%s", err)
		}
	}
}

func (v *validation) authentication(m storage.ClientMetadata) {
	v.oneOf("token_endpoint_auth_method", m.TokenEndpointAuthMethod, AuthBasic, AuthPost, AuthNone, AuthPrivateKey)
	keyed := len(m.JWKS) > 0 || m.JWKSURI != ""
	if m.TokenEndpointAuthMethod == AuthPrivateKey && !keyed {
		v.wrong("token_endpoint_auth_method", "private_key_jwt needs jwks or jwks_uri")
	}
	if m.TokenEndpointAuthSigningAlg != "" {
		v.algorithm("token_endpoint_auth_signing_alg", m.TokenEndpointAuthSigningAlg)
		if m.TokenEndpointAuthMethod != AuthPrivateKey {
			v.wrong("token_endpoint_auth_signing_alg", "only private_key_jwt signs")
		}
	}
	if m.RequestObjectSigningAlg != "" && !keyed {
		v.wrong("request_object_signing_alg", "request objects need jwks or jwks_uri to be verified with")
	}
	if len(m.JWKS) > 0 && m.JWKSURI != "" {
		v.wrong("jwks_uri", "give jwks or jwks_uri, not both")
	}
	v.secureURI("jwks_uri", m.JWKSURI)
}

func (v *validation) keys(m storage.ClientMetadata) {
	if len(m.JWKS) == 0 {
		return
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if len(m.JWKS) > maxJWKS || json.Unmarshal(m.JWKS, &set) != nil || len(set.Keys) == 0 || len(set.Keys) > maxKeys {
		v.wrong("jwks", "a key set is an object with 1 to %d keys (RFC 7517 §5), at most %d bytes", maxKeys, maxJWKS)
		return
	}
	for i, raw := range set.Keys {
		var k jose.JSONWebKey
		field := item("jwks.keys", i)
		switch err := k.UnmarshalJSON(raw); {
		case err != nil || !k.Valid():
			v.wrong(field, "this is no key (RFC 7517 §4)")
		case !k.IsPublic():
			v.wrong(field, "give the public half only; the private one that was sent here must not be used any more")
		case !strongKey(raw):
			v.wrong(field, "an RSA key has 2048 to 8192 bits")
		}
	}
}

// strongKey says whether a key is not RSA or of a size that is safe and not
// absurd: verifying with a huge one costs us, not its owner.
func strongKey(raw json.RawMessage) bool {
	var k struct{ KTY, N string }
	if json.Unmarshal(raw, &k) != nil {
		return false
	}
	size := len(k.N) * 3 / 4 // base64url without padding
	return k.KTY != "RSA" || size >= minRSAModulus && size <= maxRSAModulus
}

func (v *validation) algorithms(m storage.ClientMetadata) {
	for field, alg := range map[string]string{
		"id_token_signed_response_alg": m.IDTokenSignedResponseAlg,
		"access_token_signing_alg":     m.AccessTokenSigningAlg,
		"request_object_signing_alg":   m.RequestObjectSigningAlg,
	} {
		if alg != "" {
			v.algorithm(field, alg)
		}
	}
}

func (v *validation) algorithm(field, alg string) {
	v.oneOf(field, alg, "RS256", "PS256", "ES256", "EdDSA")
}

func (v *validation) scopes(m *storage.ClientMetadata) {
	list := strings.Fields(m.Scope)
	if len(list) > maxScopes {
		v.wrong("scope", "at most %d scopes", maxScopes)
	}
	for _, s := range list[:min(len(list), maxScopes)] {
		if !ValidScope(s) {
			v.wrong("scope", "%.32q is no scope (RFC 6749 §3.3)", s)
		}
	}
	v.distinct("scope", list, maxScopes)
	m.Scope = strings.Join(list, " ")
	v.distinct("audience", m.Audience, maxAudience)
	for i, a := range m.Audience {
		if !ValidResource(a) {
			v.wrong(item("audience", i), "a resource is an absolute URI without a fragment (RFC 8707 §2)")
		}
	}
}

// ValidScope says whether s is one scope-token of RFC 6749 §3.3, of bounded length.
func ValidScope(s string) bool {
	if s == "" || len(s) > maxScope {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// ValidResource says whether s is a resource indicator: an absolute URI without
// a fragment (RFC 8707 §2), of bounded length.
func ValidResource(s string) bool {
	if len(s) > 255 || strings.ContainsFunc(s, notURI) || strings.Contains(s, "#") {
		return false
	}
	u, err := url.Parse(s)
	return err == nil && u.IsAbs() && u.User == nil && (u.Host != "" || u.Opaque != "")
}

func (v *validation) display(m storage.ClientMetadata) {
	if len(m.ClientName) > maxClientName || !utf8.ValidString(m.ClientName) || strings.ContainsFunc(m.ClientName, deceiving) {
		v.wrong("client_name", "a name is text of at most %d bytes, without control characters", maxClientName)
	}
	for field, u := range map[string]string{
		"logo_uri": m.LogoURI, "client_uri": m.ClientURI, "policy_uri": m.PolicyURI, "tos_uri": m.TOSURI,
		"initiate_login_uri": m.InitiateLoginURI, "backchannel_logout_uri": m.BackchannelLogoutURI,
	} {
		v.secureURI(field, u)
	}
	if m.BackchannelLogoutSessionRequired && m.BackchannelLogoutURI == "" {
		v.wrong("backchannel_logout_session_required", "there is no backchannel_logout_uri to call")
	}
	if len(m.Contacts) > maxContacts {
		v.wrong("contacts", "at most %d contacts", maxContacts)
	}
	for i, c := range m.Contacts {
		if c == "" || len(c) > 254 || !utf8.ValidString(c) || strings.ContainsFunc(c, deceiving) {
			v.wrong(item("contacts", i), "a contact is text of 1 to 254 bytes")
		}
	}
	if m.DefaultMaxAge != nil && (*m.DefaultMaxAge < 0 || *m.DefaultMaxAge > maxMaxAge) {
		v.wrong("default_max_age", "0 to %d seconds", maxMaxAge)
	}
}

// own checks Signet's own members.
func (v *validation) own(m storage.ClientMetadata) {
	if m.JSONLogin && !m.FirstParty {
		v.wrong("json_login", "only a first-party client takes people's passwords")
	}
	if len(m.CORSOrigins) > 0 && !m.JSONLogin {
		v.wrong("cors_origins", "origins are only for a client with json_login")
	}
	v.distinct("cors_origins", m.CORSOrigins, maxOrigins)
	for i, o := range m.CORSOrigins {
		if !validOrigin(o) {
			v.wrong(item("cors_origins", i), "an origin is https://host[:port] (http on loopback), without a path or a wildcard")
		}
	}
	v.distinct("roles", m.Roles, maxClientRoles)
	v.oneOf("id_token_claims", m.IDTokenClaims, "", "minimal")
	if m.AccessTokenLifetime < 0 || m.AccessTokenLifetime > maxLifetime {
		v.wrong("access_token_lifetime", "0 (the default) to %d seconds", maxLifetime)
	}
}

func (v *validation) claimRules(rules []storage.ClaimRule) {
	if len(rules) > maxRules {
		v.wrong("claim_rules", "at most %d rules", maxRules)
		return
	}
	for i, r := range rules {
		field := item("claim_rules", i)
		switch {
		case r.Claim == "" || len(r.Claim) > 255 || strings.ContainsFunc(r.Claim, notURI):
			v.wrong(field+".claim", "a claim's name is 1 to 255 visible characters")
		case token.Reserved(r.Claim) || protocolClaim(r.Claim):
			v.wrong(field+".claim", "%s means something to every verifier; no rule may write it", r.Claim)
		}
		if (r.From == "") == (r.Value == nil) {
			v.wrong(field, "give from or value, one of the two")
		}
		if len(r.From) > 255 || strings.ContainsFunc(r.From, notURI) {
			v.wrong(field+".from", "from is the name of a claim")
		}
		if b, err := json.Marshal(r.Value); err != nil || len(b) > maxRuleValue {
			v.wrong(field+".value", "a value is at most %d bytes of JSON", maxRuleValue)
		}
		for j, in := range r.In {
			v.oneOf(fmt.Sprintf("%s.in.%d", field, j), in, "access_token", "id_token", "userinfo")
		}
	}
}

// protocolClaim: names of ID token claims that a client acts upon.
func protocolClaim(name string) bool {
	switch name {
	case "nonce", "at_hash", "c_hash", "s_hash", "azp", "events", "sub_jwk", "_claim_names", "_claim_sources":
		return true
	}
	return false
}

func (v *validation) oneOf(field, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		v.wrong(field, "%.40q is not supported; use %s", value, strings.Join(slices.DeleteFunc(slices.Clone(allowed), func(s string) bool { return s == "" }), ", "))
	}
}

func (v *validation) distinct(field string, list []string, limit int) {
	if len(list) > limit {
		v.wrong(field, "at most %d", limit)
	}
	seen := make(map[string]struct{}, len(list))
	for _, s := range list {
		if _, twice := seen[s]; twice {
			v.wrong(field, "%.40q is listed twice", s)
			return
		}
		seen[s] = struct{}{}
	}
}

// secureURI checks an optional https URI; http is good enough on loopback.
func (v *validation) secureURI(field, s string) {
	if s == "" {
		return
	}
	u, err := url.Parse(s)
	ok := err == nil && len(s) <= maxURI && !strings.ContainsFunc(s, notURI) && u.User == nil && u.Host != "" && u.Fragment == "" &&
		(u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname()))
	if !ok {
		v.wrong(field, "an https URI (http on loopback) of at most %d bytes, without a user name or a fragment", maxURI)
	}
}

func validOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && len(s) <= maxURI && !strings.ContainsFunc(s, notURI) && !strings.Contains(s, "*") &&
		(u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname())) &&
		u.Hostname() != "" && s == strings.ToLower(u.Scheme+"://"+u.Host)
}

func loopback(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1"
}

func notURI(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"<>\^{|}`+"`", r) }

// deceiving: what makes a name look like another one on the consent page.
func deceiving(r rune) bool {
	return unicode.IsControl(r) || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069
}

func item(field string, i int) string { return fmt.Sprintf("%s.%d", field, i) }
