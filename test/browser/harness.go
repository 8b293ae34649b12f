package browser

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/script"
)

// limit is how long one script may take. The suite is meant to stay below a
// minute; the rest is for busy machines.
const limit = 4 * time.Minute

// Run executes one script of this directory with Node and reports its checks
// as subtests of t. env holds "NAME=value" pairs for the script.
func Run(t *testing.T, name string, env ...string) {
	t.Helper()
	dir := directory(t)
	chromium := script.Program(t, "SIGNET_TEST_CHROMIUM", "chromium", "chromium-browser", "google-chrome")
	script.Install(t, dir)
	shots := filepath.Join(dir, "..", "..", "test-results", "browser")
	if err := os.MkdirAll(shots, 0o755); err != nil {
		t.Fatalf("browser: %v", err)
	}
	script.Run(t, limit, dir, append([]string{"CHROMIUM=" + chromium, "SHOTS=" + shots}, env...), script.Node(t), name)
}

// directory is where this package's scripts are, whichever package runs them.
func directory(t *testing.T) string {
	t.Helper()
	_, file, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(file) {
		t.Fatal("browser: cannot find the scripts (built with -trimpath?)")
	}
	return filepath.Dir(file)
}
