package oauth

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/provider/oauth/params"
	"github.com/signet-idp/signet/provider/token"
	"github.com/signet-idp/signet/storage"
)

// Introspection is the answer of the introspection endpoint (RFC 7662 §2.2).
// An inactive token has Active alone.
type Introspection struct {
	Active    bool     `json:"active"`
	Scope     string   `json:"scope,omitempty"`
	ClientID  string   `json:"client_id,omitempty"`
	Subject   string   `json:"sub,omitempty"`
	TokenType string   `json:"token_type,omitempty"`
	Expiry    int64    `json:"exp,omitempty"` // seconds since 1970, as all times here
	IssuedAt  int64    `json:"iat,omitempty"`
	NotBefore int64    `json:"nbf,omitempty"`
	Audience  any      `json:"aud,omitempty"`
	Issuer    string   `json:"iss,omitempty"`
	JTI       string   `json:"jti,omitempty"`
	SID       string   `json:"sid,omitempty"`
	GID       string   `json:"gid,omitempty"`
	OrgID     string   `json:"org_id,omitempty"`
	OrgSlug   string   `json:"org_slug,omitempty"`
	Roles     []string `json:"roles,omitempty"`
	AuthTime  int64    `json:"auth_time,omitempty"`
	ACR       string   `json:"acr,omitempty"`
	AMR       []string `json:"amr,omitempty"`
}

// Introspect answers a client about a token: its own, or one for a resource
// that names it in introspectors. About all others it says inactive, which is
// also all that is said of a bad token. Errors are *Error.
func (p *Provider) Introspect(ctx context.Context, form params.Form, cred Credentials) (*Introspection, error) {
	c, err := p.AuthenticateClient(ctx, form, cred)
	if err != nil {
		return nil, asError(err)
	}
	if c.Public() {
		return nil, errInvalidClient().With("introspection needs a client that can authenticate")
	}
	raw := form.Get("token")
	if raw == "" {
		return nil, errInvalidRequest().About("token", "token is missing")
	}
	var out *Introspection
	if strings.HasPrefix(raw, refreshPrefix) {
		out, err = p.introspectRefresh(ctx, c, raw)
	} else {
		out, err = p.introspectAccess(ctx, c, raw)
	}
	if err != nil {
		return nil, asError(err)
	}
	return out, nil
}

func (p *Provider) introspectAccess(ctx context.Context, c *client.Client, raw string) (*Introspection, error) {
	t, err := p.Verifier.Verify(raw)
	if errors.Is(err, token.ErrUnknownVerdict) {
		return nil, errUnavailable().Cause(err)
	}
	if err != nil {
		return &Introspection{}, nil //nolint:nilerr // a bad token is an answer: inactive
	}
	ok, err := p.mayIntrospect(ctx, c, &t.Claims)
	if err != nil || !ok {
		return &Introspection{}, err
	}
	out := &Introspection{
		Active: true, Scope: strings.Join(t.Scope, " "), ClientID: t.ClientID, Subject: t.Subject, TokenType: "Bearer",
		Expiry: t.Expiry.Unix(), IssuedAt: t.IssuedAt.Unix(), NotBefore: t.IssuedAt.Unix(), Issuer: t.Issuer, JTI: t.JTI,
		SID: t.SID, GID: t.GID, OrgID: t.OrgID, OrgSlug: t.OrgSlug, Roles: t.Roles, ACR: t.ACR, AMR: t.AMR,
	}
	if !t.AuthTime.IsZero() {
		out.AuthTime = t.AuthTime.Unix()
	}
	out.Audience = t.Audience
	if len(t.Audience) == 1 {
		out.Audience = t.Audience[0]
	}
	return out, nil
}

func (p *Provider) mayIntrospect(ctx context.Context, c *client.Client, t *token.Claims) (bool, error) {
	if t.ClientID == c.ClientID {
		return true, nil
	}
	for _, aud := range t.Audience {
		r, err := p.Clients.Resource(ctx, aud)
		if errors.Is(err, client.ErrUnknown) {
			continue
		}
		if err != nil {
			return false, op("introspect", err)
		}
		if slices.Contains(r.Introspectors, c.ClientID) {
			return true, nil
		}
	}
	return false, nil
}

// introspectRefresh answers about a refresh token, to its own client only.
func (p *Provider) introspectRefresh(ctx context.Context, c *client.Client, raw string) (*Introspection, error) {
	id, generation, err := p.parseRefresh(raw)
	if err != nil {
		return &Introspection{}, nil //nolint:nilerr // as above
	}
	state, err := p.Store.GrantByID(ctx, id, p.Clock.Now())
	if errors.Is(err, storage.ErrNotFound) {
		return &Introspection{}, nil
	}
	if err != nil {
		return nil, op("introspect", err)
	}
	v := p.judge(&state.Grant, generation)
	if state.ClientID != c.ClientID || (v != generationCurrent && v != generationRepeat) ||
		state.UserStatus != storage.UserActive || !state.SessionLive {
		return &Introspection{}, nil
	}
	return &Introspection{
		Active: true, Scope: strings.Join(state.Scope, " "), ClientID: state.ClientID, Subject: state.UserID,
		TokenType: "refresh_token", Expiry: state.RefreshExpiry.Unix(), IssuedAt: state.SteppedAt.Unix(), Issuer: p.Issuer,
		SID: state.SessionID, GID: state.ID, AuthTime: state.AuthTime.Unix(), ACR: state.ACR, AMR: state.AMR,
	}, nil
}
