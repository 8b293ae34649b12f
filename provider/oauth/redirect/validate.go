package redirect

import (
	"errors"
	"net/url"
	"strings"
)

// Why a redirect URI cannot be registered. The texts are fit for an
// error_description of invalid_redirect_uri (RFC 7591 §3.2.2).
var (
	ErrLength    = errors.New("redirect URI is empty or longer than 2048 bytes")
	ErrSyntax    = errors.New("redirect URI is not an absolute URI of printable ASCII")
	ErrFragment  = errors.New("redirect URI has a fragment")
	ErrWildcard  = errors.New("redirect URI has a wildcard")
	ErrUserinfo  = errors.New("redirect URI has a user name")
	ErrHost      = errors.New("redirect URI has no valid host or port")
	ErrPlainHTTP = errors.New("redirect URI with http is not on 127.0.0.1, [::1] or localhost")
	ErrScheme    = errors.New("redirect URI has a scheme that this application type may not use")
)

// Validate reports why uri cannot be registered as a redirect URI (RFC 6749
// §3.1.2, RFC 8252 §7), or nil. Everyone may use https, and http on loopback;
// native applications also a private-use scheme, which must hold a dot
// (com.example.app), so that nobody takes a scheme that means something to a
// browser.
func Validate(uri, applicationType string) error {
	if uri == "" || len(uri) > MaxLength {
		return ErrLength
	}
	if strings.Contains(uri, "#") {
		return ErrFragment
	}
	if strings.Contains(uri, "*") {
		return ErrWildcard
	}
	if strings.ContainsFunc(uri, notURIChar) {
		return ErrSyntax
	}
	scheme, rest, found := strings.Cut(uri, ":")
	if !found || !isScheme(scheme) || !escapesAreValid(uri) {
		return ErrSyntax
	}
	switch {
	case scheme == "https":
		return validateAuthority(rest)
	case scheme == "http":
		if err := validateAuthority(rest); err != nil {
			return err
		}
		if _, ok := splitLoopback(uri); !ok {
			return ErrPlainHTTP
		}
		return nil
	case applicationType == Native && strings.Contains(scheme, "."):
		return validatePrivateUse(uri)
	default:
		return ErrScheme
	}
}

// validateAuthority checks what follows the scheme of an http or https URI.
func validateAuthority(rest string) error {
	after, found := strings.CutPrefix(rest, "//")
	if !found {
		return ErrSyntax
	}
	authority := after
	if end := strings.IndexAny(after, "/?"); end >= 0 {
		authority = after[:end]
	}
	if strings.Contains(authority, "@") {
		return ErrUserinfo
	}
	host, port := authority, "443"
	if colon := strings.LastIndexByte(authority, ':'); colon > strings.LastIndexByte(authority, ']') {
		host, port = authority[:colon], authority[colon+1:]
	}
	if !isPort(port) {
		return ErrHost
	}
	if strings.HasPrefix(host, "[") {
		// An IPv6 literal: here a parser only confirms, it never compares.
		u, err := url.Parse("https:" + rest)
		if err != nil || u.Host != authority || !strings.HasSuffix(host, "]") || strings.Contains(host, "%") {
			return ErrHost
		}
		return nil
	}
	if host == "" || strings.ContainsFunc(host, notHostChar) {
		return ErrHost
	}
	return nil
}

// validatePrivateUse checks com.example.app:/path (RFC 8252 §7.1), also with an
// authority in the middle, which some platforms want.
func validatePrivateUse(uri string) error {
	u, err := url.Parse(uri)
	if err != nil {
		return ErrSyntax
	}
	if u.User != nil {
		return ErrUserinfo
	}
	if u.Opaque != "" || (u.Path == "" && u.Host == "") {
		return ErrSyntax
	}
	return nil
}

// isScheme reports whether s is a scheme (RFC 3986 §3.1) in its canonical lower
// case.
func isScheme(s string) bool {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789+-.") == ""
}

// notURIChar refuses what RFC 3986 §2 has no place for. The backslash among
// them is a slash to browsers.
func notURIChar(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"<>\\^`{|}", r)
}

// notHostChar refuses what is in no registered DNS name or IPv4 address.
// Percent escapes are refused with it: hosts in other scripts are registered in
// their ASCII form.
func notHostChar(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' || r == '_')
}

// escapesAreValid reports whether each % begins a percent escape.
func escapesAreValid(uri string) bool {
	for i := strings.IndexByte(uri, '%'); i >= 0; {
		if len(uri) < i+3 || !isHex(uri[i+1]) || !isHex(uri[i+2]) {
			return false
		}
		uri = uri[i+3:]
		i = strings.IndexByte(uri, '%')
	}
	return true
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
