package gateways_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/script"
	"github.com/signet-idp/signet/test/harness"
)

var (
	fence       = regexp.MustCompile("(?s)```(sh|yaml)\n(.*?)```")
	demoSecret  = regexp.MustCompile(`(?m)^\s+orders\s+(\S+)$`)
	statusLines = regexp.MustCompile(`HTTP/1\.1 (\d+)`)
)

// TestFiveMinutesWithNginx follows docs/gateways.md as it is written, but for
// addresses, and for the folder in which nginx keeps its configuration.
func TestFiveMinutesWithNginx(t *testing.T) {
	t.Parallel()
	nginx := script.Program(t, "SIGNET_TEST_NGINX", "nginx", "/usr/sbin/nginx")
	signet := signetBinary(t)
	page, err := os.ReadFile("../../docs/gateways.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "## Five minutes with nginx\n")
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := fence.FindAllStringSubmatch(section, -1)
	if len(blocks) != 3 || blocks[0][1] != "yaml" {
		t.Fatalf("%d blocks", len(blocks))
	}

	dir := t.TempDir()
	issuer, listen, up := freeAddress(t), freeAddress(t), newUpstream(t)
	// make run, at an address of its own.
	serve := exec.CommandContext(context.WithoutCancel(t.Context()), signet, "serve", "--dev", "--addr", issuer)
	serve.Dir, serve.Env = dir, append(os.Environ(), "SIGNET_ISSUER=http://"+issuer)
	said := begin(t, serve, issuer)
	var secret string
	harness.Eventually(t, 20*time.Second, "the demo is there", func() bool {
		if m := demoSecret.FindStringSubmatch(said.String()); m != nil {
			secret = m[1]
		}
		return secret != ""
	})
	write(t, filepath.Join(dir, "gates.yaml"), blocks[0][2])

	// A running nginx, as a distribution sets it up.
	text := fmt.Sprintf("pid %[1]s/pid; error_log stderr warn;\nevents {}\nhttp {\n  access_log off;\n", dir)
	for _, temp := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		text += fmt.Sprintf("  %s_temp_path %s/%s;\n", temp, dir, temp)
	}
	first := freeAddress(t)
	write(t, filepath.Join(dir, "nginx.conf"), text+"  server { listen "+first+"; }\n  include "+dir+"/conf.d/*.conf;\n}\n")
	if err := os.Mkdir(filepath.Join(dir, "conf.d"), 0o755); err != nil {
		t.Fatal(err)
	}
	command := fmt.Sprintf("%s -p %s -e stderr -c %s/nginx.conf", nginx, dir, dir)
	begin(t, exec.CommandContext(context.WithoutCancel(t.Context()), nginx, "-p", dir, "-e", "stderr", "-c", dir+"/nginx.conf", "-g", "daemon off;"), first)

	local := strings.NewReplacer("bin/signet", signet, "localhost:8001", issuer, "127.0.0.1:3000", strings.TrimPrefix(up.URL, "http://"),
		"localhost:8080", listen, "--listen 8080", "--listen "+listen, "/etc/nginx", dir, "nginx -t", command+" -t", "nginx -s", command+" -s")
	shell := func(block string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "bash", "-e", "-c", local.Replace(block))
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "SECRET="+secret)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v:\n%s\n%s", err, block, out)
		}
		return string(out)
	}
	shell(blocks[1][2])
	harness.Eventually(t, 20*time.Second, "nginx listens", func() bool { return listens(t, listen) })
	up.take()
	out := shell(blocks[2][2])
	var got []string
	for _, m := range statusLines.FindAllStringSubmatch(out, -1) {
		got = append(got, m[1])
	}
	if strings.Join(got, " ") != "401 200 200" {
		t.Errorf("answers %q:\n%s", got, out)
	}
	if r, _ := up.take(); r == nil || r.Header.Get("X-Signet-Subject") != "orders" {
		t.Errorf("the service got %v", r)
	}
}

func listens(t *testing.T, address string) bool {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return true
}
