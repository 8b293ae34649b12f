package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-idp/signet/cmd/signet/keysync"
)

type syncOptions struct {
	issuer, hook string
	every        time.Duration
	once         bool
}

func newGatewaySyncCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sync",
		Short: "Keep a gateway that reads no JWKS supplied with keys",
		Long: `Keep a gateway that reads no JWKS supplied with the keys that verify tokens.

Signet publishes a key for longer than its key set may be cached (300 s) before
the key signs. Look more often than that, --interval, and the gateway never
meets a token by a key that it does not know. When Signet is away, or shows no
key, the gateway keeps those it has.`,
		Example: `  signet gateway sync haproxy --issuer https://id.example.com --exec 'systemctl reload haproxy'
  signet gateway sync kong --issuer https://id.example.com --admin http://127.0.0.1:8001`,
		Args: noArgs,
	}
	cmd.AddCommand(newSyncHAProxyCommand(), newSyncKongCommand())
	return cmd
}

func syncFlags(cmd *cobra.Command) *syncOptions {
	o := &syncOptions{}
	f := cmd.Flags()
	f.StringVar(&o.issuer, "issuer", defaultIssuer, "issuer URL of the provider")
	f.StringVar(&o.hook, "exec", "", "command that makes the gateway take new keys; tried again until it succeeds")
	f.DurationVar(&o.every, "interval", time.Minute, "how often to look; sooner where the key set says so")
	f.BoolVar(&o.once, "once", false, "look once and end, for cron and before the gateway starts")
	return o
}

func newSyncHAProxyCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "haproxy",
		Short: "Keep HAProxy's jwt_verify supplied with keys",
		Long: `Keep the folder of keys for HAProxy's jwt_verify: KID.pem files, and keys.cfg
which names them. HAProxy reads them when it starts, so --exec has to reload it,
which ends no connection.`,
		Example: `  signet gateway sync haproxy --once
  signet gateway sync haproxy --exec 'systemctl reload haproxy'`,
		Args: noArgs,
	}
	o := syncFlags(cmd)
	cmd.Flags().StringVar(&dir, "keys", "/etc/haproxy/signet", "folder to write; nothing else may be in it")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if !plainFolder.MatchString(dir) {
			return usagef("--keys is the absolute path of a folder")
		}
		if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // public keys: HAProxy runs as somebody else
			return fmt.Errorf("gateway sync: %w", err)
		}
		return o.run(cmd, keysync.HAProxy{Dir: dir}, keysync.FileMark(filepath.Join(dir, ".pending")))
	}
	return cmd
}

func newSyncKongCommand() *cobra.Command {
	var file, admin, consumer string
	cmd := &cobra.Command{
		Use:   "kong",
		Short: "Keep Kong's jwt plugin supplied with keys",
		Long: `Keep the credentials of one consumer of Kong's jwt plugin: one for each key,
named by its kid, for a plugin with key_claim_name: kid. Either in a declarative
file, of which everything else stays as it is, or by the Admin API of a Kong
with a database. Other credentials of that consumer are removed.`,
		Example: `  signet gateway sync kong --file /etc/kong/kong.yml --exec 'kong reload'
  signet gateway sync kong --admin http://127.0.0.1:8001`,
		Args: noArgs,
	}
	o := syncFlags(cmd)
	cmd.Flags().StringVar(&file, "file", "", "declarative configuration to keep, as signet gateway config kong prints it")
	cmd.Flags().StringVar(&admin, "admin", "", "URL of the Admin API")
	cmd.Flags().StringVar(&consumer, "consumer", "signet", "consumer whose credentials the keys are")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		switch {
		case !gateName.MatchString(consumer):
			return usagef("--consumer is a-z, then a-z 0-9 _ -, at most 63 characters")
		case (file == "") == (admin == ""):
			return usagef("--file or --admin is needed, one of them")
		case file != "":
			return o.run(cmd, keysync.KongFile{Path: file, Consumer: consumer}, keysync.FileMark(file+".pending"))
		}
		if _, err := address("--admin", admin); err != nil {
			return err
		}
		return o.run(cmd, keysync.KongAdmin{URL: admin, Consumer: consumer, HTTP: syncClient()}, keysync.NoMark{})
	}
	return cmd
}

// syncClient does not follow redirects: what is asked for is at its own address.
func syncClient() *http.Client {
	return &http.Client{
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (o *syncOptions) run(cmd *cobra.Command, target keysync.Target, pending keysync.Mark) error {
	if _, err := address("--issuer", o.issuer); err != nil {
		return err
	}
	if o.every < time.Second || o.every > time.Hour {
		return usagef("--interval is from 1s to 1h; a minute is right for most")
	}
	log := slog.New(slog.NewJSONHandler(cmd.ErrOrStderr(), nil))
	tell := func(r keysync.Result) {
		if !r.Changed {
			return
		}
		kids := make([]string, len(r.Keys))
		for i, k := range r.Keys {
			kids[i] = k.KID
		}
		log.Info("keys changed", "kids", kids)
	}
	s := &keysync.Sync{
		Source: keysync.Source{Issuer: o.issuer, HTTP: syncClient()}, Target: target, Pending: pending,
		Every: o.every, Tell: tell,
		Wait: func(ctx context.Context, d time.Duration) {
			select {
			case <-ctx.Done():
			case <-time.After(d):
			}
		},
	}
	if o.hook != "" {
		s.Changed = func(ctx context.Context) error { return runHook(ctx, o.hook) }
	}
	ctx := cmd.Context()
	if o.once {
		r, err := s.Once(ctx)
		if err != nil {
			return syncError(err)
		}
		tell(r)
		return nil
	}
	s.Run(ctx, func(err error) {
		log.Error("keys not brought up to date: the gateway goes on with those it has", "error", syncError(err).Error())
	})
	return nil
}

// syncError says what to do about an error where it does not say so itself.
func syncError(err error) error {
	switch {
	case errors.Is(err, keysync.ErrNoKeys):
		return fmt.Errorf("%w: see signet keys list, and the algorithms of your resources", err)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w: run this as a user that may write there", err)
	}
	return err
}

// hookTimeout bounds the command that makes a gateway take new keys.
const hookTimeout = time.Minute

func runHook(ctx context.Context, command string) error {
	ctx, cancel := context.WithTimeout(ctx, hookTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", command) //nolint:gosec // the operator's own, from the command line
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("--exec %q: %w", command, err)
	}
	return nil
}
