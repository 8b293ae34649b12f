package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-idp/signet/cmd/signet/control"
	"github.com/signet-idp/signet/provider/report"
)

func newReportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Write reports for auditors: access review, SOC 2 and HIPAA evidence, proof of erasure",
		Long: `Write reports for auditors to standard output, as JSON, as CSV in which no cell is
a formula for a spreadsheet, or as a page to read and print. What is known of one
person: signet user export.`,
		Example: `  signet report access-review --format csv > access.csv
  signet report soc2 --from 2026-01-01 --to 2026-12-31 --format html > soc2.html`,
	}
	access := reportCommand(control.ReportAccess, "Say who has which role, since when, given by whom, and when they last signed in")
	organizationFlag(access)
	cmd.AddCommand(access.Command)
	for name, short := range map[string]string{
		report.SOC2: "Count what the record shows for the Trust Services Criteria (SOC 2)", report.HIPAA: "Count what the record shows for the HIPAA Security Rule",
	} {
		c := reportCommand(name, short)
		organizationFlag(c)
		periodFlags(c)
		cmd.AddCommand(c.Command)
	}
	erasure := reportCommand(control.ReportErasure, "Say what is left of a person who was erased")
	ofPerson(erasure, "  signet report erasure 0195b2c4-0000-7000-8000-00000000000a --format html > erasure.html")
	cmd.AddCommand(erasure.Command)
	return cmd
}

func newUserExportCommand() *cobra.Command {
	c := reportCommand(control.ReportPerson, "Write everything that is known of a person (GDPR Art. 15 and 20)")
	c.Long = `Write everything that is known of a person to standard output: account, memberships,
roles, second factors without their secrets, sessions, devices, consents, and the
newest events about them with what is personal in them. The record says that it
was handed out.`
	ofPerson(c, `  signet user export alice@example.com > alice.json
  signet user export alice@example.com --format html > alice.html`)
	c.Use = "export USER"
	return c.Command
}

// reporting is a command that writes a report.
type reporting struct {
	*cobra.Command
	request control.ReportRequest
}

func reportCommand(name, short string) *reporting {
	c := &reporting{request: control.ReportRequest{Report: name}}
	c.Command = &cobra.Command{Use: name, Short: short, Example: "  signet report " + name + " --format csv > " + name + ".csv", Args: noArgs}
	c.Flags().StringVar(&c.request.Format, "format", report.JSON, strings.Join(report.Formats(), ", "))
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(report.Formats(), cobra.ShellCompDirectiveNoFileComp))
	storeFlags(c.Command)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if !slices.Contains(report.Formats(), c.request.Format) {
			return usagef("--format is %s, not %q", strings.Join(report.Formats(), " or "), c.request.Format)
		}
		if len(args) > 0 {
			c.request.User = args[0]
		}
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			file, err := ops.Report(ctx, c.request)
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(file.Body)
			return err
		})
	}
	return c
}

func organizationFlag(c *reporting) {
	c.Flags().StringVar(&c.request.Organization, "organization", "", "only this organization (slug or id)")
}

// periodFlags are days of UTC, both included.
func periodFlags(c *reporting) {
	var from, to string
	c.Flags().StringVar(&from, "from", "", "the first day (2026-01-31, UTC); a year before the end by default")
	c.Flags().StringVar(&to, "to", "", "the last day; until now by default")
	c.PreRunE = func(*cobra.Command, []string) (err error) {
		if c.request.From, err = day("from", from); err != nil {
			return err
		}
		if c.request.To, err = day("to", to); err == nil && to != "" {
			c.request.To = c.request.To.AddDate(0, 0, 1)
		}
		return err
	}
}

// day reads a day; empty is none.
func day(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return time.Time{}, usagef("--%s %s: write a day such as 2026-01-31", flag, text)
	}
	return at, nil
}

func ofPerson(c *reporting, example string) {
	c.Use, c.Args, c.Example = c.Use+" USER", exactly("USER"), example
}
