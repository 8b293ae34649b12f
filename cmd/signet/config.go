package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/signet-idp/signet/cmd/signet/config"
)

func newConfigCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show the configuration in force, its reference and its schema",
		Example: `  signet config print
  signet config schema > signet.schema.json`,
	}
	cmd.AddCommand(newConfigPrintCommand(),
		&cobra.Command{
			Use: "schema", Short: "Print the JSON Schema of signet.yaml", Example: "  signet config schema > signet.schema.json", Args: noArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return config.WriteSchema(cmd.OutOrStdout()) },
		},
		&cobra.Command{
			Use: "docs", Short: "Print the reference of all settings as Markdown", Example: "  signet config docs | less", Args: noArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return config.WriteDocs(cmd.OutOrStdout()) },
		})
	return cmd
}

func newConfigPrintCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "print",
		Short: "Print the configuration in force and where each value came from",
		Long: `Print the configuration in force as signet.yaml, with where each value came from.
It takes the flags of serve. Secrets are never printed.`,
		Example: `  signet config print
  SIGNET_ADDR=:8443 signet config print | grep environment`,
		Args: noArgs,
	}
	config.AddFlags(cmd.Flags())
	cmd.Flags().Bool("redacted", true, "secrets are never printed; said for clarity")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		loaded, err := config.Load(config.Sources{Flags: cmd.Flags(), Environ: os.Environ(), File: configFile})
		if err != nil {
			return err
		}
		for _, w := range loaded.Warnings {
			talk(cmd, "warning: %s", w)
		}
		return loaded.Print(cmd.OutOrStdout())
	}
	return cmd
}
