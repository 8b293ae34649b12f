package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-idp/signet/cmd/signet/control"
	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/internal/progress"
	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/provider/audit"
)

func newAuditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Check the record of events, export it, and ask it who had which role",
		Long: `Check the record of events: whether it is what it was when it was written. Export
it, and ask it who had which role at a moment.`,
		Example: `  signet audit verify
  signet audit export --format csv --from 2026-03-01T00:00:00Z > march.csv
  signet audit as-of --time 2026-03-01T12:00:00Z`,
	}
	cmd.AddCommand(newAuditVerifyCommand(), newAuditExportCommand(), newAuditAsOfCommand(), newAuditHoldCommand())
	return cmd
}

func newAuditVerifyCommand() *cobra.Command {
	var checkpoints, jwks string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Say where the record was changed, cut, reordered, truncated or replaced",
		Long: `Walk the whole record and say where it was changed, cut, reordered, truncated or
replaced by an older copy. The exit code is 0 only if nothing is wrong.

That its end is missing, or that it was written anew from some point on, shows
against checkpoints that were kept outside the database: in the file of the
setting audit.checkpoint_file, which is read unless another is named. Who does
not trust the database for the keys either names those that were fetched from
/audit/jwks.json before. Progress goes to standard error.`,
		Example: `  signet audit verify
  signet audit verify --checkpoints /mnt/audit/checkpoints.jsonl --jwks keys.json -o json`,
		Args: noArgs,
	}
	cmd.Flags().StringVar(&checkpoints, "checkpoints", "", "file with checkpoints; without it that of audit.checkpoint_file, if there is one")
	cmd.Flags().StringVar(&jwks, "jwks", "", "file with the keys of checkpoints (JWK set); without it those of the installation")
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		o := audit.Options{Pause: breathe}
		file, err := checkpointFile(cmd, checkpoints)
		if err != nil {
			return err
		}
		if file != nil {
			defer file.Close()
			o.Checkpoints = audit.ReadFile(file)
		}
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			var err error
			if o.Keys, err = checkpointKeys(ctx, ops, jwks); err != nil {
				return err
			}
			return verifyChain(ctx, cmd, ops, o, out)
		})
	}
	return cmd
}

// whole is a file up to where it ended when it was opened: what is appended
// later is not compared with what was read before.
type whole struct {
	io.Reader
	io.Closer
}

func checkpointFile(cmd *cobra.Command, path string) (io.ReadCloser, error) {
	named := path != ""
	if !named {
		loaded, err := loadConfig(cmd)
		if err != nil {
			return nil, err
		}
		if path = loaded.Config.Audit.CheckpointFile; path == "" {
			return nil, nil
		}
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && !named {
		talk(cmd, "%s is not there yet: the end of the record is not checked", path)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return whole{io.LimitReader(f, info.Size()), f}, nil
}

func checkpointKeys(ctx context.Context, ops control.Operations, path string) (*keys.VerifySet, error) {
	if path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		return keys.ParseVerifySet(text)
	}
	list, err := ops.ListKeys(ctx)
	if err != nil {
		return nil, err
	}
	set := map[string][]map[string]any{"keys": {}}
	for _, k := range list {
		if k.Use == "checkpoint" && k.State != string(keys.StateRevoked) {
			set["keys"] = append(set["keys"], k.JWK)
		}
	}
	text, err := json.Marshal(set)
	if err != nil {
		return nil, err
	}
	return keys.ParseVerifySet(text)
}

// breathe waits for what is about to be sequenced.
func breathe(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(followPause):
		return nil
	}
}

func verifyChain(ctx context.Context, cmd *cobra.Command, ops control.Operations, o audit.Options, out *output) error {
	last, err := ops.Events(ctx, control.EventPage{After: -1, Limit: 1})
	if err != nil {
		return err
	}
	bar := progress.New(cmd.ErrOrStderr(), clock.System{})
	if len(last) > 0 {
		bar.Begin("events", int(last[0].Seq))
		o.Progress = func(seq int64) { bar.At(int(min(seq, last[0].Seq))) }
	}
	report, err := audit.Verify(ctx, control.Chain{Operations: ops, Size: audit.MaxPage}, o)
	if err != nil {
		return err
	}
	t := table{header: []string{"FROM", "TO", "FINDING", "EVENT", "DETAIL"}}
	for _, f := range report.Findings {
		t.add(fmt.Sprint(f.Seq), fmt.Sprint(f.To), string(f.Kind), orDash(f.ID), f.Detail)
	}
	if err := out.write(cmd.OutOrStdout(), report, t); err != nil {
		return err
	}
	talk(cmd, "%d events and %d places of removed ones up to seq %d; %d checkpoints agree; signed up to seq %d",
		report.Events, report.Pruned, report.Head, report.Checkpoints, report.Signed)
	if !report.OK() {
		talk(cmd, "signet: the record does not hold: %d findings", report.Total)
		return errTold
	}
	talk(cmd, "The record holds.")
	return nil
}
