package launch_test

import (
	"bufio"
	"context"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signet-idp/signet/internal/testkit/servers/launch"
)

// starterEnv makes this test binary a process that starts one server, prints
// where it is, and waits to be killed.
const starterEnv = "SIGNET_LAUNCH_TEST_STARTER"

var starters = map[string]func(context.Context) (*launch.Server, error){
	"postgres": launch.Postgres,
	"redis":    launch.Redis,
	"kafka":    launch.Kafka,
}

func TestMain(m *testing.M) {
	if kind := os.Getenv(starterEnv); kind != "" {
		s, err := starters[kind](context.Background())
		if err != nil {
			panic(err)
		}
		os.Stdout.WriteString(s.URL + "\n")
		select {} // until killed
	}
	os.Exit(m.Run())
}

// A starter that dies without a chance to clean up leaves neither a listening
// server nor its files.
func TestServersEndWithTheirStarter(t *testing.T) {
	for kind := range starters {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			// Not t.TempDir: its parents are closed to the server's user.
			tmp, err := os.MkdirTemp("/tmp", "signet-launch-test-") //nolint:usetesting // see above
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(tmp)
			if err := os.Chmod(tmp, 0o1777); err != nil { // the server's user creates and removes in it
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), starterEnv+"="+kind, "TMPDIR="+tmp)
			cmd.Stderr = os.Stderr
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(out).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			addr := host(t, strings.TrimSpace(line))
			if !listens(t, addr) {
				t.Fatal("started server does not listen")
			}

			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // "killed", as asked

			eventually(t, "the server still listens", func() bool { return !listens(t, addr) })
			eventually(t, "the server's files are still there", func() bool {
				left, err := os.ReadDir(tmp)
				return err == nil && len(left) == 0
			})
		})
	}
}

func TestStopEndsServer(t *testing.T) {
	for kind, start := range starters {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s, err := start(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second does nothing
				if err := s.Stop(); err != nil {
					t.Fatal(err)
				}
			}
			if listens(t, host(t, s.URL)) {
				t.Error("stopped server still listens")
			}
		})
	}
}

func TestPostgresFsync(t *testing.T) {
	for env, want := range map[string]string{"": "off", "on": "on"} {
		t.Run("SIGNET_TEST_PG_FSYNC="+env, func(t *testing.T) {
			t.Setenv("SIGNET_TEST_PG_FSYNC", env)
			s, err := launch.Postgres(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer s.Stop()
			conn, err := pgx.Connect(t.Context(), s.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(context.WithoutCancel(t.Context()))
			var got string
			if err := conn.QueryRow(t.Context(), "SHOW fsync").Scan(&got); err != nil {
				t.Fatal(err)
			}
			if got != want {
				t.Errorf("fsync is %s, want %s", got, want)
			}
		})
	}
}

func host(t *testing.T, rawURL string) string {
	t.Helper()
	if !strings.Contains(rawURL, "://") {
		return rawURL
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

func listens(t *testing.T, addr string) bool {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// eventually asks until yes, for as long as the watcher may take.
func eventually(t *testing.T, otherwise string, yes func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for !yes() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal(otherwise)
		}
	}
}
