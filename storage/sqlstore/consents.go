package sqlstore

import (
	"context"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

const consentColumns = `user_id, client_id, scope, audience, created_at, updated_at`

func consentDest(c *storage.Consent) []any {
	return []any{&c.UserID, &c.ClientID, &c.Scope, &c.Audience, &c.CreatedAt, &c.UpdatedAt}
}

// PutConsent implements storage.Consents; the time it was first given stays.
func (s *Store) PutConsent(ctx context.Context, c storage.Consent) error {
	_, err := s.exec(ctx, "put consent", `INSERT INTO consents (`+consentColumns+`) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (user_id, client_id) DO UPDATE SET scope = excluded.scope, audience = excluded.audience,
		updated_at = excluded.updated_at`,
		c.UserID, c.ClientID, c.Scope, c.Audience, c.CreatedAt, c.UpdatedAt)
	return err
}

// Consent implements storage.Consents.
func (s *Store) Consent(ctx context.Context, userID, clientID string) (c storage.Consent, err error) {
	err = s.row(ctx, "consent", `SELECT `+consentColumns+` FROM consents WHERE user_id = $1 AND client_id = $2`,
		[]any{userID, clientID}, consentDest(&c)...)
	return c, err
}

// ConsentsOf implements storage.Consents.
func (s *Store) ConsentsOf(ctx context.Context, userID string) ([]storage.Consent, error) {
	return rows(ctx, s, "consents of user",
		`SELECT `+consentColumns+` FROM consents WHERE user_id = $1 ORDER BY client_id`, []any{userID},
		func(scan engine.Scan) (c storage.Consent, err error) {
			err = scan(consentDest(&c)...)
			return c, err
		})
}

// DeleteConsent implements storage.Consents.
func (s *Store) DeleteConsent(ctx context.Context, userID, clientID string) error {
	return s.must(ctx, "delete consent", storage.ErrNotFound,
		`DELETE FROM consents WHERE user_id = $1 AND client_id = $2`, userID, clientID)
}
