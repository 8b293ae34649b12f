package params

import (
	"encoding/base64"
	"net/url"
	"strings"
)

// Bounds of the Authorization header.
const (
	MaxBasic  = 4 << 10
	MaxBearer = 8 << 10
)

const authorization = "Authorization"

// Basic is a client's identifier and secret from the Authorization header.
type Basic struct {
	ID, Secret string
}

// ParseBasic reads client credentials from the Authorization header's values
// (RFC 6749 §2.3.1): Basic with padded base64, and both halves form-encoded, so
// that either may hold a colon. ok is false, without an error, when there is no
// Basic header.
func ParseBasic(header []string) (credentials Basic, ok bool, err error) {
	encoded, ok, err := scheme(header, "Basic", MaxBasic)
	if !ok || err != nil {
		return Basic{}, false, err
	}
	decoded, err := base64.StdEncoding.Strict().DecodeString(encoded)
	// DecodeString skips line breaks even when strict.
	if err != nil || strings.ContainsAny(encoded, "\r\n") {
		return Basic{}, false, refuse(authorization, Malformed)
	}
	encodedID, encodedSecret, found := strings.Cut(string(decoded), ":")
	if !found {
		return Basic{}, false, refuse(authorization, Malformed)
	}
	id, idErr := url.QueryUnescape(encodedID)
	secret, secretErr := url.QueryUnescape(encodedSecret)
	if idErr != nil || secretErr != nil {
		return Basic{}, false, refuse(authorization, Encoding)
	}
	if id == "" {
		return Basic{}, false, refuse(authorization, Malformed)
	}
	if !isText(id) || !isText(secret) {
		return Basic{}, false, refuse(authorization, Text)
	}
	return Basic{ID: id, Secret: secret}, true, nil
}

// Bearer finds the access token of a request to a protected resource
// (RFC 6750 §2.1, §2.2): in the Authorization header's values or as
// access_token of the form body. It returns "" without an error when there is
// none, and refuses a request that carries two. Pass the zero Form where the
// body is not a form; a token in the URL is never read.
func Bearer(header []string, body Form) (string, error) {
	token, ok, err := scheme(header, "Bearer", MaxBearer)
	if err != nil {
		return "", err
	}
	parameter := "access_token"
	switch inBody := body.Get(parameter); {
	case ok && inBody != "":
		return "", refuse(parameter, TwoMethods)
	case ok:
		parameter = authorization
	default:
		token = inBody
	}
	if token != "" && !isToken68(token) {
		return "", refuse(parameter, Malformed)
	}
	return token, nil
}

// scheme returns what follows the named scheme in the one Authorization header,
// compared without regard to case (RFC 9110 §11.1). ok is false when there is
// no header or it has another scheme.
func scheme(header []string, name string, limit int) (credentials string, ok bool, err error) {
	if len(header) == 0 {
		return "", false, nil
	}
	if len(header) > 1 {
		return "", false, refuse(authorization, Repeated)
	}
	given, credentials, _ := strings.Cut(header[0], " ")
	if !strings.EqualFold(given, name) {
		return "", false, nil
	}
	if len(header[0]) > limit {
		return "", false, refuse(authorization, TooLong)
	}
	if credentials = strings.Trim(credentials, " "); credentials == "" {
		return "", false, refuse(authorization, Malformed)
	}
	return credentials, true, nil
}

// isToken68 reports whether s is b64token (RFC 6750 §2.1).
func isToken68(s string) bool {
	s = strings.TrimRight(s, "=")
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return notNameChar(r) && r != '~' && r != '+' && r != '/'
	})
}
