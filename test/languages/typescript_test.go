package languages

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/signet-idp/signet/internal/testkit/script"
)

var typescriptPackage = filepath.Join("..", "..", "gateway", "typescript")

// TestTypeScriptPackage runs what the package's developers run; the compiler is
// strict and stops at the first error of type. Its archive is built and installed
// by TestProtectAnAPI.
func TestTypeScriptPackage(t *testing.T) {
	t.Parallel()
	look(t, typescriptPackage, vectorFolder)
	node := script.Node(t)
	t.Run("its types", compile)
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
}

// compiled: the compiler is run once, since others run what it has written.
var (
	compiling sync.Mutex
	compiled  bool
)

// compile checks the package's types and compiles its tests.
func compile(t *testing.T) {
	script.Install(t, typescriptPackage)
	compiling.Lock()
	defer compiling.Unlock()
	if !compiled {
		run(t, typescriptPackage, script.Node(t), filepath.Join("node_modules", "typescript", "bin", "tsc"), "-p", "tsconfig.test.json")
		compiled = true
	}
}
