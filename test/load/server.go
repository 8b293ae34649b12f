package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/signet-idp/signet/internal/testkit/servers/launch"
)

// build makes the server as `make build` does.
func build(ctx context.Context, dir string) (string, error) {
	bin := filepath.Join(dir, "signet")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", bin, "./cmd/signet")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, text)
	}
	return bin, nil
}

// pinSelf keeps this process, and what it starts, to a core.
func pinSelf(ctx context.Context, cpu string) bool {
	if cpu == "" {
		return false
	}
	return exec.CommandContext(ctx, "taskset", "-acp", cpu, strconv.Itoa(os.Getpid())).Run() == nil
}

// database gives an engine's URL; stop ends what was started for it.
func database(ctx context.Context, engine, dir string) (url string, stop func() error, err error) {
	switch engine {
	case "sqlite":
		return "sqlite:" + filepath.Join(dir, "signet.db"), func() error { return nil }, nil
	case "postgres":
		// A measurement waits for the disk, as production does.
		if err := os.Setenv("SIGNET_TEST_PG_FSYNC", "on"); err != nil {
			return "", nil, err
		}
		s, err := launch.Postgres(ctx)
		if err != nil {
			return "", nil, fmt.Errorf("start PostgreSQL: %w", err)
		}
		return s.URL, s.Stop, nil
	}
	return engine, func() error { return nil }, nil
}

// server is one running server.
type server struct {
	bin, dir, cpu string
	env           []string
	url           string
	ops           string // where profiles are, if any are wanted
	cmd           *exec.Cmd
	log           *os.File
}

// newServer settles on an address and the environment of server and commands.
func newServer(o *options, dir, databaseURL string) (*server, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	// By name: a passkey belongs to one.
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	s := &server{bin: o.bin, dir: dir, cpu: o.serverCPU(), url: "http://" + net.JoinHostPort("localhost", port)}
	s.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GOMAXPROCS=1",
		"SIGNET_ADDR=" + addr, "SIGNET_ISSUER=" + s.url, "SIGNET_DATABASE_URL=" + databaseURL,
		"SIGNET_MASTER_KEY=load:" + base64.StdEncoding.EncodeToString(key),
		// All come from one address, and that is no attack.
		"SIGNET_LIMITS_LOGINS_PER_ADDR=1000000000", "SIGNET_LIMITS_REGISTERS_PER_ADDR=0", "SIGNET_LIMITS_READS_PER_ADDR=0", "SIGNET_LIMITS_READS_PER_CALLER=0",
		"SIGNET_SERVER_DRAIN_DELAY=0s",
	}
	if o.prof != "" {
		if s.ops, err = freeAddress(); err != nil {
			return nil, err
		}
		s.env = append(s.env, "SIGNET_OPS_ADDR="+s.ops)
	}
	return s, nil
}

// freeAddress asks the kernel for a port nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// profile saves a CPU profile of the next d.
func (s *server) profile(ctx context.Context, path string, d time.Duration) error {
	u := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", s.ops, max(1, int(d.Seconds())))
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("profile: status %d: %.200s", resp.StatusCode, raw)
	}
	return os.WriteFile(path, raw, 0o600)
}

// command runs the binary to its end.
func (s *server) command(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, s.bin, args...)
	cmd.Env, cmd.Dir = s.env, s.dir
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("signet %s: %w\n%s", args[0], err, text)
	}
	return nil
}

// startTimeout bounds the wait for the first answer.
const startTimeout = time.Minute

// start runs the server and returns how long it took to its first 200.
func (s *server) start(ctx context.Context) (time.Duration, error) {
	var err error
	if s.log, err = os.OpenFile(filepath.Join(s.dir, "server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return 0, err
	}
	argv := []string{s.bin, "serve"}
	if path, err := exec.LookPath("taskset"); err == nil && s.cpu != "" {
		argv = append([]string{path, "-c", s.cpu}, argv...)
	}
	s.cmd = exec.CommandContext(ctx, argv[0], argv[1:]...)
	s.cmd.Env, s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = s.env, s.dir, s.log, s.log
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(syscall.SIGTERM) }
	s.cmd.WaitDelay = 10 * time.Second
	begin := time.Now()
	if err := s.cmd.Start(); err != nil {
		return 0, fmt.Errorf("start: %w", err)
	}
	client := &http.Client{Timeout: time.Second}
	for time.Since(begin) < startTimeout && ctx.Err() == nil {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/.well-known/openid-configuration", nil)
		if err != nil {
			return 0, err
		}
		if resp, err := client.Do(r); err == nil {
			took := time.Since(begin)
			if err := resp.Body.Close(); err != nil {
				return 0, err
			}
			if resp.StatusCode == http.StatusOK {
				return took, nil
			}
		}
		time.Sleep(500 * time.Microsecond)
	}
	return 0, errors.Join(errors.New("the server does not answer: "+s.tail()), s.stop())
}

func (s *server) tail() string {
	raw, err := os.ReadFile(filepath.Join(s.dir, "server.log"))
	if err != nil {
		return err.Error()
	}
	return string(raw[max(0, len(raw)-2000):])
}

// stop ends the server as an operator does.
func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return errors.Join(s.cmd.Wait(), s.log.Close())
}

// ticks are the kernel's units of CPU time in /proc: 100 a second on every
// Linux that Go runs on.
const ticks = 100

// cpuTime is the CPU time that the server has used, all threads, both modes.
func (s *server) cpuTime() (time.Duration, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("the server's CPU time: %w", err)
	}
	// The name in parentheses may hold anything; fields 14 and 15 come after it.
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	if len(fields) < 13 {
		return 0, errors.New("the server's CPU time: /proc has another form")
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * time.Second / ticks, errors.Join(err1, err2)
}

// memory is the server's resident memory in MiB.
func (s *server) memory() float64 {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(raw)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, _ := strconv.ParseFloat(strings.Fields(value)[0], 64)
			return kib / 1024
		}
	}
	return 0
}
