// Package redirect decides which redirect URIs a client may register (Validate)
// and whether one it asks for is one it registered (Match).
//
// Both work on the text. A URI is never parsed, normalised and compared: two
// parsers that disagree about a URI are how codes end up at strangers.
package redirect

import (
	"slices"
	"strings"
)

// MaxLength of a redirect URI in bytes.
const MaxLength = 2 << 10

// Native is the application_type of apps on a person's own device (OpenID
// Connect Dynamic Client Registration §2).
const Native = "native"

// AnyLoopbackPort reports whether a client may listen on a port of its choice:
// native applications, and public clients, which have registered a loopback URI
// because they run on a person's device (RFC 8252 §7.3).
func AnyLoopbackPort(applicationType string, public bool) bool {
	return applicationType == Native || public
}

// Match reports whether requested is one of the registered URIs: byte for byte
// (OpenID Connect Core §3.1.2.1), or, if anyLoopbackPort, apart from the port of
// an http loopback URI (RFC 8252 §7.3). The host must be the registered one:
// localhost is not 127.0.0.1, and neither is [::1].
func Match(registered []string, requested string, anyLoopbackPort bool) bool {
	if requested == "" || len(requested) > MaxLength {
		return false
	}
	if slices.Contains(registered, requested) {
		return true
	}
	if !anyLoopbackPort {
		return false
	}
	wanted, ok := splitLoopback(requested)
	return ok && slices.ContainsFunc(registered, func(uri string) bool {
		own, ok := splitLoopback(uri)
		return ok && own == wanted
	})
}

// loopback is an http loopback URI without its port.
type loopback struct {
	origin string // scheme and host
	tail   string // what follows the port: empty, or from the first / or ? on
}

// splitLoopback takes an http loopback URI apart. ok is false for every other.
func splitLoopback(uri string) (parts loopback, ok bool) {
	for _, origin := range []string{"http://127.0.0.1", "http://[::1]", "http://localhost"} {
		rest, found := strings.CutPrefix(uri, origin)
		if !found {
			continue
		}
		if port, given := strings.CutPrefix(rest, ":"); given {
			rest = strings.TrimLeft(port, "0123456789")
			if !isPort(port[:len(port)-len(rest)]) {
				return loopback{}, false
			}
		}
		if rest != "" && rest[0] != '/' && rest[0] != '?' {
			return loopback{}, false
		}
		return loopback{origin: origin, tail: rest}, true
	}
	return loopback{}, false
}

// isPort reports whether s is a decimal port from 1 to 65535.
func isPort(s string) bool {
	if s == "" || len(s) > 5 || s[0] == '0' {
		return false
	}
	port := 0
	for _, digit := range []byte(s) {
		if digit < '0' || digit > '9' {
			return false
		}
		port = port*10 + int(digit-'0')
	}
	return port <= 65535
}
