package params

import (
	"maps"
	"mime"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of a request. Lengths are bytes after decoding, except MaxTotal, which
// counts what was sent.
const (
	MaxTotal         = 64 << 10
	MaxParameters    = 64
	MaxName          = 64
	MaxValue         = 4 << 10
	MaxRequestObject = 16 << 10 // request
	MaxToken         = 8 << 10  // parameters that hold a token or an assertion
)

// Form is the parameters of one request: each name once (resource may repeat),
// bounded, valid UTF-8 without control characters, none empty. The zero Form
// has none. A Form does not change; it is safe for concurrent use.
type Form struct {
	values url.Values
}

// Parse reads the given query strings and form bodies as one request, so that a
// name both in the URL and in the body counts as repeated. Names that differ
// only in case count as the same name. A parameter without a value is left out,
// as if it had not been sent (RFC 6749 §3.1).
func Parse(raw ...string) (Form, error) {
	total := 0
	for _, part := range raw {
		total += len(part)
	}
	if total > MaxTotal {
		return Form{}, refuse("", TooLong)
	}
	var b builder
	for _, part := range raw {
		if err := b.addEncoded(part); err != nil {
			return Form{}, err
		}
	}
	return b.form(), nil
}

// FromValues applies the rules of Parse to parameters that are already decoded,
// such as the members of a request object.
func FromValues(values url.Values) (Form, error) {
	var b builder
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for _, value := range values[name] {
			if err := b.add(name, value); err != nil {
				return Form{}, err
			}
		}
	}
	return b.form(), nil
}

// Get returns the parameter's value, the first one of resource, or "".
func (f Form) Get(name string) string { return f.values.Get(name) }

// Has reports whether the parameter was sent with a value.
func (f Form) Has(name string) bool { return f.values.Has(name) }

// All returns every value of the parameter in the order sent: at most one, but
// for resource.
func (f Form) All(name string) []string { return slices.Clone(f.values[name]) }

// Names returns the parameters' names, sorted.
func (f Form) Names() []string { return slices.Sorted(maps.Keys(f.values)) }

// Values returns a copy for code that takes url.Values. Never nil.
func (f Form) Values() url.Values {
	out := make(url.Values, len(f.values))
	for name, values := range f.values {
		out[name] = slices.Clone(values)
	}
	return out
}

// With returns a Form that also holds the given parameters, which replace those
// of the same name.
func (f Form) With(name string, values ...string) (Form, error) {
	all := f.Values()
	all[name] = values
	return FromValues(all)
}

// Without returns a Form that lacks the named parameters.
func (f Form) Without(names ...string) Form {
	all := f.Values()
	for _, name := range names {
		delete(all, name)
	}
	return Form{values: all}
}

// IsForm reports whether a Content-Type header announces a form body
// (RFC 6749 §4.1.3): the media type with no charset, or UTF-8.
func IsForm(contentType string) bool {
	mediaType, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return false
	}
	charset, given := parameters["charset"]
	return !given || strings.EqualFold(charset, "utf-8")
}

// builder collects parameters and remembers what it has seen, empty ones too.
type builder struct {
	values url.Values
	seen   map[string]bool // lower-case names
	count  int
}

func (b *builder) form() Form { return Form{values: b.values} }

func (b *builder) addEncoded(raw string) error {
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		// Old parsers split at semicolons, so one here means different
		// things to different readers; net/url refuses it as well.
		if strings.Contains(pair, ";") {
			return refuse("", Encoding)
		}
		encodedName, encodedValue, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(encodedName)
		if err != nil {
			return refuse("", Encoding)
		}
		value, err := url.QueryUnescape(encodedValue)
		if err != nil {
			return refuse(name, Encoding)
		}
		if err := b.add(name, value); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) add(name, value string) error {
	if b.count++; b.count > MaxParameters {
		return refuse("", TooMany)
	}
	if len(name) > MaxName {
		return refuse("", TooLong)
	}
	if name == "" || !isText(name) {
		return refuse("", Text)
	}
	folded := strings.ToLower(name)
	if b.seen[folded] && !(name == "resource" && b.values.Has(name)) {
		return refuse(name, Repeated)
	}
	if len(value) > maxLength(name) {
		return refuse(name, TooLong)
	}
	if !isText(value) && !(isJSON(name) && isJSONText(value)) && !(isPassword(name) && isPasswordText(value)) {
		return refuse(name, Text)
	}
	if b.seen == nil {
		b.seen, b.values = map[string]bool{}, url.Values{}
	}
	b.seen[folded] = true
	if value != "" {
		b.values[name] = append(b.values[name], value)
	}
	return nil
}

func maxLength(name string) int {
	switch name {
	case "request":
		return MaxRequestObject
	case "client_assertion", "assertion", "access_token", "token",
		"id_token_hint", "subject_token", "actor_token",
		"passkey": // of a hosted page: holds a credential's id twice, and with a new one its keys
		return MaxToken
	default:
		return MaxValue
	}
}

// isText reports whether s is valid UTF-8 without control characters (C0 with
// NUL, DEL, C1).
func isText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// isPassword names the parameters that hold what a person typed unseen: any
// character may be in it.
func isPassword(name string) bool { return name == "password" || name == "new_password" }

func isPasswordText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// isJSON names the parameters whose values are JSON, where tab and line breaks
// between tokens are harmless and do occur.
func isJSON(name string) bool { return name == "claims" || name == "authorization_details" }

func isJSONText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) && r != '\t' && r != '\n' && r != '\r'
	})
}
