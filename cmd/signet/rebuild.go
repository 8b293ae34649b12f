package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/signet-idp/signet/cmd/signet/control"
	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/internal/progress"
)

// rebuilt is what a rebuilding came to.
type rebuilt struct {
	What string `json:"what"`
	Done int64  `json:"done"`
}

func newRebuildCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rebuild [counts] [search]",
		Short: "Make anew what follows from the record and the accounts: counts, words to search by",
		Long: `Make anew what follows from other data and has gone wrong or is missing:

  counts   the counts of activity behind dashboards, from the whole record of events;
           of days of which retention has removed events, what was counted stays
  search   the words by which people are found, of accounts that have none because
           they are older than the search, or other ones

Without a word both. A server may run meanwhile, and goes on if this is
interrupted. Until the counts have reached the end of the record again,
dashboards show less than there was; some thousand events or accounts are done in
a second. Progress goes to standard error.`,
		Example: `  signet rebuild
  signet rebuild counts -o json`,
		ValidArgs: []string{control.RebuildCounts, control.RebuildSearch},
		Args: func(cmd *cobra.Command, args []string) error {
			for _, a := range args {
				if a != control.RebuildCounts && a != control.RebuildSearch {
					return usagef("rebuild %s: there are counts and search", a)
				}
			}
			return nil
		},
	}
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			args = cmd.ValidArgs
		}
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			list, t := []rebuilt{}, table{header: []string{"WHAT", "DONE"}}
			for _, what := range args {
				done, err := rebuild(ctx, cmd, ops, what)
				if err != nil {
					return err
				}
				list = append(list, rebuilt{what, done})
				t.add(what, fmt.Sprint(done))
			}
			return out.write(cmd.OutOrStdout(), list, t)
		})
	}
	return cmd
}

// rebuild goes step by step and shows how far it is.
func rebuild(ctx context.Context, cmd *cobra.Command, ops control.Operations, what string) (done int64, err error) {
	bar := progress.New(cmd.ErrOrStderr(), clock.System{})
	for r := (control.Rebuilding{What: what}); ; {
		first := !r.Begun
		if r, err = ops.Rebuild(ctx, r); err != nil {
			return r.Done, err
		}
		if first && r.Since != "" {
			_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "Retention has removed events: counts are made anew from %s on, those of earlier days stay as they are.\n", r.Since)
		}
		if first {
			bar.Begin(what, int(r.Total))
		}
		bar.At(int(r.Done))
		if r.Finished {
			return r.Done, nil
		}
	}
}
