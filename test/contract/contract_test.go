package contract

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/binary"
	"github.com/signet-idp/signet/internal/testkit/mailsink"
	"github.com/signet-idp/signet/internal/testkit/script"
	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/test/harness"
)

// limit is how long one script may take; they take seconds.
const limit = 3 * time.Minute

var built string

func TestMain(m *testing.M) {
	var err error
	if built, err = os.MkdirTemp("", "signet-contract-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(built)
	os.Exit(code)
}

func TestContract(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { walk(t, nil) })
	t.Run("PostgreSQL", func(t *testing.T) {
		walk(t, []string{
			"SIGNET_DATABASE_URL=" + servers.Postgres(t), "SIGNET_REDIS_URL=" + servers.Redis(t), "SIGNET_MASTER_KEY=" + harness.MasterKey,
		})
	})
}

func walk(t *testing.T, env []string) {
	sink := mailsink.Start(t)
	base := serve(t, append(env, "SIGNET_SMTP_URL="+sink.URL))
	mailbox := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		found := []map[string]string{}
		for _, m := range sink.Messages() {
			if slices.Contains(m.To, r.URL.Query().Get("to")) {
				found = append(found, map[string]string{"subject": m.Subject, "text": m.Text})
			}
		}
		_ = json.NewEncoder(w).Encode(found)
	}))
	t.Cleanup(mailbox.Close)
	for name, prefix := range map[string]string{"root": "", "v1": "/api/v1"} {
		settings := map[string]string{"base": base, "mailbox": mailbox.URL, "prefix": prefix}
		t.Run("Python "+name, func(t *testing.T) { run(t, settings, python(t), "life.py") })
		t.Run("TypeScript "+name, func(t *testing.T) { run(t, settings, node(t), filepath.Join("node_modules", ".out", "life.js")) })
	}
}

// serve runs the built binary until the test ends.
func serve(t *testing.T, env []string) string {
	t.Helper()
	path, err := executable()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	base := "http://" + addr
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), path, "serve")
	cmd.Dir = t.TempDir()
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "SIGNET_") {
			cmd.Env = append(cmd.Env, e)
		}
	}
	cmd.Env = append(append(cmd.Env, "SIGNET_ADDR="+addr, "SIGNET_ISSUER="+base, "SIGNET_SERVER_DRAIN_DELAY=0s"), env...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := <-ended; err != nil {
			t.Errorf("signet serve: %v", err)
		}
		if t.Failed() {
			t.Logf("signet serve:\n%s", &log)
		}
	})
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if ready(t, base) {
			return base
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("signet serve is not ready:\n%s", &log)
		}
	}
}

func ready(t *testing.T, base string) bool {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// run starts a script and reports its checks as subtests.
func run(t *testing.T, settings map[string]string, program, name string) {
	t.Helper()
	encoded, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	script.Run(t, limit, "", []string{"SETTINGS=" + string(encoded), "PYTHONDONTWRITEBYTECODE=1"}, program, name)
}

// executable is cmd/signet, built once.
var executable = sync.OnceValues(func() (string, error) {
	path := filepath.Join(built, "signet")
	return path, binary.Build(path)
})

// environment is a Python with the pinned packages, made once; compiled is the
// TypeScript client, type-checked and compiled once.
var environment, compiled sync.Once

func python(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(built, "venv")
	path := filepath.Join(dir, "bin", "python")
	environment.Do(func() {
		python3 := script.Program(t, "SIGNET_TEST_PYTHON", "python3")
		if err := command(python3, "-m", "venv", dir); err != nil {
			t.Fatalf("%v\nPython 3 with venv is needed (Debian: apt-get install python3 python3-venv)", err)
		}
		if err := command(path, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"); err != nil {
			t.Fatal(err)
		}
	})
	return path
}

func node(t *testing.T) string {
	t.Helper()
	path := script.Node(t)
	compiled.Do(func() {
		script.Install(t, "")
		if err := command(path, filepath.Join("node_modules", "typescript", "bin", "tsc"), "-p", "."); err != nil {
			t.Fatal(err)
		}
	})
	return path
}

func command(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}
