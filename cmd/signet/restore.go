package main

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/signet-idp/signet/cmd/signet/control"
)

func newRestoreFinishCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore-finish",
		Short: "End all that a restored database holds alive",
		Long: `After a backup was restored the database has forgotten what ended since: sessions
that people signed out of, grants that were revoked, links that were used. This
ends all sessions, grants and unused links, and every access token, so that
nothing comes to life again. Everybody signs in anew; services ask for new tokens.

Run it before anybody is let in. It can run again if it was interrupted. Replicas
and gateways that still hold the revocation feed of the lost database see that it
is another one, and take it anew. Accounts, passwords, roles and clients are those
of the backup: what was suspended or changed since has to be done again.`,
		Example: `  signet restore-finish --yes`,
		Args:    cobra.NoArgs,
	}
	yes := confirmFlag(cmd)
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := confirm(cmd, *yes, "Everybody is signed out. End all sessions, grants, links and tokens?"); err != nil {
			return err
		}
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			ended, err := ops.FinishRestore(ctx)
			if err != nil {
				return err
			}
			t := table{header: []string{"ENDED", "COUNT"}}
			t.add("sessions", strconv.FormatInt(ended.Sessions, 10))
			t.add("grants", strconv.FormatInt(ended.Grants, 10))
			t.add("links", strconv.FormatInt(ended.Links, 10))
			t.add("access tokens", "all")
			return out.write(cmd.OutOrStdout(), ended, t)
		})
	}
	return cmd
}
