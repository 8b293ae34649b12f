package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/signet-idp/signet/cmd/signet/control"
	"github.com/signet-idp/signet/provider/apply"
)

func newExportCommand() *cobra.Command {
	var r control.ExportRequest
	var format string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write what there is in the form that apply takes",
		Long: `Write organizations, roles, people, resources and clients in the form that
apply takes: applied again, it changes nothing. Secrets of clients are never in
it. Password hashes are left out unless asked for, to move people to another
installation: whoever has them can try passwords at their leisure.`,
		Example: `  signet export > acme.yaml
  signet export --password-hashes > people.yaml   # keep it as you keep the database`,
		Args: noArgs,
	}
	cmd.Flags().BoolVar(&r.PasswordHashes, "password-hashes", false, "include the hashes of people's passwords")
	cmd.Flags().StringVarP(&format, "output", "o", "yaml", "format: yaml or json")
	storeFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if format != "yaml" && format != "json" {
			return usagef("--output %s: there are yaml and json", format)
		}
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			result, err := ops.Export(ctx, r)
			if err != nil {
				return err
			}
			if format == "yaml" {
				_, err = cmd.OutOrStdout().Write(result.YAML)
				return err
			}
			file, err := apply.Parse("export", result.YAML)
			if err != nil {
				return err
			}
			return (&output{format: "json"}).write(cmd.OutOrStdout(), file, table{})
		})
	}
	return cmd
}
