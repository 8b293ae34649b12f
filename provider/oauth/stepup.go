package oauth

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/session"
	"github.com/signet-idp/signet/storage"
)

// StepUp notes a fresh authentication in a grant, so that its next tokens tell
// of it, together with what within does. A client of the JSON API gets an
// access token at once; for others Issued is empty. Errors: fault.TokenRevoked
// for a grant that is over, fault.Unavailable.
func (p *Provider) StepUp(ctx context.Context, grantID string, auth session.Authentication, within func(context.Context, *change.Change) error) (Issued, error) {
	out, err := p.stepUp(ctx, grantID, auth, within)
	return out, directFault(err)
}

func (p *Provider) stepUp(ctx context.Context, grantID string, auth session.Authentication, within func(context.Context, *change.Change) error) (Issued, error) {
	w := &work{head: p.Feed.Head(), form: url.Values{}, json: true}
	over := fault.New(fault.TokenRevoked, "the session has ended")
	state, err := p.Store.GrantByID(ctx, grantID, p.Clock.Now())
	if errors.Is(err, storage.ErrNotFound) {
		return Issued{}, over
	}
	if err != nil {
		return Issued{}, op("step up", err)
	}
	if state.UserID != auth.UserID || !state.RevokedAt.IsZero() || !state.SessionLive || state.UserStatus != storage.UserActive {
		return Issued{}, over
	}
	state.AuthTime, state.ACR, state.AMR = auth.Time, auth.ACR, auth.AMR
	w.state = &state
	var out Issued
	if w.client, err = p.DirectClient(ctx, state.ClientID); err == nil {
		out, err = p.stronger(ctx, w)
	} else if fault.Is(err, fault.Forbidden) {
		err = nil
	}
	if err != nil {
		return Issued{}, err
	}
	return out, p.Change.Do(ctx, "oauth: step up", func(ctx context.Context, c *change.Change) error {
		if err := within(ctx, c); err != nil {
			return err
		}
		won, err := p.Store.ReauthenticateGrant(ctx, grantID, auth.Time, auth.ACR, auth.AMR)
		if err == nil && !won {
			err = over
		}
		return err
	})
}

// stronger makes the access token of a grant that was stepped up.
func (p *Provider) stronger(ctx context.Context, w *work) (Issued, error) {
	if err := p.catchUp(ctx, w); err != nil {
		return Issued{}, err
	}
	if w.state.Member {
		w.organization, w.roles = w.state.Organization, w.state.Roles
	}
	var err error
	if w.target, err = p.target(ctx, w.client, w.state.Audience); err != nil {
		return Issued{}, err
	}
	w.scope = w.target.within(allowedScope(slices.Clone(w.state.Scope), w.state.SystemRoles))
	out := Issued{User: w.state.User, SessionID: w.state.SessionID, RefreshExpiry: p.refreshExpiry(w.state, p.Clock.Now())}
	if w.organization != nil {
		out.OrganizationID = w.organization.ID
	}
	if out.AccessToken, err = p.mint(ctx, w); err != nil {
		return Issued{}, err
	}
	out.TokenType, out.ExpiresIn, out.Scope = "Bearer", int64(w.target.lifetime/time.Second), strings.Join(w.scope, " ")
	return out, nil
}
