package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-idp/signet/cmd/signet/control"
)

func newWebhookCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "webhook",
		Short: "Manage webhooks: who is told of events",
		Long: `Manage webhooks: addresses that are told of events by signed POST requests. One
of an organization is told of what happens there, one of the system of all.`,
		Example: `  signet webhook create --url https://hooks.example.com/in --event 'user.*'
  signet webhook deliveries ID --state dead
  signet webhook replay ID --from 1200`,
	}
	cmd.AddCommand(newWebhookCreateCommand(), newWebhookListCommand(),
		newWebhookOneCommand(&cobra.Command{Use: "get ID", Short: "Show a webhook", Example: "  signet webhook get ID -o json"}, control.Operations.GetWebhook),
		newWebhookEnableCommand("enable", true, "Send to a disabled webhook again"),
		newWebhookEnableCommand("disable", false, "Send nothing to a webhook until it is enabled again"),
		newWebhookDeleteCommand(), newWebhookRotateCommand(), newWebhookTestCommand(),
		newWebhookDeliveriesCommand(), newWebhookRetryCommand(), newWebhookReplayCommand())
	return cmd
}

func newWebhookCreateCommand() *cobra.Command {
	var r control.CreateWebhook
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make a webhook; its secret is printed this once",
		Example: `  signet webhook create --url https://hooks.example.com/in --event user.created --event user.deleted
  signet webhook create --organization acme --url https://hooks.acme.test/in --event '*'`,
		Args: noArgs,
	}
	f := cmd.Flags()
	f.StringVar(&r.URL, "url", "", "https URL that is told (required)")
	f.StringArrayVar(&r.Events, "event", nil, "type of event, 'noun.*' or '*'; may repeat (required)")
	f.StringVar(&r.Organization, "organization", "", "slug or id; without it: of the whole system")
	f.StringVar(&r.Description, "description", "", "a line for people")
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if r.URL == "" || len(r.Events) == 0 {
			return usagef("--url and --event are needed")
		}
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			w, err := ops.CreateWebhook(ctx, r)
			if err != nil {
				return err
			}
			return writeWebhook(cmd, out, w)
		})
	}
	return cmd
}

func newWebhookListCommand() *cobra.Command {
	var r control.WebhookRequest
	cmd := &cobra.Command{
		Use: "list", Short: "List the webhooks of the system, or of an organization",
		Example: "  signet webhook list --organization acme", Args: noArgs,
	}
	cmd.Flags().StringVar(&r.Organization, "organization", "", "slug or id; without it: of the whole system")
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			list, err := ops.ListWebhooks(ctx, r)
			if err != nil {
				return err
			}
			t := table{header: []string{"ID", "URL", "EVENTS", "STATUS"}}
			for _, w := range list {
				t.add(w.ID, w.URL, strings.Join(w.Events, " "), webhookStatus(w))
			}
			return out.write(cmd.OutOrStdout(), list, t)
		})
	}
	return cmd
}

func webhookStatus(w control.Webhook) string {
	switch {
	case w.Reason != "":
		return w.Status + " (" + w.Reason + ")"
	case !w.FailingSince.IsZero():
		return w.Status + ", failing since " + when(w.FailingSince)
	}
	return w.Status
}

// newWebhookOneCommand makes a command that does something to one webhook and
// shows it.
func newWebhookOneCommand(cmd *cobra.Command, do func(control.Operations, context.Context, control.WebhookRequest) (control.Webhook, error)) *cobra.Command {
	var r control.WebhookRequest
	return newWebhookRequestCommand(cmd, &r, do)
}

func newWebhookRequestCommand(cmd *cobra.Command, r *control.WebhookRequest, do func(control.Operations, context.Context, control.WebhookRequest) (control.Webhook, error)) *cobra.Command {
	cmd.Args = exactly("ID")
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r.ID = args[0]
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			w, err := do(ops, ctx, *r)
			if err != nil {
				return err
			}
			return writeWebhook(cmd, out, w)
		})
	}
	return cmd
}

func newWebhookEnableCommand(name string, enabled bool, short string) *cobra.Command {
	r := control.WebhookRequest{Enabled: enabled}
	return newWebhookRequestCommand(&cobra.Command{Use: name + " ID", Short: short, Example: "  signet webhook " + name + " ID"}, &r, control.Operations.EnableWebhook)
}

func newWebhookRotateCommand() *cobra.Command {
	var r control.WebhookRequest
	cmd := newWebhookRequestCommand(&cobra.Command{
		Use:   "rotate-secret ID",
		Short: "Give a webhook a new secret, printed this once",
		Long: `Give a webhook a new secret, printed this once. The old one signs beside it for
--overlap, so that the receiver can follow; an older one ends now.`,
		Example: `  signet webhook rotate-secret ID --overlap 24h
  signet webhook rotate-secret ID --overlap 0s     # the old one leaked`,
	}, &r, control.Operations.RotateWebhookSecret)
	cmd.Flags().DurationVar(&r.Overlap, "overlap", 24*time.Hour, "how long the old secret signs too")
	return cmd
}

func newWebhookDeleteCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "delete ID", Short: "Delete a webhook with what waits for it",
		Example: "  signet webhook delete ID", Args: exactly("ID"),
	}
	yes := confirmFlag(cmd)
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := confirm(cmd, *yes, "What waits for "+args[0]+" is never sent. Delete it?"); err != nil {
			return err
		}
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			w, err := ops.DeleteWebhook(ctx, control.WebhookRequest{ID: args[0]})
			if err != nil {
				return err
			}
			talk(cmd, "deleted %s", w.ID)
			return out.write(cmd.OutOrStdout(), w, table{rows: [][]string{{w.ID}}})
		})
	}
	return cmd
}

func newWebhookTestCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "test ID", Short: "Send a message that says nothing, and show what came of it",
		Example: "  signet webhook test ID", Args: exactly("ID"),
	}
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			got, err := ops.TestWebhook(ctx, control.WebhookRequest{ID: args[0]})
			if err != nil {
				return err
			}
			t := table{header: []string{"ID", "DELIVERED", "STATUS", "ERROR"}}
			t.add(got.ID, strconv.FormatBool(got.Delivered), strconv.Itoa(got.Status), orDash(got.Error))
			return out.write(cmd.OutOrStdout(), got, t)
		})
	}
	return cmd
}

func newWebhookDeliveriesCommand() *cobra.Command {
	var r control.WebhookRequest
	cmd := &cobra.Command{
		Use: "deliveries ID", Short: "List what a webhook was or is to be sent, the newest first",
		Example: `  signet webhook deliveries ID --state dead
  signet webhook deliveries ID --before 12000 --limit 100 -o jsonl`,
		Args: exactly("ID"),
	}
	f := cmd.Flags()
	f.StringVar(&r.State, "state", "", "pending, delivered or dead")
	f.Int64Var(&r.Before, "before", 0, "begin before the event with this seq")
	f.IntVar(&r.Limit, "limit", 50, "how many at most")
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch r.State {
		case "", "pending", "delivered", "dead":
		default:
			return usagef("--state is pending, delivered or dead")
		}
		r.ID = args[0]
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			list, err := ops.WebhookDeliveries(ctx, r)
			if err != nil {
				return err
			}
			return writeDeliveries(cmd, out, list, list...)
		})
	}
	return cmd
}

func writeDeliveries(cmd *cobra.Command, out *output, v any, list ...control.WebhookDelivery) error {
	t := table{header: []string{"ID", "SEQ", "TYPE", "STATE", "ATTEMPTS", "ERROR", "DUE AT"}}
	for _, d := range list {
		t.add(d.ID, strconv.FormatInt(d.Seq, 10), d.Type, d.State, strconv.FormatInt(d.Attempts, 10), orDash(d.Error), when(d.DueAt))
	}
	return out.write(cmd.OutOrStdout(), v, t)
}

func newWebhookRetryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "retry ID DELIVERY", Short: "Send an event to a webhook again, whatever came of it before",
		Example: "  signet webhook retry ID 0195b2c4-0000-7000-8000-000000000001", Args: exactly("ID", "DELIVERY"),
	}
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			d, err := ops.RetryWebhook(ctx, control.WebhookRequest{ID: args[0], Delivery: args[1]})
			if err != nil {
				return err
			}
			return writeDeliveries(cmd, out, d, d)
		})
	}
	return cmd
}

func newWebhookReplayCommand() *cobra.Command {
	var r control.WebhookRequest
	cmd := &cobra.Command{
		Use:   "replay ID",
		Short: "Send events of the past to a webhook, again or for the first time",
		Long: `Send events of the past to a webhook, again or for the first time, with the ids
they had: those that it is told of, also from before it was made or while it was
disabled.`,
		Example: `  signet webhook replay ID --from 1200
  signet webhook replay ID --from 1200 --to 1300`,
		Args: exactly("ID"),
	}
	cmd.Flags().Int64Var(&r.From, "from", 0, "seq of the first event (required)")
	cmd.Flags().Int64Var(&r.To, "to", 0, "seq of the last event; without it: the newest")
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if r.From < 1 || r.To != 0 && r.To < r.From {
			return usagef("--from is the seq of the first event, 1 or above; --to not before it")
		}
		r.ID = args[0]
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			total := control.WebhookReplay{From: r.From}
			for more := true; more; {
				done, err := ops.ReplayWebhook(ctx, r)
				if err != nil {
					return err
				}
				total.To, total.Deliveries = done.To, total.Deliveries+done.Deliveries
				r.From, more = done.To+1, done.More
			}
			t := table{header: []string{"FROM", "TO", "DELIVERIES"}}
			t.add(fmt.Sprint(total.From), fmt.Sprint(total.To), fmt.Sprint(total.Deliveries))
			return out.write(cmd.OutOrStdout(), total, t)
		})
	}
	return cmd
}

func writeWebhook(cmd *cobra.Command, out *output, w control.Webhook) error {
	if out.quiet {
		return out.write(cmd.OutOrStdout(), w, table{rows: [][]string{{w.ID}}})
	}
	t := table{}
	t.add("id", w.ID)
	t.add("organization", orDash(w.Organization))
	t.add("url", w.URL)
	t.add("events", strings.Join(w.Events, " "))
	t.add("description", orDash(w.Description))
	t.add("status", webhookStatus(w))
	if w.Secret != "" {
		t.add("secret", w.Secret+"   (shown this once)")
	}
	return out.write(cmd.OutOrStdout(), w, t)
}
