package control

import (
	"context"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/storage"
)

// CreateClient implements Operations.
func (l Local) CreateClient(ctx context.Context, r CreateClient) (Client, error) {
	reg := client.Registration{ClientID: r.ClientID, Metadata: r.Metadata, Secret: r.Secret, Source: "admin"}
	if r.Organization != "" {
		o, err := l.Core.Organizations.Get(ctx, r.Organization)
		if err != nil {
			return Client{}, err
		}
		reg.OrganizationID = o.ID
	}
	c, secret, err := l.Core.Clients.Create(by(ctx), access.Root(), reg)
	if err != nil {
		return Client{}, err
	}
	return l.showClient(ctx, c, secret)
}

// ListClients implements Operations.
func (l Local) ListClients(ctx context.Context, r Page) ([]Client, error) {
	out := []Client{}
	err := pages(r, func(after string, limit int) (string, int, error) {
		list, err := l.Core.Clients.List(ctx, after, limit)
		if err != nil {
			return "", 0, err
		}
		for _, c := range list {
			after = c.ClientID
			shown, err := l.showClient(ctx, c, "")
			if err != nil {
				return "", 0, err
			}
			out = append(out, shown)
		}
		return after, len(list), nil
	})
	return out, err
}

// GetClient implements Operations.
func (l Local) GetClient(ctx context.Context, r ClientRequest) (Client, error) {
	c, err := l.Core.Clients.Get(ctx, r.ClientID)
	if err != nil {
		return Client{}, err
	}
	return l.showClient(ctx, c, "")
}

// RotateClientSecret implements Operations.
func (l Local) RotateClientSecret(ctx context.Context, r ClientRequest) (Client, error) {
	c, secret, err := l.Core.Clients.RotateSecret(by(ctx), r.ClientID, r.Overlap)
	if err != nil {
		return Client{}, err
	}
	return l.showClient(ctx, c, secret)
}

// DisableClient implements Operations.
func (l Local) DisableClient(ctx context.Context, r ClientRequest) (Client, error) {
	if r.Reason == "" {
		r.Reason = "operator"
	}
	c, err := l.Core.Clients.Disable(by(ctx), r.ClientID, r.Disabled, r.Reason)
	if err != nil {
		return Client{}, err
	}
	return l.showClient(ctx, c, "")
}

// DeleteClient implements Operations; it returns what was deleted.
func (l Local) DeleteClient(ctx context.Context, r ClientRequest) (Client, error) {
	was, err := l.GetClient(ctx, r)
	if err != nil {
		return Client{}, err
	}
	if r.Reason == "" {
		r.Reason = "operator"
	}
	was.Secrets = 0
	return was, l.Core.Clients.Delete(by(ctx), r.ClientID, r.Reason)
}

func (l Local) showClient(ctx context.Context, c storage.Client, secret string) (Client, error) {
	out := Client{
		ClientID: c.ClientID, Disabled: c.Disabled, ClientMetadata: c.Metadata,
		CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt, ClientSecret: secret,
	}
	now := l.Core.Clock.Now()
	for _, s := range c.Secrets {
		if s.ExpiresAt.IsZero() || now.Before(s.ExpiresAt) {
			out.Secrets++
		}
	}
	if c.OrganizationID != "" {
		o, err := l.Core.Store.OrganizationByID(ctx, c.OrganizationID)
		if err != nil {
			return Client{}, err
		}
		out.Organization = o.Slug
	}
	return out, nil
}
