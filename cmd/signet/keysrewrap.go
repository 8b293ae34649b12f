package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-idp/signet/cmd/signet/control"
	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/internal/progress"
)

// rewrapped is what sealing anew came to.
type rewrapped struct {
	MasterKey   string    `json:"master_key"`
	SigningKeys int       `json:"signing_keys"`
	DataKeys    int       `json:"data_keys"`
	Values      int       `json:"values"`
	Removable   []string  `json:"removable_master_keys"`
	SealsFrom   time.Time `json:"data_keys_seal_from,omitzero"`
}

func newKeysRewrapCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rewrap",
		Short: "Seal everything anew under the newest keys, so that an old master key can go",
		Long: `Seal signing keys and data keys anew under the first master key of the
configuration, and second factors, webhooks' secrets and the keys of personal data
under the newest data keys. At the end it says which master keys nothing is sealed
under any more: take them out of the configuration of every replica and restart.

Every replica has to have the new master key first in its list before. Servers run
meanwhile; interrupted, it is simply run again. Progress goes to standard error.`,
		Example: `  signet keys rewrap
  signet keys rewrap -o json`,
		Args: noArgs,
	}
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			r, err := rewrap(ctx, cmd, ops)
			if err != nil {
				return err
			}
			t := table{header: []string{"WHAT", "SEALED ANEW"}}
			t.add("signing keys", fmt.Sprint(r.SigningKeys))
			t.add("data keys", fmt.Sprint(r.DataKeys))
			t.add("values", fmt.Sprint(r.Values))
			done := rewrapped{r.MasterKey, r.SigningKeys, r.DataKeys, r.Values, append([]string{}, r.Removable...), r.SealsFrom}
			if err := out.write(cmd.OutOrStdout(), done, t); err != nil {
				return err
			}
			say := cmd.ErrOrStderr()
			fmt.Fprintf(say, "All keys are sealed under the master key %s.\n", r.MasterKey)
			if len(r.Removable) > 0 {
				fmt.Fprintf(say, "Nothing is sealed under %s any more: it can be removed from the configuration.\n", strings.Join(r.Removable, ", "))
			}
			if !r.SealsFrom.IsZero() {
				fmt.Fprintf(say, "The newest data keys seal from %s on; run this again then.\n", when(r.SealsFrom))
			}
			return nil
		})
	}
	return cmd
}

// rewrap goes step by step and shows how far it is.
func rewrap(ctx context.Context, cmd *cobra.Command, ops control.Operations) (r control.Rewrapping, err error) {
	bar := progress.New(cmd.ErrOrStderr(), clock.System{})
	for !r.Finished {
		first := !r.Begun
		if r, err = ops.RewrapKeys(ctx, r); err != nil {
			return r, err
		}
		if first {
			bar.Begin("values", int(r.Total))
		}
		bar.At(int(r.Done))
	}
	return r, nil
}
