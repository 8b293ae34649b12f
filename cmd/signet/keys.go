package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/signet-idp/signet/cmd/signet/control"
)

func newKeysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "List, export, rotate and revoke signing keys; replace a master key",
		Long: `List, export, rotate and revoke signing keys; seal everything anew when the
master key or data keys have changed.

Keys rotate by themselves. Rotating by hand is safe at any time: the next key
has been published long enough for every verifier to know it. Revoking is for a
key that leaked: every token it signed dies at once, everywhere.`,
		Example: `  signet keys list
  signet keys rotate --alg ES256
  signet keys revoke kW9x…
  signet keys rewrap`,
	}
	cmd.AddCommand(newKeysListCommand(), newKeysExportCommand(), newKeysRotateCommand(), newKeysRevokeCommand(), newKeysRewrapCommand())
	return cmd
}

func newKeysListCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the signing keys and their states", Example: "  signet keys list -o json", Args: noArgs}
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			list, err := ops.ListKeys(ctx)
			if err != nil {
				return err
			}
			t := table{header: []string{"KID", "USE", "ALG", "STATE", "SIGNS SINCE", "UNTIL"}}
			for _, k := range list {
				t.add(k.KID, k.Use, k.Algorithm, k.State, when(k.ActiveAt), when(k.RetireAt))
			}
			return out.write(cmd.OutOrStdout(), list, t)
		})
	}
	return cmd
}

// published says whether a key is in the JWKS for tokens.
func published(k control.Key) bool {
	return k.Use == "sig" && (k.State == "next" || k.State == "active" || k.State == "retiring")
}

func newKeysExportCommand() *cobra.Command {
	var format, alg string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Print the public keys that tokens are verified with",
		Long: `Print the public halves of the keys that verify tokens: those that sign, those
that will, and those that did and whose tokens may be alive. For gateways that
read no JWKS: a key is among them for longer than a JWKS may be cached before it
signs, so fetch them anew every few minutes.

  jwk  a JWK set (RFC 7517), as at /.well-known/jwks.json
  pem  one SubjectPublicKeyInfo after another, each with its kid before it; one
       alone is at /.well-known/jwks/KID.pem`,
		Example: `  signet keys export --format pem > keys.pem
  signet keys export --alg ES256`,
		Args: noArgs,
	}
	cmd.Flags().StringVar(&format, "format", "jwk", "jwk or pem")
	cmd.Flags().StringVar(&alg, "alg", "", "only the keys of this algorithm")
	storeFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if format != "jwk" && format != "pem" {
			return usagef("--format is jwk or pem, not %q", format)
		}
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			list, err := ops.ListKeys(ctx)
			if err != nil {
				return err
			}
			set := map[string][]map[string]any{"keys": {}}
			for _, k := range list {
				if !published(k) || alg != "" && k.Algorithm != alg {
					continue
				}
				set["keys"] = append(set["keys"], k.JWK)
				if format == "pem" {
					fmt.Fprintf(cmd.OutOrStdout(), "# kid %s, %s, %s\n%s", k.KID, k.Algorithm, k.State, k.PEM)
				}
			}
			if format == "pem" {
				return nil
			}
			enc := json.NewEncoder(cmd.OutOrStdout())
			enc.SetIndent("", "  ")
			return enc.Encode(set)
		})
	}
	return cmd
}

func newKeysRotateCommand() *cobra.Command {
	var r control.KeyRequest
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Let the next key sign from now on",
		Long: `Let the next key sign from now on, for one algorithm or for all. If the next key
was published too recently for every verifier to know it, it takes over as soon
as they do; the result says when.

With --data it is the data keys: those under which second factors, webhooks'
secrets and the keys of personal data are sealed. They begin to seal a minute
later; then rewrap seals under them what is there already.`,
		Example: `  signet keys rotate
  signet keys rotate --alg RS256 -o json
  signet keys rotate --data`,
		Args: noArgs,
	}
	cmd.Flags().StringVar(&r.Algorithm, "alg", "", "only the keys of this algorithm")
	cmd.Flags().BoolVar(&r.Data, "data", false, "the data keys instead of signing keys")
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if r.Data && r.Algorithm != "" {
			return usagef("--data and --alg exclude each other: data keys have no algorithm")
		}
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			list, err := ops.RotateKey(ctx, r)
			if err != nil {
				return err
			}
			return writeKeyChanges(cmd, out, list)
		})
	}
	return cmd
}

func newKeysRevokeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "revoke KID",
		Short: "Take a leaked key out of use: every token it signed dies at once",
		Long: `Take a leaked key out of use. Every token it signed is dead at once, everywhere;
refresh tokens are not signed by it and live on, so people stay signed in.`,
		Example: "  signet keys revoke kW9x…",
		Args:    exactly("KID"),
	}
	yes := confirmFlag(cmd)
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := confirm(cmd, *yes, "Every token signed by "+args[0]+" dies. Revoke it?"); err != nil {
			return err
		}
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			list, err := ops.RevokeKey(ctx, control.KeyRequest{KID: args[0]})
			if err != nil {
				return err
			}
			return writeKeyChanges(cmd, out, list)
		})
	}
	return cmd
}

func writeKeyChanges(cmd *cobra.Command, out *output, list []control.KeyChange) error {
	t := table{header: []string{"KID", "ALG", "CHANGE", "AT"}}
	for _, k := range list {
		t.add(k.KID, k.Algorithm, k.Change, when(k.At))
	}
	return out.write(cmd.OutOrStdout(), list, t)
}
