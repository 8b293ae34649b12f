package access

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestValidPermission(t *testing.T) {
	for p, want := range map[string]bool{
		"read:invoice":                        true,
		"read:*":                              true,
		"read:invoice:lines":                  true,
		"read:*:lines":                        true,
		"read:invoice:42":                     true,
		"write_all:a-b_c":                     true,
		"":                                    false,
		"read":                                false,
		"read:":                               false,
		":invoice":                            false,
		"*:invoice":                           false, // an action is always named
		"read:in*":                            false, // a wildcard is a whole segment
		"read:**":                             false,
		"read:invoice:":                       false,
		"read::invoice":                       false,
		"Read:invoice":                        false,
		"read:Invoice":                        false,
		"read:in voice":                       false,
		"read:1invoice":                       false,
		"read:invo\x00ice":                    false,
		"read:" + strings.Repeat("a", 123):    true,
		"read:" + strings.Repeat("a", 124):    false,
		"reád:invoice":                        false,
		"read:*:" + strings.Repeat("a:", 200): false,
	} {
		if got := ValidPermission(p); got != want {
			t.Errorf("ValidPermission(%q) = %v", p, got)
		}
	}
}

// reaches is the meaning of a permission, written without cleverness: does the
// pattern hold for one concrete action:resource?
func reaches(pattern, concrete string) bool {
	p, c := strings.Split(pattern, ":"), strings.Split(concrete, ":")
	if p[0] != c[0] {
		return false
	}
	p, c = p[1:], c[1:]
	for i := range p {
		if i == 0 && p[i] == "*" && c[0] == "system" {
			return false
		}
		if i == len(p)-1 && p[i] == "*" {
			return len(c) > i
		}
		if i >= len(c) || p[i] != "*" && p[i] != c[i] {
			return false
		}
	}
	return len(p) == len(c)
}

// worlds are all resources of up to four segments over a small alphabet; "z"
// occurs in no pattern, so it stands for everything unnamed.
func worlds() []string {
	var out []string
	level := []string{""}
	for range 4 {
		var next []string
		for _, prefix := range level {
			for _, s := range []string{"a", "z", "system"} {
				next = append(next, prefix+":"+s)
			}
		}
		out = append(out, next...)
		level = next
	}
	return out
}

func TestCoversIsInclusion(t *testing.T) {
	all := worlds()
	segment := rapid.SampledFrom([]string{"a", "*", "system"})
	pattern := rapid.Custom(func(t *rapid.T) string {
		return rapid.SampledFrom([]string{"read:", "write:"}).Draw(t, "action") +
			strings.Join(rapid.SliceOfN(segment, 1, 3).Draw(t, "segments"), ":")
	})
	rapid.Check(t, func(t *rapid.T) {
		held, wanted := pattern.Draw(t, "held"), pattern.Draw(t, "wanted")
		included := true
		for _, action := range []string{"read", "write"} {
			for _, w := range all {
				if reaches(wanted, action+w) && !reaches(held, action+w) {
					included = false
				}
			}
		}
		if got := Covers(held, wanted); got && !included {
			t.Fatalf("Covers(%q, %q) although it is not included", held, wanted)
		} else if !got && included {
			t.Fatalf("not Covers(%q, %q) although it is included", held, wanted)
		}
	})
}

func FuzzValidPermission(f *testing.F) {
	f.Add("read:invoice")
	f.Add("read:*:x")
	f.Add("a:*")
	f.Fuzz(func(t *testing.T, p string) {
		if !ValidPermission(p) {
			return
		}
		if len(p) > maxPermission || strings.ContainsAny(p, " \t\r\n\"\\@") || p != strings.ToLower(p) {
			t.Fatalf("accepted %q", p)
		}
		if !Covers(p, p) {
			t.Fatalf("%q does not cover itself", p)
		}
		if OfSystem(p) && Covers("read:*", p) {
			t.Fatalf("a wildcard reaches %q", p)
		}
	})
}

func TestRoleNames(t *testing.T) {
	for name, want := range map[string]bool{
		"billing": true, "a": true, "a1_-": true, strings.Repeat("a", 63): true,
		"": false, "1a": false, "A": false, "a b": false, "system:x": false, "ä": false, strings.Repeat("a", 64): false,
	} {
		if got := ValidRoleName(name); got != want {
			t.Errorf("ValidRoleName(%q) = %v", name, got)
		}
	}
}

func TestBuiltinsAreNested(t *testing.T) {
	by := map[string][]string{}
	for _, r := range Builtins() {
		by[TokenRole(r.Scope, r.Name)] = r.Permissions
		for _, p := range r.Permissions {
			if !ValidPermission(p) {
				t.Errorf("%s holds %q", r.Name, p)
			}
			if r.Scope == "organization" && OfSystem(p) {
				t.Errorf("organization role %s holds %q of the system", r.Name, p)
			}
		}
	}
	for _, pair := range [][2]string{
		{"owner", "admin"},
		{"admin", "manager"},
		{"manager", "member"},
		{"member", "viewer"},
		{"system:admin", "system:manager"},
		{"system:manager", "system:user"},
		{"system:admin", "owner"},
	} {
		if missing, ok := CoversAll(by[pair[0]], by[pair[1]]); !ok {
			t.Errorf("%s lacks %s, which %s holds", pair[0], missing, pair[1])
		}
		if _, ok := CoversAll(by[pair[1]], by[pair[0]]); ok {
			t.Errorf("%s holds all that %s does", pair[1], pair[0])
		}
	}
}
