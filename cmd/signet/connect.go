package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/signet-idp/signet/cmd/signet/app"
	"github.com/signet-idp/signet/cmd/signet/config"
	"github.com/signet-idp/signet/cmd/signet/control"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore"
)

// configFile is read when none is named and it is there.
const configFile = "signet.yaml"

// storeFlags gives a command the settings that say which installation it is
// about; all others come from the environment and the file.
func storeFlags(cmd *cobra.Command) {
	all := pflag.NewFlagSet("all", pflag.ContinueOnError)
	config.AddFlags(all)
	for _, name := range []string{"config", "database-url"} {
		if f := all.Lookup(name); f != nil {
			cmd.Flags().AddFlag(f)
		}
	}
}

func loadConfig(cmd *cobra.Command) (*config.Loaded, error) {
	return config.Load(config.Sources{Flags: cmd.Flags(), Environ: os.Environ(), File: configFile})
}

// locked is how long a command waits for a server that has the database open to
// answer on its socket: it may be starting or stopping.
const (
	lockedTries = 20
	lockedPause = 100 * time.Millisecond
)

// withOperations runs do on the installation that the command is about: through
// the control socket of a running server, or on the store itself.
func withOperations(cmd *cobra.Command, do func(ctx context.Context, ops control.Operations) error) error {
	loaded, err := loadConfig(cmd)
	if err != nil {
		return err
	}
	return connect(cmd.Context(), &loaded.Config, slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelError})), do)
}

func connect(ctx context.Context, cfg *config.Config, log *slog.Logger, do func(ctx context.Context, ops control.Operations) error) error {
	if cfg.Postgres() {
		if err := migrated(ctx, cfg); err != nil {
			return err
		}
		return direct(ctx, cfg, log, do)
	}
	file := databaseFile(cfg)
	if file == "" {
		return direct(ctx, cfg, log, do)
	}
	socket, err := control.Path(file)
	if err != nil {
		return err
	}
	for try := 0; ; try++ {
		server, err := control.Dial(ctx, socket)
		if err == nil {
			return do(ctx, server)
		}
		if !errors.Is(err, control.ErrNoServer) {
			return err
		}
		err = direct(ctx, cfg, log, do)
		if !errors.Is(err, storage.ErrLocked) || try == lockedTries {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(lockedPause):
		}
	}
}

// direct opens the store. An SQLite file is one binary's own, so its schema
// follows the binary.
func direct(ctx context.Context, cfg *config.Config, log *slog.Logger, do func(ctx context.Context, ops control.Operations) error) (err error) {
	core, err := app.Open(ctx, app.Options{Config: cfg, Log: log}, !cfg.Postgres())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, core.Close()) }()
	return do(ctx, control.Local{Core: core})
}

// errNotMigrated: replicas of another version may be running on it, so only
// who asks for it migrates PostgreSQL.
var errNotMigrated = errors.New("the database has migrations to come: run 'signet migrate up' first")

func migrated(ctx context.Context, cfg *config.Config) error {
	pending, err := withStore(ctx, cfg, func(ctx context.Context, s *sqlstore.Store) ([]sqlstore.MigrationStatus, error) {
		return s.MigrationStatus(ctx)
	})
	if err != nil {
		return err
	}
	for _, m := range pending {
		if m.AppliedAt.IsZero() {
			return errNotMigrated
		}
	}
	return nil
}

// withStore opens the store without any of the services on it.
func withStore[T any](ctx context.Context, cfg *config.Config, do func(context.Context, *sqlstore.Store) (T, error)) (out T, err error) {
	s, err := sqlstore.Open(ctx, sqlstore.Options{URL: cfg.Database.URL.Reveal(), MaxConns: 2})
	if err != nil {
		return out, fmt.Errorf("database: %w", err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.Ping(ctx); err != nil {
		return out, fmt.Errorf("database: %w", err)
	}
	return do(ctx, s)
}

// databaseFile is the file of an SQLite database, or "".
func databaseFile(cfg *config.Config) string {
	path, ok := strings.CutPrefix(cfg.Database.URL.Reveal(), "sqlite:")
	if !ok || path == ":memory:" {
		return ""
	}
	return path
}

// serveControl opens the control socket of a server. Without an SQLite file
// there is none: commands open PostgreSQL themselves.
func serveControl(ctx context.Context, core *app.Core, log *slog.Logger) (stop func(), err error) {
	file := databaseFile(core.Config)
	if file == "" {
		return func() {}, nil
	}
	socket, err := control.Path(file)
	if err != nil {
		return nil, err
	}
	return control.Serve(ctx, socket, control.Local{Core: core}, log)
}
