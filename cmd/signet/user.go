package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signet-idp/signet/cmd/signet/control"
	"github.com/signet-idp/signet/provider/apply"
)

func newUserCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "user",
		Short: "Create, list, disable people's accounts; reset passwords and second factors, recover",
		Example: `  signet user create alice@example.com --name "Alice Example" --role admin
  signet user list -o jsonl
  signet user disable alice@example.com --reason left
  signet user recover alice@example.com --mail
  signet user reset-password alice@example.com
  signet user reset-mfa alice@example.com
  signet user export alice@example.com > alice.json`,
	}
	cmd.AddCommand(newUserCreateCommand(), newUserListCommand(), newUserGetCommand(),
		newUserStatusCommand("disable", "suspended", "Suspend an account: its sessions and tokens end at once"),
		newUserStatusCommand("enable", "active", "Make a suspended account active again"),
		newUserRecoverCommand(), newUserResetCommand(), newUserResetFactorsCommand(), newUserExportCommand())
	return cmd
}

func newUserCreateCommand() *cobra.Command {
	var r control.CreateUser
	var organizations []string
	var fromStdin bool
	cmd := &cobra.Command{
		Use:   "create EMAIL",
		Short: "Create an account",
		Long: `Create an account. Unless a password is given on standard input, one is made and
printed this once.`,
		Example: `  signet user create alice@example.com --name "Alice Example" --verified
  signet user create alice@example.com --role admin --role user
  signet user create bob@example.com --organization acme:member --organization globex:admin,billing
  pass show signet/bob | signet user create bob@example.com --password-stdin -o json`,
		Args: exactly("EMAIL"),
	}
	f := cmd.Flags()
	f.StringVar(&r.Name, "name", "", "full name")
	f.BoolVar(&r.EmailVerified, "verified", false, "the address is known to be theirs")
	f.StringSliceVar(&r.Roles, "role", nil, `system role, may repeat (default "user")`)
	f.StringArrayVar(&organizations, "organization", nil, "membership as SLUG or SLUG:ROLE[,ROLE…] (default role: member), may repeat")
	f.BoolVar(&fromStdin, "password-stdin", false, "read the password from the first line of standard input")
	f.BoolVar(&r.NoPassword, "no-password", false, "an account without a password")
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r.Email = args[0]
		for _, o := range organizations {
			slug, roles, given := strings.Cut(o, ":")
			m := apply.Membership{Slug: slug, Roles: []string{"member"}}
			if given {
				m.Roles = strings.Split(roles, ",")
			}
			r.Organizations = append(r.Organizations, m)
		}
		if fromStdin && r.NoPassword {
			return usagef("--password-stdin and --no-password exclude each other")
		}
		if fromStdin {
			var err error
			if r.Password, err = firstLine(cmd); err != nil {
				return err
			}
		}
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			u, err := ops.CreateUser(ctx, r)
			if err != nil {
				return err
			}
			return writeUser(cmd, out, u)
		})
	}
	return cmd
}

// firstLine reads a password: one line, without its end.
func firstLine(cmd *cobra.Command) (string, error) {
	line, err := bufio.NewReaderSize(cmd.InOrStdin(), 8<<10).ReadString('\n')
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", usagef("there is no password on standard input")
	}
	_ = err // a last line need not be ended
	return line, nil
}

func newUserListCommand() *cobra.Command {
	var r control.Page
	cmd := &cobra.Command{
		Use: "list", Short: "List accounts, oldest first",
		Example: `  signet user list
  signet user list --limit 100 --after 0199…   # the next page
  signet user list -q | xargs -n1 signet user get -o json`,
		Args: noArgs,
	}
	pageFlags(cmd, &r, "id")
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			list, err := ops.ListUsers(ctx, r)
			if err != nil {
				return err
			}
			t := table{header: []string{"ID", "EMAIL", "STATUS", "ROLES", "ORGANIZATIONS", "LAST LOGIN"}}
			for _, u := range list {
				t.add(u.ID, u.Email, u.Status, orDash(strings.Join(u.Roles, " ")), memberships(u), when(u.LastLoginAt))
			}
			return out.write(cmd.OutOrStdout(), list, t)
		})
	}
	return cmd
}

func pageFlags(cmd *cobra.Command, r *control.Page, key string) {
	cmd.Flags().StringVar(&r.After, "after", "", "begin after this "+key)
	cmd.Flags().IntVar(&r.Limit, "limit", 0, "at most so many (0: all)")
}

func newUserGetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "get USER", Short: "Show an account", Long: "Show an account by its id or e-mail address.",
		Example: "  signet user get alice@example.com -o yaml", Args: exactly("USER"),
	}
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			u, err := ops.GetUser(ctx, control.UserRequest{User: args[0]})
			if err != nil {
				return err
			}
			return writeUser(cmd, out, u)
		})
	}
	return cmd
}

func newUserStatusCommand(name, status, short string) *cobra.Command {
	r := control.UserRequest{Status: status}
	cmd := &cobra.Command{
		Use: name + " USER", Short: short, Long: short + ". USER is an id or an e-mail address.",
		Example: "  signet user " + name + " alice@example.com", Args: exactly("USER"),
	}
	cmd.Flags().StringVar(&r.Reason, "reason", "", "one word for the record, such as left or appeal")
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r.User = args[0]
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			u, err := ops.SetUserStatus(ctx, r)
			if err != nil {
				return err
			}
			return writeUser(cmd, out, u)
		})
	}
	return cmd
}

func newUserResetCommand() *cobra.Command {
	var fromStdin bool
	cmd := &cobra.Command{
		Use: "reset-password USER", Short: "Set a new password: all sessions of the account end",
		Long: `Set a new password. All sessions and tokens of the account end. Unless the
password is given on standard input, one is made and printed this once.`,
		Example: "  signet user reset-password alice@example.com", Args: exactly("USER"),
	}
	cmd.Flags().BoolVar(&fromStdin, "password-stdin", false, "read the password from the first line of standard input")
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r := control.UserRequest{User: args[0]}
		if fromStdin {
			var err error
			if r.Password, err = firstLine(cmd); err != nil {
				return err
			}
		}
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			u, err := ops.ResetPassword(ctx, r)
			if err != nil {
				return err
			}
			return writeUser(cmd, out, u)
		})
	}
	return cmd
}

func newUserRecoverCommand() *cobra.Command {
	var r control.UserRequest
	cmd := &cobra.Command{
		Use: "recover USER", Short: "Make a one-time link by which a person sets a new password",
		Long: `Make a link by which a person sets a new password: for somebody who cannot get
back in by themselves, once you have made sure who they are. USER is an id or an
e-mail address.

The link works once, for 24 hours. Making it changes nothing: the old password
and every session stand until it is used, and then all sessions end. It is
printed this once; whoever has it has the account, so hand it over on a way that
nobody else reads. With --mail it is sent to the account's address instead and
not printed; the server sends it, at its next start if it is not running.

To set a password yourself see signet user reset-password.`,
		Example: `  signet user recover alice@example.com
  signet user recover alice@example.com --mail
  signet user recover 0199b6d2-5f0e-7c31-9d5f-2f3f5d0c7a11 -o json | jq -r .url`,
		Args: exactly("USER"),
	}
	cmd.Flags().BoolVar(&r.Mail, "mail", false, "send the link to the account's address and do not print it")
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r.User = args[0]
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			l, err := ops.RecoverUser(ctx, r)
			if err != nil {
				return err
			}
			if out.quiet {
				return out.write(cmd.OutOrStdout(), l, table{rows: [][]string{{cmp.Or(l.URL, l.UserID)}}})
			}
			t := table{}
			t.add("id", l.UserID)
			t.add("email", l.Email)
			if l.URL != "" {
				t.add("link", l.URL+"   (shown this once)")
			} else {
				t.add("link", "sent to "+l.Email)
			}
			t.add("expires", when(l.ExpiresAt))
			return out.write(cmd.OutOrStdout(), l, t)
		})
	}
	return cmd
}

func newUserResetFactorsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "reset-mfa USER", Short: "Remove every second factor of an account: the person is told",
		Long: `Remove every second factor of an account, its backup codes and the trust in its
devices, for who has made sure who asks. The person is told by mail. Where a
second factor is required, they set one up at their next login.`,
		Example: "  signet user reset-mfa alice@example.com", Args: exactly("USER"),
	}
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
			u, err := ops.ResetFactors(ctx, control.UserRequest{User: args[0]})
			if err != nil {
				return err
			}
			return writeUser(cmd, out, u)
		})
	}
	return cmd
}

func writeUser(cmd *cobra.Command, out *output, u control.User) error {
	if out.quiet {
		return out.write(cmd.OutOrStdout(), u, table{rows: [][]string{{u.ID}}})
	}
	t := table{}
	t.add("id", u.ID)
	t.add("email", u.Email)
	t.add("verified", fmt.Sprint(u.EmailVerified))
	t.add("name", orDash(u.Name))
	t.add("status", u.Status)
	t.add("roles", orDash(strings.Join(u.Roles, " ")))
	t.add("organizations", memberships(u))
	t.add("created", when(u.CreatedAt))
	t.add("last login", when(u.LastLoginAt))
	if u.Password != "" {
		t.add("password", u.Password+"   (shown this once)")
	}
	return out.write(cmd.OutOrStdout(), u, t)
}

func memberships(u control.User) string {
	var list []string
	for _, m := range u.Organizations {
		list = append(list, m.Slug+":"+strings.Join(m.Roles, ","))
	}
	return orDash(strings.Join(list, " "))
}
