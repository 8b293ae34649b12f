package oauth

import (
	"context"
	"errors"
	"net/http"

	"github.com/signet-idp/signet/provider/claims"
	"github.com/signet-idp/signet/provider/oauth/params"
	"github.com/signet-idp/signet/provider/token"
	"github.com/signet-idp/signet/storage"
)

// Errors of protected resources (RFC 6750 §3.1).

// ErrInvalidToken is the answer to a bad bearer token.
func ErrInvalidToken() *Error {
	return newError("invalid_token", http.StatusUnauthorized, "the access token is invalid, expired or revoked")
}

// ErrInsufficientScope is the answer to a good token that holds too little.
func ErrInsufficientScope(scope string) *Error {
	return newError("insufficient_scope", http.StatusForbidden, "the access token lacks the scope "+scope)
}

// UserInfo answers a userinfo request (OpenID Connect Core §5.3) with the
// claims of the scopes in the token and those the claims parameter asked for.
// It goes by the scope openid alone, whatever the token's audience. Errors are
// *Error.
func (p *Provider) UserInfo(ctx context.Context, bearer string) (map[string]any, error) {
	out, err := p.userInfo(ctx, bearer)
	if err != nil {
		return nil, asError(err)
	}
	return out, nil
}

func (p *Provider) userInfo(ctx context.Context, bearer string) (map[string]any, error) {
	t, err := p.Verifier.Verify(bearer)
	switch {
	case errors.Is(err, token.ErrUnknownVerdict):
		return nil, errUnavailable().Cause(err)
	case err != nil:
		return nil, ErrInvalidToken().Cause(err)
	case !t.HasScope("openid") || !t.Person():
		return nil, ErrInsufficientScope("openid")
	}
	state, err := p.Store.GrantByID(ctx, t.GID, p.Clock.Now())
	if errors.Is(err, storage.ErrNotFound) {
		return nil, ErrInvalidToken().Cause(err)
	}
	if err != nil {
		return nil, op("userinfo", err)
	}
	if state.UserStatus != storage.UserActive || !state.RevokedAt.IsZero() {
		return nil, ErrInvalidToken()
	}
	var requested params.Claims
	if state.Claims != "" {
		if requested, err = params.ParseClaims(state.Claims); err != nil {
			return nil, op("stored claims parameter", err)
		}
	}
	// The organization is the token's, which may not be the grant's any more.
	who := claims.Person{User: state.User, SystemRoles: state.SystemRoles}
	if state.Organization != nil && state.Member && state.Organization.ID == t.OrgID {
		who.Organization, who.Roles = state.Organization, state.Roles
	}
	c, err := p.lookup(ctx, t.ClientID)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, ErrInvalidToken()
	}
	out := who.Collect(t.Scope, claims.Permitted(requested.UserInfo, c.MayAsk))
	out = claims.Apply(c.Metadata.ClaimRules, claims.InUserInfo, who.Value, out)
	out["sub"] = state.UserID
	return out, nil
}
