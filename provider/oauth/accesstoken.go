package oauth

import (
	"context"
	"slices"

	"github.com/signet-idp/signet/provider/claims"
	"github.com/signet-idp/signet/provider/token"
	"github.com/signet-idp/signet/storage"
)

// mint makes the access token of this answer.
func (p *Provider) mint(ctx context.Context, w *work) (string, error) {
	c, err := p.accessClaims(ctx, w)
	if err != nil {
		return "", err
	}
	w.accessClaims = c
	if !w.client.Metadata.JSONLogin {
		return p.Minter.Mint(w.target.alg, c)
	}
	c.BareRoles = p.Legacy.BareRoles
	if p.Legacy.Opaque {
		return p.Minter.Seal(c)
	}
	return p.Minter.Mint(w.target.alg, c)
}

// accessClaims says what the access token of this answer holds.
func (p *Provider) accessClaims(ctx context.Context, w *work) (*token.Claims, error) {
	now := p.Clock.Now()
	c := &token.Claims{
		Issuer:   p.Issuer,
		Audience: w.target.audience,
		IssuedAt: now,
		Expiry:   now.Add(w.target.lifetime),
		JTI:      storage.NewID(),
		ClientID: w.client.ClientID,
		Scope:    w.scope,
	}
	if w.organization != nil {
		c.OrgID, c.OrgSlug = w.organization.ID, w.organization.Slug
	}
	if w.state == nil {
		c.Subject = w.client.ClientID
		c.Roles = w.roles
		c.PE = w.head
	} else {
		p.personClaims(c, w)
	}
	if slices.Contains(w.scope, "permissions") {
		list, omitted, err := p.Claims.PermissionsClaim(ctx, c.OrgID, c.Roles)
		if err != nil {
			return nil, op("permissions", err)
		}
		c.Permissions, c.PermissionsOmitted = list, omitted
	}
	if rules := w.client.Metadata.ClaimRules; len(rules) > 0 {
		c.Extra = claims.Apply(rules, claims.InAccessToken, w.lookup(c), nil)
	}
	return c, nil
}

func (p *Provider) personClaims(c *token.Claims, w *work) {
	g := &w.state.Grant
	c.Subject, c.SID, c.GID = g.UserID, g.SessionID, g.ID
	c.AuthTime, c.ACR, c.AMR = g.AuthTime, g.ACR, g.AMR
	c.Roles = w.person().TokenRoles()
	c.PE = w.state.RevocationHead
}

// person is whom the answer is about.
func (w *work) person() claims.Person {
	return claims.Person{
		User: w.state.User, SystemRoles: w.state.SystemRoles, Organization: w.organization, Roles: w.roles,
	}
}

// lookup gives claim rules the claims of the token and what is known of the person.
func (w *work) lookup(c *token.Claims) claims.Lookup {
	return func(name string) (any, bool) {
		switch name {
		case "sub":
			return c.Subject, true
		case "client_id":
			return c.ClientID, true
		case "org_id":
			return c.OrgID, c.OrgID != ""
		case "org_slug":
			return c.OrgSlug, c.OrgSlug != ""
		case "sid":
			return c.SID, c.SID != ""
		}
		if w.state == nil {
			return nil, false
		}
		return w.person().Value(name)
	}
}
