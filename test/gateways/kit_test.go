package gateways_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signet-idp/signet/gateway"
	"github.com/signet-idp/signet/internal/testkit/script"
	"github.com/signet-idp/signet/test/harness"
)

// upstream remembers what it got.
type upstream struct {
	*httptest.Server
	mu   sync.Mutex
	last *http.Request
	body string
}

func newUpstream(t *testing.T) *upstream {
	t.Helper()
	u := &upstream{}
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		u.mu.Lock()
		defer u.mu.Unlock()
		u.last, u.body = r.Clone(context.WithoutCancel(r.Context())), string(body)
		_, _ = io.WriteString(w, "from upstream")
	}))
	t.Cleanup(u.Close)
	return u
}

// take returns what was got last, and forgets it.
func (u *upstream) take() (*http.Request, string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	r, body := u.last, u.body
	u.last, u.body = nil, ""
	return r, body
}

// kind is a gateway that can run here.
type kind struct {
	name, env, program string
	// verifies: it judges itself, and hears of no revocation.
	verifies bool
	// command writes its configuration and returns how it is started.
	command func(t *testing.T, program, dir, printed string) *exec.Cmd
}

func kinds() []kind {
	return []kind{
		{"nginx", "SIGNET_TEST_NGINX", "nginx", false, func(t *testing.T, program, dir, printed string) *exec.Cmd {
			t.Helper()
			write(t, filepath.Join(dir, "server.conf"), printed)
			main := filepath.Join(dir, "nginx.conf")
			text := fmt.Sprintf("daemon off; pid %[1]s/pid; error_log stderr warn; worker_processes 1;\nevents { worker_connections 256; }\nhttp {\n  access_log off;\n", dir)
			for _, temp := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
				text += fmt.Sprintf("  %s_temp_path %s/%s;\n", temp, dir, temp)
			}
			write(t, main, text+"  include "+dir+"/server.conf;\n}\n")
			return exec.CommandContext(context.WithoutCancel(t.Context()), program, "-p", dir, "-e", "stderr", "-c", main)
		}},
		{"caddy", "SIGNET_TEST_CADDY", "caddy", false, func(t *testing.T, program, dir, printed string) *exec.Cmd {
			t.Helper()
			write(t, filepath.Join(dir, "Caddyfile"), printed)
			c := exec.CommandContext(context.WithoutCancel(t.Context()), program, "run", "--adapter", "caddyfile", "--config", filepath.Join(dir, "Caddyfile"))
			c.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
			return c
		}},
		{"haproxy", "SIGNET_TEST_HAPROXY", "haproxy", true, func(t *testing.T, program, dir, printed string) *exec.Cmd {
			t.Helper()
			config := filepath.Join(dir, "haproxy.cfg")
			write(t, config, printed)
			return exec.CommandContext(context.WithoutCancel(t.Context()), program, "-db", "-f", config, "-f", filepath.Join(dir, "keys", "keys.cfg"))
		}},
		{"apache", "SIGNET_TEST_APACHE", "apache2", true, func(t *testing.T, program, dir, printed string) *exec.Cmd {
			t.Helper()
			return apache(t, program, dir, printed, "oauth2")
		}},
	}
}

// apache is Apache with the modules that a printed configuration names.
func apache(t *testing.T, program, dir, printed, module string) *exec.Cmd {
	t.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, "ServerRoot %[1]s\nServerName localhost\nPidFile %[1]s/pid\nDefaultRuntimeDir %[1]s\nErrorLog /dev/stderr\nLogLevel warn\nUser nobody\nGroup nogroup\n", dir)
	for _, m := range []string{"mpm_event", "authn_core", "authz_core", "authz_user", "headers", "proxy", "proxy_http", module} {
		fmt.Fprintf(&text, "LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so\n", m, m)
	}
	config := filepath.Join(dir, "apache.conf")
	write(t, config, text.String()+printed)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program, "-f", config, "-DFOREGROUND")
	cmd.Env = append(os.Environ(), "SIGNET_COOKIE_KEY=a-long-random-text-of-our-own")
	return cmd
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// printed is the configuration for an address that nobody listens on, and the
// address.
func (k kind) printed(t *testing.T, signet, dir, issuer, upstream string) (text, listen string) {
	t.Helper()
	listen = freeAddress(t)
	args := []string{"gateway", "config", k.name, "--issuer", issuer, "--upstream", upstream, "--listen", listen}
	switch {
	case !k.verifies:
		args = append(args, "--gate", "reads")
	default:
		args = append(args, "--scope", "orders:read")
	}
	if k.name == "haproxy" {
		keys := filepath.Join(dir, "keys")
		args = append(args, "--keys", keys)
		run(t, signet, "gateway", "sync", "haproxy", "--once", "--issuer", issuer, "--keys", keys)
	}
	return run(t, signet, args...), listen
}

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	return l.Addr().String()
}

// run runs a command and returns what it said.
func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(context.WithoutCancel(t.Context()), program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v: %s", args, err, out)
	}
	return string(out)
}

// start runs the gateway and returns its address.
func (k kind) start(t *testing.T, signet, issuer, upstream string) string {
	t.Helper()
	program := script.Program(t, k.env, k.program)
	dir := t.TempDir()
	text, listen := k.printed(t, signet, dir, issuer, upstream)
	begin(t, k.command(t, program, dir, text), listen)
	return "http://" + listen
}

// begin runs a server until the test ends; it returns when the server listens,
// with what it says.
func begin(t *testing.T, cmd *exec.Cmd, listen string) *lockedBuffer {
	t.Helper()
	var said lockedBuffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", cmd.Path, said.String())
		}
	})
	harness.Eventually(t, 20*time.Second, cmd.Path+" listens", func() bool {
		conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(t.Context(), "tcp", listen)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return &said
}

// lockedBuffer is a strings.Builder that two may write to.
type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// forge sends every identity header that we emit, twice, and in the other forms
// in which an upstream could take it for ours.
func forge(h http.Header) {
	for _, name := range gateway.IdentityHeaders() {
		h[strings.ToLower(name)] = []string{"forged", "forged, too"}
		for _, form := range []string{strings.ReplaceAll(name, "-", "_"), strings.Replace(strings.ToUpper(name), "-", "_", 1)} {
			h[form] = []string{"forged"}
		}
	}
}

// forgeries lists what of that got through.
func forgeries(h http.Header) []string {
	var out []string
	for name, values := range h {
		for _, v := range values {
			if strings.Contains(v, "forged") || strings.Contains(v, "{http.") {
				out = append(out, name+": "+v)
			}
		}
	}
	return out
}
