package oauth

import (
	"context"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ory/fosite"

	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/provider/oauth/params"
	"github.com/signet-idp/signet/provider/session"
	"github.com/signet-idp/signet/storage"
)

// TokenResponse is the answer of the token endpoint (RFC 6749 §5.1).
type TokenResponse struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"` // seconds
	RefreshToken string `json:"refresh_token,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
	Scope        string `json:"scope,omitempty"`
}

// Token answers a token request (RFC 6749 §3.2). Errors are *Error.
func (p *Provider) Token(ctx context.Context, form params.Form, cred Credentials) (*TokenResponse, error) {
	grantType, start := form.Get("grant_type"), p.Clock.Now()
	resp, c, err := p.token(ctx, form, cred, grantType)
	if err != nil {
		e := asError(err)
		p.Observer.TokenError(Recipient{knownGrant(grantType), c}, e.Code)
		return nil, e
	}
	p.Observer.TokensIssued(Recipient{grantType, c}, p.Clock.Now().Sub(start))
	return resp, nil
}

func knownGrant(grantType string) string {
	switch grantType {
	case client.GrantCode, client.GrantRefresh, client.GrantClient:
		return grantType
	}
	return "other"
}

func (p *Provider) token(ctx context.Context, form params.Form, cred Credentials, grantType string) (*TokenResponse, *client.Client, error) {
	head := p.Feed.Head() // before memory is asked for anything
	c, err := p.AuthenticateClient(ctx, form, cred)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case grantType == "":
		return nil, c, errInvalidRequest().About("grant_type", "grant_type is missing")
	case knownGrant(grantType) == "other":
		return nil, c, errUnsupportedGrantType()
	case !c.MayUse(grantType):
		return nil, c, errUnauthorizedClient().With("the client is not registered for this grant type")
	}
	resp, err := p.issue(ctx, &work{client: c, form: form.Values(), head: head}, form)
	return resp, c, err
}

// issue answers a token request of an authenticated client. A refresh that lost
// against one which switched the organization is made again: by then it is the
// repetition of the step that won, and answers for its organization.
func (p *Provider) issue(ctx context.Context, w *work, form params.Form) (*TokenResponse, error) {
	resp, err := p.attempt(ctx, w, form)
	if errors.Is(err, errRaced) && !w.repeat {
		*w = work{client: w.client, form: w.form, head: w.head, json: w.json}
		return p.attempt(ctx, w, form)
	}
	return resp, err
}

// attempt runs a token request through fosite and writes its outcome.
func (p *Provider) attempt(ctx context.Context, w *work, form params.Form) (*TokenResponse, error) {
	ctx = withWork(ctx, w)
	request, err := p.fosite.NewAccessRequest(ctx, formRequest(http.MethodPost, w.form), &fositeSession{})
	if err != nil {
		return nil, err
	}
	if err := p.catchUp(ctx, w); err != nil {
		return nil, err
	}
	if err := p.decide(ctx, w, form); err != nil {
		return nil, err
	}
	for _, s := range w.scope {
		request.GrantScope(s)
	}
	response, err := p.fosite.NewAccessResponse(ctx, request)
	if err != nil {
		return nil, err
	}
	if err := p.finish(ctx, w, response); err != nil {
		return nil, err
	}
	out := &TokenResponse{
		AccessToken: response.GetAccessToken(),
		TokenType:   "Bearer",
		ExpiresIn:   int64(w.target.lifetime / time.Second),
		Scope:       strings.Join(w.scope, " "),
	}
	out.RefreshToken, _ = response.GetExtra("refresh_token").(string)
	out.IDToken, _ = response.GetExtra("id_token").(string)
	return out, nil
}

// catchUp makes what memory says of client and roles no older than the grant
// that was read from the database. The token's pe is the position of that
// reading; were memory behind it, an entry in between (the client disabled, a
// role cut down) would never reach this token.
func (p *Provider) catchUp(ctx context.Context, w *work) error {
	if w.state == nil || w.state.RevocationHead <= w.head {
		return nil
	}
	if p.Feed.Head() < w.state.RevocationHead {
		if err := p.Feed.Sync(ctx); err != nil {
			return errUnavailable().Cause(err)
		}
	}
	c, err := p.lookup(ctx, w.client.ClientID)
	if err != nil {
		return err
	}
	if c == nil {
		return errInvalidClient()
	}
	w.client = c
	return nil
}

// formRequest dresses parameters as the request that fosite wants to parse.
func formRequest(method string, form map[string][]string) *http.Request {
	return &http.Request{Method: method, Form: form, PostForm: form, Header: http.Header{}, MultipartForm: &multipart.Form{}}
}

// decide settles, between fosite's check of the grant and its answer, what the
// access token says: scope, audience, organization, roles.
func (p *Provider) decide(ctx context.Context, w *work, form params.Form) error {
	switch form.Get("grant_type") {
	case client.GrantCode:
		return p.decideCode(ctx, w, form)
	case client.GrantRefresh:
		return p.decideRefresh(ctx, w, form)
	}
	return p.decideClientCredentials(ctx, w, form)
}

func (p *Provider) decideCode(ctx context.Context, w *work, form params.Form) error {
	if err := p.alive(w); err != nil {
		return err
	}
	if err := p.grantOrganization(w); err != nil {
		return err
	}
	return p.narrow(ctx, w, w.state.Scope, form)
}

// alive refuses a grant whose person, client or session is no more.
func (p *Provider) alive(w *work) error {
	s := w.state
	switch {
	case !s.RevokedAt.IsZero():
		return errInvalidGrant()
	case s.UserStatus != storage.UserActive:
		return errInvalidGrant().With("the account cannot be used").Cause(errSuspended)
	case !s.SessionLive:
		return errInvalidGrant().With("the session has ended")
	}
	return nil
}

// grantOrganization makes the grant's organization the active one: a lost
// membership is an error, never silently another organization.
func (p *Provider) grantOrganization(w *work) error {
	s := w.state
	if s.OrganizationID == "" {
		return nil
	}
	if !s.Member || !active(s.Organization) {
		return errInvalidGrant().With("the person is no longer a member of the organization").Cause(errNotMember)
	}
	w.organization, w.roles = s.Organization, s.Roles
	return nil
}

// narrow resolves resource parameters, which must be among those granted, and
// leaves out the scopes of other resources.
func (p *Provider) narrow(ctx context.Context, w *work, scope []string, form params.Form) error {
	resources, err := params.ParseResources(form.All("resource"))
	if err != nil {
		return errInvalidTarget().About("resource", err.Error())
	}
	granted := w.state.Audience
	if len(resources) == 0 {
		resources = granted
	} else if len(granted) > 0 {
		for _, r := range resources {
			if !slices.Contains(granted, r) {
				return errInvalidTarget().About("resource", "the resource was not granted")
			}
		}
	}
	if w.target, err = p.target(ctx, w.client, resources); err != nil {
		return err
	}
	w.scope = w.target.within(allowedScope(scope, w.state.SystemRoles))
	return nil
}

func (p *Provider) decideClientCredentials(ctx context.Context, w *work, form params.Form) error {
	scope, err := params.ParseScope(form.Get("scope"))
	if err != nil {
		return errInvalidScope().Cause(err)
	}
	if len(scope) == 0 {
		scope = defaultServiceScope(w.client)
	}
	for _, s := range scope {
		if !w.client.MayAsk(s) {
			return errInvalidScope()
		}
		if personal(s) {
			return errInvalidScope().With("a service has no person: openid and its kin cannot be granted to it")
		}
	}
	resources, err := params.ParseResources(form.All("resource"))
	if err != nil {
		return errInvalidTarget().About("resource", err.Error())
	}
	if w.target, err = p.target(ctx, w.client, resources); err != nil {
		return err
	}
	w.scope = w.target.within(scope)
	if w.client.OrganizationID != "" {
		w.organization = &storage.Organization{ID: w.client.OrganizationID, Slug: w.client.OrganizationSlug}
	}
	w.roles = w.client.Metadata.Roles
	return nil
}

// personal names the scopes that need a person.
func personal(scope string) bool {
	switch scope {
	case "openid", "profile", "email", "address", "phone", "offline_access", "account":
		return true
	}
	return false
}

// defaultServiceScope is what a service gets that asks for nothing (RFC 6749
// §3.3): its registered scopes, but those of our own APIs only when asked for.
func defaultServiceScope(c *client.Client) params.Scopes {
	var out params.Scopes
	for _, s := range c.Scopes() {
		if !personal(s) && !ownAPI(s) {
			out = append(out, s)
		}
	}
	return out
}

// ownAPI names the scopes of Signet's own APIs (design §3), which are never
// granted by default.
func ownAPI(scope string) bool {
	switch scope {
	case "account", "organizations", "admin", "permissions:read", "users:contact",
		"activity:write", "revocations:read", "events:read", "metrics:read":
		return true
	}
	return false
}

// finish writes what the request changed: the last step, so that whatever
// failed before has left nothing behind.
func (p *Provider) finish(ctx context.Context, w *work, response fosite.AccessResponder) error {
	switch {
	case w.state == nil, w.repeat:
		return nil
	case w.presented == 0:
		return p.finishCode(ctx, w, response)
	}
	return p.finishRefresh(ctx, w, response)
}

func (p *Provider) finishCode(ctx context.Context, w *work, response fosite.AccessResponder) error {
	now := p.Clock.Now()
	var generation int64
	if response.GetExtra("refresh_token") != nil {
		generation = 1
	}
	won, err := p.Store.UseCode(ctx, w.state.ID, generation, now, p.refreshExpiry(w.state, now))
	if err != nil {
		return err
	}
	if !won {
		// Somebody redeemed it while we were at work: the same replay as one
		// that comes a second later, and the same answer to it.
		if err := p.endGrant(ctx, w.state, reasonReplay); err != nil {
			return err
		}
		return errInvalidGrant()
	}
	return nil
}

func (p *Provider) finishRefresh(ctx context.Context, w *work, response fosite.AccessResponder) error {
	now := p.Clock.Now()
	organization := ""
	if w.organization != nil {
		organization = w.organization.ID
	}
	g := &w.state.Grant
	won, err := p.Store.StepGrant(ctx, g.ID, w.presented, organization, now, p.refreshExpiry(w.state, now))
	if err != nil {
		return err
	}
	if won {
		return p.touch(ctx, w)
	}
	// The family moved while we were at work. Look again: most likely another
	// tab of the same application made the same step.
	state, err := p.Store.GrantByID(ctx, g.ID, now)
	if err != nil {
		return err
	}
	switch {
	case p.judge(&state.Grant, w.presented) != generationRepeat:
		return errInvalidGrant().Cause(errRefreshUnknown)
	case state.OrganizationID != organization:
		return errSwitched()
	}
	same, err := p.refreshToken(g.ID, state.Generation)
	if err != nil {
		return err
	}
	response.SetExtra("refresh_token", same)
	return nil
}

// touch notes the activity of a browser session that a refresh hangs on, so
// that an application in use does not lose it to idleness.
func (p *Provider) touch(ctx context.Context, w *work) error {
	if w.state.Offline {
		return nil
	}
	var err error
	if w.state.SessionKind == storage.SessionJSON {
		err = p.Sessions.TouchJSON(ctx, w.state.SessionID, p.refreshIdle(w.state.Remember))
	} else {
		err = p.Sessions.Touch(ctx, w.state.SessionID)
	}
	if errors.Is(err, session.ErrNone) { // a logout came in between
		return errInvalidGrant().With("the session has ended").Cause(errRefreshUnknown)
	}
	return err
}

// refreshIdle is how long a refresh token may lie unused.
func (p *Provider) refreshIdle(remember bool) time.Duration {
	if remember {
		return p.Lifetimes.RefreshRemember
	}
	return p.Lifetimes.RefreshIdle
}

// refreshExpiry slides, but never past the grant's absolute end.
func (p *Provider) refreshExpiry(g *storage.GrantState, now time.Time) time.Time {
	expiry := now.Add(p.refreshIdle(g.Remember))
	if g.Expiry.Before(expiry) {
		return g.Expiry
	}
	return expiry
}

// op wraps an error of the store's with the operation's name.
func op(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("oauth: %s: %w", name, err)
}
