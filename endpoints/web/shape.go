package web

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"sync"
)

// shape is what a Go type looks like in JSON: the members of an object, or the
// shape of all elements of a list or map. nil is "anything".
type shape struct {
	fields  map[string]*shape // struct; nil otherwise
	elem    *shape            // slice, array, map
	aliases []alias
}

// alias gives the value of one field to another that is empty.
type alias struct{ from, to []int }

// shapes remembers the shape of each type decoded so far. A nil *shapes works
// and remembers nothing.
type shapes struct{ m sync.Map }

func (c *shapes) of(t reflect.Type) *shape {
	if c == nil {
		return shapeOf(t, map[reflect.Type]*shape{})
	}
	if sh, ok := c.m.Load(t); ok {
		return sh.(*shape)
	}
	sh, _ := c.m.LoadOrStore(t, shapeOf(t, map[reflect.Type]*shape{}))
	return sh.(*shape)
}

// shapeOf follows encoding/json: types that decode themselves are opaque.
func shapeOf(t reflect.Type, seen map[reflect.Type]*shape) *shape {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if sh, ok := seen[t]; ok {
		return sh
	}
	p := reflect.PointerTo(t)
	if p.Implements(reflect.TypeFor[json.Unmarshaler]()) || p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return nil
	}
	switch t.Kind() {
	case reflect.Struct:
		sh := &shape{fields: map[string]*shape{}}
		seen[t] = sh
		targets, pending := map[string][]int{}, map[string][][]int{}
		sh.addFields(t, nil, seen, targets, pending)
		for name, sources := range pending {
			for _, from := range sources {
				if to := targets[name]; to != nil {
					sh.aliases = append(sh.aliases, alias{from: from, to: to})
				}
			}
		}
		return sh
	case reflect.Slice, reflect.Array, reflect.Map:
		sh := &shape{}
		seen[t] = sh
		sh.elem = shapeOf(t.Elem(), seen)
		return sh
	default:
		return nil
	}
}

func (sh *shape) addFields(t reflect.Type, index []int, seen map[reflect.Type]*shape, targets map[string][]int, pending map[string][][]int) {
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(append([]int(nil), index...), i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" && f.Tag.Get("json") == "-" {
			continue
		}
		if f.Anonymous && name == "" {
			inner := f.Type
			for inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			if inner.Kind() == reflect.Struct {
				sh.addFields(inner, at, seen, targets, pending)
				continue
			}
		}
		if !f.IsExported() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		sh.fields[name] = shapeOf(f.Type, seen)
		targets[name] = at
		if of := f.Tag.Get("alias"); of != "" {
			pending[of] = append(pending[of], at)
		}
	}
}

// fillAliases gives the values of alias fields to their empty originals.
func (sh *shape) fillAliases(v reflect.Value) {
	if sh == nil || len(sh.aliases) == 0 || v.Kind() != reflect.Struct {
		return
	}
	for _, a := range sh.aliases {
		from, err := v.FieldByIndexErr(a.from)
		if err != nil {
			continue
		}
		to, err := v.FieldByIndexErr(a.to)
		if err == nil && to.IsZero() && from.Type().AssignableTo(to.Type()) {
			to.Set(from)
		}
	}
}
