package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/signet-idp/signet/cmd/signet/app"
	"github.com/signet-idp/signet/cmd/signet/config"
	"github.com/signet-idp/signet/internal/telemetry"
	"github.com/signet-idp/signet/provider/apply"
	"github.com/signet-idp/signet/storage/volatile/redis"
)

// newServeCommand makes `signet serve`.
func newServeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the identity provider",
		Long: `Run the identity provider until SIGINT or SIGTERM, then drain: readiness fails
first, running requests finish.

Without settings it listens on 127.0.0.1:8001 and keeps everything in
data/signet.db. With --dev it seeds a demo organization, people and clients into
an empty store and prints commands to try.`,
		Example: `  signet serve --dev
  SIGNET_ISSUER=https://id.example.com SIGNET_DATABASE_URL=postgres://… SIGNET_MASTER_KEY=k1:… signet serve`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := config.Load(config.Sources{Flags: cmd.Flags(), Environ: os.Environ(), File: "signet.yaml"})
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return serve(ctx, loaded, cmd.OutOrStdout(), os.Stderr)
		},
	}
	config.AddFlags(cmd.Flags())
	return cmd
}

// serve runs a server until ctx ends.
func serve(ctx context.Context, loaded *config.Loaded, stdout io.Writer, stderr *os.File) (err error) {
	cfg := &loaded.Config
	log, buffer := telemetry.NewLogger(stderr, telemetry.LogOptions{
		Format: cfg.Log.Format, Level: level(cfg.Log.Level), Terminal: telemetry.IsTerminal(stderr),
	})
	defer func() { err = errors.Join(err, buffer.Close()) }()
	redis.LogTo(log)
	for _, w := range loaded.Warnings {
		log.Warn("configuration", "warning", w)
	}
	tel, err := telemetry.Start(ctx, telemetry.Options{Version: version, Getenv: os.Getenv})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tel.Shutdown(context.WithoutCancel(ctx))) }()
	core, err := app.Open(ctx, app.Options{Config: cfg, Log: log, Telemetry: tel}, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, core.Close()) }()
	applier := core.Applier()
	if err := applier.EnsureBuiltin(ctx); err != nil {
		return err
	}
	var demo *apply.DemoResult
	if cfg.Dev {
		if demo, err = applier.SeedDemo(ctx); err != nil {
			return err
		}
	}
	srv, err := app.NewServer(ctx, core, app.Build{Version: version})
	if err != nil {
		return err
	}
	stopControl, err := serveControl(ctx, core, log)
	if err != nil {
		return err
	}
	defer stopControl()
	return srv.Serve(ctx, func(addr net.Addr) {
		log.Info("ready", "event", "ready", "address", addr.String(), "issuer", cfg.Issuer, "version", version)
		if cfg.Dev {
			banner(stdout, cfg, demo)
		}
	})
}

func level(name string) slog.Level {
	var l slog.Level
	if l.UnmarshalText([]byte(name)) != nil {
		return slog.LevelInfo
	}
	return l
}

// banner tells a developer what there is and what to try.
func banner(w io.Writer, cfg *config.Config, demo *apply.DemoResult) {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("")
	p("  Signet %s (development)   data: %s   NOT FOR PRODUCTION", version, strings.TrimPrefix(string(cfg.Database.URL), "sqlite:"))
	p("  Issuer     %s", cfg.Issuer)
	p("  Discovery  %s/.well-known/openid-configuration", cfg.Issuer)
	p("  Health     %s/health      Metrics  %s/metrics", cfg.Issuer, cfg.Issuer)
	p("")
	if demo == nil {
		p("  The demo was seeded at an earlier start: its passwords and secrets were shown then.")
		p("  Delete the data to begin anew, or set others:")
		p("    bin/signet user reset-password alice@acme.test")
		p("    bin/signet client rotate-secret orders")
	} else {
		p("  People (passwords are shown this once)")
		for _, u := range demo.Users {
			p("    %-18s %s", u.Name, u.Secret)
		}
		p("  Clients")
		p("    %-18s public, PKCE, http://127.0.0.1:9000/callback", "web")
		for _, c := range demo.Clients {
			p("    %-18s %s", c.Name, c.Secret)
		}
	}
	secret := "$SECRET"
	if demo != nil {
		for _, c := range demo.Clients {
			if c.Name == "orders" {
				secret = c.Secret
			}
		}
	}
	p("")
	p("  Try, in another terminal")
	p("    # 1. log in as a person: opens the hosted page, prints the tokens")
	p("    bin/signet token get --issuer %s --client web | tee tokens.json", cfg.Issuer)
	p("    # 2. a token for a service")
	p("    curl -s %s/oauth2/token -u orders:%s -d grant_type=client_credentials", cfg.Issuer, secret)
	p("    # 3. verify a token with nothing but the JWKS, then ask whether it was revoked")
	p("    bin/signet token inspect --issuer %s < tokens.json", cfg.Issuer)
	p("    curl -s -X POST %s/auth/validate -H \"Authorization: Bearer $(bin/signet token inspect --raw < tokens.json)\"", cfg.Issuer)
	p("")
	_, _ = io.WriteString(w, b.String())
}
