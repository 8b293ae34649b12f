package sqlstore

import (
	"context"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

const roleColumns = `scope, organization_id, name, description, permissions, builtin, managed_by, version, created_at, updated_at`

func roleDest(r *storage.Role) []any {
	return []any{
		(*string)(&r.Scope), &r.OrganizationID, &r.Name, &r.Description, &r.Permissions, &r.Builtin,
		&r.ManagedBy, &r.Version, &r.CreatedAt, &r.UpdatedAt,
	}
}

func scanRole(scan engine.Scan) (r storage.Role, err error) {
	err = scan(roleDest(&r)...)
	return r, err
}

// PutRole implements storage.Roles.
func (s *Store) PutRole(ctx context.Context, r storage.Role) error {
	return s.bumping(ctx, func(ctx context.Context) error {
		_, err := s.exec(ctx, "put role", `INSERT INTO roles (`+roleColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
			ON CONFLICT (organization_id, scope, name) DO UPDATE SET
			description = excluded.description, permissions = excluded.permissions,
			managed_by = excluded.managed_by, updated_at = excluded.updated_at, version = roles.version + 1`,
			r.Scope, r.OrganizationID, r.Name, r.Description, r.Permissions, r.Builtin,
			r.ManagedBy, r.Version, r.CreatedAt, r.UpdatedAt)
		return err
	})
}

// Role implements storage.Roles.
func (s *Store) Role(ctx context.Context, scope storage.RoleScope, organizationID, name string) (r storage.Role, err error) {
	err = s.row(ctx, "role", `SELECT `+roleColumns+` FROM roles WHERE organization_id = $1 AND scope = $2 AND name = $3`,
		[]any{organizationID, scope, name}, roleDest(&r)...)
	return r, err
}

// ListRoles implements storage.Roles.
func (s *Store) ListRoles(ctx context.Context, organizationID string) ([]storage.Role, error) {
	return rows(ctx, s, "list roles",
		`SELECT `+roleColumns+` FROM roles WHERE organization_id = $1 ORDER BY scope, name`,
		[]any{organizationID}, scanRole)
}

// DeleteRole implements storage.Roles.
func (s *Store) DeleteRole(ctx context.Context, scope storage.RoleScope, organizationID, name string) error {
	return s.bumping(ctx, func(ctx context.Context) error {
		return s.must(ctx, "delete role", storage.ErrNotFound,
			`DELETE FROM roles WHERE organization_id = $1 AND scope = $2 AND name = $3`, organizationID, scope, name)
	})
}
