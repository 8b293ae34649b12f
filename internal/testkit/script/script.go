// Package script runs checks that are written in another language, and reports
// each of them as a subtest. A script writes one line of JSON for each check to
// its standard output, {"name", "error", "ms"}; an empty error is success, and
// other lines are logged.
package script

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// closing is how long an interrupted script may take to close its browser.
const closing = 10 * time.Second

// Run executes a program with arguments in dir and reports its checks. env
// holds more "NAME=value" pairs. After limit it is interrupted, which fails.
func Run(t *testing.T, limit time.Duration, dir string, env []string, program string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	// Node closes the browser when interrupted; a kill would leave it behind.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = closing
	name := strings.Join(args, " ")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	checks := 0
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l struct {
			Name, Error string
			MS          int
		}
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil || l.Name == "" {
			t.Logf("%s: %s", name, lines.Text())
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
		t.Errorf("%s: %v", name, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%s: %v\n%s", name, err, stderr.String())
	}
	if checks == 0 {
		t.Errorf("%s reported no check", name)
	}
}

// Program finds what the environment variable names, else the first of the
// names on PATH, and fails the test without any: these tests are not optional.
func Program(t *testing.T, variable string, names ...string) string {
	t.Helper()
	if set := os.Getenv(variable); set != "" {
		names = []string{set}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatalf("none of %s is installed, and these tests are not optional (%s names another)", strings.Join(names, ", "), variable)
	return ""
}

// Node finds Node.js 20 or newer.
func Node(t *testing.T) string {
	t.Helper()
	return Program(t, "SIGNET_TEST_NODE", "node", "nodejs")
}

var installing sync.Mutex

// Install fetches the locked packages of dir once into its node_modules.
func Install(t *testing.T, dir string) {
	t.Helper()
	installing.Lock()
	defer installing.Unlock()
	// npm leaves its own copy of the lock file when it is through.
	lock, err := os.Stat(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	installed, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json"))
	if err == nil && !installed.ModTime().Before(lock.ModTime()) {
		return
	}
	cmd := exec.CommandContext(t.Context(), Program(t, "SIGNET_TEST_NPM", "npm"), "ci", "--no-audit", "--no-fund")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v; the machine needs a package registry for the first run\n%s", err, out)
	}
}
