// Package deploy_test checks by hand what the image promises, so that no
// container engine is needed: the same binary, alone in an empty root, as a
// nameless user.
package deploy_test

import (
	"context"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/binary"
)

// image is what the final stage of the Dockerfile says.
type image struct {
	base, user              string
	env                     []string
	entrypoint, cmd, health []string
}

func readDockerfile(t *testing.T) image {
	t.Helper()
	raw, err := os.ReadFile("../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(raw), "\\\n", " ")
	stage := text[strings.LastIndex(text, "\nFROM ")+1:]
	var img image
	list := func(s string) (words []string) {
		if err := json.Unmarshal([]byte(s), &words); err != nil {
			t.Fatalf("%s is not in exec form, which needs no shell: %v", s, err)
		}
		return words
	}
	health := regexp.MustCompile(`^HEALTHCHECK .* CMD (\[.*\])$`)
	for line := range strings.Lines(stage) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest = strings.TrimSpace(rest)
		switch word {
		case "FROM":
			img.base = rest
		case "USER":
			img.user = rest
		case "ENV":
			img.env = append(img.env, strings.Fields(rest)...)
		case "ENTRYPOINT":
			img.entrypoint = list(rest)
		case "CMD":
			img.cmd = list(rest)
		case "HEALTHCHECK":
			m := health.FindStringSubmatch(strings.TrimSpace(line))
			if m == nil {
				t.Fatalf("%s is not in exec form, which needs no shell", line)
			}
			img.health = list(m[1])
		case "RUN":
			t.Error("the final stage runs something: it has no shell")
		}
	}
	return img
}

func TestImageIsBareAndUnprivileged(t *testing.T) {
	img := readDockerfile(t)
	if img.base != "scratch" {
		t.Errorf("base image %s, want scratch", img.base)
	}
	if !regexp.MustCompile(`^[1-9][0-9]*:[1-9][0-9]*$`).MatchString(img.user) {
		t.Errorf("user %q, want numbers other than 0: runAsNonRoot knows no names", img.user)
	}
	if want := []string{"/signet", "healthcheck"}; !slices.Equal(img.health, want) {
		t.Errorf("health check %q, want %q", img.health, want)
	}
}

// maxBinary keeps the binary from growing unnoticed, in bytes. It is no promise
// kept: that is 40 MB (docs/decisions/0008-telemetry.md).
const maxBinary = 64_000_000

// The binary that the image holds starts in an empty root, answers its own
// health check there, and ends when asked.
func TestBinaryRunsAloneInAnEmptyRoot(t *testing.T) {
	img := readDockerfile(t)
	root := emptyRoot(t)
	exe := filepath.Join(root, "signet")
	if err := binary.Build(exe, "-trimpath", "-ldflags", "-s -w -X main.version=v0.0.0-image"); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(exe)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > maxBinary {
		t.Errorf("binary has %d bytes, allowed are at most %d", info.Size(), maxBinary)
	}
	checkStatic(t, exe)

	port := freePort(t)
	// Later values win: the image's address, on a port of the test's own.
	env := append(slices.Clone(img.env), fmt.Sprintf("SIGNET_ADDR=127.0.0.1:%d", port))
	inside := func(ctx context.Context, args ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Env, cmd.Dir = env, "/data"
		cmd.SysProcAttr = &syscall.SysProcAttr{}
		if os.Geteuid() == 0 {
			cmd.SysProcAttr.Chroot = root
			cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
			return cmd
		}
		// Without root there is no chroot: the same binary and settings,
		// below the folder instead of in it.
		cmd.Path, cmd.Dir = exe, filepath.Join(root, "data")
		cmd.Env = append(slices.Clone(env), "SIGNET_DATABASE_URL=sqlite:"+filepath.Join(root, "data", "signet.db"))
		return cmd
	}

	if out, err := inside(t.Context(), "/signet", "version").CombinedOutput(); err != nil || !strings.Contains(string(out), "v0.0.0-image") {
		t.Fatalf("version: %v, %q; want the version that was built in", err, out)
	}
	if err := inside(t.Context(), img.health...).Run(); err == nil {
		t.Error("healthy before it was started")
	}
	serve := inside(t.Context(), append(slices.Clone(img.entrypoint), img.cmd...)...)
	var log strings.Builder
	serve.Stdout, serve.Stderr = &log, &log
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- serve.Wait() }()
	awaitHealthy(t, func() *exec.Cmd { return inside(t.Context(), img.health...) }, ended, &log)

	if err := serve.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("after SIGTERM: %v\n%s", err, log.String())
		}
	case <-time.After(30 * time.Second):
		t.Fatal("still runs 30s after SIGTERM")
	}
}

// nobody is the image's user: known to no file of users.
const nobody = 65532

// emptyRoot is what the image's file system holds besides the binary.
func emptyRoot(t *testing.T) string {
	t.Helper()
	// Not t.TempDir: its parents are closed to the image's user.
	root, err := os.MkdirTemp("/tmp", "signet-image-test-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	for dir, mode := range map[string]os.FileMode{"": 0o755, "data": 0o700, "tmp": 0o777 | os.ModeSticky} {
		path := filepath.Join(root, dir)
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(filepath.Join(root, "data"), nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// checkStatic fails if the binary asks for a loader or a library.
func checkStatic(t *testing.T, path string) {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		var other *elf.FormatError
		if errors.As(err, &other) {
			return // another system's format; images are made of ELF
		}
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("binary needs a dynamic loader, which the image does not have")
		}
	}
	if libs, err := f.ImportedLibraries(); err == nil && len(libs) > 0 {
		t.Errorf("binary needs %v, which the image does not have", libs)
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func awaitHealthy(t *testing.T, check func() *exec.Cmd, ended <-chan error, log fmt.Stringer) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for {
		out, err := check().CombinedOutput()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case err := <-ended:
			t.Fatalf("server ended: %v\n%s", err, log)
		case <-deadline:
			t.Fatalf("not healthy after 30s: %v %s", err, out)
		}
	}
}
