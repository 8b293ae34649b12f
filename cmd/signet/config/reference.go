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
	root := object()
	for _, s := range Settings() {
		if s.Key == "dev" {
			continue // a flag only
		}
		at := root
		parts := strings.Split(s.Key, ".")
		for _, p := range parts[:len(parts)-1] {
			props := at["properties"].(map[string]any)
			if props[p] == nil {
				props[p] = object()
			}
			at = props[p].(map[string]any)
		}
		at["properties"].(map[string]any)[parts[len(parts)-1]] = s.schema()
	}
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "Signet configuration"
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(root)
}

func object() map[string]any {
	return map[string]any{"type": "object", "additionalProperties": false, "properties": map[string]any{}}
}

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
