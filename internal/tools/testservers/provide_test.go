package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signet-idp/signet/internal/testkit/servers/launch"
)

// machine makes PATH a folder with the named programs of this machine and
// scripts of the test's own, so that nothing else is "installed".
func machine(t *testing.T, scripts map[string]string, programs ...string) string {
	t.Helper()
	// Not t.TempDir: its parents are closed to the servers' users.
	dir, err := os.MkdirTemp("/tmp", "signet-machine-test-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range append(programs, "sh", "cat", "rm", "sleep", "ln", "env") {
		real, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(real, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, script := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	for _, name := range []string{"SIGNET_TEST_POSTGRES_URL", "SIGNET_TEST_REDIS_URL", "SIGNET_TEST_KAFKA_BROKERS", "SIGNET_TEST_CHROMIUM", "SIGNET_TEST_NODE", "SIGNET_TEST_NPM"} {
		t.Setenv(name, "")
	}
	return dir
}

func TestServerFoundOnPath(t *testing.T) {
	machine(t, nil, "redis-server")
	env, stop, err := provide(t.Context(), []string{"redis"})
	if err != nil {
		t.Fatal(err)
	}
	u := strings.TrimPrefix(env[0], "SIGNET_TEST_REDIS_URL=")
	if err := launch.PingRedis(t.Context(), u); err != nil {
		t.Error(err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if err := launch.PingRedis(t.Context(), u); err == nil {
		t.Error("stopped server answers")
	}
}

func TestServerPointedAt(t *testing.T) {
	own, err := launch.Redis(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer own.Stop()
	machine(t, nil)
	t.Setenv("SIGNET_TEST_REDIS_URL", own.URL)
	env, stop, err := provide(t.Context(), []string{"redis"})
	if err != nil {
		t.Fatal(err)
	}
	if env[0] != "SIGNET_TEST_REDIS_URL="+own.URL {
		t.Errorf("env %q", env)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if err := launch.PingRedis(t.Context(), own.URL); err != nil {
		t.Errorf("a server that was only pointed at was stopped: %v", err)
	}
}

func TestServerPointedAtIsAway(t *testing.T) {
	machine(t, nil)
	t.Setenv("SIGNET_TEST_REDIS_URL", "redis://:sesame@127.0.0.1:1/0")
	_, _, err := provide(t.Context(), []string{"redis"})
	if err == nil || !strings.Contains(err.Error(), "SIGNET_TEST_REDIS_URL") {
		t.Fatalf("error %v, want one that names the variable", err)
	}
	if strings.Contains(err.Error(), "sesame") {
		t.Error("the error holds the password")
	}
}

// docker, as far as the launcher can tell: it publishes the port and passes
// the environment and signals on.
const fakeDocker = `
case $1 in
info) exit 0 ;;
pull) exit 0 ;;
run)
  while [ "$1" != -p ]; do shift; done
  port=${2#127.0.0.1:}; port=${port%:*}
  exec "$REAL_REDIS" --port "$port" --bind 127.0.0.1 --save "" --requirepass "$SECRET" ;;
esac
exit 1`

func TestServerInContainer(t *testing.T) {
	real, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal(err)
	}
	machine(t, map[string]string{"docker": fakeDocker})
	t.Setenv("REAL_REDIS", real)
	env, stop, err := provide(t.Context(), []string{"redis"})
	if err != nil {
		t.Fatal(err)
	}
	u := strings.TrimPrefix(env[0], "SIGNET_TEST_REDIS_URL=")
	if err := launch.PingRedis(t.Context(), u); err != nil {
		t.Error(err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if err := launch.PingRedis(t.Context(), u); err == nil {
		t.Error("stopped container answers")
	}
}

// What is missing is installed by root where apt-get is, and otherwise named.
func TestMissingServer(t *testing.T) {
	real, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal(err)
	}
	const fakeApt = `
echo "$@" >>"$APT_LOG"
case "$*" in *install*redis-server) ln -s "$REAL_REDIS" "${0%/*}/redis-server" ;; esac`
	machine(t, map[string]string{"apt-get": fakeApt})
	log := filepath.Join(t.TempDir(), "log")
	t.Setenv("APT_LOG", log)
	t.Setenv("REAL_REDIS", real)
	_, stop, err := provide(t.Context(), []string{"redis"})
	if os.Geteuid() != 0 {
		if err == nil || !strings.Contains(err.Error(), "apt-get install redis-server") {
			t.Errorf("error %v, want one that says what to install", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	calls, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	want := "-qq update\n-qq install -y --no-install-recommends redis-server\n"
	if string(calls) != want {
		t.Errorf("apt-get was called with\n%swant\n%s", calls, want)
	}
}

func TestMissingWithoutApt(t *testing.T) {
	for need, want := range map[string]string{
		"redis":    "apt-get install redis-server",
		"browser":  "apt-get install chromium",
		"kafka":    "apt-get install default-jre-headless maven",
		"nonsense": "unknown need",
	} {
		t.Run(need, func(t *testing.T) {
			machine(t, nil)
			_, _, err := provide(t.Context(), []string{need})
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %q", err, want)
			}
		})
	}
}

// Kafka is no Debian package: Maven fetches it, which is installed first.
func TestMissingKafka(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("apt-get is root's: what a missing server says is TestMissingWithoutApt's")
	}
	const fakeApt = `
case "$*" in *install*maven) ln -s "$FAKE_MAVEN" "${0%/*}/mvn"; ln -s "$FAKE_JAVA" "${0%/*}/java" ;; esac`
	dir := machine(t, map[string]string{
		"apt-get": fakeApt, "fake-maven": `echo "$@" >"$MAVEN_LOG"; exit 3`, "fake-java": `exit 1`,
	})
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("KAFKA_HOME", "")
	t.Setenv("FAKE_MAVEN", filepath.Join(dir, "fake-maven"))
	t.Setenv("FAKE_JAVA", filepath.Join(dir, "fake-java"))
	log := filepath.Join(t.TempDir(), "log")
	t.Setenv("MAVEN_LOG", log)
	_, _, err := provide(t.Context(), []string{"kafka"})
	if err == nil {
		t.Fatal("a Maven that fails gives a broker")
	}
	if os.Geteuid() != 0 {
		return
	}
	calls, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(calls), "dependency:copy-dependencies") {
		t.Errorf("mvn was called with %s", calls)
	}
}

func TestRunPassesEnvironmentAndStatusOn(t *testing.T) {
	machine(t, nil, "redis-server")
	for script, want := range map[string]int{
		`test -n "$SIGNET_TEST_REDIS_URL"`: 0,
		`exit 7`:                           7,
		`kill -9 $$`:                       137,
	} {
		code, err := run([]string{"redis"}, []string{"sh", "-c", script})
		if err != nil || code != want {
			t.Errorf("%s: status %d, error %v; want %d", script, code, err, want)
		}
	}
	if _, err := run([]string{"redis"}, []string{"no-such-program"}); err == nil {
		t.Error("a command that does not exist passes")
	}
}

func TestPreparationCanBeCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	machine(t, nil, "redis-server")
	if _, _, err := provide(ctx, []string{"redis"}); err == nil {
		t.Error("a cancelled preparation succeeds")
	}
}
