package user

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/signet-idp/signet/provider/fault"
)

func TestNormalizeProfile(t *testing.T) {
	ok := map[string]any{
		"name": "Alice Example", "given_name": "Alice", "family_name": "Example", "middle_name": "", "nickname": nil,
		"preferred_username": "alice", "profile": "https://acme.test/alice", "picture": "https://acme.test/a.png",
		"website": "http://alice.test/", "gender": "female", "birthdate": "0000-02-29", "zoneinfo": "America/Argentina/Buenos_Aires",
		"locale": "fr_CA", "phone_number": "+33 (1) 23-45.67 89", "phone_number_verified": true,
		"address": map[string]any{"formatted": "1, rue\nParis", "country": "FR"},
		"bio":     "one\ntwo", "job_title": "CTO", "department": "R&D", "skills": []any{"go"}, "interests": []string{"tea"},
		"preferences": map[string]any{"theme": "dark", "limit": 3},
	}
	got, err := NormalizeProfile(ok)
	if err != nil {
		t.Fatal(err)
	}
	if got["phone_number"] != "+33123456789" {
		t.Errorf("phone_number is %v", got["phone_number"])
	}
	for _, gone := range []string{"middle_name", "nickname"} {
		if _, has := got[gone]; has {
			t.Errorf("%s was kept", gone)
		}
	}
	again, err := NormalizeProfile(got)
	if err != nil || !reflect.DeepEqual(again, got) {
		t.Errorf("not stable: %v, %v", again, err)
	}
}

func TestNormalizeProfileRefuses(t *testing.T) {
	deep := map[string]any{}
	for range 10 {
		deep = map[string]any{"x": deep}
	}
	for name, bad := range map[string][]any{
		"sub":                   {"x"},
		"email":                 {"a@b.c"},
		"name":                  {1, strings.Repeat("a", 256), "a\x00b", "a\nb", "\u202eevil", string([]byte{0xff})},
		"picture":               {"javascript:alert(1)", "//acme.test/x", "https://user@acme.test/", "https://acme.test/\"onload", "data:image/png;base64,AA", strings.Repeat("a", 3000)},
		"birthdate":             {"2001-02-29", "1.2.2001", "20010203", 5},
		"zoneinfo":              {"../../etc/passwd", "Europe/ Paris", "/"},
		"locale":                {"français", "-", "1x"},
		"phone_number":          {"0123456789", "+0123456789", "+12", "+1234567890123456", "+1234567x90"},
		"phone_number_verified": {"true", 1},
		"address":               {"Paris", map[string]any{"planet": "Earth"}, map[string]any{"country": 33}},
		"skills":                {"go", []any{1}, make([]any, 65)},
		"preferences":           {[]any{}, deep, map[string]any{"x": strings.Repeat("a", 17<<10)}},
	} {
		for _, v := range bad {
			_, err := NormalizeProfile(map[string]any{name: v})
			var f *fault.Error
			if !errors.As(err, &f) || f.Code != fault.Invalid || len(f.Fields) != 1 || f.Fields[0].Field != name {
				t.Errorf("%s = %.40v: %v", name, v, err)
			}
		}
	}
}

func TestProfileMembersAreSorted(t *testing.T) {
	if names := ProfileMembers(); !slices.IsSorted(names) || len(names) != 22 {
		t.Errorf("%d: %v", len(names), names)
	}
}
