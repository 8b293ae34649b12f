package user

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/signet-idp/signet/provider/fault"
)

// Check is how one member of a profile is checked; it returns the value to
// keep, or what to write instead. Organizations have profiles as well.
type Check func(v any) (any, error)

// CheckText takes one line of at most 255 bytes.
func CheckText(v any) (any, error) { return text(v) }

// CheckLongText takes text of at most 4 KB.
func CheckLongText(v any) (any, error) { return longText(v) }

// CheckURL takes an http or https URL.
func CheckURL(v any) (any, error) { return webURL(v) }

// CheckPhone takes an E.164 number.
func CheckPhone(v any) (any, error) { return phone(v) }

// CheckEmail takes an e-mail address and keeps it as it was written.
func CheckEmail(v any) (any, error) {
	s, _ := v.(string)
	if _, err := Canonical(s); err != nil {
		return nil, fmt.Errorf("write an e-mail address such as billing@example.com")
	}
	return strings.TrimSpace(s), nil
}

// CheckTexts takes a list of at most 64 texts.
func CheckTexts(v any) (any, error) { return textList(v) }

// CheckObject takes any object of at most 64 members, 8 levels and 16 KB.
func CheckObject(v any) (any, error) { return preferences(v) }

// Normalize checks a profile by its members and returns a copy without null and
// empty ones, with the types that a stored one is read back with; fault.Invalid
// names every member that is wrong.
func Normalize(known map[string]Check, profile map[string]any) (map[string]any, error) {
	out := make(map[string]any, len(profile))
	var fields []fault.FieldError
	for name, v := range profile {
		check, ok := known[name]
		if !ok {
			fields = append(fields, fault.FieldError{Field: name, Message: "there is no such profile member"})
			continue
		}
		if v == nil || v == "" {
			continue
		}
		kept, err := check(v)
		if err != nil {
			fields = append(fields, fault.FieldError{Field: name, Message: err.Error()})
			continue
		}
		if kept != nil {
			out[name] = kept
		}
	}
	if len(fields) == 0 {
		if err := roundTrip(&out); err != nil {
			fields = append(fields, fault.FieldError{Field: "profile", Message: err.Error()})
		}
	}
	if len(fields) > 0 {
		slices.SortFunc(fields, func(a, b fault.FieldError) int { return strings.Compare(a.Field, b.Field) })
		return nil, &fault.Error{Code: fault.Invalid, Message: "the profile is not valid", Fields: fields}
	}
	return out, nil
}

// MergePatch applies a JSON merge patch (RFC 7396): members of patch replace
// those of target, objects are merged, null removes. Neither is changed.
func MergePatch(target, patch map[string]any) map[string]any {
	out := make(map[string]any, len(target)+len(patch))
	maps.Copy(out, target)
	for name, v := range patch {
		switch v := v.(type) {
		case nil:
			delete(out, name)
		case map[string]any:
			inner, _ := out[name].(map[string]any)
			out[name] = MergePatch(inner, v)
		default:
			out[name] = v
		}
	}
	return out
}
