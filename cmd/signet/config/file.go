package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// parseFile reads YAML (JSON is YAML too) into dotted keys. A key twice, a
// second document or a key that is no text is an error.
func parseFile(data []byte) (map[string]any, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var tree map[string]any
	if err := dec.Decode(&tree); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("not valid YAML: %w", err)
	}
	if err := dec.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, errors.New("holds more than one document")
	}
	flat := map[string]any{}
	groups := map[string]bool{}
	for _, s := range Settings() {
		for i, c := range s.Key {
			if c == '.' {
				groups[s.Key[:i]] = true
			}
		}
	}
	flatten("", tree, groups, flat)
	return flat, nil
}

// flatten descends only into known groups, so that a misspelled one is reported
// once and whole.
func flatten(prefix string, tree map[string]any, groups map[string]bool, flat map[string]any) {
	for key, value := range tree {
		name := prefix + key
		inner, isMap := value.(map[string]any)
		switch {
		case groups[name] && value == nil: // "smtp:" with everything commented out
		case groups[name] && isMap:
			flatten(name+".", inner, groups, flat)
		default:
			flat[name] = value
		}
	}
}
