package sqlstore

import (
	"context"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

const gateColumns = `name, audience, scopes, roles, organization_id, acr, max_age, style, fail, browser, managed_by, version, created_at, updated_at`

func gateDest(g *storage.Gate) []any {
	return []any{
		&g.Name, &g.Audience, &g.Scopes, &g.Roles, &g.OrganizationID, &g.ACR, &g.MaxAge, &g.Style, &g.Fail,
		engine.JSON{V: &g.Browser},
		&g.ManagedBy, &g.Version, &g.CreatedAt, &g.UpdatedAt,
	}
}

func scanGate(scan engine.Scan) (g storage.Gate, err error) {
	err = scan(gateDest(&g)...)
	return g, err
}

// PutGate implements storage.Gates: it inserts the gate, or replaces all but
// its version, which rises, and the time it was made.
func (s *Store) PutGate(ctx context.Context, g storage.Gate) error {
	return s.bumping(ctx, func(ctx context.Context) error {
		_, err := s.exec(ctx, "put gate", `INSERT INTO gates (`+gateColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
			ON CONFLICT (name) DO UPDATE SET audience = excluded.audience, scopes = excluded.scopes, roles = excluded.roles,
			organization_id = excluded.organization_id, acr = excluded.acr, max_age = excluded.max_age, style = excluded.style,
			fail = excluded.fail, browser = excluded.browser,
			managed_by = excluded.managed_by, updated_at = excluded.updated_at, version = gates.version + 1`,
			g.Name, g.Audience, g.Scopes, g.Roles, g.OrganizationID, g.ACR, g.MaxAge, g.Style, g.Fail,
			engine.JSON{V: g.Browser}, g.ManagedBy, g.Version, g.CreatedAt, g.UpdatedAt)
		return err
	})
}

// GateByName implements storage.Gates.
func (s *Store) GateByName(ctx context.Context, name string) (g storage.Gate, err error) {
	err = s.row(ctx, "gate by name", `SELECT `+gateColumns+` FROM gates WHERE name = $1`, []any{name}, gateDest(&g)...)
	return g, err
}

// ListGates implements storage.Gates.
func (s *Store) ListGates(ctx context.Context, after string, limit int) ([]storage.Gate, error) {
	return rows(ctx, s, "list gates", `SELECT `+gateColumns+` FROM gates WHERE name > $1 ORDER BY name LIMIT $2`,
		[]any{after, page(limit)}, scanGate)
}

// DeleteGate implements storage.Gates.
func (s *Store) DeleteGate(ctx context.Context, name string) error {
	return s.bumping(ctx, func(ctx context.Context) error {
		return s.must(ctx, "delete gate", storage.ErrNotFound, `DELETE FROM gates WHERE name = $1`, name)
	})
}
