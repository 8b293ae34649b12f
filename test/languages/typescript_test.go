package languages

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/signet-idp/signet/internal/testkit/script"
)

var packing sync.Mutex

var typescriptPackage = filepath.Join("..", "..", "gateway", "typescript")

// TestTypeScriptPackage runs what the package's developers run; the compiler is
// strict and stops at the first error of type.
func TestTypeScriptPackage(t *testing.T) {
	t.Parallel()
	look(t, typescriptPackage, vectorFolder)
	node := script.Node(t)
	script.Install(t, typescriptPackage)
	t.Run("its types", func(t *testing.T) {
		run(t, typescriptPackage, node, filepath.Join("node_modules", "typescript", "bin", "tsc"), "-p", "tsconfig.test.json")
	})
	t.Run("its tests", func(t *testing.T) {
		tests, err := filepath.Glob(filepath.Join(typescriptPackage, "node_modules", ".out", "test", "*.test.js"))
		if err != nil || len(tests) < 3 {
			t.Fatal(tests, err)
		}
		args := []string{"--test"}
		for _, path := range tests {
			args = append(args, filepath.Join("node_modules", ".out", "test", filepath.Base(path)))
		}
		run(t, typescriptPackage, node, args...)
	})
	t.Run("its archive", func(t *testing.T) {
		dir := t.TempDir()
		archive := packed(t, dir)
		// What is in it works without the source beside it.
		if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
		npm(t, dir, "install", "--no-audit", "--no-fund", "--prefer-offline", archive)
		run(t, dir, node, "--input-type=module", "-e", "import { createVerifier, protect } from '@signet-idp/gateway'; if (!createVerifier || !protect) throw new Error('empty')")
		for _, name := range []string{"index.d.ts", filepath.Join("react", "index.js"), filepath.Join("react", "index.d.ts")} {
			if _, err := os.Stat(filepath.Join(dir, "node_modules", "@signet-idp", "gateway", "dist", name)); err != nil {
				t.Error(err)
			}
		}
	})
}

// packed builds the package's archive into a folder and returns its path.
func packed(t *testing.T, into string) string {
	t.Helper()
	script.Install(t, typescriptPackage)
	packing.Lock() // both would write dist
	defer packing.Unlock()
	cmd := exec.CommandContext(t.Context(), script.Program(t, "SIGNET_TEST_NPM", "npm"), "pack", "--json", "--pack-destination", into)
	cmd.Dir = typescriptPackage
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("npm pack: %v\n%s", err, out)
	}
	archives, err := filepath.Glob(filepath.Join(into, "signet-idp-gateway-*.tgz"))
	if err != nil || len(archives) != 1 {
		t.Fatal(archives, err)
	}
	return archives[0]
}

func npm(t *testing.T, dir string, args ...string) {
	t.Helper()
	run(t, dir, script.Program(t, "SIGNET_TEST_NPM", "npm"), args...)
}
