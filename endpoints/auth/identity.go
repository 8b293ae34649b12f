package auth

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/signet-idp/signet/provider/token"
)

// identity writes the fixed set of headers that gateways copy to the upstream:
// always all of them, empty when unknown, so that a client's own value never
// gets through.
func identity(h http.Header, t *token.Verified) {
	roles := joined(t.Roles, ",")
	for _, v := range []struct{ name, value string }{
		{"X-Auth-Request-User", t.Subject},
		{"X-Auth-Request-Email", t.Email},
		{"X-Auth-Request-Preferred-Username", t.PreferredUsername},
		{"X-Auth-Request-Groups", roles},
		{"Remote-User", t.Subject},
		{"Remote-Email", t.Email},
		{"Remote-Name", t.Name},
		{"Remote-Groups", roles},
		{"X-Signet-Subject", t.Subject},
		{"X-Signet-Org", t.OrgID},
		{"X-Signet-Roles", roles},
		{"X-Signet-Scope", joined(t.Scope, " ")},
		{"X-Signet-Client", t.ClientID},
		{"X-Signet-Session", t.SID},
		{"X-Signet-Acr", t.ACR},
		{"X-Signet-Token-Exp", strconv.FormatInt(t.Expiry.Unix(), 10)},
	} {
		h[v.name] = []string{visible(v.value)}
	}
}

// maxHeader bounds one identity header, in bytes.
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
