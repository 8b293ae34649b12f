package user

import (
	"context"
	"fmt"
	"maps"

	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// customPreferences holds the preferences that Signet does not know by name.
const customPreferences = "custom"

// preferenceMembers maps the preferences known by name to how each is checked;
// whatever else an application keeps goes under "custom".
func preferenceMembers() map[string]Check {
	return map[string]Check{
		"theme": text, "privacy_level": text, "language": locale, "timezone": zoneinfo,
		"email_notifications": flag, "push_notifications": flag,
		"notification_preferences": object, "privacy_settings": object, customPreferences: object,
	}
}

func object(v any) (any, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("write an object")
	}
	return m, nil
}

// MergePreferences merges patch into a person's preferences (JSON Merge Patch,
// RFC 7396): null takes a member out, objects merge, everything else replaces.
// Members that Signet does not know go under "custom". language and timezone
// are the profile's locale and zoneinfo as well. source is "self" for the
// person, or names who else. fault.Invalid names what is wrong.
func (s *Service) MergePreferences(ctx context.Context, id string, patch map[string]any, source string) (storage.User, error) {
	sorted, err := sortPreferences(patch)
	if err != nil {
		return storage.User{}, fmt.Errorf("user: merge preferences: %w", err)
	}
	return s.profile(ctx, "user: merge preferences", id, source, func(old map[string]any) map[string]any {
		merged := maps.Clone(old)
		if merged == nil {
			merged = map[string]any{}
		}
		before, _ := merged["preferences"].(map[string]any)
		after := mergePatch(before, sorted)
		if custom, ok := after[customPreferences].(map[string]any); ok && len(custom) == 0 {
			delete(after, customPreferences)
		}
		merged["preferences"] = after
		for preference, claim := range map[string]string{"language": "locale", "timezone": "zoneinfo"} {
			if v, said := sorted[preference]; said {
				merged[claim] = v
			}
		}
		return merged
	})
}

// sortPreferences checks a patch and moves what is not known under "custom".
func sortPreferences(patch map[string]any) (map[string]any, error) {
	known := preferenceMembers()
	out, custom := make(map[string]any, len(patch)), map[string]any{}
	var fields []fault.FieldError
	for name, v := range patch {
		check, ok := known[name]
		if !ok {
			custom[name] = v
			continue
		}
		if v != nil {
			kept, err := check(v)
			if err != nil {
				fields = append(fields, fault.FieldError{Field: name, Message: err.Error()})
				continue
			}
			v = kept
		}
		out[name] = v
	}
	if len(fields) > 0 {
		return nil, &fault.Error{Code: fault.Invalid, Message: "the preferences are not valid", Fields: fields}
	}
	if len(custom) > 0 {
		named, _ := out[customPreferences].(map[string]any)
		maps.Copy(custom, named)
		out[customPreferences] = custom
	}
	return out, nil
}

// mergePatch is RFC 7396 §2; neither argument is changed.
func mergePatch(target, patch map[string]any) map[string]any {
	out := maps.Clone(target)
	if out == nil {
		out = map[string]any{}
	}
	for name, v := range patch {
		inner, isObject := v.(map[string]any)
		switch {
		case v == nil:
			delete(out, name)
		case isObject:
			before, _ := out[name].(map[string]any)
			out[name] = mergePatch(before, inner)
		default:
			out[name] = v
		}
	}
	return out
}
