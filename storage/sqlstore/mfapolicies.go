package sqlstore

import (
	"context"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

const policyColumns = `scope, subject, requirement, enforcement, methods, grace_days, exceptions, relaxes, since, updated_at, updated_by`

func policyDest(p *storage.MFAPolicy) []any {
	return []any{
		&p.Scope, &p.Subject, &p.Requirement, &p.Enforcement, &p.Methods, &p.GraceDays, &p.Exceptions, &p.Relaxes,
		&p.Since, &p.UpdatedAt, &p.UpdatedBy,
	}
}

func scanPolicy(scan engine.Scan) (p storage.MFAPolicy, err error) {
	err = scan(policyDest(&p)...)
	return p, err
}

// PutMFAPolicy implements storage.MFAPolicies.
func (s *Store) PutMFAPolicy(ctx context.Context, p storage.MFAPolicy) error {
	_, err := s.exec(ctx, "put MFA policy", `INSERT INTO mfa_policies (`+policyColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (scope, subject) DO UPDATE SET requirement = excluded.requirement, enforcement = excluded.enforcement,
		methods = excluded.methods, grace_days = excluded.grace_days, exceptions = excluded.exceptions, relaxes = excluded.relaxes,
		since = excluded.since, updated_at = excluded.updated_at, updated_by = excluded.updated_by`,
		p.Scope, p.Subject, p.Requirement, p.Enforcement, p.Methods, p.GraceDays, p.Exceptions, p.Relaxes,
		p.Since, p.UpdatedAt, p.UpdatedBy)
	return err
}

// MFAPolicy implements storage.MFAPolicies.
func (s *Store) MFAPolicy(ctx context.Context, scope, subject string) (p storage.MFAPolicy, err error) {
	err = s.row(ctx, "MFA policy", `SELECT `+policyColumns+` FROM mfa_policies WHERE scope = $1 AND subject = $2`,
		[]any{scope, subject}, policyDest(&p)...)
	return p, err
}

// DeleteMFAPolicy implements storage.MFAPolicies.
func (s *Store) DeleteMFAPolicy(ctx context.Context, scope, subject string) error {
	return s.must(ctx, "delete MFA policy", storage.ErrNotFound,
		`DELETE FROM mfa_policies WHERE scope = $1 AND subject = $2`, scope, subject)
}

// MFAPoliciesOf implements storage.MFAPolicies.
func (s *Store) MFAPoliciesOf(ctx context.Context, userID string) ([]storage.MFAPolicy, error) {
	return rows(ctx, s, "MFA policies of", `SELECT `+policyColumns+` FROM mfa_policies
		WHERE scope = 'system' OR (scope = 'user' AND subject = $1) OR (scope = 'organization' AND subject IN
			(SELECT organization_id FROM memberships WHERE user_id = $1))
		ORDER BY scope, subject`, []any{userID}, scanPolicy)
}
