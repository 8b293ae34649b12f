package browser

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// limit is how long one script may take. The suite is meant to stay below a
// minute; the rest is for busy machines.
const limit = 4 * time.Minute

// line is what a script writes to its standard output for each check.
type line struct {
	Name  string `json:"name"`
	Error string `json:"error"`
	MS    int    `json:"ms"`
}

// Run executes one script of this directory with Node and reports its checks
// as subtests of t. env holds "NAME=value" pairs for the script.
func Run(t *testing.T, script string, env ...string) {
	t.Helper()
	dir := directory(t)
	node := program(t, "node")
	chromium := program(t, "chromium", "chromium-browser", "google-chrome")
	install(t, dir)

	shots := filepath.Join(dir, "..", "..", "test-results", "browser")
	if err := os.MkdirAll(shots, 0o755); err != nil {
		t.Fatalf("browser: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, script)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "CHROMIUM="+chromium, "SHOTS="+shots), env...)
	// Node closes the browser on SIGTERM; a kill would leave it behind.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("browser: %v", err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("browser: %s: %v", script, err)
	}
	checks := 0
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil || l.Name == "" {
			t.Logf("%s: %s", script, lines.Text())
			continue
		}
		checks++
		t.Run(l.Name, func(t *testing.T) {
			t.Logf("%d ms", l.MS)
			if l.Error != "" {
				t.Error(l.Error)
			}
		})
	}
	if err := lines.Err(); err != nil {
		t.Errorf("browser: %s: %v", script, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("browser: %s: %v\n%s", script, err, stderr.String())
	}
	if checks == 0 {
		t.Errorf("browser: %s reported no check", script)
	}
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

// program finds the first of the names, and fails the test without any.
func program(t *testing.T, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatalf("browser: none of %s is installed; these tests are not optional", strings.Join(names, ", "))
	return ""
}

var installing sync.Mutex

// install fetches the locked packages once into node_modules.
func install(t *testing.T, dir string) {
	t.Helper()
	installing.Lock()
	defer installing.Unlock()
	if upToDate(dir) {
		return
	}
	cmd := exec.CommandContext(t.Context(), program(t, "npm"), "ci")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("browser: npm ci: %v\n%s", err, out)
	}
}

// upToDate reports whether node_modules was installed from this lock file: npm
// writes its own copy there after it.
func upToDate(dir string) bool {
	lock, err := os.Stat(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		return false
	}
	installed, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json"))
	return err == nil && !installed.ModTime().Before(lock.ModTime())
}
