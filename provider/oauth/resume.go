package oauth

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/signet-idp/signet/provider/claims"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/token"
	"github.com/signet-idp/signet/storage"
)

// Resumed is what a grant amounts to now.
type Resumed struct {
	// Claims are those of an access token that is made now.
	Claims *token.Claims
	Person claims.Person
	// SessionExpiry is when the login session ends if nothing more happens in it.
	SessionExpiry time.Time
}

// Resume says what a grant of a client amounts to now, and notes that its
// session is in use: for gates, whose cookies are renewed without a refresh
// token. Errors: fault.TokenRevoked for a grant, session or client that is over,
// an account out of use, or an organization lost; fault.Unavailable.
func (p *Provider) Resume(ctx context.Context, clientID, grantID string) (Resumed, error) {
	out, err := p.resume(ctx, clientID, grantID)
	if err == nil {
		return out, nil
	}
	var protocol *Error
	if errors.As(err, &protocol) && protocol.Code != errUnavailable().Code {
		return Resumed{}, fault.Wrap(err, fault.TokenRevoked, "the sign-in is over")
	}
	return Resumed{}, directFault(err)
}

func (p *Provider) resume(ctx context.Context, clientID, grantID string) (Resumed, error) {
	w := &work{head: p.Feed.Head(), form: url.Values{}} // before memory is asked for anything
	var err error
	if w.client, err = p.lookup(ctx, clientID); err != nil {
		return Resumed{}, err
	}
	state, err := p.Store.GrantByID(ctx, grantID, p.Clock.Now())
	switch {
	case errors.Is(err, storage.ErrNotFound), err == nil && (w.client == nil || state.ClientID != clientID):
		return Resumed{}, errInvalidGrant()
	case err != nil:
		return Resumed{}, op("resume", err)
	}
	w.state = &state
	if err := p.catchUp(ctx, w); err != nil {
		return Resumed{}, err
	}
	if err := p.alive(w); err != nil {
		return Resumed{}, err
	}
	if err := p.grantOrganization(w); err != nil {
		return Resumed{}, err
	}
	if w.target, err = p.target(ctx, w.client, state.Audience); err != nil {
		return Resumed{}, err
	}
	w.scope = w.target.within(allowedScope(slices.Clone(state.Scope), state.SystemRoles))
	c, err := p.accessClaims(ctx, w)
	if err != nil {
		return Resumed{}, err
	}
	if err := p.touch(ctx, w); err != nil {
		return Resumed{}, err
	}
	s, err := p.Store.SessionByID(ctx, state.SessionID)
	if err != nil {
		return Resumed{}, op("session", err)
	}
	expiry := s.Expiry
	if s.IdleExpiry.Before(expiry) {
		expiry = s.IdleExpiry
	}
	return Resumed{Claims: c, Person: w.person(), SessionExpiry: expiry}, nil
}
