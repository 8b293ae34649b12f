package oauth

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/storage"
)

// DefaultAccessTokenAlg signs access tokens when neither the resource nor the
// client says otherwise.
const DefaultAccessTokenAlg = "ES256"

// target is whom an access token is for: algorithm and lifetime follow the
// resource, then the client, then the default (design §3).
type target struct {
	audience []string
	alg      string
	lifetime time.Duration
	// foreign are scopes of the client's other resources: they stay out of a
	// token that is not for those (RFC 8707 §2.2).
	foreign map[string]struct{}
}

// mayAsk says whether a client may ask for a resource.
func (p *Provider) mayAsk(c *client.Client, resource string) bool {
	return resource == p.Issuer || slices.Contains(c.Metadata.Audience, resource)
}

// target resolves the resources asked for; none asked: the client's own, else
// the issuer.
func (p *Provider) target(ctx context.Context, c *client.Client, resources []string) (target, error) {
	t := target{audience: resources}
	narrowed := len(resources) > 0
	if !narrowed {
		t.audience = c.Metadata.Audience
	}
	if len(t.audience) == 0 {
		t.audience = []string{p.Issuer}
	}
	own := map[string]struct{}{}
	for _, id := range t.audience {
		if !p.mayAsk(c, id) {
			return target{}, errInvalidTarget().About("resource", "the requested resource is unknown or not allowed for this client")
		}
		r, err := p.Clients.Resource(ctx, id)
		if errors.Is(err, client.ErrUnknown) {
			continue // registered with the client only: no scopes or preferences of its own
		}
		if err != nil {
			return target{}, err
		}
		if t.alg == "" {
			t.alg = r.SigningAlg
		}
		if r.TokenLifetime > 0 && (t.lifetime == 0 || r.TokenLifetime < t.lifetime) {
			t.lifetime = r.TokenLifetime
		}
		for _, s := range r.Scopes {
			own[s.Name] = struct{}{}
		}
	}
	if narrowed {
		foreign, err := p.foreignScopes(ctx, c, t.audience, own)
		if err != nil {
			return target{}, err
		}
		t.foreign = foreign
	}
	if t.alg == "" {
		t.alg = c.Metadata.AccessTokenSigningAlg
	}
	if t.alg == "" {
		t.alg = DefaultAccessTokenAlg
	}
	if t.lifetime == 0 {
		t.lifetime = time.Duration(c.Metadata.AccessTokenLifetime) * time.Second
	}
	if t.lifetime <= 0 {
		t.lifetime = p.Lifetimes.AccessToken
	}
	t.lifetime = min(t.lifetime, p.Lifetimes.MaxAccessToken)
	return t, nil
}

func (p *Provider) foreignScopes(ctx context.Context, c *client.Client, chosen []string, own map[string]struct{}) (map[string]struct{}, error) {
	var foreign map[string]struct{}
	for _, id := range c.Metadata.Audience {
		if slices.Contains(chosen, id) {
			continue
		}
		r, err := p.Clients.Resource(ctx, id)
		if errors.Is(err, client.ErrUnknown) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, s := range r.Scopes {
			if _, ours := own[s.Name]; ours {
				continue
			}
			if foreign == nil {
				foreign = map[string]struct{}{}
			}
			foreign[s.Name] = struct{}{}
		}
	}
	return foreign, nil
}

// within leaves out the scopes that belong to other resources only.
func (t target) within(scope []string) []string {
	if len(t.foreign) == 0 {
		return scope
	}
	return slices.DeleteFunc(slices.Clone(scope), func(s string) bool {
		_, foreign := t.foreign[s]
		return foreign
	})
}

// active says whether an organization may be active in a token.
func active(o *storage.Organization) bool {
	return o != nil && o.Status == storage.OrganizationActive
}
