package sqlstore

import (
	"context"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

const resourceColumns = `identifier, organization_id, name, scopes, signing_alg, token_lifetime, introspectors,
	managed_by, version, created_at, updated_at`

func resourceDest(r *storage.Resource) []any {
	return []any{
		&r.Identifier, &r.OrganizationID, &r.Name,
		engine.JSON{V: &r.Scopes},
		&r.SigningAlg, &r.TokenLifetime,
		&r.Introspectors, &r.ManagedBy, &r.Version, &r.CreatedAt, &r.UpdatedAt,
	}
}

func scanResource(scan engine.Scan) (r storage.Resource, err error) {
	err = scan(resourceDest(&r)...)
	return r, err
}

// PutResource implements storage.Resources: it inserts the resource, or
// replaces all but its version, which rises, and the time it was made.
func (s *Store) PutResource(ctx context.Context, r storage.Resource) error {
	return s.bumping(ctx, func(ctx context.Context) error {
		_, err := s.exec(ctx, "put resource", `INSERT INTO resources (`+resourceColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
			ON CONFLICT (identifier) DO UPDATE SET organization_id = excluded.organization_id, name = excluded.name,
			scopes = excluded.scopes, signing_alg = excluded.signing_alg, token_lifetime = excluded.token_lifetime,
			introspectors = excluded.introspectors, managed_by = excluded.managed_by,
			updated_at = excluded.updated_at, version = resources.version + 1`,
			r.Identifier, r.OrganizationID, r.Name, engine.JSON{V: r.Scopes}, r.SigningAlg, r.TokenLifetime,
			r.Introspectors, r.ManagedBy, r.Version, r.CreatedAt, r.UpdatedAt)
		return err
	})
}

// ResourceByIdentifier implements storage.Resources.
func (s *Store) ResourceByIdentifier(ctx context.Context, identifier string) (r storage.Resource, err error) {
	err = s.row(ctx, "resource by identifier", `SELECT `+resourceColumns+` FROM resources WHERE identifier = $1`,
		[]any{identifier}, resourceDest(&r)...)
	return r, err
}

// ListResources implements storage.Resources.
func (s *Store) ListResources(ctx context.Context, after string, limit int) ([]storage.Resource, error) {
	return rows(ctx, s, "list resources",
		`SELECT `+resourceColumns+` FROM resources WHERE identifier > $1 ORDER BY identifier LIMIT $2`,
		[]any{after, page(limit)}, scanResource)
}

// DeleteResource implements storage.Resources.
func (s *Store) DeleteResource(ctx context.Context, identifier string) error {
	return s.bumping(ctx, func(ctx context.Context) error {
		return s.must(ctx, "delete resource", storage.ErrNotFound, `DELETE FROM resources WHERE identifier = $1`, identifier)
	})
}
