package event

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// checkHead checks subject, organization and the presence of personal parts.
func checkHead(entry Entry, e Event) error {
	switch {
	case e.Subject == "" && entry.Subject != SubjectAnyone:
		return fmt.Errorf("no subject: %w", ErrUndeclared)
	case entry.Subject == SubjectResource && !visible(e.Subject, MaxURI, true),
		entry.Subject != SubjectResource && !visible(e.Subject, MaxID, false):
		return fmt.Errorf("subject is no id: %w", ErrUndeclared)
	case !visible(e.ID, MaxID, false):
		return fmt.Errorf("id is no id: %w", ErrUndeclared)
	case !visible(e.Organization, MaxID, false):
		return fmt.Errorf("organization is no id: %w", ErrUndeclared)
	case (e.PersonalOf == "") != (len(e.Personal) == 0):
		return fmt.Errorf("personal data without its person, or the reverse: %w", ErrUndeclared)
	case !visible(e.PersonalOf, MaxID, false):
		return fmt.Errorf("personal data of no id: %w", ErrUndeclared)
	}
	return nil
}

func checkActor(a Actor) error {
	switch a.Kind {
	case ActorUser, ActorClient, ActorSystem:
	default:
		return fmt.Errorf("actor kind %q: %w", a.Kind, ErrUndeclared)
	}
	if !visible(a.ID, MaxID, false) {
		return fmt.Errorf("actor is no id: %w", ErrUndeclared)
	}
	return nil
}

// requestID keeps a request's id when it is one; a stranger may have chosen it,
// so anything else is left out instead of refused.
func requestID(id string) string {
	if len(id) > 128 {
		return ""
	}
	for i := range len(id) {
		c := id[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
		default:
			return ""
		}
	}
	return id
}

// encodeData checks data against the declaration and returns it as a JSON
// object with sorted members.
func encodeData(entry Entry, data map[string]any) ([]byte, error) {
	if len(data) == 0 {
		return []byte("{}"), nil
	}
	for name, value := range data {
		kind, ok := entry.Data[name]
		if !ok {
			return nil, fmt.Errorf("member %q: %w", name, ErrUndeclared)
		}
		if !kind.holds(value) {
			return nil, fmt.Errorf("member %q is no %s: %w", name, kind, ErrUndeclared)
		}
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false) // a '<' in a scope would take six bytes
	if err := encoder.Encode(data); err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	out := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	if len(out) > MaxDataBytes {
		return nil, fmt.Errorf("data of %d bytes, at most %d: %w", len(out), MaxDataBytes, ErrUndeclared)
	}
	return out, nil
}

// holds says whether value is of the kind.
func (k Kind) holds(value any) bool {
	switch v := value.(type) {
	case string:
		switch k {
		case ID:
			return visible(v, MaxID, false)
		case URI:
			return visible(v, MaxURI, true)
		case Enum:
			return enumeration(v)
		case JWS:
			return compactJWS(v)
		}
	case []string:
		return k == List && list(v)
	case bool:
		return k == Flag
	case int:
		return k == Count && v >= 0
	case int64:
		return (k == Count || k == Instant) && v >= 0
	}
	return false
}

func list(items []string) bool {
	if len(items) > MaxListItems {
		return false
	}
	for _, s := range items {
		if !ListItem(s) {
			return false
		}
	}
	return true
}

// ListItem says whether a list in an event may hold s: a scope token of at
// most MaxListItem characters.
func ListItem(s string) bool {
	return s != "" && visible(s, MaxListItem, true) && !strings.ContainsAny(s, `"\\`)
}

// Identifier says whether a member of kind ID may hold s.
func Identifier(s string) bool { return visible(s, MaxID, false) }

// Enumeration says whether a member of kind Enum may hold s.
func Enumeration(s string) bool { return enumeration(s) }

// visible says whether s is at most limit visible ASCII characters. Without at
// it holds no '@': that keeps mail addresses out of ids.
func visible(s string, limit int, at bool) bool {
	if len(s) > limit {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' || (s[i] == '@' && !at) {
			return false
		}
	}
	return true
}

func enumeration(s string) bool {
	if len(s) > MaxEnum {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '_', c == '.', c == ':', c == '-':
		default:
			return false
		}
	}
	return true
}

// compactJWS says whether s is three parts of base64url.
func compactJWS(s string) bool {
	if len(s) > MaxURI {
		return false
	}
	parts := strings.Split(s, ".")
	for _, part := range parts {
		if _, err := base64.RawURLEncoding.DecodeString(part); err != nil || part == "" {
			return false
		}
	}
	return len(parts) == 3
}

// cut makes a personal value valid UTF-8 of bounded length: it comes from
// strangers (a user agent), who must not make the record fail.
func cut(name, s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	n := MaxPersonalValue
	if name == "metadata" {
		n = MaxMetadata
	}
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
