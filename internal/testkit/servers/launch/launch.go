// Package launch starts throw-away servers for tests on this machine:
// [Postgres], [Redis] and [Kafka], each in a temporary directory of its own, on a free
// port of the loopback interface, with a random password (Kafka with none).
//
// A server lives on a leash: it is watched by a small shell process that reads
// from a pipe only the starting process holds open. When that process stops
// the server, exits, or is killed with no chance to clean up, the pipe closes,
// the watcher ends the server and removes its directory. Nothing leaks, even
// after SIGKILL.
package launch

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// ErrNotInstalled says that no binary of the wanted server was found.
var ErrNotInstalled = errors.New("server not installed")

// readyTimeout bounds the wait for a started server's first answer. It is
// generous: a shared two-core machine may be compiling at the same time.
const readyTimeout = 60 * time.Second

// pingTimeout bounds one question to a server that may not answer yet.
const pingTimeout = 5 * time.Second

// Server is a running server. The zero value is not useful.
type Server struct {
	// URL reaches the server with full rights: postgres://…, redis://…, or for
	// Kafka host:port.
	URL string

	leash io.Closer
	done  <-chan struct{}
}

// Stop ends the server and removes its files. Calls after the first do
// nothing.
func (s *Server) Stop() error {
	if err := s.leash.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("launch: stop: %w", err)
	}
	select {
	case <-s.done:
		return nil
	case <-time.After(10 * time.Second):
		return errors.New("launch: stop: server still runs after 10s")
	}
}

// leashScript turns itself into the server ("exec") and leaves a watcher
// behind that ends it when standard input closes. $$ is the server's process
// id, in the watcher too. The wait is bounded because a dead server whose
// parent is gone may stay a zombie where no init reaps it.
const leashScript = `
dir=$1 signal=$2; shift 2
PATH=$PATH:/usr/bin:/bin
exec 3<&0
( cat <&3 >/dev/null
  kill -s "$signal" $$ 2>/dev/null
  i=0; while kill -0 $$ 2>/dev/null && [ $i -lt 20 ]; do i=$((i+1)); sleep 0.1; done
  rm -rf "$dir"
) >/dev/null 2>&1 &
exec "$@" </dev/null 3<&-`

// home is where one server runs: its directory and the user it runs as.
type home struct {
	dir  string
	cred *syscall.Credential // nil: the current user
	env  []string
}

// newHome makes an empty directory that the server's user owns. Servers never
// run as root (PostgreSQL refuses to): root's tests run them as the first of
// users that exists.
func newHome(name string, users ...string) (home, error) {
	var h home
	base := os.TempDir()
	if os.Geteuid() == 0 {
		cred, err := credential(append(users, "nobody"))
		if err != nil {
			return home{}, err
		}
		h.cred = cred
		if !openToAll(base) {
			base = "/tmp"
		}
	}
	dir, err := os.MkdirTemp(base, "signet-"+name+"-")
	if err != nil {
		return home{}, fmt.Errorf("launch: directory: %w", err)
	}
	h.dir = dir
	// No inherited settings: PG* variables and locales would leak in.
	h.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LC_ALL=C.UTF-8", "TZ=UTC"}
	if h.cred != nil {
		if err := os.Chown(dir, int(h.cred.Uid), int(h.cred.Gid)); err != nil {
			return home{}, errors.Join(fmt.Errorf("launch: directory: %w", err), h.remove())
		}
	}
	return h, nil
}

// write puts a file only the server's user can read into the directory.
func (h home) write(name, content string) (string, error) {
	path := filepath.Join(h.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		return "", fmt.Errorf("launch: %w", err)
	}
	if h.cred != nil {
		if err := os.Chown(path, int(h.cred.Uid), int(h.cred.Gid)); err != nil {
			return "", fmt.Errorf("launch: %w", err)
		}
	}
	return path, nil
}

func (h home) remove() error { return os.RemoveAll(h.dir) }

// command prepares a process in this home: own session (so that Ctrl-C in the
// terminal does not hit the server before its clients).
func (h home) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = h.dir
	cmd.Env = h.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: h.cred}
	return cmd
}

// serve starts the server's command on a leash and waits until ready succeeds.
// The home is removed in every case: at once if it fails, else by the leash.
func (h home) serve(ctx context.Context, url, stopSignal string, ready func(context.Context) error, argv ...string) (*Server, error) {
	logPath := filepath.Join(h.dir, "log")
	logFile, err := os.Create(logPath)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("launch: %w", err), h.remove())
	}
	defer logFile.Close()

	// Not bound to ctx: the server outlives the call that starts it.
	cmd := h.command(context.WithoutCancel(ctx), "/bin/sh",
		append([]string{"-c", leashScript, "leash", h.dir, stopSignal}, argv...)...)
	cmd.Stdout, cmd.Stderr = logFile, logFile
	leash, err := cmd.StdinPipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("launch: %w", err), h.remove())
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("launch: %s: %w", argv[0], err), h.remove())
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait() // how a stopped test server exits tells nothing
	}()
	s := &Server{URL: url, leash: leash, done: done}

	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for {
		err := ready(ctx)
		if err == nil {
			return s, nil
		}
		select {
		case <-done:
			err = fmt.Errorf("launch: %s ended at once: %s", argv[0], tail(logPath))
			return nil, errors.Join(err, s.Stop())
		case <-ctx.Done():
			err = fmt.Errorf("launch: %s gives no answer: %w: %s", argv[0], err, tail(logPath))
			return nil, errors.Join(err, s.Stop())
		case <-time.After(25 * time.Millisecond):
		}
	}
}

// credential looks up the first user that exists.
func credential(names []string) (*syscall.Credential, error) {
	for _, name := range names {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			continue
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			continue
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, fmt.Errorf("launch: none of the users %v exists to run a server as", names)
}

// openToAll tells whether every user can walk down to dir.
func openToAll(dir string) bool {
	for {
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm()&0o001 == 0 {
			return false
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return true
		}
		dir = parent
	}
}

// freePort asks the kernel for a port nobody listens on. Another process can
// take it before the server does; starters then try again.
func freePort(ctx context.Context) (int, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("launch: free port: %w", err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return 0, fmt.Errorf("launch: free port: %w", err)
	}
	return port, nil
}

// password makes a secret for one server's life.
func password() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // crypto/rand never fails since Go 1.24
	return hex.EncodeToString(b)
}

// tail returns the last lines a server wrote, for an error message.
func tail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	if len(b) > 2000 {
		b = b[len(b)-2000:]
	}
	return string(b)
}
