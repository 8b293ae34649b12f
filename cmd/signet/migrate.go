package main

import (
	"context"
	"errors"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/signet-idp/signet/cmd/signet/control"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore"
)

func newMigrateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's schema up to date, or show where it is",
		Long: `Bring the database's schema up to date, or show where it is.

The server migrates when it starts; run this before, when a deployment wants it
to be a step of its own. Migrations only add: the version before keeps working.`,
		Example: `  signet migrate status
  SIGNET_DATABASE_URL=postgres://… signet migrate up`,
	}
	cmd.AddCommand(newMigrateUpCommand(), newMigrateStatusCommand())
	return cmd
}

func newMigrateUpCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "up",
		Short:   "Apply the migrations that are pending",
		Example: `  signet migrate up`,
		Args:    noArgs,
	}
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		loaded, err := loadConfig(cmd)
		if err != nil {
			return err
		}
		list, err := withStore(cmd.Context(), &loaded.Config, func(ctx context.Context, s *sqlstore.Store) ([]sqlstore.MigrationStatus, error) {
			if err := s.Migrate(ctx); err != nil {
				return nil, err
			}
			return s.MigrationStatus(ctx)
		})
		if errors.Is(err, storage.ErrLocked) {
			// A running server has migrated the file when it started.
			return showMigrations(cmd, out)
		}
		if err != nil {
			return err
		}
		return writeMigrations(cmd, out, list)
	}
	return cmd
}

func newMigrateStatusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "List the migrations and when each was applied",
		Example: `  signet migrate status -o json`,
		Args:    noArgs,
	}
	storeFlags(cmd)
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		loaded, err := loadConfig(cmd)
		if err != nil {
			return err
		}
		list, err := withStore(cmd.Context(), &loaded.Config, func(ctx context.Context, s *sqlstore.Store) ([]sqlstore.MigrationStatus, error) {
			return s.MigrationStatus(ctx)
		})
		if errors.Is(err, storage.ErrLocked) {
			return showMigrations(cmd, out)
		}
		if err != nil {
			return err
		}
		return writeMigrations(cmd, out, list)
	}
	return cmd
}

// showMigrations asks the running server.
func showMigrations(cmd *cobra.Command, out *output) error {
	return withOperations(cmd, func(ctx context.Context, ops control.Operations) error {
		list, err := ops.Migrations(ctx)
		if err != nil {
			return err
		}
		return writeMigrations(cmd, out, list)
	})
}

func writeMigrations(cmd *cobra.Command, out *output, list []sqlstore.MigrationStatus) error {
	t := table{header: []string{"VERSION", "NAME", "APPLIED"}}
	for _, m := range list {
		at := "pending"
		if !m.AppliedAt.IsZero() {
			at = when(m.AppliedAt)
		}
		t.add(strconv.FormatInt(m.Version, 10), m.Name, at)
	}
	return out.write(cmd.OutOrStdout(), list, t)
}
