package apply

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/storage"
)

// MaxFile bounds a file, in bytes.
const MaxFile = 8 << 20

// maxDepth bounds how deep a value nests.
const maxDepth = 32

// Parse reads a file strictly: every name must be known, every value of its
// kind, no name twice, one document, no aliases. The error is an *Error with
// everything that is wrong. name is what problems call the file.
func Parse(name string, data []byte) (*File, error) {
	f := &File{name: name, at: map[string]position{}}
	p := &parser{problems: problems{file: name, at: f.at}}
	if len(data) > MaxFile {
		p.add("", "a file is at most %d bytes", MaxFile)
		return nil, p.err()
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return f, nil // an empty file declares nothing
	case err != nil:
		p.syntax(err)
		return nil, p.err()
	}
	var second yaml.Node
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		p.add("", "one document only")
		return nil, p.err()
	}
	if len(doc.Content) == 0 {
		return f, nil
	}
	p.value(doc.Content[0], reflect.ValueOf(f).Elem(), "", 0)
	if err := p.err(); err != nil {
		return nil, err
	}
	return f, nil
}

type parser struct{ problems }

// syntax reports what the YAML reader says ("yaml: line 3: did not find …").
func (p *parser) syntax(err error) {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		if n, err := fmt.Sscanf(rest, "%d:", &line); err == nil && n == 1 {
			_, text, _ = strings.Cut(rest, ": ")
		}
	}
	p.list = append(p.list, Problem{p.file, line, 1, "", "no YAML: " + text})
}

// value reads a node into v, whose kind says what must be there.
func (p *parser) value(n *yaml.Node, v reflect.Value, path string, depth int) {
	p.at[path] = position{n.Line, n.Column}
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		p.add(path, "aliases and anchors are not read; write the value out")
		return
	}
	if depth > maxDepth {
		p.add(path, "this nests too deep")
		return
	}
	if n.Tag == "!!null" { // "key:" with nothing after it
		return
	}
	if v.Type() == reflect.TypeFor[json.RawMessage]() {
		p.raw(n, v, path, depth)
		return
	}
	switch v.Kind() {
	case reflect.String:
		p.text(n, v, path)
	case reflect.Bool:
		p.scalar(n, v, path, "!!bool", "true or false")
	case reflect.Int64:
		p.scalar(n, v, path, "!!int", "a whole number")
	case reflect.Pointer:
		inner := reflect.New(v.Type().Elem())
		p.value(n, inner.Elem(), path, depth)
		v.Set(inner)
	case reflect.Slice:
		p.sequence(n, v, path, depth)
	case reflect.Struct:
		p.object(n, v, path, depth)
	case reflect.Map, reflect.Interface:
		if out := p.any(n, path, depth); out != nil {
			if v.Kind() == reflect.Map && reflect.TypeOf(out) != v.Type() {
				p.add(path, "write a mapping")
				return
			}
			v.Set(reflect.ValueOf(out))
		}
	default:
		p.add(path, "cannot be read") // no type of File is of another kind
	}
}

func (p *parser) text(n *yaml.Node, v reflect.Value, path string) {
	switch {
	case n.Kind != yaml.ScalarNode:
		p.add(path, "write text")
	case n.Tag != "!!str" && n.Tag != "!!timestamp":
		p.add(path, "write text: put the value in quotes") // which may be a password: it is not repeated
	case strings.ContainsRune(n.Value, 0):
		p.add(path, "text without a NUL")
	default:
		v.SetString(n.Value)
	}
}

func (p *parser) scalar(n *yaml.Node, v reflect.Value, path, tag, what string) {
	if n.Kind != yaml.ScalarNode || n.Tag != tag || n.Decode(v.Addr().Interface()) != nil {
		p.add(path, "write %s", what)
	}
}

func (p *parser) sequence(n *yaml.Node, v reflect.Value, path string, depth int) {
	if n.Kind != yaml.SequenceNode {
		p.add(path, "write a list")
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		at := fmt.Sprintf("%s[%d]", path, i)
		if item.Tag == "!!null" {
			p.at[at] = position{item.Line, item.Column}
			p.add(at, "this item is empty")
			continue
		}
		p.value(item, out.Index(i), at, depth+1)
	}
	v.Set(out)
}

// object reads a mapping into a struct, by the names of its JSON tags.
func (p *parser) object(n *yaml.Node, v reflect.Value, path string, depth int) {
	if scope, ok := v.Addr().Interface().(*storage.ResourceScope); ok && n.Kind == yaml.ScalarNode {
		p.text(n, reflect.ValueOf(&scope.Name).Elem(), path) // a scope's name alone is a scope
		return
	}
	if n.Kind != yaml.MappingNode {
		p.add(path, "write a mapping")
		return
	}
	fields := map[string]reflect.Value{}
	members(v, fields)
	person, _ := v.Addr().Interface().(*User)
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := strings.TrimPrefix(path+"."+key.Value, ".")
		field, known := fields[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode || key.Tag == "!!merge":
			p.at[at] = position{key.Line, key.Column}
			p.add(at, "a name is text, and << is not read")
		case seen[key.Value]:
			p.at[at] = position{key.Line, key.Column}
			p.add(at, "this name stands here twice")
		case known:
			p.value(value, field, at, depth+1)
		case person != nil && slices.Contains(user.ProfileMembers(), key.Value):
			p.at[at] = position{value.Line, value.Column}
			if person.Profile == nil {
				person.Profile = map[string]any{}
			}
			person.Profile[key.Value] = p.any(value, at, depth+1)
		default:
			p.at[at] = position{key.Line, key.Column}
			p.unknown(at, key.Value, fields, person != nil)
		}
		seen[key.Value] = true
	}
}

func (p *parser) unknown(path, name string, fields map[string]reflect.Value, person bool) {
	var names []string
	for known := range fields {
		names = append(names, known)
	}
	if person {
		names = append(names, user.ProfileMembers()...)
	}
	if near := nearest(name, names); near != "" {
		p.add(path, "unknown name; did you mean %s?", near)
		return
	}
	slices.Sort(names)
	p.add(path, "unknown name; there are %s", strings.Join(names, ", "))
}

// members collects a struct's fields, those of embedded structs too.
func members(v reflect.Value, into map[string]reflect.Value) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous:
			members(v.Field(i), into)
		case f.IsExported() && name != "" && name != "-":
			into[name] = v.Field(i)
		}
	}
}

// raw reads any value as JSON.
func (p *parser) raw(n *yaml.Node, v reflect.Value, path string, depth int) {
	b, err := json.Marshal(p.any(n, path, depth))
	if err != nil {
		p.add(path, "cannot be written as JSON")
		return
	}
	v.SetBytes(b)
}

// any reads a value that could stand in JSON.
func (p *parser) any(n *yaml.Node, path string, depth int) any {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		p.add(path, "aliases and anchors are not read; write the value out")
		return nil
	}
	if depth > maxDepth {
		p.add(path, "this nests too deep")
		return nil
	}
	switch n.Kind {
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			at := path + "." + key.Value
			p.at[at] = position{key.Line, key.Column}
			if _, twice := out[key.Value]; twice || key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
				p.add(at, "a name is text, stands once, and << is not read")
				continue
			}
			out[key.Value] = p.any(n.Content[i+1], at, depth+1)
		}
		return out
	case yaml.SequenceNode:
		out := []any{}
		for i, item := range n.Content {
			at := fmt.Sprintf("%s[%d]", path, i)
			p.at[at] = position{item.Line, item.Column}
			out = append(out, p.any(item, at, depth+1))
		}
		return out
	}
	switch n.Tag {
	case "!!str", "!!timestamp": // a birthdate without quotes reads as a time
		return n.Value
	case "!!null":
		return nil
	}
	var out any
	if err := n.Decode(&out); err != nil {
		p.add(path, "cannot be read")
		return nil
	}
	if f, ok := out.(float64); ok && (f != f || f > 1e300 || f < -1e300) {
		p.add(path, "write a number")
		return nil
	}
	switch out.(type) {
	case bool, int, int64, uint64, float64:
		return out
	}
	p.add(path, "write text, a number, true, false, a list or a mapping")
	return nil
}
