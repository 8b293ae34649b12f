package main

import (
	"bytes"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signet-idp/signet/test/harness"
)

// TestRecoverOpensTheAccount: the link that the command prints is good at a
// server that starts later, once.
func TestRecoverOpensTheAccount(t *testing.T) {
	file := "sqlite:" + filepath.Join(t.TempDir(), "signet.db")
	t.Setenv("SIGNET_DATABASE_URL", file)
	t.Setenv("SIGNET_ISSUER", "http://localhost:8001")
	signet := func(args string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), strings.Fields(args), strings.NewReader(""), &stdout, &stderr); code != exitDone {
			t.Fatalf("signet %s exits %d: %s", args, code, stderr.String())
		}
		return strings.TrimSpace(stdout.String())
	}
	signet("user create alice@example.com --verified -q")
	signet("user recover alice@example.com -q")
	link, err := url.Parse(signet("user recover alice@example.com -q"))
	if err != nil || link.Host != "localhost:8001" || link.Path != "/ui/recover" {
		t.Fatalf("link %v: %v", link, err)
	}
	in := harness.Start(t, harness.Options{DatabaseURL: file})
	for _, want := range []int{http.StatusOK, http.StatusBadRequest} {
		status, body, _ := in.JSON(t, http.MethodPost, "/auth/reset-password", "", map[string]any{
			"token": link.Query().Get("token"), "new_password": "correct horse battery staple",
		})
		if status != want {
			t.Errorf("%d %v, want %d", status, body, want)
		}
	}
}
