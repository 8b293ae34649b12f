package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/ory/fosite"

	"github.com/signet-idp/signet/provider/claims"
	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/provider/oauth/params"
	"github.com/signet-idp/signet/provider/oauth/redirect"
)

// AuthorizeRequest is a valid authorization request (RFC 6749 §4.1.1, OpenID
// Connect Core §3.1.2.1).
type AuthorizeRequest struct {
	Client       *client.Client
	RedirectURI  string
	ResponseMode params.ResponseMode // never ModeDefault
	State        string
	Scope        params.Scopes
	Resources    []string
	Nonce        string
	Prompt       params.Prompt
	MaxAge       params.MaxAge
	ACRValues    []string
	UILocales    []string
	LoginHint    string
	Organization string // id or slug, or empty
	Claims       params.Claims
	// Hint is what the id_token_hint says, or nil.
	Hint *Hint
	// Form is the request as sent (or as the request object says).
	Form params.Form

	target target
}

// Hint is an ID token of ours that was given back.
type Hint struct {
	Subject   string
	SessionID string
	Audience  []string
}

// AuthorizeError is an error of the authorization endpoint. Redirect is nil
// when it must not leave: client or redirect URI are not to be trusted.
type AuthorizeError struct {
	Err      *Error
	Redirect *AuthorizeResponse
}

// Error implements error.
func (e *AuthorizeError) Error() string { return e.Err.Error() }

// Unwrap gives the protocol error.
func (e *AuthorizeError) Unwrap() error { return e.Err }

// AuthorizeResponse goes to the client by way of the browser.
type AuthorizeResponse struct {
	RedirectURI string
	Mode        params.ResponseMode
	Params      url.Values
	// Popup and UILocales are the request's, for a page that hands the answer over.
	Popup     bool
	UILocales []string
}

// URL is the redirect of the modes query and fragment.
func (r *AuthorizeResponse) URL() string {
	encoded := r.Params.Encode()
	if r.Mode == params.ModeFragment {
		return r.RedirectURI + "#" + encoded
	}
	sep := "?"
	if strings.Contains(r.RedirectURI, "?") {
		sep = "&"
		if strings.HasSuffix(r.RedirectURI, "?") || strings.HasSuffix(r.RedirectURI, "&") {
			sep = ""
		}
	}
	return r.RedirectURI + sep + encoded
}

// ParseAuthorize validates an authorization request. Errors are *AuthorizeError.
func (p *Provider) ParseAuthorize(ctx context.Context, form params.Form) (*AuthorizeRequest, error) {
	r := &AuthorizeRequest{Form: form}
	if err := p.parseClient(ctx, r); err != nil {
		return nil, &AuthorizeError{Err: asError(err)}
	}
	// From here on the client is known and the redirect URI is its own: errors
	// go there.
	if err := p.parseRest(ctx, r); err != nil {
		return nil, p.Refuse(r, err)
	}
	return r, nil
}

// Refuse makes the error answer of a request whose client and redirect URI
// were found good.
func (p *Provider) Refuse(r *AuthorizeRequest, err error) *AuthorizeError {
	e := asError(err)
	v := url.Values{"error": {e.Code}, "error_description": {e.Description}, "iss": {p.Issuer}}
	if r.State != "" {
		v.Set("state", r.State)
	}
	return &AuthorizeError{Err: e, Redirect: r.respond(v)}
}

// respond addresses an answer to the client.
func (r *AuthorizeRequest) respond(v url.Values) *AuthorizeResponse {
	return &AuthorizeResponse{
		RedirectURI: r.RedirectURI, Mode: r.ResponseMode, Params: v,
		Popup: r.Popup(), UILocales: params.ParseUILocales(r.Form.Get("ui_locales")),
	}
}

// Popup says that the client opened a window of its own for the request
// (display=popup, OpenID Connect Core §3.1.2.1).
func (r *AuthorizeRequest) Popup() bool { return r.Form.Get("display") == "popup" }

// Disclosed is what the person has to agree to: the scopes, and those that the
// claims parameter reaches into one claim at a time.
func (r *AuthorizeRequest) Disclosed() params.Scopes {
	out := slices.Clone(r.Scope)
	for _, set := range []map[string]params.ClaimRequest{r.Claims.IDToken, r.Claims.UserInfo} {
		for _, name := range slices.Sorted(maps.Keys(set)) {
			if s := claims.ScopeOf(name); s != "" && !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	return out
}

// Deny is the answer when the person said no (access_denied).
func (p *Provider) Deny(r *AuthorizeRequest) *AuthorizeError {
	return p.Refuse(r, errAccessDenied().With("the person declined"))
}

// parseClient settles who asks and where the answer may go.
func (p *Provider) parseClient(ctx context.Context, r *AuthorizeRequest) error {
	id := r.Form.Get("client_id")
	if id == "" {
		return errInvalidRequest().About("client_id", "client_id is missing")
	}
	c, err := p.lookup(ctx, id)
	if err != nil {
		return err
	}
	if c == nil {
		return errInvalidClient().About("client_id", "there is no such client")
	}
	r.Client = c
	if r.Form.Has("request") {
		// The redirect URI inside the object counts, so it is opened first; one
		// that does not open ends on our page.
		if err := p.openRequestObject(ctx, r); err != nil {
			return err
		}
	}
	uri := r.Form.Get("redirect_uri")
	if uri == "" {
		return errInvalidRequest().About("redirect_uri", "redirect_uri is missing")
	}
	loopback := redirect.AnyLoopbackPort(c.Metadata.ApplicationType, c.Public())
	if !redirect.Match(c.Metadata.RedirectURIs, uri, loopback) {
		return errInvalidRequest().About("redirect_uri", "redirect_uri is not registered for this client")
	}
	r.RedirectURI, r.State = uri, r.Form.Get("state")
	mode, err := params.ParseResponseMode(r.Form.Get("response_mode"))
	if err == nil {
		r.ResponseMode = mode
	}
	if r.ResponseMode == params.ModeDefault {
		r.ResponseMode = params.ModeQuery
	}
	return nil
}

// openRequestObject replaces the parameters by those of a signed request
// object passed by value (RFC 9101 §5): parameters outside count for nothing.
func (p *Provider) openRequestObject(ctx context.Context, r *AuthorizeRequest) error {
	if r.Form.Has("request_uri") {
		return errInvalidRequest().About("request_uri", "request and request_uri exclude each other")
	}
	if len(r.Client.Metadata.JWKS) == 0 && r.Client.Metadata.JWKSURI == "" {
		return errRequestNotSupported().About("request", "this client registered no keys for request objects")
	}
	inner, err := p.RequestObjects.VerifyRequestObject(ctx, r.Client, r.Form.Get("request"))
	if err != nil {
		return errInvalidRequestObject().About("request", "the request object is invalid").Cause(err)
	}
	if id := inner.Get("client_id"); id != "" && id != r.Client.ClientID {
		return errInvalidRequestObject().About("client_id", "client_id differs from that in the request object")
	}
	form, err := inner.With("client_id", r.Client.ClientID)
	if err != nil {
		return errInvalidRequestObject().Cause(err)
	}
	r.Form = form
	return nil
}

// parseRest reads everything else.
func (p *Provider) parseRest(ctx context.Context, r *AuthorizeRequest) error {
	f := r.Form
	if _, err := params.ParseResponseMode(f.Get("response_mode")); err != nil {
		return err
	}
	switch {
	case f.Has("request_uri"):
		return errRequestURINotSupported().About("request_uri", "request_uri is not supported")
	case f.Has("registration"):
		return newError("registration_not_supported", http.StatusBadRequest, "registration is not supported").About("registration", "registration is not supported")
	case f.Get("response_type") == "":
		return errUnsupportedResponseType().About("response_type", "response_type is missing")
	case f.Get("response_type") != "code":
		return errUnsupportedResponseType().About("response_type", "response_type must be code")
	case !r.Client.MayUse(client.GrantCode):
		return errUnauthorizedClient().With("the client is not registered for the authorization code grant")
	}
	var err error
	if r.Scope, err = params.ParseScope(f.Get("scope")); err != nil {
		return errInvalidScope().About("scope", err.Error())
	}
	for _, s := range r.Scope {
		if !r.Client.MayAsk(s) {
			return errInvalidScope().About("scope", "a requested scope is unknown or not allowed for this client")
		}
	}
	if err := checkPKCE(f); err != nil {
		return err
	}
	if r.Resources, err = params.ParseResources(f.All("resource")); err != nil {
		return errInvalidTarget().About("resource", err.Error())
	}
	if r.target, err = p.target(ctx, r.Client, r.Resources); err != nil {
		return err
	}
	return p.parseOpenID(r)
}

// checkPKCE demands S256 of every client (RFC 7636, RFC 9700 §2.1.1).
func checkPKCE(f params.Form) error {
	challenge := f.Get("code_challenge")
	switch {
	case challenge == "":
		return errInvalidRequest().About("code_challenge", "code_challenge is missing: PKCE with S256 is required")
	case f.Get("code_challenge_method") != "S256":
		return errInvalidRequest().About("code_challenge_method", "code_challenge_method must be S256")
	case len(challenge) != 43 || strings.Trim(challenge, base64URL) != "":
		return errInvalidRequest().About("code_challenge", "code_challenge is not a base64url SHA-256")
	}
	return nil
}

const base64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

func (p *Provider) parseOpenID(r *AuthorizeRequest) error {
	f := r.Form
	var err error
	if r.Prompt, err = params.ParsePrompt(f.Get("prompt")); err != nil {
		return err
	}
	if r.MaxAge, err = params.ParseMaxAge(f.Get("max_age")); err != nil {
		return err
	}
	if d := r.Client.Metadata.DefaultMaxAge; !r.MaxAge.Set && d != nil {
		r.MaxAge = params.MaxAge{Set: true, Age: seconds(*d)}
	}
	if r.ACRValues, err = params.ParseACRValues(f.Get("acr_values")); err != nil {
		return err
	}
	if r.Claims, err = params.ParseClaims(f.Get("claims")); err != nil {
		return err
	}
	// Asking claim by claim gets a client no further than its scopes would.
	r.Claims.IDToken = claims.Permitted(r.Claims.IDToken, r.Client.MayAsk)
	r.Claims.UserInfo = claims.Permitted(r.Claims.UserInfo, r.Client.MayAsk)
	r.UILocales = params.ParseUILocales(f.Get("ui_locales"))
	r.LoginHint, r.Nonce, r.Organization = f.Get("login_hint"), f.Get("nonce"), f.Get("organization")
	if hint := f.Get("id_token_hint"); hint != "" {
		if r.Hint, err = p.ParseHint(hint); err != nil {
			return errInvalidRequest().About("id_token_hint", "id_token_hint is not an ID token of ours").Cause(err)
		}
	}
	return nil
}

// ParseHint verifies an ID token given back as a hint; expired ones pass.
func (p *Provider) ParseHint(compact string) (*Hint, error) {
	payload, err := p.Hints.VerifyHint(compact)
	if err != nil {
		return nil, op("id_token_hint", err)
	}
	var c struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		SID      string `json:"sid"`
		Audience string `json:"aud"`
	}
	if err := json.Unmarshal(payload, &c); err != nil {
		return nil, op("id_token_hint", err)
	}
	if c.Issuer != p.Issuer || c.Subject == "" || c.Audience == "" {
		return nil, errors.New("oauth: id_token_hint: not an ID token of ours")
	}
	return &Hint{Subject: c.Subject, SessionID: c.SID, Audience: []string{c.Audience}}, nil
}

// Offline says whether the request asks for a grant that outlives the browser
// session, and may have one.
func (r *AuthorizeRequest) Offline() bool {
	return slices.Contains(r.Scope, "offline_access") && r.Client.MayUse(client.GrantRefresh)
}

// fositeAuthorize runs the request through fosite's state machine.
func (p *Provider) fositeAuthorize(ctx context.Context, w *work) (fosite.AuthorizeResponder, error) {
	request, err := p.fosite.NewAuthorizeRequest(ctx, formRequest(http.MethodGet, w.form))
	// fosite insists on a state; OAuth does not (RFC 6749 §4.1.1). It is the
	// last thing it checks, so the request is otherwise good.
	if err != nil && !(errors.Is(err, fosite.ErrInvalidState) && w.form.Get("state") == "") {
		return nil, err
	}
	for _, s := range w.grant.Scope {
		request.GrantScope(s)
	}
	return p.fosite.NewAuthorizeResponse(ctx, request, &fositeSession{subject: w.grant.UserID})
}
