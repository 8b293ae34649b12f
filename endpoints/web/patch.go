package web

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"

	"github.com/signet-idp/signet/provider/fault"
)

// DecodePatch is Decode for requests where null and absent differ (RFC 7396).
// v, a pointer to a struct, is filled as Decode does, which checks the types;
// the map holds what was sent of the struct's members, aliases under the name
// they stand for (an alias counts where the name itself is missing, null or
// empty). Values are as encoding/json reads them, null is nil.
func DecodePatch(r *http.Request, v any) (map[string]any, error) {
	data, err := ReadBody(r)
	if err != nil {
		return nil, err
	}
	if len(data) == 0 {
		return nil, Decode(r, v) // says that a body is required
	}
	if err := DecodeBytes(r, data, v); err != nil {
		return nil, err
	}
	var sent map[string]any
	if err := json.Unmarshal(data, &sent); err != nil || sent == nil {
		return nil, &fault.Error{Code: fault.Invalid, Message: "must be an object", Fields: []fault.FieldError{{Message: "must be an object", Type: "type_error"}}}
	}
	return named(sent, reflect.TypeOf(v).Elem()), nil
}

func named(sent map[string]any, t reflect.Type) map[string]any {
	out := make(map[string]any, len(sent))
	var aliases [][2]string
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || name == "" || name == "-" {
			continue
		}
		if of := f.Tag.Get("alias"); of != "" {
			aliases = append(aliases, [2]string{name, of})
		} else if value, is := sent[name]; is {
			out[name] = value
		}
	}
	for _, a := range aliases {
		if value, is := sent[a[0]]; is && (out[a[1]] == nil || out[a[1]] == "") {
			out[a[1]] = value
		}
	}
	return out
}
