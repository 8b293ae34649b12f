package engine

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// JSON keeps a value as a JSON text column; nil maps, slices and pointers are
// kept as the empty text. As a destination V is a pointer.
type JSON struct{ V any }

// Encode turns arguments into what both drivers take (int64, string, []byte,
// nil), in place: time.Time is kept as microseconds UTC with 0 for the zero
// time, bool as 0/1, time.Duration as microseconds, []string as a
// space-separated text, JSON as text, and a nil []byte as NULL.
func Encode(args []any) error {
	for i, a := range args {
		switch v := a.(type) {
		case int64, string, nil:
		case []byte:
			if v == nil {
				args[i] = nil
			}
		case int:
			args[i] = int64(v)
		case bool:
			args[i] = int64(0)
			if v {
				args[i] = int64(1)
			}
		case time.Time:
			args[i] = Micros(v)
		case time.Duration:
			args[i] = v.Microseconds()
		case []string:
			args[i] = strings.Join(v, " ")
		case JSON:
			text, err := encodeJSON(v.V)
			if err != nil {
				return err
			}
			args[i] = text
		default:
			rv := reflect.ValueOf(a)
			if rv.Kind() != reflect.String {
				return fmt.Errorf("argument %d: type %T cannot be stored", i+1, a)
			}
			args[i] = rv.String() // a named string type
		}
	}
	return nil
}

func encodeJSON(v any) (string, error) {
	switch rv := reflect.ValueOf(v); rv.Kind() {
	case reflect.Invalid:
		return "", nil
	case reflect.Map, reflect.Slice, reflect.Pointer:
		if rv.IsNil() {
			return "", nil
		}
	}
	b, err := json.Marshal(v)
	return string(b), err
}

// Micros is a time as it is kept: microseconds since 1970 UTC, 0 when not set.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Time is the inverse of Micros.
func Time(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// Decode writes a column's value (int64, string, []byte or nil) to dest: a
// *int64, *string, *[]byte, *bool, *time.Time, *time.Duration, *[]string or a
// JSON with a pointer inside. NULL is nil for *[]byte and an error otherwise.
func Decode(src, dest any) error {
	switch d := dest.(type) {
	case *[]byte:
		switch v := src.(type) {
		case []byte:
			*d = v
			return nil
		case nil:
			*d = nil
			return nil
		}
	case *int64:
		if v, ok := src.(int64); ok {
			*d = v
			return nil
		}
	case *bool:
		if v, ok := src.(int64); ok {
			*d = v != 0
			return nil
		}
	case *time.Time:
		if v, ok := src.(int64); ok {
			*d = Time(v)
			return nil
		}
	case *time.Duration:
		if v, ok := src.(int64); ok {
			*d = time.Duration(v) * time.Microsecond
			return nil
		}
	case *string:
		if v, ok := src.(string); ok {
			*d = v
			return nil
		}
	case *[]string:
		if v, ok := src.(string); ok {
			*d = nil
			if v != "" {
				*d = strings.Split(v, " ")
			}
			return nil
		}
	case JSON:
		if v, ok := src.(string); ok {
			if v == "" {
				return nil
			}
			return json.Unmarshal([]byte(v), d.V)
		}
	}
	return fmt.Errorf("column of type %T cannot be read into %T", src, dest)
}
