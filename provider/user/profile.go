package user

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/signet-idp/signet/provider/fault"
)

// Bounds of a profile.
const (
	maxText     = 255      // bytes of a name and its like
	maxLongText = 4 << 10  // bio, address.formatted
	maxURL      = 2048     //
	maxList     = 64       // items of skills, interests
	maxProfile  = 32 << 10 // the whole, as JSON
	maxMembers  = 64       // members of preferences
	maxNesting  = 8        // of preferences
)

// members are the profile's members: the standard claims of OpenID Connect Core
// §5.1 other than sub, email, email_verified and updated_at, which the account
// itself holds, and what the JSON API adds.
func members() map[string]Check {
	return map[string]Check{
		"name": text, "given_name": text, "family_name": text, "middle_name": text,
		"nickname": text, "preferred_username": text, "gender": text,
		"profile": webURL, "picture": webURL, "website": webURL,
		"birthdate": birthdate, "zoneinfo": zoneinfo, "locale": locale,
		"phone_number": phone, "phone_number_verified": flag, "address": address,

		"bio": longText, "job_title": text, "department": text,
		"skills": textList, "interests": textList, "preferences": preferences,
	}
}

// ProfileMembers lists the names a profile may hold, sorted.
func ProfileMembers() []string {
	var names []string
	for name := range members() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// NormalizeProfile checks a profile member by member and returns a copy without
// null and empty ones; fault.Invalid names every member that is wrong.
func NormalizeProfile(profile map[string]any) (map[string]any, error) {
	out, err := Normalize(members(), profile)
	if _, has := out["phone_number"]; !has {
		delete(out, "phone_number_verified")
	}
	return out, err
}

func roundTrip(profile *map[string]any) error {
	b, err := json.Marshal(*profile)
	if err != nil || len(b) > maxProfile {
		return fmt.Errorf("a profile is at most %d bytes of JSON", maxProfile)
	}
	*profile = nil
	return json.Unmarshal(b, profile)
}

func text(v any) (any, error) { return boundedText(v, maxText, false) }

func longText(v any) (any, error) { return boundedText(v, maxLongText, true) }

func boundedText(v any, limit int, lines bool) (any, error) {
	s, ok := v.(string)
	if !ok {
		return nil, fmt.Errorf("write text")
	}
	if len(s) > limit {
		return nil, fmt.Errorf("write at most %d bytes", limit)
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) && !(lines && (r == '\n' || r == '\r' || r == '\t')) || bidiControl(r)
	}) {
		return nil, fmt.Errorf("write text without control characters")
	}
	return s, nil
}

// bidiControl: these make a name look like another one.
func bidiControl(r rune) bool {
	return r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069
}

func webURL(v any) (any, error) {
	s, ok := v.(string)
	if !ok || len(s) > maxURL {
		return nil, fmt.Errorf("write an http or https URL of at most %d bytes", maxURL)
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || strings.ContainsFunc(s, notURL) {
		return nil, fmt.Errorf("write an http or https URL, without a user name")
	}
	return s, nil
}

func notURL(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"<>\^{|}`+"`", r) }

// birthdate is YYYY-MM-DD, 0000-MM-DD or YYYY.
func birthdate(v any) (any, error) {
	s, _ := v.(string)
	layout := time.DateOnly
	probe := s
	switch {
	case len(s) == 4:
		layout = "2006"
	case strings.HasPrefix(s, "0000-"):
		probe = "2000-" + strings.TrimPrefix(s, "0000-") // a leap year: the 29th of February is somebody's
	}
	if _, err := time.Parse(layout, probe); err != nil {
		return nil, fmt.Errorf("write YYYY-MM-DD, YYYY, or 0000-MM-DD without the year")
	}
	return s, nil
}

// zoneinfo is a name of the time zone database, checked by its form only: which
// names there are changes several times a year.
func zoneinfo(v any) (any, error) {
	s, _ := v.(string)
	if s == "" || len(s) > 64 || !words(s, "/", func(c byte) bool { return alnum(c) || c == '_' || c == '-' || c == '+' }) {
		return nil, fmt.Errorf("write a time zone such as Europe/Paris")
	}
	return s, nil
}

// locale is a BCP 47 tag, with - or _ between its subtags (OpenID Connect Core §5.1).
func locale(v any) (any, error) {
	s, _ := v.(string)
	if s == "" || len(s) > 35 || !words(strings.ReplaceAll(s, "_", "-"), "-", alnum) || s[0] < 'A' {
		return nil, fmt.Errorf("write a language tag such as en or fr-CA")
	}
	return s, nil
}

func words(s, separator string, ok func(byte) bool) bool {
	for word := range strings.SplitSeq(s, separator) {
		if word == "" {
			return false
		}
		for i := range len(word) {
			if !ok(word[i]) {
				return false
			}
		}
	}
	return true
}

func alnum(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// phone is an E.164 number; blanks, dots, dashes and brackets are taken out.
func phone(v any) (any, error) {
	s, _ := v.(string)
	if len(s) > 40 {
		s = ""
	}
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune(" .-()", r) {
			return -1
		}
		return r
	}, s)
	digits, plus := strings.CutPrefix(s, "+")
	if !plus || len(digits) < 7 || len(digits) > 15 || digits[0] == '0' || !onlyDigits(digits) {
		return nil, fmt.Errorf("write an international number such as +33 1 23 45 67 89")
	}
	return s, nil
}

// Phone is the one form of a telephone number (E.164); fault.Invalid when it is
// none.
func Phone(number string) (string, error) {
	normal, err := phone(number)
	if err != nil {
		return "", fault.Field("phone_number", err.Error())
	}
	return normal.(string), nil
}

func flag(v any) (any, error) {
	b, ok := v.(bool)
	if !ok {
		return nil, fmt.Errorf("write true or false")
	}
	return b, nil
}

// address is the object of OpenID Connect Core §5.1.1.
func address(v any) (any, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("write an object of formatted, street_address, locality, region, postal_code, country")
	}
	out := make(map[string]any, len(m))
	for name, part := range m {
		limit, lines := maxText, false
		switch name {
		case "formatted", "street_address":
			limit, lines = maxLongText, true
		case "locality", "region", "postal_code", "country":
		default:
			return nil, fmt.Errorf("an address has no member %.32q", name)
		}
		if part == nil || part == "" {
			continue
		}
		kept, err := boundedText(part, limit, lines)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out[name] = kept
	}
	return out, nil
}

func textList(v any) (any, error) {
	list, ok := v.([]any)
	if !ok {
		if typed, isTyped := v.([]string); isTyped {
			for _, s := range typed {
				list = append(list, s)
			}
		} else {
			return nil, fmt.Errorf("write a list of texts")
		}
	}
	if len(list) > maxList {
		return nil, fmt.Errorf("write at most %d items", maxList)
	}
	out := make([]any, 0, len(list))
	for _, item := range list {
		kept, err := text(item)
		if err != nil {
			return nil, err
		}
		out = append(out, kept)
	}
	return out, nil
}

func preferences(v any) (any, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("write an object")
	}
	custom, _ := m[customPreferences].(map[string]any)
	if len(m) > maxMembers || len(custom) > maxMembers || deeper(m, maxNesting) {
		return nil, fmt.Errorf("write at most %d members, %d levels deep", maxMembers, maxNesting)
	}
	if b, err := json.Marshal(m); err != nil || len(b) > 16<<10 {
		return nil, fmt.Errorf("write at most 16 KB")
	}
	return m, nil
}

func deeper(v any, levels int) bool {
	if levels == 0 {
		return true
	}
	switch v := v.(type) {
	case map[string]any:
		for _, inner := range v {
			if deeper(inner, levels-1) {
				return true
			}
		}
	case []any:
		for _, inner := range v {
			if deeper(inner, levels-1) {
				return true
			}
		}
	}
	return false
}
