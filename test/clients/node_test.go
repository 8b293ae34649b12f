package clients

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

// limit is how long one script may take; they take seconds.
const limit = 2 * time.Minute

func TestOpenidClient(t *testing.T) {
	everywhere(t, func(t *testing.T, run server) { start(t, nowhere, run).node(t, "openid-client.mjs", nil) })
}

func TestOAuth4webapi(t *testing.T) {
	everywhere(t, func(t *testing.T, run server) { start(t, nowhere, run).node(t, "oauth4webapi.mjs", nil) })
}

func TestJose(t *testing.T) {
	everywhere(t, func(t *testing.T, run server) {
		ear, o := listen(t), nowhere
		o.Backchannel = "http://" + ear + "/logout"
		start(t, o, run).node(t, "jose.mjs", map[string]any{"ear": ear})
	})
}

// node runs a script of this directory and reports its checks as subtests. more
// are settings of this test alone.
func (s *site) node(t *testing.T, script string, more map[string]any) {
	t.Helper()
	node := program(t, "Node 20 or newer (Debian: apt-get install nodejs)", "node")
	install(t)
	settings := map[string]any{
		"issuer": s.Issuer, "person": map[string]string{"sub": person, "email": email, "password": password},
		"secret": secret, "redirect": redirect, "home": home, "api": api, "keys": s.keys,
	}
	for name, value := range more {
		settings[name] = value
	}
	encoded, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, script)
	cmd.Env = append(os.Environ(), "SETTINGS="+string(encoded))
	// Playwright closes its browser on SIGINT; a kill would leave it behind.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	checks := 0
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct {
			Name, Error string
			MS          int
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil || line.Name == "" {
			t.Logf("%s: %s", script, lines.Text())
			continue
		}
		checks++
		t.Run(line.Name, func(t *testing.T) {
			t.Logf("%d ms", line.MS)
			if line.Error != "" {
				t.Error(line.Error)
			}
		})
	}
	if err := lines.Err(); err != nil {
		t.Errorf("%s: %v", script, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%s: %v\n%s", script, err, stderr.String())
	}
	if checks == 0 {
		t.Errorf("%s reported no check", script)
	}
}

// program finds the first of the names, and fails the test without any.
func program(t *testing.T, what string, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatalf("none of %s is installed, and these tests are not optional: install %s", strings.Join(names, ", "), what)
	return ""
}

var installing sync.Mutex

// install fetches the locked packages once into node_modules.
func install(t *testing.T) {
	t.Helper()
	installing.Lock()
	defer installing.Unlock()
	// npm leaves its own copy of the lock file when it is through.
	lock, err := os.Stat("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	installed, err := os.Stat(filepath.Join("node_modules", ".package-lock.json"))
	if err == nil && !installed.ModTime().Before(lock.ModTime()) {
		return
	}
	cmd := exec.CommandContext(t.Context(), program(t, "npm (Debian: apt-get install npm)", "npm"), "ci")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v; the machine needs a package registry for the first run\n%s", err, out)
	}
}
