package config

import (
	"log/slog"
	"net/url"
	"strings"
)

const redacted = "[redacted]"

// Secret is a value that prints as "[redacted]" however it is formatted. Reveal
// is the only way to it.
type Secret string

// Reveal returns the value.
func (s Secret) Reveal() string { return string(s) }

// String implements fmt.Stringer.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString implements fmt.GoStringer.
func (s Secret) GoString() string { return s.String() }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText keeps the value out of JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Redacted returns a URL without its password and query, and anything else as
// "[redacted]": what `config print --redacted` shows.
func (s Secret) Redacted() string {
	scheme := s.scheme()
	switch {
	case s == "":
		return ""
	case scheme == "sqlite":
		return string(s) // a file name
	case scheme == "":
		return redacted
	}
	u, err := url.Parse(string(s))
	if err != nil || u.Host == "" && u.Path == "" {
		return redacted
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	if u.RawQuery != "" {
		u.RawQuery = "redacted"
	}
	return u.String()
}

// scheme returns what stands before the first colon when it looks like a URL
// scheme followed by // or, for SQLite, by a path.
func (s Secret) scheme() string {
	scheme, rest, ok := strings.Cut(string(s), ":")
	if !ok || scheme != "sqlite" && !strings.HasPrefix(rest, "//") {
		return ""
	}
	return strings.ToLower(scheme)
}
