package openapi

import (
	"encoding"
	"encoding/json"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// schemas makes schemas from Go types and keeps those of named structs as
// components.
//
// The libraries that do this (swaggest/jsonschema-go, invopop/jsonschema) write
// a pointer to a struct as its plain reference, lists and maps as nullable, and
// require only what a tag says: the reverse of our null policy, in which every
// member is always there, lists are never null and pointers may be.
type schemas struct {
	components map[string]*Schema
	owner      map[string]reflect.Type
	ambiguous  map[string]bool       // names of types in more than one package
	answered   map[reflect.Type]bool // what answers are made of
}

// usage is a type and whether it is read from requests, where members may be
// left out.
type usage struct {
	t     reflect.Type
	input bool
}

func newSchemas(all []usage) *schemas {
	s := &schemas{components: map[string]*Schema{}, owner: map[string]reflect.Type{}, ambiguous: map[string]bool{}, answered: map[reflect.Type]bool{}}
	byName, asked := map[string]reflect.Type{}, map[reflect.Type]bool{}
	for _, u := range all {
		seen := s.answered
		if u.input {
			seen = asked
		}
		survey(u.t, seen, func(t reflect.Type) {
			name := title(t.Name())
			if other := byName[name]; other != nil && other != t {
				s.ambiguous[name] = true
			}
			byName[name] = t
		})
	}
	for _, name := range []string{errorName, validationName, oauthErrorName, codeErrorName} {
		s.ambiguous[name] = true // they are the frame's
	}
	return s
}

// survey visits every named struct that a type is made of.
func survey(t reflect.Type, seen map[reflect.Type]bool, visit func(reflect.Type)) {
	if t == nil || seen[t] || opaque(t) != nil {
		return
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		survey(t.Elem(), seen, visit)
	case reflect.Struct:
		if t.Name() != "" {
			visit(t)
		}
		for i := range t.NumField() {
			survey(t.Field(i).Type, seen, visit)
		}
	default:
	}
}

// of returns the schema of a type; a named struct becomes a component.
func (s *schemas) of(t reflect.Type, input bool) *Schema {
	if t.Kind() == reflect.Pointer {
		return nullable(s.of(t.Elem(), input))
	}
	if special := opaque(t); special != nil {
		return special
	}
	switch t.Kind() {
	case reflect.Bool:
		return &Schema{Type: Types{"boolean"}}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return &Schema{Type: Types{"integer"}}
	case reflect.Float32, reflect.Float64:
		return &Schema{Type: Types{"number"}}
	case reflect.String:
		return &Schema{Type: Types{"string"}}
	case reflect.Slice, reflect.Array:
		return &Schema{Type: Types{"array"}, Items: s.of(t.Elem(), input)}
	case reflect.Map:
		return &Schema{Type: Types{"object"}, Additional: s.of(t.Elem(), input)}
	case reflect.Struct:
		if t.Name() == "" {
			return s.object(t, input)
		}
		return &Schema{Ref: "#/components/schemas/" + s.component(t, input)}
	default:
		return &Schema{}
	}
}

// opaque is the schema of types that write themselves.
func opaque(t reflect.Type) *Schema {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return &Schema{Type: Types{"string"}, Format: "date-time"}
	case t == reflect.TypeFor[[]byte]():
		return &Schema{Type: Types{"string"}, Format: "byte"}
	case t == reflect.TypeFor[json.RawMessage](), t.Kind() == reflect.Interface, implements[json.Marshaler](t):
		return &Schema{}
	case implements[encoding.TextMarshaler](t):
		return &Schema{Type: Types{"string"}}
	}
	return nil
}

func implements[T any](t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[T]()) || reflect.PointerTo(t).Implements(reflect.TypeFor[T]())
}

// nullable is a schema whose values may be null.
func nullable(s *Schema) *Schema {
	if s.Ref != "" {
		return &Schema{AnyOf: []*Schema{s, {Type: Types{"null"}}}}
	}
	if len(s.Type) > 0 && !slices.Contains(s.Type, "null") {
		s.Type = append(s.Type, "null")
	}
	return s
}

func (s *schemas) component(t reflect.Type, input bool) string {
	name := title(t.Name())
	if s.ambiguous[name] {
		name = title(path.Base(t.PkgPath())) + name
	}
	if input && s.answered[t] {
		name += "Input" // an answer requires what a request may leave out
	}
	for pkg := path.Dir(t.PkgPath()); s.owner[name] != nil && s.owner[name] != t; pkg = path.Dir(pkg) {
		name = title(path.Base(pkg)) + name // packages of one name
	}
	if s.components[name] == nil {
		s.owner[name] = t
		s.components[name] = &Schema{} // stands while a type that holds itself is walked
		*s.components[name] = *s.object(t, input)
	}
	return name
}

// object is the schema of a struct's members.
func (s *schemas) object(t reflect.Type, input bool) *Schema {
	o := &Schema{Type: Types{"object"}, Properties: map[string]*Schema{}}
	aliased := map[string]bool{}
	s.members(o, t, input, aliased)
	// A member that has another name too may be missing under its own.
	o.Required = slices.DeleteFunc(o.Required, func(name string) bool { return aliased[name] })
	return o
}

func (s *schemas) members(o *Schema, t reflect.Type, input bool, aliased map[string]bool) {
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		if tag == "-" {
			continue
		}
		if inner := elem(f.Type); f.Anonymous && name == "" && inner.Kind() == reflect.Struct && opaque(inner) == nil {
			s.members(o, inner, input, aliased)
			continue
		}
		if !f.IsExported() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		m := describe(s.of(f.Type, input), name, f.Tag)
		if m.AliasOf != "" {
			aliased[m.AliasOf] = true
		}
		if _, again := o.Properties[name]; !again {
			o.order = append(o.order, name)
		}
		o.Properties[name] = m
		required := f.Tag.Get("required") == "true"
		if !input {
			required = !strings.Contains(options, "omitempty") && !strings.Contains(options, "omitzero")
		}
		if required && !slices.Contains(o.Required, name) {
			o.Required = append(o.Required, name)
		}
	}
}

// describe adds what the tags of a member say.
func describe(s *Schema, name string, tag reflect.StructTag) *Schema {
	text := len(s.Type) > 0 && s.Type[0] == "string"
	if text && s.Format == "" && strings.HasSuffix(name, "_at") {
		s.Format = "date-time"
	}
	if format := tag.Get("format"); format != "" {
		s.Format = format
	}
	s.Description = tag.Get("doc")
	if values := tag.Get("enum"); values != "" {
		s.Enum = strings.Split(values, ",")
		if slices.Contains(s.Type, "null") { // an enumeration would forbid it
			*s = Schema{Description: s.Description, AnyOf: []*Schema{{Type: Types{"string"}, Enum: s.Enum}, {Type: Types{"null"}}}}
		}
	}
	if example := tag.Get("example"); example != "" {
		s.Examples = []any{example}
		if n, err := strconv.ParseInt(example, 10, 64); err == nil && !text {
			s.Examples = []any{n}
		}
	}
	if s.AliasOf = tag.Get("alias"); s.AliasOf != "" && s.Description == "" {
		s.Description = "Another name for " + s.AliasOf + "."
	}
	return s
}

func elem(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// title is a type's name as a component: begun in upper case, and without what
// the names of generic types hold besides letters and digits.
func title(name string) string {
	var b strings.Builder
	for part := range strings.FieldsFuncSeq(name, func(r rune) bool { return r == '[' || r == ']' || r == ',' }) {
		part = part[strings.LastIndexAny(part, "/.")+1:]
		for i, r := range part {
			if i == 0 {
				r = unicode.ToUpper(r)
			}
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				b.WriteRune(r)
			}
		}
	}
	return b.String()
}
