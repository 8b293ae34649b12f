package app

import (
	"context"
	"errors"

	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/token"
)

// authenticator verifies bearer tokens for the frame.
type authenticator struct {
	verifier *token.Verifier
	issuer   string
}

// Authenticate implements web.Authenticator.
func (a authenticator) Authenticate(_ context.Context, bearer string) (web.Principal, error) {
	t, err := a.verifier.Verify(bearer)
	switch {
	case err == nil:
	case errors.Is(err, token.ErrUnknownVerdict):
		return web.Principal{}, fault.Wrap(err, fault.Unavailable, "whether the token was revoked is not known now")
	case errors.Is(err, token.ErrExpired):
		return web.Principal{}, fault.Wrap(err, fault.TokenExpired, "the access token has expired")
	case errors.Is(err, token.ErrStale):
		return web.Principal{}, fault.Wrap(err, fault.TokenStale, "roles have changed; refresh the token")
	case errors.Is(err, token.ErrRevoked), errors.Is(err, token.ErrSessionEnded):
		return web.Principal{}, fault.Wrap(err, fault.TokenRevoked, "the access token was revoked")
	default:
		return web.Principal{}, fault.Wrap(err, fault.TokenMalformed, "the access token is not valid here")
	}
	return web.Principal{
		Subject: t.Subject, ClientID: t.ClientID, SessionID: t.SID, GrantID: t.GID, TokenID: t.JTI,
		OrgID: t.OrgID, OrgSlug: t.OrgSlug, Roles: t.Roles, Scopes: t.Scope, ACR: t.ACR, AMR: t.AMR,
		AuthTime: t.AuthTime, ExpiresAt: t.Expiry, ForIssuer: t.HasAudience(a.issuer), Service: !t.Person(), Claims: t,
	}, nil
}
