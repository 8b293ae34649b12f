package oauth

import (
	"context"
	"errors"
	"strings"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/oauth/params"
	"github.com/signet-idp/signet/provider/token"
	"github.com/signet-idp/signet/storage"
)

// Revoke ends a token (RFC 7009): an access token by its jti, a refresh token
// with its whole grant. A token that is unknown, dead or of another client is
// no error and nothing happens. Errors are *Error; nil means that the token is
// dead.
func (p *Provider) Revoke(ctx context.Context, form params.Form, cred Credentials) error {
	c, err := p.AuthenticateClient(ctx, form, cred)
	if err != nil {
		return asError(err)
	}
	raw := form.Get("token")
	if raw == "" {
		return errInvalidRequest().About("token", "token is missing")
	}
	if err := p.revoke(ctx, c.ClientID, raw); err != nil {
		return asError(err)
	}
	return nil
}

func (p *Provider) revoke(ctx context.Context, clientID, raw string) error {
	if strings.HasPrefix(raw, refreshPrefix) {
		return p.revokeRefresh(ctx, clientID, raw)
	}
	return p.revokeAccess(ctx, clientID, raw)
}

func (p *Provider) revokeRefresh(ctx context.Context, clientID, raw string) error {
	state, _, err := p.family(ctx, clientID, raw)
	if errors.Is(err, errRefreshUnknown) {
		return nil // RFC 7009 §2.2 asks for success
	}
	if err != nil {
		return err
	}
	return p.endGrant(ctx, state, reasonClient)
}

func (p *Provider) revokeAccess(ctx context.Context, clientID, raw string) error {
	t, err := p.Verifier.Verify(raw)
	if errors.Is(err, token.ErrUnknownVerdict) {
		return errUnavailable().Cause(err)
	}
	if err != nil || t.ClientID != clientID {
		return nil //nolint:nilerr // as above
	}
	return p.Change.Do(ctx, "oauth: revoke", func(_ context.Context, c *change.Change) error {
		c.Revoke(storage.RevokeJTI, t.JTI)
		c.Record(event.Event{Type: event.TokenRevoked, Subject: t.Subject, Organization: t.OrgID, Data: map[string]any{
			"kind": "jti", "jti": t.JTI, "client_id": clientID, "reason": reasonClient,
		}})
		return nil
	})
}
