package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// run runs one command line and returns its exit code: 0 done, 1 failed, 2
// wrong usage, 3 not found, 4 denied, 5 unavailable. Data goes to stdout, talk
// to stderr.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot() //nolint:contextcheck // a command gets its context when it runs
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil {
		explain(stderr, cmd, err)
	}
	return exitCode(err)
}

// newRoot makes the tree of commands.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "signet",
		Short: "OpenID Connect provider: sign in, tokens that verify anywhere, revocation within a second",
		Long: `Signet issues tokens that gateways verify on their own and that can be revoked
everywhere within a second.

Commands write data to standard output and everything else to standard error.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 denied, 5 unavailable.

Beside a running server, commands on an SQLite database go through the server's
control socket; with PostgreSQL, or when no server runs, they open the database.`,
		Example: `  signet serve --dev                      # a demo to try, on http://localhost:8001
  signet apply -f acme.yaml --dry-run     # what would change
  signet user create alice@example.com    # prints a password, once
  signet doctor                           # is everything as it should be?`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version,
	}
	root.SetVersionTemplate("signet {{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.HiddenDefaultCmd = false
	for _, g := range []*cobra.Group{{ID: "run", Title: "Run:"}, {ID: "manage", Title: "Manage:"}, {ID: "look", Title: "Look:"}} {
		root.AddGroup(g)
	}
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("run", newServeCommand(), newGatewayCommand(), newMigrateCommand(), newHealthcheckCommand())
	add("manage", newApplyCommand(), newExportCommand(), newUserCommand(), newClientCommand(), newKeysCommand(), newEventsCommand(), newWebhookCommand(), newAuditCommand(), newReportCommand(), newRebuildCommand(), newRestoreFinishCommand())
	add("look", newDoctorCommand(), newConfigCommand(), newTokenCommand(), newVersionCommand())
	parents(root)
	root.SetHelpCommandGroupID("look")
	root.SetCompletionCommandGroupID("look")
	return root
}

// parents gives every command that only has subcommands the same manners: alone
// it shows its help, with a word it does not know it says so.
func parents(cmd *cobra.Command) {
	for _, c := range cmd.Commands() {
		parents(c)
	}
	if !cmd.HasSubCommands() || cmd.Runnable() {
		return
	}
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		cmd.SuggestionsMinimumDistance = 2
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			return usagef("there is no command %q; did you mean %s?", args[0], near[0])
		}
		return usagef("there is no command %q", args[0])
	}
}

// exactly asks for the arguments that are named, no more and no less.
func exactly(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usagef("%s is missing", names[len(args)])
		case len(args) > len(names):
			return usagef("%q is one argument too many", args[len(names)])
		}
		return nil
	}
}

// noArgs refuses arguments.
func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%q is one argument too many", args[0])
	}
	return nil
}

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }
