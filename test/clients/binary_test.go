package clients

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/binary"
	"github.com/signet-idp/signet/test/harness"
)

// executable is cmd/signet, built once for all tests of this process into a
// directory that TestMain removes.
var executable = sync.OnceValues(func() (string, error) {
	path := filepath.Join(built, "signet")
	return path, binary.Build(path)
})

var built string

func TestMain(m *testing.M) {
	var err error
	if built, err = os.MkdirTemp("", "signet-clients-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(built)
	os.Exit(code)
}

// startBinary runs the built binary as an operator does: signet serve, and
// signet apply beside it. Then SIGTERM must end it cleanly.
func startBinary(t *testing.T, install string) *harness.Instance {
	t.Helper()
	path, err := executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, addr := t.TempDir(), listen(t)
	in := &harness.Instance{URL: "http://" + addr, Issuer: "http://" + addr}
	var log bytes.Buffer
	command := func(ctx context.Context, args ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, path, args...)
		cmd.Dir = dir
		cmd.Env = append(withoutSignet(os.Environ()), "SIGNET_ADDR="+addr, "SIGNET_ISSUER="+in.Issuer, "SIGNET_ALLOW_PRIVATE_FETCH=true",
			"SIGNET_KEYS_ALGORITHMS="+algorithms, "SIGNET_SERVER_DRAIN_DELAY=0s")
		return cmd
	}
	serve := command(context.WithoutCancel(t.Context()), "serve")
	serve.Stdout, serve.Stderr = &log, &log
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- serve.Wait() }()
	t.Cleanup(func() {
		_ = serve.Process.Signal(syscall.SIGTERM)
		select {
		case err = <-ended:
		case <-time.After(20 * time.Second):
			_ = serve.Process.Kill()
			err = fmt.Errorf("it does not end: %w", <-ended)
		}
		if err != nil {
			t.Errorf("signet serve: %v", err)
		}
		if t.Failed() {
			t.Logf("signet serve:\n%s", &log)
		}
	})
	eventually(t, 10*time.Second, "signet serve is ready", func() bool {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, in.URL+"/health/ready", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	apply := command(t.Context(), "apply", "-f", "-")
	apply.Stdin = strings.NewReader(install)
	if out, err := apply.CombinedOutput(); err != nil {
		t.Fatalf("signet apply: %v\n%s", err, out)
	}
	return in
}

// withoutSignet leaves out what the developer's shell sets for a server.
func withoutSignet(environ []string) (rest []string) {
	for _, e := range environ {
		if !strings.HasPrefix(e, "SIGNET_") {
			rest = append(rest, e)
		}
	}
	return rest
}

// eventually waits for what must become so.
func eventually(t *testing.T, limit time.Duration, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.After(limit)
	for !is() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}
