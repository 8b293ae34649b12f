package oauth

import (
	"context"
	"net/url"
	"slices"

	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/provider/oauth/params"
	"github.com/signet-idp/signet/provider/oauth/redirect"
)

// LogoutRequest is an RP-initiated logout (OpenID Connect RP-Initiated Logout
// 1.0 §2) whose parameters were found good.
type LogoutRequest struct {
	// Hint is what the id_token_hint says; without one the person is asked.
	Hint   *Hint
	Client *client.Client // nil when the request names none
	// RedirectURI is where to go afterwards: registered for the client, or empty.
	RedirectURI string
	State       string
	UILocales   []string
}

// ParseLogout validates a logout request. An error never redirects (§4).
func (p *Provider) ParseLogout(ctx context.Context, form params.Form) (*LogoutRequest, error) {
	r := &LogoutRequest{State: form.Get("state"), UILocales: params.ParseUILocales(form.Get("ui_locales"))}
	clientID := form.Get("client_id")
	if raw := form.Get("id_token_hint"); raw != "" {
		hint, err := p.ParseHint(raw)
		if err != nil {
			return nil, errInvalidRequest().About("id_token_hint", "id_token_hint is not an ID token of ours").Cause(err)
		}
		if clientID != "" && !slices.Contains(hint.Audience, clientID) {
			return nil, errInvalidRequest().About("client_id", "client_id is not that of the ID token")
		}
		r.Hint, clientID = hint, hint.Audience[0]
	}
	c, err := p.lookup(ctx, clientID)
	if err != nil {
		return nil, asError(err)
	}
	if clientID != "" && c == nil {
		return nil, errInvalidRequest().About("client_id", "there is no such client")
	}
	r.Client = c
	uri := form.Get("post_logout_redirect_uri")
	if uri == "" {
		return r, nil
	}
	// Without a hint or a client to hold it against, nobody vouches for the URI:
	// the person is signed out here and stays here.
	if c == nil {
		return r, nil
	}
	// As at sign-in: byte-equal, or loopback with any port for native clients.
	loopback := redirect.AnyLoopbackPort(c.Metadata.ApplicationType, c.Public())
	if !redirect.Match(c.Metadata.PostLogoutRedirectURIs, uri, loopback) {
		return nil, errInvalidRequest().About("post_logout_redirect_uri", "post_logout_redirect_uri is not registered for this client")
	}
	r.RedirectURI = uri
	return r, nil
}

// Location is where the browser goes after the logout, with state; empty: nowhere.
func (r *LogoutRequest) Location() string {
	if r.RedirectURI == "" {
		return ""
	}
	resp := AuthorizeResponse{RedirectURI: r.RedirectURI, Mode: params.ModeQuery, Params: url.Values{}}
	if r.State == "" {
		return r.RedirectURI
	}
	resp.Params.Set("state", r.State)
	return resp.URL()
}
