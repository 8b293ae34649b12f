package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/signet-idp/signet/migrations"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

// migration is one numbered text.
type migration struct {
	version int64
	name    string
	text    string
}

// known lists the migrations of this binary in order.
func known() ([]migration, error) {
	names, err := fs.Glob(migrations.Files, "*.sql") // sorted
	if err != nil {
		return nil, err
	}
	list := make([]migration, 0, len(names))
	for _, name := range names {
		number, _, _ := strings.Cut(name, "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("migration %s has no number", name)
		}
		if len(list) > 0 && version <= list[len(list)-1].version {
			return nil, fmt.Errorf("migrations %s and %s have one number", list[len(list)-1].name, name)
		}
		text, err := fs.ReadFile(migrations.Files, name)
		if err != nil {
			return nil, err
		}
		list = append(list, migration{version, name, string(text)})
	}
	return list, nil
}

// Migrate brings the schema up to date, or answers storage.ErrSchemaTooNew.
// Many processes may call it at once on an empty database; one does the work.
// On an up-to-date database it is one look at the version.
func (s *Store) Migrate(ctx context.Context) error { return opErr("migrate", s.migrate(ctx)) }

func (s *Store) migrate(ctx context.Context) error {
	list, err := known()
	if err != nil {
		return err
	}
	newest := list[len(list)-1].version
	if done, err := s.upToDate(ctx, newest); done || err != nil {
		return err
	}
	m, err := s.engine.Migration()
	if err != nil {
		return err
	}
	p, err := provider(m, list)
	if err != nil {
		return errors.Join(err, m.DB.Close())
	}
	if _, err = p.Up(ctx); err != nil {
		err = s.unlessNewer(ctx, newest, err)
	}
	return errors.Join(err, p.Close())
}

func (s *Store) upToDate(ctx context.Context, newest int64) (bool, error) {
	have, err := s.engine.SchemaVersion(ctx)
	if err == nil && have > newest {
		err = fmt.Errorf("database is at version %d, this binary knows %d: %w", have, newest, storage.ErrSchemaTooNew)
	}
	return have == newest, err
}

// unlessNewer tells a failure from a newer binary that migrated meanwhile.
func (s *Store) unlessNewer(ctx context.Context, newest int64, err error) error {
	if _, newer := s.upToDate(ctx, newest); newer != nil {
		return newer
	}
	return err
}

// provider runs the texts with goose, which keeps the version table, the
// order, one transaction for each and the lock.
func provider(m engine.Migration, list []migration) (*goose.Provider, error) {
	var words []string
	for from, to := range m.Words {
		words = append(words, from, to)
	}
	replace := strings.NewReplacer(words...)
	steps := make([]*goose.Migration, 0, len(list))
	for _, one := range list {
		text := replace.Replace(one.text)
		seed := one.version == 1
		steps = append(steps, goose.NewGoMigration(one.version, &goose.GoFunc{
			RunTx: func(ctx context.Context, tx *sql.Tx) error {
				if _, err := tx.ExecContext(ctx, text); err != nil || !seed {
					return err
				}
				// Random, so it cannot be part of the text.
				_, err := tx.ExecContext(ctx, `INSERT INTO meta (name, value) VALUES ('feed_id', $1)`, storage.NewID())
				return err
			},
		}, nil))
	}
	opts := []goose.ProviderOption{
		goose.WithGoMigrations(steps...),
		goose.WithDisableGlobalRegistry(true),
		goose.WithTableName(engine.VersionTable),
		goose.WithLogger(goose.NopLogger()),
	}
	if m.Locker != nil {
		opts = append(opts, goose.WithSessionLocker(m.Locker))
	}
	return goose.NewProvider(m.Dialect, m.DB, nil, opts...)
}

// MigrationStatus is one migration and whether it has been applied.
type MigrationStatus struct {
	Version   int64     `json:"version"`
	Name      string    `json:"name"`
	AppliedAt time.Time `json:"applied_at,omitzero"` // zero: pending
}

// MigrationStatus lists the migrations of this binary in order.
func (s *Store) MigrationStatus(ctx context.Context) ([]MigrationStatus, error) {
	list, err := known()
	if err != nil {
		return nil, opErr("migration status", err)
	}
	m, err := s.engine.Migration()
	if err != nil {
		return nil, opErr("migration status", err)
	}
	p, err := provider(m, list)
	if err != nil {
		return nil, opErr("migration status", errors.Join(err, m.DB.Close()))
	}
	applied, err := p.Status(ctx)
	if err = errors.Join(err, p.Close()); err != nil {
		return nil, opErr("migration status", err)
	}
	status := make([]MigrationStatus, len(list))
	for i, one := range list {
		status[i] = MigrationStatus{Version: one.version, Name: one.name}
		for _, a := range applied {
			if a.Source.Version == one.version && a.State == goose.StateApplied {
				status[i].AppliedAt = a.AppliedAt.UTC()
			}
		}
	}
	return status, nil
}
