package launch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"
)

// Postgres starts an empty PostgreSQL cluster and returns when it answers.
// [ErrNotInstalled] is returned if neither PATH nor the usual folders of
// Debian, Red Hat and Homebrew hold initdb.
//
// A test cluster does not wait for its disk, unless SIGNET_TEST_PG_FSYNC=on:
// measurements and crash tests need the real thing. Its default collation is
// English rather than C where the build has ICU, so that a query which forgot
// to ask for bytewise order fails in a test and not in production.
func Postgres(ctx context.Context) (*Server, error) {
	bin, err := postgresBin()
	if err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		s, err := startPostgres(ctx, bin)
		// A stranger may take the free port first: try another one.
		if err == nil || attempt == 3 || ctx.Err() != nil {
			return s, err
		}
	}
}

// postgresBin finds the folder with PostgreSQL's own programs, the newest
// version first where several are installed.
func postgresBin() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		// A link stands in a folder without the other programs.
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return "", fmt.Errorf("launch: %w", err)
		}
		return filepath.Dir(path), nil
	}
	var found []string
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin/initdb",
		"/usr/pgsql-*/bin/initdb",
		"/opt/homebrew/opt/postgresql@*/bin/initdb",
		"/usr/local/opt/postgresql@*/bin/initdb",
	} {
		matches, err := filepath.Glob(pattern)
		if err != nil {
			return "", fmt.Errorf("launch: %w", err)
		}
		found = append(found, matches...)
	}
	if len(found) == 0 {
		return "", fmt.Errorf("launch: PostgreSQL (initdb): %w", ErrNotInstalled)
	}
	newest := slices.MaxFunc(found, func(a, b string) int {
		return cmp.Compare(versionIn(a), versionIn(b))
	})
	return filepath.Dir(newest), nil
}

// versionIn reads the last number in a path such as
// /usr/lib/postgresql/15/bin/initdb; 0 if it has none.
func versionIn(path string) int {
	end := len(path)
	for end > 0 && (path[end-1] < '0' || path[end-1] > '9') {
		end--
	}
	start := end
	for start > 0 && path[start-1] >= '0' && path[start-1] <= '9' {
		start--
	}
	n, err := strconv.Atoi(path[start:end])
	if err != nil {
		return 0
	}
	return n
}

func startPostgres(ctx context.Context, bin string) (*Server, error) {
	h, err := newHome("postgres", "postgres")
	if err != nil {
		return nil, err
	}
	secret := password()
	if err := initdb(ctx, h, bin, secret); err != nil {
		return nil, errors.Join(err, h.remove())
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, errors.Join(err, h.remove())
	}
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword("signet", secret),
		Host: fmt.Sprintf("127.0.0.1:%d", port), Path: "/postgres", RawQuery: "sslmode=disable",
	}
	ready := func(ctx context.Context) error { return PingPostgres(ctx, u.String()) }
	argv := []string{
		filepath.Join(bin, "postgres"), "-D", filepath.Join(h.dir, "data"), "-k", h.dir,
		"-h", "127.0.0.1", "-p", strconv.Itoa(port),
		// Packages are tested in parallel, each with pools of its own.
		"-c", "max_connections=400", "-c", "log_timezone=UTC", "-c", "timezone=UTC",
	}
	if os.Getenv("SIGNET_TEST_PG_FSYNC") != "on" {
		argv = append(argv, "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
	}
	// SIGQUIT is PostgreSQL's immediate shutdown: nobody needs the data.
	return h.serve(ctx, u.String(), "QUIT", ready, argv...)
}

func initdb(ctx context.Context, h home, bin, secret string) error {
	pwfile, err := h.write("password", secret)
	if err != nil {
		return err
	}
	data := filepath.Join(h.dir, "data")
	args := []string{
		"-D", data, "-U", "signet", "--pwfile", pwfile, "--auth", "scram-sha-256",
		"--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync",
	}
	run := func(extra ...string) error {
		out, err := h.command(ctx, filepath.Join(bin, "initdb"), append(args, extra...)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("launch: initdb: %w: %s", err, out)
		}
		return nil
	}
	if err := run("--locale-provider", "icu", "--icu-locale", "en"); err == nil {
		return nil
	}
	// Older than 15 or built without ICU. initdb removes what it began.
	return run()
}

// PingPostgres asks the PostgreSQL at a postgres:// URL to take a connection.
func PingPostgres(ctx context.Context, rawURL string) error {
	conn, err := pgx.Connect(ctx, rawURL)
	if err != nil {
		return fmt.Errorf("launch: postgres: %w", err)
	}
	if err := conn.Close(ctx); err != nil {
		return fmt.Errorf("launch: postgres: %w", err)
	}
	return nil
}
