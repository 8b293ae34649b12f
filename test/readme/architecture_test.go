package readme

import (
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// TestMap: docs/architecture.md names every folder with Go code in it, itself
// or as one of a parent's (`internal/tools/*`).
func TestMap(t *testing.T) {
	t.Parallel()
	_, _, prose := parse(read(t, "docs/architecture.md"))
	named := spans(prose)
	var dirs []string
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && name != "." && (e.Name() == "node_modules" || e.Name() == "testdata" || strings.HasPrefix(e.Name(), ".")):
			return fs.SkipDir
		case strings.HasSuffix(name, ".go") && !slices.Contains(dirs, path.Dir(name)):
			dirs = append(dirs, path.Dir(name))
		}
		return nil
	})
	if err != nil || len(dirs) < 50 {
		t.Fatalf("%d folders: %v", len(dirs), err)
	}
	for _, dir := range dirs {
		covered := slices.Contains(named, dir)
		for up := path.Dir(dir); up != "." && !covered; up = path.Dir(up) {
			covered = slices.Contains(named, up+"/*")
		}
		if !covered {
			t.Errorf("docs/architecture.md does not say what is in %s", dir)
		}
	}
}
