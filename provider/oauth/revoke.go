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
	if strings.HasPrefix(raw, refreshPrefix) {
		err = p.revokeRefresh(ctx, c.ClientID, raw)
	} else {
		err = p.revokeAccess(ctx, c.ClientID, raw)
	}
	if err != nil {
		return asError(err)
	}
	return nil
}

func (p *Provider) revokeRefresh(ctx context.Context, clientID, raw string) error {
	id, _, err := p.parseRefresh(raw)
	if err != nil {
		return nil //nolint:nilerr // not a token of ours: RFC 7009 §2.2 asks for success
	}
	state, err := p.Store.GrantByID(ctx, id, p.Clock.Now())
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return op("revoke", err)
	}
	if state.ClientID != clientID {
		return nil
	}
	return p.endGrant(ctx, &state.Grant, reasonClient)
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
