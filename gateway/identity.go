package gateway

import (
	"net/http"
	"strconv"
	"strings"
)

// headers are the names under which upstreams learn who calls, as oauth2-proxy,
// Authelia and Signet's own /auth/validate name them.
func headers(c *Claims) [16][2]string {
	roles := joined(c.Roles, ",")
	var email struct {
		Email string `json:"email"`
	}
	expiry := ""
	if c.raw != nil {
		_ = c.Unmarshal(&email) // only if a claim rule put it into the token
		expiry = strconv.FormatInt(c.Expiry.Unix(), 10)
	}
	return [16][2]string{
		{"X-Auth-Request-User", c.Subject},
		{"X-Auth-Request-Email", email.Email},
		{"X-Auth-Request-Preferred-Username", ""},
		{"X-Auth-Request-Groups", roles},
		{"Remote-User", c.Subject},
		{"Remote-Email", email.Email},
		{"Remote-Name", ""},
		{"Remote-Groups", roles},
		{"X-Signet-Subject", c.Subject},
		{"X-Signet-Org", c.OrgID},
		{"X-Signet-Roles", roles},
		{"X-Signet-Scope", joined(c.Scope, " ")},
		{"X-Signet-Client", c.ClientID},
		{"X-Signet-Session", c.SessionID},
		{"X-Signet-Acr", c.ACR},
		{"X-Signet-Token-Exp", expiry},
	}
}

// SetIdentity writes who calls into the headers for an upstream: always all of
// the names, empty when unknown, so that nothing a client sent under them gets
// through. With no claims all are empty.
func SetIdentity(h http.Header, c *Claims) {
	if c == nil {
		c = &Claims{}
	}
	for _, v := range headers(c) {
		h[v[0]] = []string{visible(v[1])}
	}
	// Some servers take _ for -: a client must not get through in that form.
	for name := range h {
		if strings.Contains(name, "_") {
			if _, ours := h[http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))]; ours {
				delete(h, name)
			}
		}
	}
}

// maxHeader bounds one header, in bytes.
const maxHeader = 4 << 10

// joined is a list that fits a header: what does not fit is left out, since half
// the name of a role may be the name of another.
func joined(list []string, separator string) string {
	size := 0
	for i, s := range list {
		if size += len(s) + len(separator); size > maxHeader {
			return strings.Join(list[:i], separator)
		}
	}
	return strings.Join(list, separator)
}

// visible keeps printable ASCII and percent-encodes the rest.
func visible(s string) string {
	clean := len(s) <= maxHeader
	for i := 0; clean && i < len(s); i++ {
		clean = s[i] >= ' ' && s[i] <= '~'
	}
	if clean {
		return s
	}
	var b strings.Builder
	const digits = "0123456789ABCDEF"
	for i := 0; i < len(s) && b.Len() < maxHeader-3; i++ {
		c := s[i]
		if c >= ' ' && c <= '~' && c != '%' {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}

// IdentityHeaders are the names that SetIdentity writes.
func IdentityHeaders() []string {
	var names []string
	for _, v := range headers(&Claims{}) {
		names = append(names, v[0])
	}
	return names
}
