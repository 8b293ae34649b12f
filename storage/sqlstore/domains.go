package sqlstore

import (
	"context"
	"time"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

const domainColumns = `organization_id, domain, challenge, created_at, verified_at`

func domainDest(d *storage.Domain) []any {
	return []any{&d.OrganizationID, &d.Domain, &d.Challenge, &d.CreatedAt, &d.VerifiedAt}
}

func scanDomain(scan engine.Scan) (d storage.Domain, err error) {
	err = scan(domainDest(&d)...)
	return d, err
}

// InsertDomain implements storage.Domains; ErrNotFound when there is no such
// organization, ErrConflict also for one that comes verified and is another's.
func (s *Store) InsertDomain(ctx context.Context, d storage.Domain) error {
	_, err := s.exec(ctx, "insert domain", `INSERT INTO domains (`+domainColumns+`) VALUES ($1, $2, $3, $4, $5)`,
		d.OrganizationID, d.Domain, d.Challenge, d.CreatedAt, d.VerifiedAt)
	return err
}

// Domain implements storage.Domains.
func (s *Store) Domain(ctx context.Context, organizationID, domain string) (d storage.Domain, err error) {
	err = s.row(ctx, "domain", `SELECT `+domainColumns+` FROM domains WHERE organization_id = $1 AND domain = $2`,
		[]any{organizationID, domain}, domainDest(&d)...)
	return d, err
}

// DomainsOf implements storage.Domains; by name.
func (s *Store) DomainsOf(ctx context.Context, organizationID string) ([]storage.Domain, error) {
	return rows(ctx, s, "domains of organization",
		`SELECT `+domainColumns+` FROM domains WHERE organization_id = $1 ORDER BY domain`, []any{organizationID}, scanDomain)
}

// VerifyDomain implements storage.Domains; ErrNotFound when the organization
// does not have it. One that is verified stays so since when it was.
func (s *Store) VerifyDomain(ctx context.Context, organizationID, domain string, at time.Time) error {
	return s.must(ctx, "verify domain", storage.ErrNotFound, `UPDATE domains
		SET verified_at = CASE WHEN verified_at = 0 THEN $3 ELSE verified_at END WHERE organization_id = $1 AND domain = $2`,
		organizationID, domain, at)
}

// DeleteDomain implements storage.Domains; ErrNotFound when the organization
// does not have it.
func (s *Store) DeleteDomain(ctx context.Context, organizationID, domain string) error {
	return s.must(ctx, "delete domain", storage.ErrNotFound,
		`DELETE FROM domains WHERE organization_id = $1 AND domain = $2`, organizationID, domain)
}

// OwnerOfDomain implements storage.Domains.
func (s *Store) OwnerOfDomain(ctx context.Context, domain string) (organizationID string, err error) {
	err = s.row(ctx, "owner of domain", `SELECT organization_id FROM domains WHERE domain = $1 AND verified_at <> 0`,
		[]any{domain}, &organizationID)
	return organizationID, err
}
