package sqlstore

import (
	"context"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

const organizationColumns = `id, slug, name, profile, status, managed_by, created_by, version, created_at, updated_at`

func organizationDest(o *storage.Organization) []any {
	return []any{
		&o.ID, &o.Slug, &o.Name,
		engine.JSON{V: &o.Profile},
		(*string)(&o.Status), &o.ManagedBy, &o.CreatedBy,
		&o.Version, &o.CreatedAt, &o.UpdatedAt,
	}
}

func scanOrganization(scan engine.Scan) (o storage.Organization, err error) {
	err = scan(organizationDest(&o)...)
	return o, err
}

// InsertOrganization implements storage.Organizations.
func (s *Store) InsertOrganization(ctx context.Context, o storage.Organization) error {
	_, err := s.exec(ctx, "insert organization", `INSERT INTO organizations (`+organizationColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		o.ID, o.Slug, o.Name, engine.JSON{V: o.Profile}, o.Status, o.ManagedBy, o.CreatedBy,
		o.Version, o.CreatedAt, o.UpdatedAt)
	return err
}

// OrganizationByID implements storage.Organizations.
func (s *Store) OrganizationByID(ctx context.Context, id string) (o storage.Organization, err error) {
	err = s.row(ctx, "organization by id", `SELECT `+organizationColumns+` FROM organizations WHERE id = $1`,
		[]any{id}, organizationDest(&o)...)
	return o, err
}

// OrganizationBySlug implements storage.Organizations.
func (s *Store) OrganizationBySlug(ctx context.Context, slug string) (o storage.Organization, err error) {
	err = s.row(ctx, "organization by slug", `SELECT `+organizationColumns+` FROM organizations WHERE slug = $1`,
		[]any{slug}, organizationDest(&o)...)
	return o, err
}

// UpdateOrganization implements storage.Organizations.
func (s *Store) UpdateOrganization(ctx context.Context, o storage.Organization) error {
	return s.must(ctx, "update organization", storage.ErrVersion, `UPDATE organizations SET
		slug = $3, name = $4, profile = $5, status = $6, managed_by = $7, updated_at = $8, version = version + 1
		WHERE id = $1 AND version = $2`,
		o.ID, o.Version, o.Slug, o.Name, engine.JSON{V: o.Profile}, o.Status, o.ManagedBy, o.UpdatedAt)
}

// GuardOrganization implements storage.Organizations.
func (s *Store) GuardOrganization(ctx context.Context, id string) error {
	return s.must(ctx, "guard organization", storage.ErrNotFound,
		`UPDATE organizations SET version = version + 1 WHERE id = $1`, id)
}

// ListOrganizations implements storage.Organizations.
func (s *Store) ListOrganizations(ctx context.Context, after string, limit int) ([]storage.Organization, error) {
	return rows(ctx, s, "list organizations",
		`SELECT `+organizationColumns+` FROM organizations WHERE id > $1 ORDER BY id LIMIT $2`,
		[]any{after, page(limit)}, scanOrganization)
}
