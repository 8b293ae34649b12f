package gateways_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signet-idp/signet/gateway"
	"github.com/signet-idp/signet/internal/testkit/binary"
	"github.com/signet-idp/signet/internal/testkit/script"
	"github.com/signet-idp/signet/storage"
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
	// command writes its configuration and returns how it is started.
	command func(t *testing.T, program, dir, printed string) *exec.Cmd
}

func kinds() []kind {
	return []kind{
		{"nginx", "SIGNET_TEST_NGINX", "nginx", func(t *testing.T, program, dir, printed string) *exec.Cmd {
			t.Helper()
			write(t, filepath.Join(dir, "server.conf"), printed)
			main := filepath.Join(dir, "nginx.conf")
			text := fmt.Sprintf("daemon off; pid %[1]s/pid; error_log stderr warn; worker_processes 1;\nevents { worker_connections 256; }\nhttp {\n  access_log off;\n", dir)
			for _, temp := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
				text += fmt.Sprintf("  %s_temp_path %s/%s;\n", temp, dir, temp)
			}
			write(t, main, text+"  include "+dir+"/server.conf;\n}\n")
			return exec.CommandContext(t.Context(), program, "-p", dir, "-e", "stderr", "-c", main)
		}},
		{"caddy", "SIGNET_TEST_CADDY", "caddy", func(t *testing.T, program, dir, printed string) *exec.Cmd {
			t.Helper()
			write(t, filepath.Join(dir, "Caddyfile"), printed)
			c := exec.CommandContext(t.Context(), program, "run", "--adapter", "caddyfile", "--config", filepath.Join(dir, "Caddyfile"))
			c.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
			return c
		}},
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// start runs the gateway and returns its address.
func (k kind) start(t *testing.T, signet, issuer, gate, upstream string) string {
	t.Helper()
	program := script.Program(t, k.env, k.program)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen := l.Addr().String()
	l.Close()
	printed, err := exec.CommandContext(t.Context(), signet, "gateway", "config", k.name,
		"--issuer", issuer, "--gate", gate, "--upstream", upstream, "--listen", listen).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, printed)
	}
	var said strings.Builder
	cmd := k.command(t, program, t.TempDir(), string(printed))
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", k.name, said.String())
		}
	})
	harness.Eventually(t, 20*time.Second, k.name+" listens", func() bool {
		conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(t.Context(), "tcp", listen)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return "http://" + listen
}

func TestGateways(t *testing.T) {
	t.Parallel()
	signet := filepath.Join(t.TempDir(), "signet")
	if err := binary.Build(signet); err != nil {
		t.Fatal(err)
	}
	in := harness.Start(t, harness.Options{})
	if _, err := in.Gates.Put(t.Context(), storage.Gate{Name: "reads", Scopes: []string{"orders:read"}, Style: "auth-request"}); err != nil {
		t.Fatal(err)
	}
	_, secret := in.Service(t, "orders", "", storage.ClientMetadata{Scope: "orders:read orders:write"})
	in.Sync(t)
	token := func(scope string) string {
		return in.Token(t, "orders", secret, url.Values{"grant_type": {"client_credentials"}, "scope": {scope}}).AccessToken
	}
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			up := newUpstream(t)
			at := k.start(t, signet, in.Issuer, "reads", up.URL)
			reads, writes := token("orders:read"), token("orders:write")
			for _, tt := range []struct {
				name, method, path, body, token string
				status                          int
			}{
				{"good", http.MethodGet, "/orders/1?token=x&a=%2F", "", reads, 200},
				{"good, with a form", http.MethodPost, "/orders", "token=y&z=1", reads, 200},
				{"good, with JSON", http.MethodPut, "/orders/1", `{"token":"y"}`, reads, 200},
				{"lacks the scope", http.MethodGet, "/orders/1", "", writes, 403},
				{"no token", http.MethodGet, "/orders/1", "", "", 401},
				{"no token but one in the body", http.MethodPost, "/orders", "token=" + reads, "", 401},
				{"none that is one", http.MethodGet, "/orders/1", "", "x", 401},
				{"a path like ours", http.MethodGet, "/auth/validate/default", "", writes, 403},
			} {
				up.take()
				r, err := http.NewRequestWithContext(t.Context(), tt.method, at+tt.path, strings.NewReader(tt.body))
				if err != nil {
					t.Fatal(err)
				}
				if tt.token != "" {
					r.Header.Set("Authorization", "Bearer "+tt.token)
				}
				if tt.body != "" {
					r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				}
				// The client says who it is, under every name that we use.
				for _, name := range gateway.IdentityHeaders() {
					r.Header.Set(name, "forged")
				}
				resp, err := http.DefaultTransport.RoundTrip(r)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if resp.StatusCode != tt.status {
					t.Errorf("%s: %d", tt.name, resp.StatusCode)
				}
				if tt.status == http.StatusUnauthorized && !strings.HasPrefix(resp.Header.Get("WWW-Authenticate"), "Bearer ") {
					t.Errorf("%s: WWW-Authenticate %q", tt.name, resp.Header.Get("WWW-Authenticate"))
				}
				got, body := up.take()
				if (got != nil) != (tt.status == http.StatusOK) {
					t.Errorf("%s: reached the upstream: %v", tt.name, got != nil)
				}
				if got == nil {
					continue
				}
				if got.Method != tt.method || got.URL.RequestURI() != tt.path || body != tt.body {
					t.Errorf("%s: the upstream got %s %s %q", tt.name, got.Method, got.URL, body)
				}
				if s := got.Header.Get("X-Signet-Subject"); s != "orders" {
					t.Errorf("%s: subject %q", tt.name, s)
				}
				for _, name := range gateway.IdentityHeaders() {
					for _, v := range got.Header[http.CanonicalHeaderKey(name)] {
						if v == "forged" || strings.Contains(v, "{http.") {
							t.Errorf("%s: %s is %q", tt.name, name, v)
						}
					}
				}
			}
			// Revoked at the server, refused at the gateway.
			if _, err := in.Clients.Disable(t.Context(), "orders", true, "test"); err != nil {
				t.Fatal(err)
			}
			in.Sync(t)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at+"/orders/1", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+reads)
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusUnauthorized {
				t.Errorf("revoked: %d", resp.StatusCode)
			}
			if _, err := in.Clients.Disable(t.Context(), "orders", false, "test"); err != nil {
				t.Fatal(err)
			}
			in.Sync(t)
		})
	}
}
