package params

import "strings"

// Reason says in a few fixed words what is wrong with a parameter. It never
// holds anything the client sent and is fit for an error_description.
type Reason string

// The reasons.
const (
	Encoding    Reason = "is not valid form encoding"
	Text        Reason = "is not valid UTF-8 or holds control characters"
	Repeated    Reason = "is given more than once"
	TooMany     Reason = "has too many values"
	TooLong     Reason = "is too long"
	Missing     Reason = "is missing"
	Unsupported Reason = "is not supported"
	Combination Reason = "holds values that exclude each other"
	Malformed   Reason = "is malformed"
	Duplicate   Reason = "names a member twice"
	Depth       Reason = "is nested too deeply"
	TwoMethods  Reason = "is given in more than one place"
)

// Error refuses a request because of one parameter.
type Error struct {
	// Parameter is its name, "Authorization" for the header, or empty where the
	// request as a whole, or a parameter with an unprintable name, is at fault.
	Parameter string
	Reason    Reason
}

// Error implements error.
func (e *Error) Error() string {
	if e.Parameter == "" {
		return "the request " + string(e.Reason)
	}
	return "parameter " + e.Parameter + " " + string(e.Reason)
}

// Code is the OAuth error code that fits: invalid_target for resource
// (RFC 8707 §2), invalid_scope for scope (RFC 6749 §5.2), invalid_request for
// the rest. A bad Basic header is the caller's invalid_client.
func (e *Error) Code() string {
	switch e.Parameter {
	case "resource":
		return "invalid_target"
	case "scope":
		return "invalid_scope"
	default:
		return "invalid_request"
	}
}

// refuse builds an Error, leaving out a name that is no plain parameter name:
// it ends up in texts shown to people.
func refuse(parameter string, reason Reason) *Error {
	if len(parameter) > MaxName || strings.ContainsFunc(parameter, notNameChar) {
		parameter = ""
	}
	return &Error{Parameter: parameter, Reason: reason}
}

// notNameChar reports whether r is outside name-char (RFC 6749 §8.2).
func notNameChar(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return false
	default:
		return r != '-' && r != '.' && r != '_'
	}
}
