package sqlstore_test

import (
	"bufio"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/internal/testkit/teststore"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore"
)

// patience is the deadline of statements that are not about deadlines.
const patience = 10 * time.Second

func wantIs(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, want %v", err, want)
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, url := range map[string]string{
		"nothing":        "",
		"another scheme": "mysql://signet:s3cret@db/signet",
		"no path":        "sqlite:",
		"a broken URL":   "postgres://signet:s3cret@db:port/signet",
		"a folder":       "sqlite:" + t.TempDir(),
	} {
		t.Run(name, func(t *testing.T) {
			s, err := sqlstore.Open(t.Context(), sqlstore.Options{URL: url})
			if err == nil {
				t.Fatal(s.Close(), "opened")
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the password is in the error: %v", err)
			}
		})
	}
}

func TestSQLitePaths(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, path := range []string{"plain.db", "a/new folder/with ?&#%20.db", filepath.Join(t.TempDir(), "x.db")} {
		s := teststore.Open(t, sqlstore.Options{URL: "sqlite:" + path})
		if _, err := s.FeedHead(t.Context()); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		for _, file := range []string{path, path + "-wal"} {
			info, err := os.Stat(file)
			if err != nil {
				t.Error(err)
				continue
			}
			if info.Mode().Perm() != 0o600 {
				t.Errorf("others may open %s: %s", file, info.Mode())
			}
		}
	}
}

func TestSQLiteInMemoryLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s, err := sqlstore.Open(t.Context(), sqlstore.Options{URL: "sqlite::memory:"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(os.TempDir())
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

// holdEnv names the database that a child of this test takes and holds.
const holdEnv = "SIGNET_TEST_HOLD_DATABASE"

// TestHoldDatabase is the child process of TestSecondProcessIsRefused; on its
// own it takes a file, which must go well.
func TestHoldDatabase(t *testing.T) {
	url := os.Getenv(holdEnv)
	if url == "" {
		teststore.New(t)
		return
	}
	s, err := sqlstore.Open(t.Context(), sqlstore.Options{URL: url})
	switch {
	case errors.Is(err, storage.ErrLocked):
		os.Stdout.WriteString("locked\n")
	case err != nil:
		os.Stdout.WriteString(err.Error() + "\n")
	default:
		os.Stdout.WriteString("open\n")
		_, _ = bufio.NewReader(os.Stdin).ReadByte() // until the parent ends it
		_ = s.Close()
	}
}

func startHolder(t *testing.T, url string) (says string, kill func()) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHoldDatabase$")
	cmd.Env = append(os.Environ(), holdEnv+"="+url)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = stdin.Close()
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		kill()
		t.Fatal(err)
	}
	return strings.TrimSpace(line), kill
}

func TestSecondProcessIsRefused(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "signet.db")
	s, err := sqlstore.Open(t.Context(), sqlstore.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	says, kill := startHolder(t, url)
	kill()
	if says != "locked" {
		t.Errorf("while it is open here the child says %q", says)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	says, kill = startHolder(t, url)
	if says != "open" {
		kill()
		t.Fatalf("after it was closed the child says %q", says)
	}
	_, err = sqlstore.Open(t.Context(), sqlstore.Options{URL: url})
	wantIs(t, err, storage.ErrLocked)
	kill() // without a chance to give anything back
	open(t, sqlstore.Options{URL: url})
}

// quick says that f ended in the two seconds that a caller has to answer 503.
func quick(t *testing.T, f func()) {
	t.Helper()
	begin := time.Now()
	f()
	if d := time.Since(begin); d > 2*time.Second {
		t.Errorf("it took %s", d)
	}
}

func TestPostgreSQLAway(t *testing.T) {
	hanging, err := net.Listen("tcp", "127.0.0.1:0") // accepts in the kernel, never answers
	if err != nil {
		t.Fatal(err)
	}
	defer hanging.Close()
	for name, address := range map[string]string{"refusing": "127.0.0.1:1", "hanging": hanging.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			s := open(t, sqlstore.Options{URL: "postgres://signet:s3cret@" + address + "/signet?sslmode=disable", MaxConns: 2})
			var all sync.WaitGroup
			for what, do := range map[string]func() error{
				"ping":    func() error { return s.Ping(t.Context()) },
				"read":    func() error { _, err := s.UserByID(t.Context(), "u"); return err },
				"list":    func() error { _, err := s.ListUsers(t.Context(), "", 1); return err },
				"write":   func() error { return s.InsertUser(t.Context(), storage.User{}) },
				"tx":      func() error { return s.BumpConfiguration(t.Context()) },
				"migrate": func() error { return s.Migrate(t.Context()) },
			} {
				all.Go(func() {
					quick(t, func() {
						err := do()
						if !errors.Is(err, storage.ErrUnavailable) || strings.Contains(err.Error(), "s3cret") {
							t.Errorf("%s: %v", what, err)
						}
					})
				})
			}
			all.Wait()
		})
	}
}

func TestClosedStoreIsUnavailable(t *testing.T) {
	for name, url := range map[string]string{"sqlite": "sqlite::memory:", "postgresql": servers.Postgres(t)} {
		t.Run(name, func(t *testing.T) {
			s, err := sqlstore.Open(t.Context(), sqlstore.Options{URL: url})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			wantIs(t, s.Ping(t.Context()), storage.ErrUnavailable)
			wantIs(t, s.BumpConfiguration(t.Context()), storage.ErrUnavailable)
			if err := s.Close(); err != nil {
				t.Errorf("closed twice: %v", err)
			}
		})
	}
}
