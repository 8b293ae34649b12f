package org

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/user"
)

// memberVerified is the domain that the organization has proven to be its own.
// Only Domains writes it.
const memberVerified = "verified_domain"

// members are the profile's members: what describes an organization in the JSON
// API, under the names there.
func members() map[string]user.Check {
	return map[string]user.Check{
		"display_name": user.CheckText, "description": user.CheckLongText, "organization_type": kind,
		"industry": user.CheckText, "size": user.CheckText, "website": user.CheckURL, "domain": domain,
		"logo_url": user.CheckURL, "contact_email": user.CheckEmail, "contact_phone": user.CheckPhone, "address": address,
		"settings": user.CheckObject, "customization": user.CheckObject, "billing_email": user.CheckEmail,

		"subscription_tier": tier, "features": features, "trial_ends_at": instant,
	}
}

// restricted are the members that who runs the installation decides.
func restricted() []string { return []string{"features", "subscription_tier", "trial_ends_at"} }

// DefaultTier is what an organization has whose profile names none.
const DefaultTier = "free"

// Types lists the values of organization_type.
func Types() []string {
	return []string{
		"individual", "team", "business", "startup", "enterprise", "agency",
		"nonprofit", "education", "government", "healthcare", "community", "other",
	}
}

// NormalizeProfile checks a profile member by member and returns a copy without
// null and empty ones; fault.Invalid names every member that is wrong.
func NormalizeProfile(profile map[string]any) (map[string]any, error) {
	return user.Normalize(members(), profile)
}

// Described is a profile without what only Signet itself writes: what
// NormalizeProfile takes.
func Described(profile map[string]any) map[string]any {
	out := maps.Clone(profile)
	delete(out, memberVerified)
	return out
}

// patched applies a merge patch (RFC 7396) to a profile and checks what it
// touches: members that are there already stay as they are.
func patched(profile, patch map[string]any) (map[string]any, error) {
	touched := map[string]any{}
	for name, v := range user.MergePatch(profile, patch) {
		if _, is := patch[name]; is {
			touched[name] = v
		}
	}
	if _, is := patch[memberVerified]; is {
		touched[memberVerified] = nil // refused by its name, also where null would remove it
	}
	touched, err := NormalizeProfile(touched)
	if err != nil {
		return nil, err
	}
	out := maps.Clone(profile)
	if out == nil {
		out = map[string]any{}
	}
	for name := range patch {
		if v, kept := touched[name]; kept {
			out[name] = v
		} else {
			delete(out, name)
		}
	}
	return out, ownDomain(out)
}

// ownDomain: an organization that has proven a domain shows no other as its own.
func ownDomain(profile map[string]any) error {
	verified, shown := profile[memberVerified], profile["domain"]
	if verified != nil && shown != verified {
		return fault.Field("domain", "the domain is the verified one; remove that first")
	}
	return nil
}

// overstepped lists the restricted members that differ.
func overstepped(old, profile map[string]any) []string {
	var names []string
	for _, name := range restricted() {
		a, b := old[name], profile[name]
		if name == "subscription_tier" {
			a, b = orFree(a), orFree(b)
		}
		if !reflect.DeepEqual(a, b) {
			names = append(names, name)
		}
	}
	return names
}

func orFree(tier any) any {
	if tier == nil {
		return DefaultTier
	}
	return tier
}

// differing lists the members that differ, sorted.
func differing(old, profile map[string]any) []string {
	var names []string
	for name, v := range old {
		if !reflect.DeepEqual(v, profile[name]) {
			names = append(names, name)
		}
	}
	for name := range profile {
		if _, had := old[name]; !had {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func kind(v any) (any, error) {
	s, _ := v.(string)
	if s = strings.ToLower(s); !slices.Contains(Types(), s) {
		return nil, fmt.Errorf("write one of %s", strings.Join(Types(), ", "))
	}
	return s, nil
}

func domain(v any) (any, error) {
	s, _ := v.(string)
	canonical, err := user.CanonicalDomain(s)
	if err != nil {
		return nil, fmt.Errorf("write a domain such as example.com")
	}
	return canonical, nil
}

// address is the object of the JSON API.
func address(v any) (any, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("write an object of line1, line2, city, state, postal_code, country_code")
	}
	out := make(map[string]any, len(m))
	for name, part := range m {
		switch name {
		case "line1", "line2", "city", "state", "postal_code", "country_code":
		default:
			return nil, fmt.Errorf("an address has no member %.32q", name)
		}
		if part == nil || part == "" {
			continue
		}
		kept, err := user.CheckText(part)
		if err == nil && name == "country_code" {
			kept, err = country(kept.(string))
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out[name] = kept
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, nil
}

// country is two letters (ISO 3166-1 alpha-2), checked by their form.
func country(s string) (any, error) {
	s = strings.ToUpper(s)
	if len(s) != 2 || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return nil, fmt.Errorf("write two letters such as FR")
	}
	return s, nil
}

func tier(v any) (any, error) {
	s, _ := v.(string)
	if !word(s) {
		return nil, fmt.Errorf("write free, starter, professional, enterprise, or another word of a-z, 0-9, _ and -")
	}
	return s, nil
}

func features(v any) (any, error) {
	list, err := user.CheckTexts(v)
	if err != nil {
		return nil, err
	}
	for _, item := range list.([]any) {
		if s, _ := item.(string); !word(s) {
			return nil, fmt.Errorf("write words of a-z, 0-9, _ and -")
		}
	}
	return list, nil
}

func word(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_-") == ""
}

func instant(v any) (any, error) {
	s, _ := v.(string)
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.Year() < 1970 || t.Year() > 9999 {
		return nil, fmt.Errorf("write a time such as 2026-01-02T03:04:05Z")
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000Z"), nil
}
