package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signet-idp/signet/cmd/signet/control"
	"github.com/signet-idp/signet/provider/apply"
)

func newApplyCommand() *cobra.Command {
	var r control.ApplyRequest
	var file string
	cmd := &cobra.Command{
		Use:   "apply -f FILE",
		Short: "Bring organizations, roles, people, resources and clients to what a file declares",
		Long: `Bring organizations, roles, people, resources and clients to what a file
declares. The whole file is applied, or none of it: every mistake is reported
with its line, and then nothing has happened. The same file again changes
nothing.

A person's password is a first password, written when the account has none; a
client's secret follows the file. With --prune, what an earlier file created and
this one does not declare ends: clients, resources and roles are deleted, people
and organizations suspended. What others created is never pruned.

--dry-run does everything and takes it back, so what it prints is what would
happen.`,
		Example: `  signet apply -f acme.yaml --dry-run
  signet apply -f acme.yaml
  signet export | signet apply -f - --prune -o json`,
		Args: noArgs,
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", `file to apply; "-" reads standard input`)
	cmd.Flags().BoolVar(&r.DryRun, "dry-run", false, "show what would change and change nothing")
	cmd.Flags().BoolVar(&r.Prune, "prune", false, "end what an earlier file created and this one does not declare")
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if file == "" {
			return usagef("--file is missing: name a file, or - for standard input")
		}
		var err error
		if r.Text, err = readInput(cmd, file, apply.MaxFile+1); err != nil {
			return err
		}
		r.Name = file
		if file == "-" {
			r.Name = "stdin"
		}
		if _, err := apply.Parse(r.Name, r.Text); err != nil { // before anything is opened
			return err
		}
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			report, err := ops.Apply(ctx, r)
			if err != nil {
				return err
			}
			return writeReport(cmd, out, report)
		})
	}
	return cmd
}

func readInput(cmd *cobra.Command, file string, limit int64) ([]byte, error) {
	in := cmd.InOrStdin()
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, limit))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return text, nil
}

func writeReport(cmd *cobra.Command, out *output, report *apply.Report) error {
	for _, w := range report.Warnings {
		talk(cmd, "warning: %s", w)
	}
	t := table{header: []string{"NAME", "KIND", "ACTION", "CHANGED"}}
	for _, d := range report.Objects {
		if d.Action == apply.Unchanged && !out.quiet {
			continue
		}
		t.add(d.Name, d.Kind, string(d.Action), strings.Join(d.Members, " "))
	}
	if err := out.write(cmd.OutOrStdout(), report, t); err != nil {
		return err
	}
	if out.format == "table" && !out.quiet {
		for _, d := range report.Objects {
			if secret := cmp.Or(d.ClientSecret, d.Secret); secret != "" {
				if _, err := fmt.Fprintf(cmd.OutOrStdout(), "secret of %s, shown this once: %s\n", d.Name, secret); err != nil {
					return err
				}
			}
		}
	}
	would := ""
	if report.DryRun {
		would = " (dry run: nothing was changed)"
	}
	talk(cmd, "%d created, %d updated, %d unchanged, %d deleted, %d suspended%s", report.Count(apply.Created), report.Count(apply.Updated),
		report.Count(apply.Unchanged), report.Count(apply.Deleted), report.Count(apply.Suspended), would)
	return nil
}
