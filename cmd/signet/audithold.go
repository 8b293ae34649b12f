package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/signet-idp/signet/cmd/signet/control"
)

func newAuditHoldCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hold",
		Short: "Keep events from being removed by retention",
		Long: `Keep events from being removed by retention (the settings audit.keep_*): legal
holds. Each that is added or lifted is on record.`,
		Example: `  signet audit hold add --subject 0195b2c4-0000-7000-8000-00000000000a --reason case-17
  signet audit hold list
  signet audit hold remove 0195b2c4-0000-7000-8000-0000000000f1`,
	}
	cmd.AddCommand(newAuditHoldAddCommand(), newAuditHoldListCommand(), newAuditHoldRemoveCommand())
	return cmd
}

func holdTable(list ...control.AuditHold) table {
	t := table{header: []string{"ID", "KIND", "OF", "REASON", "BY", "SINCE"}}
	for _, h := range list {
		t.add(h.ID, h.Kind, orDash(h.Value), h.Reason, h.CreatedBy, when(h.CreatedAt))
	}
	return t
}

func newAuditHoldAddCommand() *cobra.Command {
	var subject, organization, reason string
	var all bool
	cmd := &cobra.Command{
		Use:   "add",
		Short: "Hold the events of a person, a client, an organization, or all",
		Example: `  signet audit hold add --subject 0195b2c4-0000-7000-8000-00000000000a --reason case-17
  signet audit hold add --organization 0195b2c4-0000-7000-8000-00000000000b --reason case-18
  signet audit hold add --all --reason audit-2026`,
		Args: noArgs,
	}
	cmd.Flags().BoolVar(&all, "all", false, "every event")
	cmd.Flags().StringVar(&subject, "subject", "", "events about this id, by it, or that name it")
	cmd.Flags().StringVar(&organization, "organization", "", "events of this organization (its id)")
	cmd.Flags().StringVar(&reason, "reason", "", "a reference without spaces, such as a case number (required)")
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var r control.AuditHold
		n := 0
		for _, kind := range []struct {
			name, value string
			set         bool
		}{{"all", "", all}, {"subject", subject, subject != ""}, {"organization", organization, organization != ""}} {
			if kind.set {
				n++
				r.Kind, r.Value = kind.name, kind.value
			}
		}
		if n != 1 {
			return usagef("write one of --all, --subject and --organization")
		}
		if reason == "" {
			return usagef("--reason is missing: a reference, such as a case number")
		}
		r.Reason = reason
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			h, err := ops.AddAuditHold(ctx, r)
			if err != nil {
				return err
			}
			return out.write(cmd.OutOrStdout(), h, holdTable(h))
		})
	}
	return cmd
}

func newAuditHoldListCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the holds", Example: "  signet audit hold list -o json", Args: noArgs}
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			list, err := ops.AuditHolds(ctx)
			if err != nil {
				return err
			}
			return out.write(cmd.OutOrStdout(), list, holdTable(list...))
		})
	}
	return cmd
}

func newAuditHoldRemoveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "remove ID", Short: "Lift a hold: what it kept, and is too old, goes",
		Example: "  signet audit hold remove 0195b2c4-0000-7000-8000-0000000000f1", Args: exactly("ID"),
	}
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			h, err := ops.RemoveAuditHold(ctx, control.AuditHold{ID: args[0]})
			if err != nil {
				return err
			}
			return out.write(cmd.OutOrStdout(), h, holdTable(h))
		})
	}
	return cmd
}
