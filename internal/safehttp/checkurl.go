package safehttp

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// CheckURL reports whether the client would call a URL, as far as can be told
// without resolving its host, so that it can be refused when it is registered.
// It returns the URL taken apart, or ErrURL or ErrAddress.
func (c *Client) CheckURL(raw string) (*url.URL, error) {
	if len(raw) > maxURL || strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' || r == '#' }) {
		return nil, ErrURL
	}
	u, err := url.Parse(raw)
	if err != nil || u.User != nil || u.Hostname() == "" || u.Opaque != "" || strings.HasSuffix(u.Host, ":") {
		return nil, ErrURL
	}
	// Whether an http host really is this machine shows when it is dialed.
	if u.Scheme != "https" && (u.Scheme != "http" || c.plain == nil) {
		return nil, ErrURL
	}
	return u, c.checkHost(u.Hostname())
}

// checkHost judges a host that is an address written out, or a name that stands
// for this machine wherever it is asked (RFC 6761 §6.3).
func (c *Client) checkHost(host string) error {
	allowed := c.options.scopes()
	name := strings.TrimSuffix(strings.ToLower(host), ".")
	if (name == "localhost" || strings.HasSuffix(name, ".localhost")) && !slices.Contains(allowed, loopback) {
		return ErrAddress
	}
	addr, err := netip.ParseAddr(host)
	if err == nil && !slices.Contains(allowed, scopeOf(addr)) {
		return ErrAddress
	}
	return nil
}
