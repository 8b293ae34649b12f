package readme

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/binary"
)

// root is the module's top folder, seen from this package.
const root = "../.."

// scratch is removed when the tests have run.
var scratch string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if scratch, err = os.MkdirTemp("", "signet-readme-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(scratch)
	return m.Run()
}

// built is cmd/signet as `make build` makes it, but for stripping: linked once.
var built = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "bin", "signet")
	return path, binary.Build(path)
})

func executable(t *testing.T) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// environment is the caller's without what a developer's shell sets for Signet.
func environment(more ...string) []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "SIGNET_") {
			env = append(env, e)
		}
	}
	return append(env, more...)
}

// signet runs a command in a folder and returns what it wrote to stdout and its
// exit code.
func signet(t *testing.T, dir, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), executable(t), args...)
	cmd.Dir, cmd.Env, cmd.Stdin = dir, environment(), strings.NewReader(stdin)
	var out, talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &talk
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), talk.String(), cmd.ProcessState.ExitCode()
}

// demo is a running `signet serve --dev`.
type demo struct {
	dir, issuer, port string
	banner            string            // what it printed
	secrets           map[string]string // passwords and client secrets, by name
}

// startDemo runs `bin/signet serve --dev`, as `make run` does, in a folder of
// its own and on a free port.
func startDemo(t *testing.T) *demo {
	t.Helper()
	d := &demo{dir: t.TempDir(), secrets: map[string]string{}}
	if err := os.Mkdir(filepath.Join(d.dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(executable(t), filepath.Join(d.dir, "bin", "signet")); err != nil {
		t.Fatal(err)
	}
	d.port = freePort(t)
	d.issuer = "http://localhost:" + d.port
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "bin/signet", "serve", "--dev")
	cmd.Dir, cmd.Env = d.dir, environment("SIGNET_ADDR=127.0.0.1:"+d.port)
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	banner := make(chan string, 1)
	var reading sync.WaitGroup
	reading.Go(func() { banner <- readBanner(out); _, _ = io.Copy(io.Discard, out) })
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		reading.Wait()
		if err := cmd.Wait(); err != nil {
			t.Errorf("signet serve --dev ends with %v\n%s", err, &log)
		}
	})
	select {
	case d.banner = <-banner:
	case <-time.After(20 * time.Second):
		t.Fatal("signet serve --dev prints nothing")
	}
	for line := range strings.Lines(d.banner) {
		if f := strings.Fields(line); len(f) == 2 {
			d.secrets[f[0]] = f[1]
		}
	}
	return d
}

// readBanner reads as far as the last command that is printed.
func readBanner(r io.Reader) string {
	var b strings.Builder
	for s := bufio.NewScanner(r); s.Scan(); {
		b.WriteString(s.Text() + "\n")
		if strings.Contains(s.Text(), "/auth/validate") {
			break
		}
	}
	return b.String()
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// read returns a file of the module.
func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
