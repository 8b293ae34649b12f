package oauth

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/handler/pkce"

	"github.com/signet-idp/signet/storage"
)

// store is what fosite takes for its storage. Reads go to the grant row once
// per request; writes are collected in work and made by Provider, so a failure
// after fosite's last write (signing the ID token) leaves nothing behind.
// It does not implement fosite's Transactional on purpose: there is nothing to
// begin or commit here.
type store struct{ p *Provider }

var (
	_ fosite.Storage                = (*store)(nil)
	_ oauth2.CoreStorage            = (*store)(nil)
	_ oauth2.TokenRevocationStorage = (*store)(nil)
	_ pkce.PKCERequestStorage       = (*store)(nil)
)

// GetClient implements fosite.ClientManager for the authorization endpoint.
func (s *store) GetClient(ctx context.Context, id string) (fosite.Client, error) {
	w := workOf(ctx)
	if w == nil || w.client == nil || w.client.ClientID != id {
		return nil, fosite.ErrNotFound
	}
	return w.fositeClient(), nil
}

// ClientAssertionJWTValid and SetClientAssertionJWT are never called: client
// assertions are verified before fosite.
func (s *store) ClientAssertionJWTValid(context.Context, string) error { return fosite.ErrJTIKnown }

// SetClientAssertionJWT: see ClientAssertionJWTValid.
func (s *store) SetClientAssertionJWT(context.Context, string, time.Time) error {
	return fosite.ErrJTIKnown
}

// CreateAuthorizeCodeSession implements oauth2.AuthorizeCodeStorage.
func (s *store) CreateAuthorizeCodeSession(ctx context.Context, _ string, _ fosite.Requester) error {
	w := workOf(ctx)
	w.grant.CodeHash = s.p.Codes.Hash([]byte(w.code))
	w.grant.CodeExpiry = s.p.Clock.Now().Add(s.p.Lifetimes.Code)
	return nil
}

// CreatePKCERequestSession implements pkce.PKCERequestStorage: the challenge
// lives on the grant row, with the code.
func (s *store) CreatePKCERequestSession(ctx context.Context, _ string, r fosite.Requester) error {
	workOf(ctx).grant.CodeChallenge = r.GetRequestForm().Get("code_challenge")
	return nil
}

// GetAuthorizeCodeSession implements oauth2.AuthorizeCodeStorage. fosite calls
// it several times; the row is read once.
func (s *store) GetAuthorizeCodeSession(ctx context.Context, _ string, _ fosite.Session) (fosite.Requester, error) {
	w := workOf(ctx)
	if w.state == nil {
		state, err := s.p.grantByCode(ctx, w.form.Get("code"))
		if errors.Is(err, storage.ErrNotFound) {
			return nil, fosite.ErrNotFound
		}
		if err != nil {
			return nil, err
		}
		// A code in the hands of another client is not found: a stranger who
		// stole a used one must not be able to end what it gave.
		if state.ClientID != w.client.ClientID {
			return nil, fosite.ErrNotFound
		}
		w.state = &state
	}
	if !w.state.CodeUsedAt.IsZero() {
		return s.requester(w), fosite.ErrInvalidatedAuthorizeCode
	}
	return s.requester(w), nil
}

// GetPKCERequestSession implements pkce.PKCERequestStorage.
func (s *store) GetPKCERequestSession(ctx context.Context, _ string, _ fosite.Session) (fosite.Requester, error) {
	w := workOf(ctx)
	if w.state == nil {
		return nil, fosite.ErrNotFound
	}
	return s.requester(w), nil
}

// DeletePKCERequestSession does nothing: as fosite comes, a wrong verifier
// deletes the challenge and the second try needs none.
func (s *store) DeletePKCERequestSession(context.Context, string) error { return nil }

// InvalidateAuthorizeCodeSession does nothing: Provider.Token marks the code
// used, in one conditional statement, when all else is done.
func (s *store) InvalidateAuthorizeCodeSession(context.Context, string) error { return nil }

// requester rebuilds the request that fosite wants from the grant row.
func (s *store) requester(w *work) *fosite.Request {
	g := &w.state.Grant
	r := &fosite.Request{
		ID:             g.ID,
		RequestedAt:    g.CreatedAt,
		Client:         w.fositeClient(),
		RequestedScope: g.Scope,
		GrantedScope:   g.Scope,
		Session:        &fositeSession{subject: g.UserID},
		Form:           url.Values{"redirect_uri": {g.RedirectURI}},
	}
	if g.CodeChallenge != "" {
		r.Form.Set("code_challenge", g.CodeChallenge)
		r.Form.Set("code_challenge_method", "S256")
	}
	return r
}

// GetRefreshTokenSession implements oauth2.RefreshTokenStorage: it reads the
// family and judges the generation that was presented.
func (s *store) GetRefreshTokenSession(ctx context.Context, token string, _ fosite.Session) (fosite.Requester, error) {
	w := workOf(ctx)
	state, generation, err := s.p.family(ctx, w.client.ClientID, token)
	if errors.Is(err, errRefreshUnknown) {
		w.refused = err
		return nil, fosite.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	w.state, w.presented = state, generation
	switch s.p.judge(&state.Grant, generation) {
	case generationCurrent:
	case generationRepeat:
		w.repeat = true
	case generationReuse:
		w.refused = errRefreshReused
		return s.requester(w), fosite.ErrInactiveToken
	case generationExpired:
		w.refused = errRefreshExpired
		return nil, fosite.ErrNotFound
	default:
		w.refused = errRefreshUnknown
		return nil, fosite.ErrNotFound
	}
	return s.requester(w), nil
}

// RevokeRefreshToken implements oauth2.TokenRevocationStorage: fosite calls it
// when a code or a refresh token came a second time. It commits by itself.
func (s *store) RevokeRefreshToken(ctx context.Context, _ string) error {
	w := workOf(ctx)
	reason := reasonReuse
	if w.presented == 0 {
		reason = reasonReplay
	}
	return s.p.endGrant(ctx, w.state, reason)
}

// RevokeAccessToken does nothing: the entry that RevokeRefreshToken writes for
// the grant kills its access tokens too.
func (s *store) RevokeAccessToken(context.Context, string) error { return nil }

// The rest has nothing to do: access tokens have no row, and the refresh family
// moves by one compare-and-swap in Provider.Token.

func (s *store) CreateAccessTokenSession(context.Context, string, fosite.Requester) error { return nil }

func (s *store) GetAccessTokenSession(context.Context, string, fosite.Session) (fosite.Requester, error) {
	return nil, fosite.ErrNotFound
}
func (s *store) DeleteAccessTokenSession(context.Context, string) error { return nil }
func (s *store) CreateRefreshTokenSession(context.Context, string, string, fosite.Requester) error {
	return nil
}
func (s *store) DeleteRefreshTokenSession(context.Context, string) error  { return nil }
func (s *store) RotateRefreshToken(context.Context, string, string) error { return nil }
