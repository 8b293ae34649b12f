package readme

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/signet-idp/signet/provider/apply"
	"github.com/signet-idp/signet/provider/user"
)

// TestApplyExample applies the example of docs/apply.md to an empty
// installation: to try, in earnest, and once more, when nothing may change.
func TestApplyExample(t *testing.T) {
	t.Parallel()
	var example string
	blocks, _, _ := parse(read(t, "docs/apply.md"))
	for _, b := range blocks {
		if b.lang == "yaml" {
			example = b.text
		}
	}
	dir := t.TempDir()
	report := func(args ...string) (r apply.Report) {
		t.Helper()
		stdout, stderr, code := signet(t, dir, example, append([]string{"apply", "-f", "-", "-o", "json"}, args...)...)
		if code != 0 {
			t.Fatalf("signet apply exits %d\n%s", code, stderr)
		}
		if err := json.Unmarshal([]byte(stdout), &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	try, first, again := report("--dry-run"), report(), report("--prune")
	if len(try.Objects) != len(first.Objects) || try.Count(apply.Created) != len(try.Objects) || first.Count(apply.Created) != len(first.Objects) {
		t.Errorf("dry run %+v, then %+v", try, first)
	}
	if again.Changed() {
		t.Errorf("the same file again: %+v", again)
	}
	for _, o := range first.Objects {
		if made := o.ClientSecret != ""; made != (o.Name == "orders") {
			t.Errorf("%s: secret printed: %v", o.Name, made)
		}
	}
}

// TestApplyKeys: every key that a file may hold is on the page, in the section
// of its object, and the example's are keys that exist.
func TestApplyKeys(t *testing.T) {
	t.Parallel()
	page := read(t, "docs/apply.md")
	for heading, object := range map[string]any{
		"Organizations": apply.Organization{}, "Roles": apply.Role{}, "Users": apply.User{},
		"Resources": apply.Resource{}, "Clients": apply.Client{},
	} {
		_, _, text := parse(sectionOf(page, heading))
		for _, key := range keysOf(reflect.TypeOf(object)) {
			if !strings.Contains(text, "`"+key+"`") {
				t.Errorf("docs/apply.md says nothing of %s of %s", key, strings.ToLower(heading))
			}
		}
	}
	for _, member := range user.ProfileMembers() {
		if !strings.Contains(sectionOf(page, "Users"), "`"+member+"`") {
			t.Errorf("docs/apply.md says nothing of the profile member %s", member)
		}
	}
}

// keysOf lists the JSON names of a struct's fields, those of embedded ones too.
func keysOf(object reflect.Type) (keys []string) {
	for i := range object.NumField() {
		f := object.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous:
			keys = append(keys, keysOf(f.Type)...)
		case name != "" && name != "-":
			keys = append(keys, name)
		}
	}
	return keys
}
