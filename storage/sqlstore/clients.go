package sqlstore

import (
	"context"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

const clientColumns = `client_id, organization_id, metadata, disabled, managed_by, version, created_at, updated_at`

// A client with n secrets is n rows, one without is one with an empty secret id.
const selectClients = `SELECT c.client_id, c.organization_id, c.metadata, c.disabled, c.managed_by, c.version,
	c.created_at, c.updated_at, COALESCE(s.id, ''), s.hash, COALESCE(s.created_at, 0), COALESCE(s.expires_at, 0) `

// InsertClient implements storage.Clients. Secrets are put by themselves.
func (s *Store) InsertClient(ctx context.Context, c storage.Client) error {
	return s.bumping(ctx, func(ctx context.Context) error {
		_, err := s.exec(ctx, "insert client", `INSERT INTO clients (`+clientColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			c.ClientID, c.OrganizationID, engine.JSON{V: &c.Metadata}, c.Disabled, c.ManagedBy, c.Version, c.CreatedAt, c.UpdatedAt)
		return err
	})
}

// ClientByID implements storage.Clients.
func (s *Store) ClientByID(ctx context.Context, clientID string) (storage.Client, error) {
	list, err := s.clients(ctx, "client by id", selectClients+
		`FROM clients c LEFT JOIN client_secrets s ON s.client_id = c.client_id
		WHERE c.client_id = $1 ORDER BY s.created_at, s.id`, clientID)
	if err != nil {
		return storage.Client{}, err
	}
	if len(list) == 0 {
		return storage.Client{}, opErr("client by id", storage.ErrNotFound)
	}
	return list[0], nil
}

// ListClients implements storage.Clients.
func (s *Store) ListClients(ctx context.Context, after string, limit int) ([]storage.Client, error) {
	return s.clients(ctx, "list clients", selectClients+`FROM (
			SELECT `+clientColumns+` FROM clients WHERE client_id > $1 ORDER BY client_id LIMIT $2
		) c LEFT JOIN client_secrets s ON s.client_id = c.client_id
		ORDER BY c.client_id, s.created_at, s.id`, after, page(limit))
}

// clients puts the secrets of successive rows to their client.
func (s *Store) clients(ctx context.Context, op, sql string, args ...any) ([]storage.Client, error) {
	flat, err := rows(ctx, s, op, sql, args, func(scan engine.Scan) (c storage.Client, err error) {
		var secret storage.ClientSecret
		err = scan(&c.ClientID, &c.OrganizationID, engine.JSON{V: &c.Metadata}, &c.Disabled, &c.ManagedBy, &c.Version,
			&c.CreatedAt, &c.UpdatedAt, &secret.ID, &secret.Hash, &secret.CreatedAt, &secret.ExpiresAt)
		if secret.ID != "" {
			c.Secrets = []storage.ClientSecret{secret}
		}
		return c, err
	})
	if err != nil {
		return nil, err
	}
	var list []storage.Client
	for _, c := range flat {
		if n := len(list); n > 0 && list[n-1].ClientID == c.ClientID {
			list[n-1].Secrets = append(list[n-1].Secrets, c.Secrets...)
			continue
		}
		list = append(list, c)
	}
	return list, nil
}

// UpdateClient implements storage.Clients.
func (s *Store) UpdateClient(ctx context.Context, c storage.Client) error {
	return s.bumping(ctx, func(ctx context.Context) error {
		return s.must(ctx, "update client", storage.ErrVersion, `UPDATE clients SET organization_id = $3, metadata = $4,
			disabled = $5, managed_by = $6, updated_at = $7, version = version + 1
			WHERE client_id = $1 AND version = $2`,
			c.ClientID, c.Version, c.OrganizationID, engine.JSON{V: &c.Metadata}, c.Disabled, c.ManagedBy, c.UpdatedAt)
	})
}

// DeleteClient implements storage.Clients; its secrets go with it.
func (s *Store) DeleteClient(ctx context.Context, clientID string) error {
	return s.bumping(ctx, func(ctx context.Context) error {
		if err := s.must(ctx, "delete client", storage.ErrNotFound, `DELETE FROM clients WHERE client_id = $1`, clientID); err != nil {
			return err
		}
		_, err := s.exec(ctx, "delete client", `DELETE FROM consents WHERE client_id = $1`, clientID)
		return err
	})
}

// PutClientSecret implements storage.Clients; ErrNotFound when there is no such client.
func (s *Store) PutClientSecret(ctx context.Context, clientID string, secret storage.ClientSecret) error {
	return s.bumping(ctx, func(ctx context.Context) error {
		_, err := s.exec(ctx, "put client secret", `INSERT INTO client_secrets (client_id, id, hash, created_at, expires_at)
			VALUES ($1, $2, $3, $4, $5) ON CONFLICT (client_id, id) DO UPDATE SET
			hash = excluded.hash, created_at = excluded.created_at, expires_at = excluded.expires_at`,
			clientID, secret.ID, secret.Hash, secret.CreatedAt, secret.ExpiresAt)
		return err
	})
}

// DeleteClientSecret implements storage.Clients.
func (s *Store) DeleteClientSecret(ctx context.Context, clientID, id string) error {
	return s.bumping(ctx, func(ctx context.Context) error {
		return s.must(ctx, "delete client secret", storage.ErrNotFound,
			`DELETE FROM client_secrets WHERE client_id = $1 AND id = $2`, clientID, id)
	})
}
