package languages

import (
	"path/filepath"
	"testing"

	"github.com/signet-idp/signet/internal/testkit/script"
)

// TestSameVerdicts: tokens that nobody has thought of. The Go package makes some at
// random and judges them; the others must say the same.
func TestSameVerdicts(t *testing.T) {
	t.Parallel()
	look(t, pythonPackage, typescriptPackage, filepath.Dir(vectorFolder))
	file := filepath.Join(t.TempDir(), "random.json")
	run(t, filepath.Dir(vectorFolder), "go", "test", "-count=1", "-run", "^TestRandomVectors$", ".", "-random", file)
	t.Run("Python", func(t *testing.T) {
		run(t, pythonPackage, "env", "SIGNET_VECTORS="+file, environment(t), "-m", "pytest", filepath.Join("tests", "test_vectors.py"))
	})
	t.Run("TypeScript", func(t *testing.T) {
		compile(t)
		run(t, typescriptPackage, "env", "SIGNET_VECTORS="+file, script.Node(t), "--test", filepath.Join("node_modules", ".out", "test", "vectors.test.js"))
	})
}
