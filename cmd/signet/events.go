package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-idp/signet/cmd/signet/control"
	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/internal/progress"
	"github.com/signet-idp/signet/provider/event"
)

func newEventsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Read the record of events, and look after what goes to Kafka",
		Long: `Read the record of what happened, and look after what goes to Kafka.

An event that Kafka refuses (too large, invalid) is parked, and with it what
comes later about the same subject, so that the order holds. It is tried again
by itself after growing pauses; retry does not wait, discard gives it up.`,
		Example: `  signet events tail --follow
  signet events parked
  signet events replay --from 1`,
	}
	cmd.AddCommand(newEventsTailCommand(), newEventsReplayCommand(), newEventsParkedCommand(), newEventsRetryCommand(), newEventsDiscardCommand())
	return cmd
}

// followPause is how often tail --follow looks.
const followPause = 500 * time.Millisecond

// tailPage is how many events one look reads.
const tailPage = 500

func newEventsTailCommand() *cobra.Command {
	var after, last int64
	var follow bool
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Show the latest events, as those who read Kafka or /events see them",
		Long: `Show the latest events, as those who read Kafka or /events see them: ids,
enumerations and counts, nothing personal. With --follow it goes on until it is
interrupted; json then is one line for each event, like jsonl.`,
		Example: `  signet events tail --last 20
  signet events tail --follow -o json | jq -r 'select(.type == "user.login") | .subject'
  signet events tail --after 1000 -o jsonl`,
		Args: noArgs,
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what happens")
	cmd.Flags().Int64Var(&last, "last", 10, "how many of the latest to begin with")
	cmd.Flags().Int64Var(&after, "after", 0, "begin behind the event with this seq instead, and show all")
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if last < 1 || last > tailPage || after < 0 {
			return usagef("--last is from 1 to %d, --after 0 or more", tailPage)
		}
		from := -last
		if cmd.Flags().Changed("after") {
			from = after
		}
		if follow && out.format == "json" {
			out.format = "jsonl"
		}
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			return tail(ctx, cmd, ops, out, from, follow)
		})
	}
	return cmd
}

// tail writes what is there, page by page, and what comes.
func tail(ctx context.Context, cmd *cobra.Command, ops control.Operations, out *output, from int64, follow bool) error {
	var all []event.Envelope
	header := []string{"SEQ", "TIME", "TYPE", "SUBJECT", "ORGANIZATION", "ACTOR"}
	write := func(list []event.Envelope) error {
		t := table{header: header}
		for _, e := range list {
			t.add(strconv.FormatInt(e.Seq, 10), e.Timestamp, e.Type, orDash(e.Subject), orDash(e.Organization), e.Actor.ID)
		}
		header = nil // once
		return out.write(cmd.OutOrStdout(), list, t)
	}
	for {
		list, err := ops.Events(ctx, control.EventPage{After: from, Limit: tailPage})
		if err != nil {
			return err
		}
		if len(list) > 0 {
			from = list[len(list)-1].Seq
		}
		switch {
		case follow && len(list) > 0:
			if err := write(list); err != nil {
				return err
			}
		case !follow:
			all = append(all, list...)
		}
		if len(list) == tailPage {
			continue
		}
		if !follow {
			return write(append([]event.Envelope{}, all...))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(followPause):
		}
	}
}

func newEventsReplayCommand() *cobra.Command {
	var r control.Replaying
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Publish events to Kafka again",
		Long: `Publish events to Kafka again, in order, with the ids they had. Readers who drop
ids that they have seen notice nothing. Only what was published before is
published again; what is parked is left out. The relay goes on meanwhile.
Progress goes to standard error.`,
		Example: `  signet events replay --from 1
  signet events replay --from 12000 --to 12999 -o json`,
		Args: noArgs,
	}
	cmd.Flags().Int64Var(&r.From, "from", 0, "seq of the first event (required)")
	cmd.Flags().Int64Var(&r.To, "to", 0, "seq of the last event; without it: the last that was published")
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if r.From < 1 {
			return usagef("--from is missing: the seq of the first event, 1 or above")
		}
		if r.To != 0 && r.To < r.From {
			return usagef("--to is before --from")
		}
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			bar := progress.New(cmd.ErrOrStderr(), clock.System{})
			for first := true; !r.Finished; first = false {
				var err error
				if r, err = ops.ReplayEvents(ctx, r); err != nil {
					return err
				}
				if first {
					bar.Begin("events", int(max(0, r.To-r.From+1)))
				}
				bar.At(int(max(0, r.After-r.From+1)))
			}
			t := table{header: []string{"FROM", "TO", "PUBLISHED"}}
			t.add(fmt.Sprint(r.From), fmt.Sprint(r.To), fmt.Sprint(r.Published))
			return out.write(cmd.OutOrStdout(), map[string]int64{"from": r.From, "to": r.To, "published": r.Published}, t)
		})
	}
	return cmd
}

func newEventsParkedCommand() *cobra.Command {
	var page control.EventPage
	cmd := &cobra.Command{
		Use:   "parked",
		Short: "List the events that Kafka refused, and those that wait behind one",
		Example: `  signet events parked
  signet events parked -o json --after 5000`,
		Args: noArgs,
	}
	cmd.Flags().Int64Var(&page.After, "after", 0, "begin behind the event with this seq")
	cmd.Flags().IntVar(&page.Limit, "limit", 500, "how many at most")
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			list, err := ops.ParkedEvents(ctx, page)
			if err != nil {
				return err
			}
			t := table{header: []string{"SEQ", "TYPE", "SUBJECT", "REASON", "TRIES", "SINCE", "AGAIN AT"}}
			for _, p := range list {
				reason := p.Reason
				if reason == "" {
					reason = "(behind another)"
				}
				t.add(fmt.Sprint(p.Seq), p.Type, orDash(p.Subject), reason, fmt.Sprint(p.Attempts), when(p.ParkedAt), when(p.DueAt))
			}
			return out.write(cmd.OutOrStdout(), list, t)
		})
	}
	return cmd
}

func newEventsRetryCommand() *cobra.Command {
	return newParkedCommand(&cobra.Command{
		Use:   "retry [SEQ]",
		Short: "Try a parked event again now, or all of them",
		Long: `Try a parked event again now, or all of them: the relay does it within a second.
An event that waits behind another of its subject follows that one by itself.`,
		Example: `  signet events retry
  signet events retry 1234`,
	}, true, "made due", control.Operations.RetryParked)
}

func newEventsDiscardCommand() *cobra.Command {
	cmd := newParkedCommand(&cobra.Command{
		Use:   "discard SEQ",
		Short: "Give a parked event up: what waits behind it goes on",
		Long: `Give a parked event up. It stays in the record and is never published; what
waits behind it goes on.`,
		Example: `  signet events discard 1234`,
	}, false, "given up", control.Operations.DiscardParked)
	return cmd
}

// newParkedCommand makes a command that does something to parked events.
func newParkedCommand(cmd *cobra.Command, all bool, done string, do func(control.Operations, context.Context, control.ParkedRequest) (control.ParkedResult, error)) *cobra.Command {
	cmd.Args = func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) > 1:
			return usagef("one argument too many: %s", args[1])
		case len(args) == 0 && !all:
			return usagef("SEQ is missing")
		}
		return nil
	}
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var r control.ParkedRequest
		if len(args) == 1 {
			seq, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || seq < 1 {
				return usagef("%q is no seq of an event", args[0])
			}
			r.Seq = seq
		}
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			result, err := do(ops, ctx, r)
			if err != nil {
				return err
			}
			talk(cmd, "%d events %s", result.Events, done)
			return out.write(cmd.OutOrStdout(), result, table{})
		})
	}
	return cmd
}
