// Package strictjson reads JSON that strangers send where two readers must
// never see two different things: member names are exact, given once, valid
// UTF-8, and nesting is bounded. encoding/json alone takes the last of two
// equal names, matches names without regard to case and replaces bad UTF-8.
//
// Callers bound the size of the input before they call.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

var (
	// ErrSyntax means: the input is not one JSON value (RFC 8259) in valid UTF-8.
	ErrSyntax = errors.New("not valid JSON")
	// ErrDuplicate means: an object, at any depth, names a member twice.
	ErrDuplicate = errors.New("a member is given twice")
	// ErrDepth means: objects and arrays nest deeper than allowed.
	ErrDepth = errors.New("nested too deeply")
	// ErrNotObject means: an object was asked for and something else came.
	ErrNotObject = errors.New("not a JSON object")
)

// Check reports whether data is one JSON value without duplicate members whose
// objects and arrays nest at most depth levels (a scalar has depth 0).
func Check(data []byte, depth int) error {
	if !utf8.Valid(data) || !json.Valid(data) {
		return ErrSyntax
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	return walk(dec, depth)
}

// Object splits a JSON object into its members, after Check. Values keep their
// exact text.
func Object(data []byte, depth int) (map[string]json.RawMessage, error) {
	if err := Check(data, depth); err != nil {
		return nil, err
	}
	if trimmed := bytes.TrimLeft(data, " \t\r\n"); trimmed[0] != '{' {
		return nil, ErrNotObject
	}
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(data, &members); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSyntax, err)
	}
	return members, nil
}

// String reads a JSON string. ok is false for any other kind of value.
func String(data json.RawMessage) (s string, ok bool) {
	if len(data) == 0 || data[0] != '"' {
		return "", false
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return "", false
	}
	return s, true
}

// walk consumes one value from dec. The input is known to be valid JSON.
func walk(dec *json.Decoder, depth int) error {
	token, err := dec.Token()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSyntax, err)
	}
	open, nested := token.(json.Delim)
	if !nested {
		return nil
	}
	if depth == 0 {
		return ErrDepth
	}
	var seen map[string]bool
	if open == '{' {
		seen = map[string]bool{}
	}
	for dec.More() {
		if seen != nil {
			name, err := dec.Token()
			if err != nil {
				return fmt.Errorf("%w: %w", ErrSyntax, err)
			}
			if seen[name.(string)] {
				return ErrDuplicate
			}
			seen[name.(string)] = true
		}
		if err := walk(dec, depth-1); err != nil {
			return err
		}
	}
	_, err = dec.Token() // the closing delimiter
	return err
}
