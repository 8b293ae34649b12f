package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

func tree(extra ...string) fstest.MapFS {
	root := fstest.MapFS{
		"go.mod": {},
		"provider/user/user.go": {Data: []byte(`// Package user is an example.
package user

// User is documented.
type User struct{}

// Name is documented.
func (User) Name() string {
	return ""
}

func (User) Undocumented() {}

type hidden struct{}

func (hidden) Exported() {}

const (
	A = 1 // documented behind
	B = 2
)
`)},
		"provider/user/user_test.go": {Data: []byte("package user\n")},
	}
	for _, name := range extra {
		root[name] = &fstest.MapFile{}
	}
	return root
}

func TestCheckPassesAndFails(t *testing.T) {
	var out strings.Builder
	if err := run([]string{"check"}, tree(), &out); err != nil {
		t.Fatalf("a tree in order fails: %v\n%s", err, out.String())
	}
	out.Reset()
	err := run([]string{"check"}, tree("scripts/x.sh", "stray.txt"), &out)
	if err == nil || !strings.Contains(err.Error(), "2 findings") {
		t.Errorf("error %v, want 2 findings", err)
	}
	if !strings.Contains(out.String(), "stray.txt: not one") {
		t.Errorf("output names no place: %s", out.String())
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{nil, {"fix"}, {"report"}, {"report", "-lint", "x"}} {
		if err := run(args, tree(), os.Stderr); !errors.Is(err, errUsage) {
			t.Errorf("%q: error %v, want usage", args, err)
		}
	}
}

func TestMeasure(t *testing.T) {
	facts, err := measure(tree())
	if err != nil {
		t.Fatal(err)
	}
	want := packageFacts{Dir: "provider/user", Files: 1, Lines: 21, TestLines: 1, LongestFn: 3, Exported: 5, Documented: 3}
	if len(facts) != 1 || facts[0] != want {
		t.Errorf("got %+v, want %+v", facts, want)
	}
}

func TestReportHoldsBothKindsOfFindings(t *testing.T) {
	dir := t.TempDir()
	lint := filepath.Join(dir, "lint.json")
	const issues = `{"Issues":[{"FromLinter":"errcheck","Text":"unchecked <error>","Pos":{"Filename":"provider/user/user.go","Line":7}}]}`
	if err := os.WriteFile(lint, []byte(issues), 0o600); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(dir, "report.html")
	var out strings.Builder
	if err := run([]string{"report", "-lint", lint, "-o", target}, tree("stray.txt"), &out); err != nil {
		t.Fatal(err)
	}
	html, err := os.ReadFile(target)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"2 findings", "provider/user/user.go:7", "unchecked &lt;error&gt;", "stray.txt", "60 %"} {
		if !strings.Contains(string(html), want) {
			t.Errorf("report lacks %q", want)
		}
	}
	if !strings.Contains(out.String(), "1 packages") {
		t.Errorf("summary: %s", out.String())
	}
}
