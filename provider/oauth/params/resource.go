package params

import (
	"net/url"
	"slices"
	"strings"
)

// Bounds of resource indicators.
const (
	MaxResources      = 16
	MaxResourceLength = 2 << 10
)

// ParseResources reads the values of resource (RFC 8707 §2): absolute URIs
// without a fragment, in the order sent, each once. They are compared and
// stored as sent, never normalised.
func ParseResources(values []string) ([]string, error) {
	var resources []string
	for _, value := range values {
		if !isAbsoluteURI(value) {
			return nil, refuse("resource", Malformed)
		}
		if slices.Contains(resources, value) {
			continue
		}
		if len(resources) == MaxResources {
			return nil, refuse("resource", TooMany)
		}
		resources = append(resources, value)
	}
	return resources, nil
}

// isAbsoluteURI reports whether s is an absolute URI (RFC 3986 §4.3) of
// printable ASCII.
func isAbsoluteURI(s string) bool {
	if s == "" || len(s) > MaxResourceLength || strings.ContainsFunc(s, notURIChar) {
		return false
	}
	u, err := url.Parse(s)
	if err != nil || !u.IsAbs() {
		return false
	}
	if u.Scheme == "https" || u.Scheme == "http" {
		return u.Hostname() != ""
	}
	return u.Host != "" || u.Opaque != "" || u.Path != ""
}

// notURIChar refuses what RFC 3986 has no place for, and '#'.
func notURIChar(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"<>\\^`{|}#", r)
}
