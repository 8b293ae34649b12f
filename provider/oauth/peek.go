package oauth

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// unverifiedSubject reads sub out of a client assertion, only to know whose
// keys to verify it with: RFC 7521 §4.2 lets client_id be left out.
func unverifiedSubject(compact string) string {
	_, rest, ok := strings.Cut(compact, ".")
	if !ok {
		return ""
	}
	encoded, _, ok := strings.Cut(rest, ".")
	if !ok {
		return ""
	}
	raw, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return ""
	}
	var c struct {
		Subject string `json:"sub"`
	}
	if json.Unmarshal(raw, &c) != nil {
		return ""
	}
	return c.Subject
}
