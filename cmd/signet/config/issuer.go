package config

import (
	"net/url"
	"strings"
)

const issuerExample = "write it like https://id.example.com"

// checkIssuer returns what is wrong with an issuer; empty when nothing is.
// Clients compare issuers byte by byte (OpenID Connect Discovery §4.3), so only
// the one canonical spelling of a URL is taken.
func checkIssuer(issuer string) string {
	u, err := url.Parse(issuer)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return "is not a URL; " + issuerExample
	case u.Scheme != "https" && u.Scheme != "http":
		return "must be https; " + issuerExample
	case u.User != nil:
		return "must not hold a user name; " + issuerExample
	case strings.ContainsAny(issuer, "?#"):
		return "must not hold a query or fragment; " + issuerExample
	case strings.HasSuffix(issuer, "/"):
		return "must not end with a slash; write " + strings.TrimRight(issuer, "/")
	case strings.ToLower(u.Host) != u.Host || !strings.HasPrefix(issuer, u.Scheme+"://"):
		return "must be in lower case up to the path; write " + strings.ToLower(u.Scheme+"://"+u.Host) + u.EscapedPath()
	case u.Hostname() == "" || strings.HasSuffix(u.Host, ":"):
		return "has no host or an empty port; " + issuerExample
	case u.Scheme == "https" && u.Port() == "443", u.Scheme == "http" && u.Port() == "80":
		return "must not name the default port; write " + u.Scheme + "://" + strings.TrimSuffix(u.Host, ":"+u.Port()) + u.EscapedPath()
	case u.Port() != "" && !validPort(u.Port()):
		return "has no valid port; " + issuerExample
	case !plainPath(u.EscapedPath()):
		return "must have a plain path of letters, digits and - . _ ~ without . or .. segments; " + issuerExample
	case u.Scheme == "http" && !loopbackHost(u.Hostname()):
		return "must be https, since it is not a loopback address; write https://" + u.Host + u.EscapedPath()
	}
	return ""
}

// plainPath refuses everything two parties could read differently.
func plainPath(path string) bool {
	if path == "" {
		return true
	}
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if segment == "" || segment == "." || segment == ".." {
			return false
		}
		for i := range len(segment) {
			c := segment[i]
			switch {
			case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == '~':
			default:
				return false
			}
		}
	}
	return true
}

func loopbackIssuer(issuer string) bool {
	u, err := url.Parse(issuer)
	return err == nil && loopbackHost(u.Hostname())
}
