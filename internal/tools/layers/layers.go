// Package layers is the executable form of the map in docs/architecture.md: it
// reads the imports of every file in the module and reports each that goes
// upward, reaches around a layer, or takes a third party out of its home.
//
// The linter's depguard rules say the same; this check needs no linter, sees
// files behind build tags, and is a plain Go test that cannot be switched off
// by a comment. Tests (_test.go) and the folders that only tests use may
// import everything.
package layers

import (
	"cmp"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/signet-idp/signet/internal/tools/finding"
)

const module = "github.com/signet-idp/signet"

// Check reports every import in the module's tree that breaks a rule.
func Check(root fs.FS) ([]finding.Finding, error) {
	var found []finding.Finding
	err := finding.Walk(root, func(name string) error {
		if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") || isExempt(path.Dir(name)) {
			return nil
		}
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, src, parser.ImportsOnly)
		if err != nil {
			return fmt.Errorf("parse: %w", err)
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return fmt.Errorf("parse: %s: %w", name, err)
			}
			if complaint := judge(path.Dir(name), imported); complaint != "" {
				found = append(found, finding.Finding{
					Check: "layers", Path: name, Line: fset.Position(spec.Pos()).Line, Text: complaint,
				})
			}
		}
		return nil
	})
	return found, err
}

// judge says what is wrong with a package's import, or nothing.
func judge(pkg, imported string) string {
	r, ok := ruleFor(pkg)
	if !ok {
		return fmt.Sprintf("package %s has no place in the layers: name one in internal/tools/layers", pkg)
	}
	if own, ok := strings.CutPrefix(imported, module+"/"); ok {
		return r.judgeOurs(pkg, own)
	}
	return r.judgeForeign(pkg, imported)
}

func (r rule) judgeOurs(pkg, own string) string {
	if isExempt(own) {
		return fmt.Sprintf("%s imports %s, which is for tests only", pkg, own)
	}
	for _, allowed := range r.ours {
		tree, deep := strings.CutSuffix(allowed, "/...")
		if own == allowed || deep && below(own, tree) {
			return ""
		}
	}
	return fmt.Sprintf("%s must not import %s: imports go cmd > endpoints > provider > keys > storage", pkg, own)
}

func (r rule) judgeForeign(pkg, imported string) string {
	for _, home := range r.foreign {
		if below(imported, home) {
			return ""
		}
	}
	std := !strings.Contains(strings.SplitN(imported, "/", 2)[0], ".")
	if r.closed && !std {
		return fmt.Sprintf("%s must not import %s: it takes the standard library and %s only", pkg, imported, strings.Join(r.foreign, ", "))
	}
	for _, m := range homeless() {
		if below(imported, m) {
			return fmt.Sprintf("%s must not import %s: it has no home in the product", pkg, imported)
		}
	}
	for _, other := range rules() {
		for _, home := range other.foreign {
			// A closed package takes what it needs from what is open to all.
			if !other.closed && below(imported, home) {
				return fmt.Sprintf("%s must not import %s: its home is %s", pkg, imported, other.in)
			}
		}
	}
	return ""
}

// ruleFor finds the rule with the longest folder that covers pkg; of two for
// the same folder the one for that folder only.
func ruleFor(pkg string) (rule, bool) {
	var matching []rule
	for _, r := range rules() {
		if pkg == r.in || !r.only && below(pkg, r.in) {
			matching = append(matching, r)
		}
	}
	if len(matching) == 0 {
		return rule{}, false
	}
	return slices.MaxFunc(matching, func(a, b rule) int {
		return cmp.Or(cmp.Compare(len(a.in), len(b.in)), cmp.Compare(rank(a), rank(b)))
	}), true
}

func rank(r rule) int {
	if r.only {
		return 1
	}
	return 0
}

// isExempt tells whether a package is no part of the product. Besides the
// exempt folders those are packages named like keytest: fixtures and suites
// for the tests of others, as httptest is.
func isExempt(pkg string) bool {
	return strings.HasSuffix(path.Base(pkg), "test") || slices.ContainsFunc(exempt(), func(dir string) bool { return below(pkg, dir) })
}

// below tells whether a slash-separated path is dir or inside it.
func below(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }
