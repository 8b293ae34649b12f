package shape

import "math"

// Text reads a text member of a JSON object; nil when it is not there or empty.
func Text(m map[string]any, name string) *string {
	s, _ := m[name].(string)
	return optional(s)
}

// Texts reads a list of texts; [] when it is not there.
func Texts(m map[string]any, name string) []string {
	out := []string{}
	switch list := m[name].(type) {
	case []any:
		for _, v := range list {
			if s, ok := v.(string); ok {
				out = append(out, s)
			}
		}
	case []string:
		out = append(out, list...)
	}
	return out
}

// Object reads an object; {} when it is not there.
func Object(m map[string]any, name string) map[string]any {
	if inner, ok := m[name].(map[string]any); ok && inner != nil {
		return inner
	}
	return map[string]any{}
}

// Number reads a whole number; nil when it is not there.
func Number(m map[string]any, name string) *int64 {
	f, ok := m[name].(float64)
	if !ok || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return nil
	}
	n := int64(f)
	return &n
}

// List is l, or [] for nil.
func List(l []string) []string {
	if l == nil {
		return []string{}
	}
	return l
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
