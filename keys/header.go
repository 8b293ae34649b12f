package keys

import (
	"bytes"
	"strings"
)

// maxHeader bounds the decoded header. Ours take about 90 bytes.
const maxHeader = 256

// joseHeader holds the members of a protected header, as slices of its text.
type joseHeader struct {
	alg, kid, typ []byte
}

// parseHeader reads a JOSE header (RFC 7515 §4) in the only form that we
// write: a flat object without white space that has the members alg, kid and
// typ, each once and in any order, with plain strings as values, and no other.
// So crit, b64, jwk, jku, x5u and whatever comes next are refused without
// being known, and no two readers can disagree about duplicates or escapes.
func parseHeader(text []byte) (joseHeader, bool) {
	var h joseHeader
	rest, ok := bytes.CutPrefix(text, []byte("{"))
	if !ok {
		return h, false
	}
	for n := 0; ; n++ {
		name, after, ok := cutString(rest)
		if !ok || len(after) == 0 || after[0] != ':' {
			return h, false
		}
		value, after, ok := cutString(after[1:])
		if !ok || len(value) == 0 || len(after) == 0 {
			return h, false
		}
		var member *[]byte
		switch string(name) {
		case "alg":
			member = &h.alg
		case "kid":
			member = &h.kid
		case "typ":
			member = &h.typ
		default:
			return h, false
		}
		if *member != nil {
			return h, false
		}
		*member = value
		if n == 2 {
			return h, string(after) == "}"
		}
		if after[0] != ',' {
			return h, false
		}
		rest = after[1:]
	}
}

// cutString takes a JSON string without escapes off the front of text.
func cutString(text []byte) (value, rest []byte, ok bool) {
	if len(text) == 0 || text[0] != '"' {
		return nil, nil, false
	}
	for i := 1; i < len(text); i++ {
		if text[i] == '"' {
			return text[1:i], text[i+1:], true
		}
		if !headerChar(text[i]) {
			break
		}
	}
	return nil, nil, false
}

// headerChar reports whether c may stand in a name or value of a header: the
// characters of algorithms, thumbprints and media types.
func headerChar(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		strings.IndexByte("-_.+/!#$&^", c) >= 0
}

// matchType returns the entry of want that typ stands for: letter case does
// not count, and "application/" may be left out (RFC 7515 §4.1.9).
func matchType(typ []byte, want []string) (string, bool) {
	const prefix = "application/"
	if len(typ) > len(prefix) && strings.EqualFold(string(typ[:len(prefix)]), prefix) {
		typ = typ[len(prefix):]
	}
	for _, w := range want {
		if len(w) == len(typ) && strings.EqualFold(w, string(typ)) {
			return w, true
		}
	}
	return "", false
}
