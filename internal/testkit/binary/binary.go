// Package binary builds cmd/signet for tests that run it.
package binary

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// sources are what the binary is made of, below the module's root.
var sources = []string{"cmd", "endpoints", "gateway", "internal", "keys", "migrations", "provider", "storage"}

// Build builds cmd/signet to path as a static binary. It looks at every source
// first: the go command keeps the result of a test until a file that the test
// has looked at changes, and knows nothing of what a process of the test's
// reads. Without the look, a result of older code would be taken for one of the
// code at hand.
func Build(path string, flags ...string) error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	if err := look(root); err != nil {
		return fmt.Errorf("binary: sources: %w", err)
	}
	args := append([]string{"build", "-buildvcs=false"}, flags...)
	cmd := exec.Command("go", append(args, "-o", path, "./cmd/signet")...)
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("binary: go build ./cmd/signet: %w\n%s", err, out)
	}
	return nil
}

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("binary: no go.mod above the working directory")
		}
		dir = parent
	}
}

// look reads the folders of the sources, whose entries' sizes and times the go
// command then watches.
func look(root string) error {
	for _, name := range []string{"go.mod", "go.sum"} {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			return err
		}
	}
	for _, name := range sources {
		err := filepath.WalkDir(filepath.Join(root, name), func(_ string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && d.Name() == "node_modules" {
				return fs.SkipDir
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
