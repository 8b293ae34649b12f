// Command testservers runs a command with real servers at hand:
//
//	testservers [-need postgres,redis,kafka,browser,python,oath,gateways] [--] go test ./...
//
// For each thing needed it takes, in this order, what it is pointed at by the
// environment, what is installed on this machine, a container where Docker
// runs, and, as root on Debian, what apt-get installs; Kafka's jars come from
// Maven Central. It exports
// SIGNET_TEST_POSTGRES_URL, SIGNET_TEST_REDIS_URL, SIGNET_TEST_KAFKA_BROKERS,
// SIGNET_TEST_NGINX, SIGNET_TEST_CADDY, SIGNET_TEST_HAPROXY, SIGNET_TEST_APACHE,
// SIGNET_TEST_CHROMIUM, SIGNET_TEST_NODE, SIGNET_TEST_PYTHON and
// SIGNET_TEST_OATHTOOL to the command, whose exit status becomes its own. All that it started ends with it, however
// it ends.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	need := flag.String("need", "postgres,redis,kafka,browser,python,oath,gateways", "comma-separated: postgres, redis, kafka, browser, python, oath, gateways")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: testservers [-need postgres,redis,kafka,browser,python,oath,gateways] [--] COMMAND [ARGUMENT...]")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	code, err := run(strings.Split(*need, ","), flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "testservers:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

// run returns the command's exit status.
func run(need, argv []string) (code int, err error) {
	// Until the command runs a signal ends the preparation; from then on it
	// goes to the command, which decides.
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer cancel()

	env, stop, err := provide(ctx, need)
	defer func() { err = errors.Join(err, stop()) }()
	if err != nil {
		return 0, err
	}

	cmd := exec.Command(argv[0], argv[1:]...) // ends by the signals passed on below
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), env...)
	// A group of its own, so that a signal reaches what go test started too.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("start: %w", err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case sig := <-signals:
			// The group may just have ended, which is what was asked for.
			_ = syscall.Kill(-cmd.Process.Pid, sig.(syscall.Signal))
		case err := <-done:
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // stragglers, mostly none
			return exitCode(cmd, err)
		}
	}
}

func exitCode(cmd *exec.Cmd, err error) (int, error) {
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 0, fmt.Errorf("run: %w", err)
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil // as a shell says it
	}
	return cmd.ProcessState.ExitCode(), nil
}
