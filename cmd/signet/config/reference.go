package config

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// WriteDocs writes the reference page in Markdown.
func WriteDocs(w io.Writer) error {
	var b strings.Builder
	b.WriteString(`# Configuration

<!-- Made from cmd/signet/config by go generate; do not edit. -->

Every setting works without being set. Flags win over environment variables, these over the
configuration file, and that over the defaults. The file is ` + "`signet.yaml`" + ` in the working directory, or
what ` + "`--config`" + ` or ` + "`SIGNET_CONFIG`" + ` names; dots in the names below are nesting. Unknown names in the file and
unknown flags are errors, unknown ` + "`SIGNET_*`" + ` variables are warned about.

Durations are seconds (` + "`600`" + `) or numbers with a unit (` + "`10m`, `12h`, `7d`" + `); lists are separated by commas, in
the file also YAML lists. Every secret may be put into a file that the variable with ` + "`_FILE`" + ` appended
names. ` + "`signet config print --redacted`" + ` shows the result and where each value came from. The standard
` + "`OTEL_*`" + ` variables turn on export of traces and metrics.

| setting | variable | flag | default | meaning |
|---|---|---|---|---|
`)
	for _, s := range Settings() {
		env := make([]string, len(s.Env))
		for i, e := range s.Env {
			env[i] = "`" + e + "`"
			if s.Secret {
				env[i] += " (`_FILE`)"
			}
		}
		doc := s.Doc
		if s.Enum != nil {
			doc += " One of `" + strings.Join(s.Enum, "`, `") + "`."
		}
		flag := ""
		if s.Flag != "" {
			flag = "`--" + s.Flag + "`"
		}
		def := ""
		if s.Default != "" {
			def = "`" + s.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", s.Key, strings.Join(env, ", "), flag, def, strings.ReplaceAll(doc, "|", `\|`))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteSchema writes a JSON Schema (2020-12) of signet.yaml for editors.
func WriteSchema(w io.Writer) error {
	root, groups := object(), map[string]group{}
	root.Schema = "https://json-schema.org/draft/2020-12/schema"
	root.Title = "Signet configuration"
	for _, s := range Settings() {
		if s.Key == "dev" {
			continue // a flag only
		}
		at, name := root, s.Key
		if parent, inner, nested := strings.Cut(s.Key, "."); nested {
			if groups[parent].Properties == nil {
				groups[parent] = object()
				root.Properties[parent] = groups[parent]
			}
			at, name = groups[parent], inner
		}
		at.Properties[name] = s.schema()
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(root)
}

// group is the schema of an object.
type group struct {
	Schema     string         `json:"$schema,omitempty"`
	Title      string         `json:"title,omitempty"`
	Type       string         `json:"type"`
	Additional bool           `json:"additionalProperties"`
	Properties map[string]any `json:"properties"`
}

func object() group { return group{Type: "object", Properties: map[string]any{}} }

func (s *Setting) schema() map[string]any {
	m := map[string]any{"description": s.Doc}
	var def any
	if s.Default != "" {
		def = s.Default
	}
	switch s.kind() {
	case "true or false":
		m["type"] = "boolean"
		def = s.Default == "true"
	case "number":
		m["type"] = "integer"
		if n, err := strconv.Atoi(s.Default); err == nil {
			def = n
		}
	case "duration":
		m["type"] = []string{"integer", "string"}
		m["pattern"] = `^-?([0-9]+d?|([0-9.]+(ms|s|m|h))+)$`
	case "list", "list of CIDRs":
		m["type"] = []string{"array", "string"}
		m["items"] = map[string]any{"type": "string"}
		if s.Default != "" {
			def = splitList(s.Default)
		}
	default:
		m["type"] = "string"
	}
	if s.Enum != nil {
		m["enum"] = s.Enum
	}
	if def != nil {
		m["default"] = def
	}
	return m
}
