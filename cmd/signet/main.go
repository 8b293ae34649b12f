// Command signet is an OpenID Connect provider and everything to run it with:
// `signet serve` is the server, all other commands talk to it or to its store.
//
//	main ── run ── newRoot ─┬─ serve ── app.Server
//	                        └─ other commands ── connect ── control.Operations
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// version is set by the linker (-X main.version=…).
var version = "dev" //nolint:gochecknoglobals // the linker can set nothing else

func main() { os.Exit(signet()) }

// signet is main with an exit code, for tests that run commands in their own
// process.
func signet() int {
	// A second signal ends the process at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}
