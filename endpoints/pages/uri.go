package pages

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// ErrUnsafeURI is returned for an address that no page may send a browser to.
var ErrUnsafeURI = errors.New("unsafe URI")

// target is where an authorization response goes, ready for a page.
type target struct {
	uri    string // absolute, printable ASCII
	host   string // what a person should be told about it
	source string // CSP source expression; empty when CSP cannot name it
}

// parseTarget checks a redirect URI. Registration has already done so; this is
// the last door before a browser, so it refuses again what would run script or
// read local files, and anything that could break out of a header.
func parseTarget(uri string) (target, error) {
	if uri == "" {
		return target{}, nil
	}
	uri, err := printable(uri)
	if err != nil {
		return target{}, err
	}
	u, err := url.Parse(uri)
	if err != nil {
		return target{}, fmt.Errorf("%w: not a URI", ErrUnsafeURI)
	}
	switch scheme := strings.ToLower(u.Scheme); scheme {
	case "":
		return target{}, fmt.Errorf("%w: not absolute", ErrUnsafeURI)
	case "javascript", "vbscript", "data", "blob", "filesystem", "file", "about", "view-source":
		return target{}, fmt.Errorf("%w: scheme %s", ErrUnsafeURI, scheme)
	case "http", "https":
		if u.Host == "" || u.User != nil {
			return target{}, fmt.Errorf("%w: needs a host and no user information", ErrUnsafeURI)
		}
		return target{uri: uri, host: u.Host, source: origin(u)}, nil
	default:
		// A private-use scheme (RFC 8252 §7.1): the app, not a host.
		return target{uri: uri, host: scheme + ":", source: scheme + ":"}, nil
	}
}

// scheme is the CSP scheme-source of the target.
func (t target) scheme() string {
	s, _, _ := strings.Cut(t.uri, ":")
	return strings.ToLower(s) + ":"
}

// NeedsRedirectPage reports whether a login must end with Renderer.Redirecting
// instead of a 302: CSP form-action can name neither an IPv6 host nor, in all
// browsers, the hand-over to another application, and Chromium then blocks the
// redirect that follows the form.
func NeedsRedirectPage(redirectURI string) bool {
	t, err := parseTarget(redirectURI)
	return err == nil && t.uri != "" && !strings.Contains(t.source, "://")
}

// origin is the CSP host-source (CSP3 §2.3.1) for exactly the origin of u, or
// empty when its grammar has no word for it (IPv6, non-ASCII).
func origin(u *url.URL) string {
	if !hostSource(u.Hostname()) {
		return ""
	}
	return strings.ToLower(u.Scheme) + "://" + u.Host
}

func hostSource(host string) bool {
	for i := range len(host) {
		c := host[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.') {
			return false
		}
	}
	return host != ""
}

// printable percent-encodes what may not stand raw in a header or attribute
// and refuses control characters, which have no honest reason to be there.
func printable(uri string) (string, error) {
	if len(uri) > maxURI {
		return "", fmt.Errorf("%w: longer than %d bytes", ErrUnsafeURI, maxURI)
	}
	clean := true
	for i := range len(uri) {
		if c := uri[i]; c < ' ' || c == 0x7f {
			return "", fmt.Errorf("%w: control character", ErrUnsafeURI)
		} else if mustEncode(c) {
			clean = false
		}
	}
	if clean {
		return uri, nil
	}
	var b strings.Builder
	for i := range len(uri) {
		if c := uri[i]; mustEncode(c) {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}

func mustEncode(c byte) bool { return c == ' ' || c > '~' || strings.IndexByte("\"<>\\^`{|}", c) >= 0 }

// maxURI bounds an address on a page, in bytes: a redirect with an ID token in
// its fragment is long, but no browser follows more than this reliably.
const maxURI = 64 << 10

// webURI returns uri when it is an absolute http or https address, else "".
func webURI(uri string) string {
	t, err := parseTarget(uri)
	if err != nil || len(uri) > 2048 || !(hasScheme(t.uri, "https") || hasScheme(t.uri, "http")) {
		return ""
	}
	return t.uri
}

// logoURI returns uri when a picture may be loaded from it: https, or http on
// loopback, from a host that CSP can name.
func logoURI(uri string) string {
	uri = webURI(uri)
	if uri == "" {
		return ""
	}
	u, err := url.Parse(uri)
	if err != nil || origin(u) == "" || hasScheme(uri, "http") && !loopback(u.Hostname()) {
		return ""
	}
	return uri
}

func hasScheme(uri, scheme string) bool {
	s, _, ok := strings.Cut(uri, ":")
	return ok && strings.EqualFold(s, scheme)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
