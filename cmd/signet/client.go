package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-idp/signet/cmd/signet/control"
	"github.com/signet-idp/signet/storage"
)

func newClientCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "client",
		Short: "Register, list, disable, delete clients; rotate secrets",
		Example: `  signet client create --client-id web --public --redirect-uri http://127.0.0.1:9000/callback --first-party
  signet client create --client-id orders --grant-type client_credentials --scope orders:read
  signet client rotate-secret orders --overlap 24h`,
	}
	cmd.AddCommand(newClientCreateCommand(), newClientListCommand(), newClientGetCommand(), newClientRotateCommand(),
		newClientDisableCommand("disable", true, "Take a client out of use: its tokens end at once"),
		newClientDisableCommand("enable", false, "Put a disabled client back into use"),
		newClientDeleteCommand())
	return cmd
}

// maxMetadata bounds a metadata file.
const maxMetadata = 256 << 10

func newClientCreateCommand() *cobra.Command {
	var r control.CreateClient
	var file string
	var public bool
	m := &r.Metadata
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Register a client",
		Long: `Register a client. Its members are those of RFC 7591; give the common ones as
flags, or all of them as a JSON object with --metadata (flags win). A client
that authenticates with a secret gets one, printed this once.`,
		Example: `  signet client create --client-id web --public --redirect-uri http://127.0.0.1:9000/callback \
      --grant-type authorization_code --grant-type refresh_token --scope "openid profile email offline_access"
  signet client create --client-id orders --grant-type client_credentials --scope orders:read \
      --audience https://api.example.com --organization acme --role viewer
  signet client create --metadata client.json -o json`,
		Args: noArgs,
	}
	f := cmd.Flags()
	f.StringVar(&file, "metadata", "", `JSON file with client metadata (RFC 7591 §2); "-" reads standard input`)
	f.StringVar(&r.ClientID, "client-id", "", "client_id (default: one is made)")
	f.StringVar(&r.Organization, "organization", "", "organization the client belongs to, by slug or id")
	f.StringVar(&m.ClientName, "name", "", "name people are shown")
	f.BoolVar(&public, "public", false, "a client that can keep no secret: browser, desktop or phone")
	f.StringVar(&m.TokenEndpointAuthMethod, "auth-method", "", "client_secret_basic (default), client_secret_post, private_key_jwt or none")
	f.StringVar(&m.ApplicationType, "application-type", "", "web (default) or native")
	f.StringArrayVar(&m.RedirectURIs, "redirect-uri", nil, "redirect URI, may repeat")
	f.StringArrayVar(&m.PostLogoutRedirectURIs, "post-logout-redirect-uri", nil, "where sign-out may lead, may repeat")
	f.StringSliceVar(&m.GrantTypes, "grant-type", nil, "authorization_code (default), refresh_token, client_credentials; may repeat")
	f.StringVar(&m.Scope, "scope", "", "scopes the client may ask for, space-separated")
	f.StringArrayVar(&m.Audience, "audience", nil, "resource the client may ask tokens for, may repeat")
	f.StringVar(&m.JWKSURI, "jwks-uri", "", "where the client publishes its keys")
	f.StringSliceVar(&m.Roles, "role", nil, "role of the client itself in its organization, may repeat")
	f.BoolVar(&m.FirstParty, "first-party", false, "no consent page")
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if public {
			if m.TokenEndpointAuthMethod != "" && m.TokenEndpointAuthMethod != "none" {
				return usagef("--public and --auth-method %s exclude each other", m.TokenEndpointAuthMethod)
			}
			m.TokenEndpointAuthMethod = "none"
		}
		if file != "" {
			text, err := readInput(cmd, file, maxMetadata)
			if err != nil {
				return err
			}
			if err := readMetadata(&r, text); err != nil {
				return usagef("%s: %w", file, err)
			}
		}
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			c, err := ops.CreateClient(ctx, r)
			if err != nil {
				return err
			}
			return writeClient(cmd, out, c)
		})
	}
	return cmd
}

// metadataFile is a client as a file holds one: RFC 7591 and where it belongs.
type metadataFile struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	Organization string `json:"organization"`
	storage.ClientMetadata
}

// readMetadata puts what a file says below what the flags say.
func readMetadata(r *control.CreateClient, text []byte) error {
	var f metadataFile
	dec := json.NewDecoder(strings.NewReader(string(text)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return fmt.Errorf("no client metadata: %w", err)
	}
	flags, err := json.Marshal(r.Metadata) // only what was given: every member is omitted when empty
	if err != nil {
		return err
	}
	if err := json.Unmarshal(flags, &f.ClientMetadata); err != nil {
		return err
	}
	r.Metadata, r.Secret = f.ClientMetadata, f.ClientSecret
	if r.ClientID == "" {
		r.ClientID = f.ClientID
	}
	if r.Organization == "" {
		r.Organization = f.Organization
	}
	return nil
}

func newClientListCommand() *cobra.Command {
	var r control.Page
	cmd := &cobra.Command{Use: "list", Short: "List clients by client_id", Example: "  signet client list -o jsonl", Args: noArgs}
	pageFlags(cmd, &r, "client_id")
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			list, err := ops.ListClients(ctx, r)
			if err != nil {
				return err
			}
			t := table{header: []string{"CLIENT_ID", "NAME", "ORGANIZATION", "GRANTS", "AUTHENTICATION", "STATUS"}}
			for _, c := range list {
				t.add(c.ClientID, orDash(c.ClientName), orDash(c.Organization), strings.Join(c.GrantTypes, " "), c.TokenEndpointAuthMethod, clientStatus(c))
			}
			return out.write(cmd.OutOrStdout(), list, t)
		})
	}
	return cmd
}

func clientStatus(c control.Client) string {
	if c.Disabled {
		return "disabled"
	}
	return "active"
}

func newClientGetCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "get CLIENT_ID", Short: "Show a client", Example: "  signet client get web -o json", Args: exactly("CLIENT_ID")}
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			c, err := ops.GetClient(ctx, control.ClientRequest{ClientID: args[0]})
			if err != nil {
				return err
			}
			return writeClient(cmd, out, c)
		})
	}
	return cmd
}

func newClientRotateCommand() *cobra.Command {
	var r control.ClientRequest
	cmd := &cobra.Command{
		Use:   "rotate-secret CLIENT_ID",
		Short: "Give a client a new secret, printed this once",
		Long: `Give a client a new secret, printed this once. The old one lives on beside it for
--overlap, so that a deployment can follow; at most two are live.`,
		Example: `  signet client rotate-secret orders --overlap 24h
  signet client rotate-secret orders --overlap 0s     # the old one leaked`,
		Args: exactly("CLIENT_ID"),
	}
	cmd.Flags().DurationVar(&r.Overlap, "overlap", 24*time.Hour, "how long the old secret lives on")
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r.ClientID = args[0]
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			c, err := ops.RotateClientSecret(ctx, r)
			if err != nil {
				return err
			}
			return writeClient(cmd, out, c)
		})
	}
	return cmd
}

func newClientDisableCommand(name string, disabled bool, short string) *cobra.Command {
	r := control.ClientRequest{Disabled: disabled}
	cmd := &cobra.Command{Use: name + " CLIENT_ID", Short: short, Example: "  signet client " + name + " orders", Args: exactly("CLIENT_ID")}
	cmd.Flags().StringVar(&r.Reason, "reason", "", "one word for the record")
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r.ClientID = args[0]
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			c, err := ops.DisableClient(ctx, r)
			if err != nil {
				return err
			}
			return writeClient(cmd, out, c)
		})
	}
	return cmd
}

func newClientDeleteCommand() *cobra.Command {
	var r control.ClientRequest
	cmd := &cobra.Command{
		Use: "delete CLIENT_ID", Short: "Delete a client, its secrets, grants and tokens",
		Example: "  signet client delete orders", Args: exactly("CLIENT_ID"),
	}
	yes := confirmFlag(cmd)
	cmd.Flags().StringVar(&r.Reason, "reason", "", "one word for the record")
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r.ClientID = args[0]
		if err := confirm(cmd, *yes, "Everybody signed in through "+args[0]+" is signed out of it. Delete it?"); err != nil {
			return err
		}
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			c, err := ops.DeleteClient(ctx, r)
			if err != nil {
				return err
			}
			talk(cmd, "deleted %s", c.ClientID)
			return out.write(cmd.OutOrStdout(), c, table{rows: [][]string{{c.ClientID}}})
		})
	}
	return cmd
}

func writeClient(cmd *cobra.Command, out *output, c control.Client) error {
	if out.quiet {
		return out.write(cmd.OutOrStdout(), c, table{rows: [][]string{{c.ClientID}}})
	}
	t := table{}
	t.add("client_id", c.ClientID)
	t.add("name", orDash(c.ClientName))
	t.add("organization", orDash(c.Organization))
	t.add("status", clientStatus(c))
	t.add("authentication", c.TokenEndpointAuthMethod)
	t.add("grant types", strings.Join(c.GrantTypes, " "))
	t.add("scope", orDash(c.Scope))
	t.add("audience", orDash(strings.Join(c.Audience, " ")))
	t.add("redirect uris", orDash(strings.Join(c.RedirectURIs, " ")))
	t.add("roles", orDash(strings.Join(c.Roles, " ")))
	t.add("first party", strconv.FormatBool(c.FirstParty))
	t.add("live secrets", strconv.Itoa(c.Secrets))
	if c.ClientSecret != "" {
		t.add("client_secret", c.ClientSecret+"   (shown this once)")
	}
	return out.write(cmd.OutOrStdout(), c, t)
}
