package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/signet-idp/signet/internal/testkit/servers"
)

// With PostgreSQL commands open the database themselves, beside any number of
// servers; they never migrate it without being asked.
func TestCommandsOnPostgres(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("SIGNET_DATABASE_URL", servers.Postgres(t))
	t.Setenv("SIGNET_MASTER_KEY", "k1:c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U=")
	for _, c := range []struct {
		args   string
		code   int
		stdout string
		stderr string
	}{
		{"user list", exitFailed, "", "signet migrate up"},
		{"migrate status", exitDone, "pending", ""},
		{"doctor", exitFailed, "signet migrate up", ""},
		{"migrate up", exitDone, "0001_init.sql", ""},
		{"migrate up -o json", exitDone, `"applied_at"`, ""},
		{"user create alice@example.com --role admin -o json", exitDone, `"password"`, ""},
		{"user list", exitDone, "alice@example.com", ""},
		{"client create --client-id orders --grant-type client_credentials", exitDone, "client_secret", ""},
		{"keys list", exitDone, "active", ""},
		{"doctor", exitDone, "postgresql, schema", ""},
		{"export", exitDone, "client_id: orders", ""},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), strings.Fields(c.args), strings.NewReader(""), &stdout, &stderr)
		if code != c.code || !strings.Contains(stdout.String(), c.stdout) || !strings.Contains(stderr.String(), c.stderr) {
			t.Errorf("signet %s exits %d\n%s%s", c.args, code, stdout.String(), stderr.String())
		}
	}
}
