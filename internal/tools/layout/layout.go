// Package layout checks how the source tree is laid out: the fixed top level,
// file and package names, folders without documentation, and files that have
// grown too long to read in one sitting.
package layout

import (
	"bytes"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/signet-idp/signet/internal/tools/finding"
)

// longFile is the number of lines from which a Go file is reported. It is no
// error: such a file wants to be two, but not every one can.
const longFile = 700

// topLevel is all that may lie beside the module file. A new name here is a
// decision about the map in docs/architecture.md.
func topLevel() []string {
	return []string{
		"cmd", "provider", "endpoints", "storage", "keys", "gateway", "migrations", "deploy", "internal", "test", "docs",
		"go.mod", "go.sum", "Makefile", "Dockerfile",
		"README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "LICENSE",
		".ci", ".github", ".githooks", ".vscode", ".editorconfig", ".golangci.yml", ".gitignore", ".gitattributes", ".dockerignore",
	}
}

// vague names say nothing about what a package is for, and collect everything.
func vague() []string {
	return []string{"util", "utils", "common", "helper", "helpers", "model", "models", "misc", "shared", "lib", "base", "types", "interfaces", "api"}
}

// Check reports what is wrong with the tree.
func Check(root fs.FS) ([]finding.Finding, error) {
	found, err := checkTop(root)
	if err != nil {
		return nil, err
	}
	packages := map[string]*goPackage{}
	err = finding.Walk(root, func(name string) error {
		if path.Ext(name) != ".go" {
			return nil
		}
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		found = append(found, checkFile(name, src)...)
		return gather(packages, name, src)
	})
	if err != nil {
		return nil, err
	}
	dirs := make([]string, 0, len(packages))
	for dir := range packages {
		dirs = append(dirs, dir)
	}
	slices.Sort(dirs)
	for _, dir := range dirs {
		found = append(found, packages[dir].check(dir)...)
	}
	return found, nil
}

func checkTop(root fs.FS) ([]finding.Finding, error) {
	entries, err := fs.ReadDir(root, ".")
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	var found []finding.Finding
	for _, e := range entries {
		name := e.Name()
		if slices.Contains(topLevel(), name) || finding.Skipped(name) || ignored(name) {
			continue
		}
		found = append(found, finding.Finding{
			Check: "layout", Path: name, Text: "not one of the names at the top level: it belongs into a folder",
		})
	}
	return found, nil
}

// ignored names are left behind by programs and never committed (.gitignore).
func ignored(name string) bool {
	for _, pattern := range []string{"coverage*", "*.db", "*.db-wal", "*.db-shm", "*.prof", "*.test", ".idea", ".DS_Store"} {
		if ok, err := path.Match(pattern, name); ok && err == nil {
			return true
		}
	}
	return false
}

var snake = regexp.MustCompile(`^[a-z0-9]+(_[a-z0-9]+)*\.go$`)

func checkFile(name string, src []byte) []finding.Finding {
	var found []finding.Finding
	if base := path.Base(name); !snake.MatchString(base) {
		found = append(found, finding.Finding{Check: "layout", Path: name, Text: "file names are lower case words joined by _"})
	}
	generated := bytes.Contains(src[:min(len(src), 500)], []byte("// Code generated "))
	if lines := bytes.Count(src, []byte("\n")); lines > longFile && !generated {
		found = append(found, finding.Finding{
			Check: "layout", Path: name, Advice: true,
			Text: fmt.Sprintf("%d lines (more than %d): which noun or step can leave?", lines, longFile),
		})
	}
	return found
}

// goPackage is what the checks need to know about a folder of Go files.
type goPackage struct {
	name       string // of the files that are no tests
	documented bool
}

func gather(packages map[string]*goPackage, name string, src []byte) error {
	if strings.HasSuffix(name, "_test.go") || strings.Contains("/"+name, "/testdata/") {
		return nil
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.PackageClauseOnly|parser.ParseComments)
	if err != nil {
		return fmt.Errorf("parse: %w", err)
	}
	dir := path.Dir(name)
	p := packages[dir]
	if p == nil {
		p = &goPackage{name: file.Name.Name}
		packages[dir] = p
	}
	p.documented = p.documented || file.Doc != nil
	return nil
}

func (p *goPackage) check(dir string) []finding.Finding {
	var found []finding.Finding
	say := func(text string) {
		found = append(found, finding.Finding{Check: "layout", Path: dir, Text: text})
	}
	folder := path.Base(dir)
	if slices.Contains(vague(), p.name) || slices.Contains(vague(), folder) {
		say(fmt.Sprintf("package %s says nothing about its content: name the concern", p.name))
	}
	if strings.ContainsAny(p.name, "_ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		say(fmt.Sprintf("package %s: package names are one lower case word", p.name))
	}
	if p.name != "main" && p.name != folder && dir != "." {
		say(fmt.Sprintf("package %s lives in a folder named %s", p.name, folder))
	}
	if !p.documented {
		say(fmt.Sprintf("package %s has no package comment: say what it is for, and name the functions a reader needs first", p.name))
	}
	return found
}
