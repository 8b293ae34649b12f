package config

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"reflect"
	"strings"
	"time"
)

func fieldOf(c *Config, s *Setting) reflect.Value {
	return reflect.ValueOf(c).Elem().FieldByIndex(s.index)
}

// text returns the value of s as one would write it; secrets redacted.
func (s *Setting) text(c *Config) string {
	switch v := fieldOf(c, s).Interface().(type) {
	case Secret:
		return v.Redacted()
	case time.Duration:
		return formatDuration(v)
	case []string:
		return strings.Join(v, ",")
	case []netip.Prefix:
		parts := make([]string, len(v))
		for i, p := range v {
			parts[i] = p.String()
		}
		return strings.Join(parts, ",")
	default:
		return fmt.Sprint(v)
	}
}

// Print writes the configuration as signet.yaml, each value with its origin,
// secrets redacted.
func (l *Loaded) Print(w io.Writer) error {
	var b strings.Builder
	open := ""
	for _, s := range Settings() {
		if s.Key == "dev" {
			fmt.Fprintf(&b, "# dev: %s (--dev)\n", s.text(&l.Config)) // no setting of a file
			continue
		}
		group, name, nested := strings.Cut(s.Key, ".")
		indent := ""
		if !nested {
			name = group
		} else {
			indent = "  "
			if group != open {
				fmt.Fprintf(&b, "%s:\n", group)
			}
			open = group
		}
		fmt.Fprintf(&b, "%s%s: %s  # %s\n", indent, name, quote(&s, s.text(&l.Config)), l.Origin[s.Key])
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// quote writes a scalar so that YAML reads it back as meant; a JSON string is a
// YAML string.
func quote(s *Setting, text string) string {
	switch s.kind() {
	case "true or false", "number", "duration":
		return text
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		return `""`
	}
	return string(quoted)
}
