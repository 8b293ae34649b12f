package oauth

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/oauth2"

	"github.com/signet-idp/signet/storage"
)

// strategy makes the three kinds of token for fosite. Signatures, the keys
// under which fosite would store them, are not used: the store works from the
// request in hand.
type strategy struct{ p *Provider }

var _ oauth2.CoreStrategy = (*strategy)(nil)

// codeBytes is the entropy of a code: 256 bits.
const codeBytes = 32

// newCode makes an authorization code.
func (p *Provider) newCode() (string, error) {
	secret := make([]byte, codeBytes)
	if _, err := io.ReadFull(p.Rand, secret); err != nil {
		return "", fmt.Errorf("oauth: code: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(secret), nil
}

// grantByCode finds the grant of a code.
func (p *Provider) grantByCode(ctx context.Context, code string) (storage.GrantState, error) {
	secret, err := base64.RawURLEncoding.Strict().DecodeString(code)
	if err != nil || len(secret) != codeBytes || len(code) != base64.RawURLEncoding.EncodedLen(codeBytes) {
		return storage.GrantState{}, storage.ErrNotFound
	}
	now := p.Clock.Now()
	hashes := p.Codes.HashAll([]byte(code))
	for i, h := range hashes {
		state, err := p.Store.GrantByCode(ctx, h, now)
		if err == nil || i == len(hashes)-1 {
			return state, err
		}
	}
	return storage.GrantState{}, storage.ErrNotFound
}

// GenerateAuthorizeCode implements oauth2.AuthorizeCodeStrategy.
func (s *strategy) GenerateAuthorizeCode(ctx context.Context, _ fosite.Requester) (string, string, error) {
	code, err := s.p.newCode()
	if err != nil {
		return "", "", err
	}
	workOf(ctx).code = code
	return code, code, nil
}

// ValidateAuthorizeCode implements oauth2.AuthorizeCodeStrategy: by our clock.
func (s *strategy) ValidateAuthorizeCode(ctx context.Context, _ fosite.Requester, _ string) error {
	w := workOf(ctx)
	switch {
	case w.state == nil || !w.state.RevokedAt.IsZero():
		return fosite.ErrInvalidGrant
	case !s.p.Clock.Now().Before(w.state.CodeExpiry):
		return fosite.ErrTokenExpired
	}
	return nil
}

// AuthorizeCodeSignature implements oauth2.AuthorizeCodeStrategy.
func (s *strategy) AuthorizeCodeSignature(_ context.Context, code string) string { return code }

// GenerateAccessToken implements oauth2.AccessTokenStrategy.
func (s *strategy) GenerateAccessToken(ctx context.Context, _ fosite.Requester) (string, string, error) {
	w := workOf(ctx)
	raw, err := s.p.mint(ctx, w)
	if err != nil {
		return "", "", err
	}
	return raw, w.accessClaims.JTI, nil
}

// ValidateAccessToken is never called: introspection is ours.
func (s *strategy) ValidateAccessToken(context.Context, fosite.Requester, string) error {
	return fosite.ErrInactiveToken
}

// AccessTokenSignature is never called by the handlers composed here.
func (s *strategy) AccessTokenSignature(_ context.Context, token string) string { return token }

// GenerateRefreshToken implements oauth2.RefreshTokenStrategy: the successor,
// which is the same one when the predecessor came again within the grace.
func (s *strategy) GenerateRefreshToken(ctx context.Context, _ fosite.Requester) (string, string, error) {
	w := workOf(ctx)
	generation := w.state.Generation + 1
	if w.repeat {
		generation = w.state.Generation
	}
	token, err := s.p.refreshToken(w.state.ID, generation)
	return token, token, err
}

// ValidateRefreshToken implements oauth2.RefreshTokenStrategy: the store has
// judged generation and expiry when it read the family.
func (s *strategy) ValidateRefreshToken(context.Context, fosite.Requester, string) error { return nil }

// RefreshTokenSignature implements oauth2.RefreshTokenStrategy.
func (s *strategy) RefreshTokenSignature(_ context.Context, token string) string { return token }
