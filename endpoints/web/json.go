package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"

	"github.com/signet-idp/signet/provider/fault"
)

// Decode reads the JSON body of r into v, a pointer to a struct, map or slice.
//
// It is stricter than encoding/json: valid UTF-8 without NUL or lone
// surrogates, at most 32 levels and 1,024 members to an object, no name twice,
// and names in exactly the case of the field ("Email" is not "email"). Unknown
// members are refused, except on Legacy routes, which ignore them. A field
// tagged `alias:"name"` gives its value to the field of that JSON name when
// that one is empty.
//
// Errors are fault.Invalid with the field, never with the value. A missing body
// is an error; see DecodeOptional.
func Decode(r *http.Request, v any) error {
	present, err := DecodeOptional(r, v)
	if err == nil && !present {
		return &fault.Error{
			Code: fault.Invalid, Message: "a JSON body is required",
			Fields: []fault.FieldError{{Message: "a JSON body is required", Type: "missing"}},
		}
	}
	return err
}

// DecodeOptional is Decode for routes that may be called without a body; it
// reports whether there was one.
func DecodeOptional(r *http.Request, v any) (bool, error) {
	data, err := ReadBody(r)
	if err != nil || len(data) == 0 {
		return false, err
	}
	return true, DecodeBytes(r, data, v)
}

// DecodeBytes is Decode for a body already read with ReadBody.
func DecodeBytes(r *http.Request, data []byte, v any) error {
	lenient, cache := false, (*shapes)(nil)
	if x := exchangeFrom(r.Context()); x != nil {
		lenient, cache = x.bound.route.Legacy, &x.frame.shapes
	}
	return decode(data, v, lenient, cache)
}

func decode(data []byte, v any, lenient bool, cache *shapes) error {
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return fmt.Errorf("web: decode into %T: not a pointer", v)
	}
	sh := cache.of(target.Type().Elem())
	s := scanner{data: data, lenient: lenient}
	if err := s.document(sh); err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return invalidField(wrong.Field, "must be "+jsonName(wrong.Type))
		}
		// The cause may quote the input (time.Time does), so it stays out.
		return invalidField("", "a value has the wrong form")
	}
	sh.fillAliases(target.Elem())
	return nil
}

func invalidField(field, message string) *fault.Error {
	text := message
	if field != "" {
		text = field + " " + message
	}
	return &fault.Error{Code: fault.Invalid, Message: text, Fields: []fault.FieldError{{Field: field, Message: message, Type: "type_error"}}}
}

func jsonName(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Float32, reflect.Float64:
		return "a number"
	default:
		return "an integer within bounds"
	}
}

// ReadBody reads the whole body within the route's limit; nil when there is
// none.
func ReadBody(r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	var buf bytes.Buffer
	if n := r.ContentLength; n > 0 && n <= legacyBodyLimit {
		buf.Grow(int(n) + bytes.MinRead)
	}
	if _, err := buf.ReadFrom(r.Body); err != nil {
		if _, tooBig := errors.AsType[*http.MaxBytesError](err); tooBig {
			return nil, err
		}
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fault.Wrap(err, fault.Malformed, "the body ended early")
		}
		return nil, fault.Wrap(err, fault.Malformed, "the body could not be read")
	}
	return buf.Bytes(), nil
}

// WriteJSON writes v with status. The answer is not to be stored unless the
// handler set another Cache-Control before.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	body, err := encode(v)
	if err != nil {
		return err
	}
	return WriteBody(w, status, "application/json", body)
}

func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	buf.Grow(512)
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false) // nosniff and the type keep it from being HTML
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("web: encode %T: %w", v, err)
	}
	return buf.Bytes(), nil
}

// WriteBody writes body with status and contentType.
func WriteBody(w http.ResponseWriter, status int, contentType string, body []byte) error {
	h := w.Header()
	h.Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client went away: nothing left to tell it
	return nil
}

// NoContent answers 204.
func NoContent(w http.ResponseWriter) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}
