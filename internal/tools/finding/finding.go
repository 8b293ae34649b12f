// Package finding is what the project's own checks have in common: a Finding,
// and the walk over the source tree that all of them make.
package finding

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Finding is one thing a check has to say about one place.
type Finding struct {
	// Check names the check: "layout", "layers", "secrets", or a linter.
	Check string
	// Path is relative to the module's root, with slashes.
	Path string
	// Line counts from 1; 0 means the file or folder as a whole.
	Line int
	Text string
	// Advice is worth a look but fails nothing.
	Advice bool
}

// String formats the finding as compilers do, so that editors can jump to it.
func (f Finding) String() string {
	place := f.Path
	if f.Line > 0 {
		place = fmt.Sprintf("%s:%d", f.Path, f.Line)
	}
	kind := f.Check
	if f.Advice {
		kind += ", advice"
	}
	return fmt.Sprintf("%s: %s (%s)", place, f.Text, kind)
}

// Skipped tells whether a folder's content is not ours: version control,
// dependencies of the browser tests, and what builds and runs leave behind.
func Skipped(dir string) bool {
	switch dir {
	case ".git", "bin", "data", "report", "test-results":
		return true
	}
	return path.Base(dir) == "node_modules"
}

// Walk calls visit for each file in the tree that is ours, in lexical order.
func Walk(root fs.FS, visit func(name string) error) error {
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if Skipped(name) {
				return fs.SkipDir
			}
			return nil
		}
		return visit(name)
	})
	if err != nil {
		return fmt.Errorf("walk: %w", err)
	}
	return nil
}

// IsTest tells whether a file holds tests, or data only tests read.
func IsTest(name string) bool {
	return strings.HasSuffix(name, "_test.go") ||
		strings.HasPrefix(name, "test/") ||
		strings.HasPrefix(name, "internal/testkit/") ||
		strings.HasSuffix(path.Dir(name), "test") || // suites and fixtures, as in keytest
		strings.Contains("/"+name, "/testdata/")
}
