package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-idp/signet/cmd/signet/control"
	"github.com/signet-idp/signet/provider/audit"
)

// moment reads a time; empty is none.
func moment(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, usagef("--%s %s: write a time such as 2026-03-01T12:00:00Z", flag, text)
	}
	return t.UTC(), nil
}

func newAuditExportCommand() *cobra.Command {
	var f audit.Filter
	var format, from, to string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the record, or what matches of it, as JSON lines or CSV",
		Long: `Write the record, or what matches of it, to standard output: as JSON lines, or as
CSV with a header, in which no cell is a formula for a spreadsheet. What is
personal stays sealed.`,
		Example: `  signet audit export > audit.jsonl
  signet audit export --format csv --type user.login_failed --from 2026-03-01T00:00:00Z > failed.csv`,
		Args: noArgs,
	}
	cmd.Flags().StringVar(&format, "format", "jsonl", "jsonl or csv")
	cmd.Flags().StringVar(&f.Type, "type", "", "only events of this type")
	cmd.Flags().StringVar(&f.Actor, "actor", "", "only what this user, client or system did")
	cmd.Flags().StringVar(&f.Subject, "subject", "", "only events about this id")
	cmd.Flags().StringVar(&f.Organization, "organization", "", "only what happened in this organization (its id)")
	cmd.Flags().StringVar(&from, "from", "", "from this time on (RFC 3339)")
	cmd.Flags().StringVar(&to, "to", "", "before this time (RFC 3339)")
	cmd.Flags().Int64Var(&f.After, "after", 0, "begin behind the event with this seq")
	storeFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var err error
		if format != string(audit.JSONLines) && format != string(audit.CSV) {
			return usagef("--format is jsonl or csv, not %q", format)
		}
		if f.From, err = moment("from", from); err != nil {
			return err
		}
		if f.To, err = moment("to", to); err != nil {
			return err
		}
		f.Limit = audit.MaxLimit
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			w, err := audit.NewWriter(cmd.OutOrStdout(), audit.Format(format))
			if err != nil {
				return err
			}
			for {
				page, err := ops.AuditEntries(ctx, f)
				if err != nil {
					return err
				}
				if err := w.Write(page); err != nil {
					return err
				}
				if len(page) < audit.MaxLimit {
					return nil
				}
				f.After = page[len(page)-1].Seq
			}
		})
	}
	return cmd
}

func newAuditAsOfCommand() *cobra.Command {
	var m audit.Moment
	var at string
	cmd := &cobra.Command{
		Use:   "as-of",
		Short: "Say who had which role at a moment",
		Long: `Say who had which role at a moment: in organizations, and of the system (without
an organization). The answer comes from the record alone, whatever the tables say
now; EVENT is the seq of the event since which it is so, and BY who did it.`,
		Example: `  signet audit as-of --time 2026-03-01T12:00:00Z --organization 0195b2c4-0000-7000-8000-00000000000b
  signet audit as-of --time 2026-03-01T12:00:00Z --user 0195b2c4-0000-7000-8000-00000000000a -o json`,
		Args: noArgs,
	}
	cmd.Flags().StringVar(&at, "time", "", "the moment (RFC 3339; required)")
	cmd.Flags().StringVar(&m.User, "user", "", "only this person (id)")
	cmd.Flags().StringVar(&m.Organization, "organization", "", "only in this organization (id)")
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var err error
		if at == "" {
			return usagef("--time is missing: the moment, such as 2026-03-01T12:00:00Z")
		}
		if m.Time, err = moment("time", at); err != nil {
			return err
		}
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			answer, err := ops.AuditAsOf(ctx, m)
			if err != nil {
				return err
			}
			t := table{header: []string{"USER", "ORGANIZATION", "ROLES", "SINCE", "BY", "EVENT"}}
			for _, h := range answer.Holdings {
				t.add(h.User, orDash(h.Organization), orDash(strings.Join(h.Roles, " ")), when(h.Since), h.By, fmt.Sprint(h.Event))
			}
			if answer.Incomplete {
				talk(cmd, "Retention has removed events that say who has which role: the answer may lack some.")
			}
			return out.write(cmd.OutOrStdout(), answer, t)
		})
	}
	return cmd
}
