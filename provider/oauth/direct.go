package oauth

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/oauth/params"
	"github.com/signet-idp/signet/provider/session"
	"github.com/signet-idp/signet/provider/token"
	"github.com/signet-idp/signet/storage"
)

// Why a grant is refused, beyond what the token endpoint tells: the JSON API
// distinguishes them.
var (
	errRefreshUnknown = errors.New("oauth: refresh token unknown, revoked or of another client")
	errRefreshExpired = errors.New("oauth: refresh token expired")
	errRefreshReused  = errors.New("oauth: refresh token used before")
	errSuspended      = errors.New("oauth: account suspended")
	errNotMember      = errors.New("oauth: no member of an active organization")
	errRaced          = errors.New("oauth: refresh token used for another organization meanwhile")
)

// Direct asks for a grant without a code. First-party clients marked json_login
// take the person's proof themselves (POST /auth/login); who calls has checked it.
type Direct struct {
	ClientID string
	User     storage.User
	Auth     session.Authentication
	Device   session.Device
	Remember bool
	// Organization is the id or slug of the organization to be active; empty:
	// the one last used, as at the authorization endpoint.
	Organization string
}

// Issued is what the JSON API gives: tokens, and whom they are for.
type Issued struct {
	TokenResponse
	User           storage.User // without PasswordHash
	SessionID      string
	OrganizationID string    // the active one, or empty
	RefreshExpiry  time.Time // of the refresh token, unless it is used before
}

// DirectClient finds a client that the JSON API serves: public, first-party and
// marked json_login. fault.Forbidden for any other.
func (p *Provider) DirectClient(ctx context.Context, clientID string) (*client.Client, error) {
	c, err := p.lookup(ctx, clientID)
	if err != nil {
		return nil, err
	}
	if c == nil || !direct(c) {
		return nil, fault.New(fault.Forbidden, "this client cannot log people in here")
	}
	return c, nil
}

// known is a client that the JSON API serves, nil if it serves none of that id.
func (p *Provider) known(ctx context.Context, clientID string) *client.Client {
	c, err := p.DirectClient(ctx, clientID)
	if err != nil {
		return nil
	}
	return c
}

func direct(c *client.Client) bool {
	return c.Metadata.JSONLogin && c.Metadata.FirstParty && c.Public() && c.MayUse(client.GrantRefresh)
}

// IssueDirect begins a session of the JSON API with a grant whose refresh family
// stands at its first token. All rows and events commit together, after within,
// which runs first in the same transaction and may refuse. Errors: fault.Forbidden
// (client, organization), fault.Unavailable.
func (p *Provider) IssueDirect(ctx context.Context, d Direct, within func(ctx context.Context, c *change.Change, s storage.Session, organizationID string) error) (Issued, error) {
	start := p.Clock.Now()
	out, err := p.issueDirect(ctx, d, within)
	if err != nil {
		return Issued{}, directFault(err)
	}
	p.Observer.TokensIssued(Recipient{grantDirect, p.known(ctx, d.ClientID)}, p.Clock.Now().Sub(start))
	return out, nil
}

// grantDirect is what metrics call a grant without a code.
const grantDirect = "json_login"

func (p *Provider) issueDirect(ctx context.Context, d Direct, within func(context.Context, *change.Change, storage.Session, string) error) (Issued, error) {
	w := &work{head: p.Feed.Head()} // before memory is asked for anything
	var err error
	if w.client, err = p.DirectClient(ctx, d.ClientID); err != nil {
		return Issued{}, err
	}
	if w.state, err = p.directState(ctx, d); err != nil {
		return Issued{}, err
	}
	if err := p.catchUp(ctx, w); err != nil {
		return Issued{}, err
	}
	if !direct(w.client) {
		return Issued{}, fault.New(fault.Forbidden, "this client cannot log people in here")
	}
	w.organization, w.roles = w.state.Organization, w.state.Roles
	if w.target, err = p.target(ctx, w.client, nil); err != nil {
		return Issued{}, err
	}
	w.scope = w.target.within(allowedScope(w.client.Scopes(), w.state.SystemRoles))

	now := p.Clock.Now()
	g := &w.state.Grant
	g.CreatedAt, g.SteppedAt, g.Expiry = now, now, now.Add(p.Lifetimes.RefreshAbsolute)
	s := p.Sessions.NewJSON(d.Auth, d.Device, d.ClientID, d.Remember, p.refreshIdle(d.Remember), g.Expiry)
	g.ID, g.ClientID, g.SessionID, g.Generation = storage.NewID(), d.ClientID, s.ID, 1
	g.Scope, g.RefreshExpiry = slices.Clone(w.scope), p.refreshExpiry(w.state, now)

	out := Issued{User: w.state.User, SessionID: s.ID, OrganizationID: g.OrganizationID, RefreshExpiry: g.RefreshExpiry}
	if out.AccessToken, err = p.mint(ctx, w); err != nil {
		return Issued{}, err
	}
	if out.RefreshToken, err = p.refreshToken(g.ID, g.Generation); err != nil {
		return Issued{}, err
	}
	out.TokenType, out.ExpiresIn, out.Scope = "Bearer", int64(w.target.lifetime/time.Second), strings.Join(w.scope, " ")
	return out, p.saveDirect(ctx, w.state, s, within)
}

// directState reads what a token says of the person, after the position of the
// feed: whatever is taken away later kills it.
func (p *Provider) directState(ctx context.Context, d Direct) (*storage.GrantState, error) {
	head, err := p.Store.FeedHead(ctx)
	if err != nil {
		return nil, op("feed", err)
	}
	u := d.User
	u.PasswordHash = ""
	st := &storage.GrantState{
		Grant: storage.Grant{UserID: u.ID, AuthTime: d.Auth.Time, ACR: d.Auth.ACR, AMR: d.Auth.AMR},
		User:  u, UserStatus: u.Status, SessionLive: true, SessionKind: storage.SessionJSON, Remember: d.Remember,
		RevocationHead: head.Seq,
	}
	if st.SystemRoles, err = p.Store.SystemRoles(ctx, u.ID); err != nil {
		return nil, op("system roles", err)
	}
	id, err := p.chooseOrganization(ctx, d.Organization, u)
	if err != nil || id == "" {
		return st, err
	}
	o, m, err := p.memberOf(ctx, u.ID, id)
	if err != nil {
		return nil, err
	}
	if o == nil { // it was lost between two statements
		return nil, errAccessDenied().Cause(errNotMember)
	}
	st.OrganizationID, st.Organization, st.Member, st.Roles = o.ID, o, true, m.Roles
	return st, nil
}

func (p *Provider) saveDirect(ctx context.Context, st *storage.GrantState, s storage.Session, within func(context.Context, *change.Change, storage.Session, string) error) error {
	return p.Change.Do(ctx, "oauth: issue", func(ctx context.Context, c *change.Change) error {
		if err := within(ctx, c, s, st.OrganizationID); err != nil {
			return err
		}
		if err := p.Sessions.InsertJSON(ctx, c, s); err != nil {
			return err
		}
		if err := p.Store.InsertGrant(ctx, st.Grant); err != nil {
			return err
		}
		c.Record(grantCreated(&st.Grant))
		return nil
	})
}

// RefreshDirect is the refresh grant for the JSON API: the same families, the
// same steps. organization (id or slug) switches the active one. Errors:
// fault.TokenExpired, fault.TokenRevoked (also for another client's token, whose
// family is left alone), fault.AccountDisabled, fault.Forbidden when the
// organization is lost or out of use, fault.Conflict when the same token was just
// used to switch elsewhere, fault.Unavailable.
func (p *Provider) RefreshDirect(ctx context.Context, clientID, refreshToken, organization string) (Issued, error) {
	start := p.Clock.Now()
	out, err := p.refreshDirect(ctx, clientID, refreshToken, organization)
	if err != nil {
		p.Observer.TokenError(Recipient{client.GrantRefresh, p.known(ctx, clientID)}, asError(err).Code)
		return Issued{}, directFault(err)
	}
	p.Observer.TokensIssued(Recipient{client.GrantRefresh, p.known(ctx, clientID)}, p.Clock.Now().Sub(start))
	return out, nil
}

func (p *Provider) refreshDirect(ctx context.Context, clientID, refreshToken, organization string) (Issued, error) {
	values := url.Values{"grant_type": {client.GrantRefresh}, "refresh_token": {refreshToken}}
	if organization != "" {
		values.Set("organization", organization)
	}
	form, err := params.FromValues(values)
	if err != nil {
		return Issued{}, errInvalidGrant().Cause(errors.Join(errRefreshUnknown, err))
	}
	head := p.Feed.Head() // before memory is asked for anything
	c, err := p.DirectClient(ctx, clientID)
	if fault.Is(err, fault.Forbidden) {
		return Issued{}, errInvalidGrant().Cause(errors.Join(errRefreshUnknown, err))
	}
	if err != nil {
		return Issued{}, err
	}
	w := &work{client: c, form: form.Values(), head: head, json: true}
	resp, err := p.issue(ctx, w, form)
	switch {
	case err == nil:
	case w.state != nil && w.state.UserStatus == storage.UserSuspended:
		// The suspension has ended the grant: without this look it would seem revoked.
		return Issued{}, errInvalidGrant().Cause(errors.Join(errSuspended, err))
	case w.refused != nil:
		return Issued{}, errInvalidGrant().Cause(errors.Join(w.refused, err))
	default:
		return Issued{}, asError(err)
	}
	out := Issued{
		TokenResponse: *resp, User: w.state.User, SessionID: w.state.SessionID,
		RefreshExpiry: p.refreshExpiry(w.state, p.Clock.Now()),
	}
	if w.organization != nil {
		out.OrganizationID = w.organization.ID
	}
	return out, nil
}

// RevokeDirect ends a token of a client that the JSON API serves: an access
// token, or a refresh token with its session. What is no such token is left
// alone, and that is no error (RFC 7009 §2.2).
func (p *Provider) RevokeDirect(ctx context.Context, raw string) error {
	clientID, err := p.holder(ctx, raw)
	if err != nil || clientID == "" {
		return directFault(err)
	}
	_, err = p.DirectClient(ctx, clientID)
	if fault.Is(err, fault.Forbidden) {
		return nil
	}
	if err == nil {
		err = p.revoke(ctx, clientID, raw)
	}
	return directFault(err)
}

// holder is the client that a token was issued to; empty when it is no token.
func (p *Provider) holder(ctx context.Context, raw string) (string, error) {
	if strings.HasPrefix(raw, refreshPrefix) {
		state, err := p.directFamily(ctx, raw)
		if err != nil || state == nil {
			return "", err
		}
		return state.ClientID, nil
	}
	t, err := p.Verifier.Verify(raw)
	switch {
	case errors.Is(err, token.ErrUnknownVerdict):
		return "", errUnavailable().Cause(err)
	case err != nil:
		return "", nil //nolint:nilerr // a dead token has nothing left to end
	}
	return t.ClientID, nil
}

// SessionOfRefresh is the session that a refresh token of the JSON API hangs on,
// ended or not; false when it is no such token, or was never good.
func (p *Provider) SessionOfRefresh(ctx context.Context, raw string) (storage.Session, bool, error) {
	state, err := p.directFamily(ctx, raw)
	if err != nil || state == nil {
		return storage.Session{}, false, err
	}
	_, err = p.DirectClient(ctx, state.ClientID)
	if fault.Is(err, fault.Forbidden) {
		return storage.Session{}, false, nil
	}
	if err != nil {
		return storage.Session{}, false, directFault(err)
	}
	return storage.Session{ID: state.SessionID, UserID: state.UserID, Kind: state.SessionKind, ParentID: state.ParentSessionID}, true, nil
}

// directFamily reads the grant of a refresh token; nil when it is none of ours.
func (p *Provider) directFamily(ctx context.Context, raw string) (*storage.GrantState, error) {
	id, generation, err := p.parseRefresh(raw)
	if err != nil {
		return nil, nil //nolint:nilnil,nilerr // no token of ours is an answer
	}
	state, err := p.Store.GrantByID(ctx, id, p.Clock.Now())
	switch {
	case errors.Is(err, storage.ErrNotFound), err == nil && generation > state.Generation:
		return nil, nil //nolint:nilnil // as above
	case err != nil:
		return nil, op("refresh", err)
	}
	return &state, nil
}

// directFault turns a refusal into what the JSON API says of it.
func directFault(err error) error {
	var protocol *Error
	if err == nil || !errors.As(err, &protocol) {
		return err
	}
	switch {
	case errors.Is(err, errSuspended):
		return fault.Wrap(err, fault.AccountDisabled, "the account cannot be used")
	case errors.Is(err, errNotMember):
		return fault.Wrap(err, fault.Forbidden, "the person is not a member of the organization, or it is out of use")
	case errors.Is(err, errRaced):
		return fault.Wrap(err, fault.Conflict, "the refresh token was just used for another organization; go on with its successor")
	case errors.Is(err, errRefreshExpired):
		return fault.Wrap(err, fault.TokenExpired, "the refresh token has expired")
	case protocol.Code == errUnavailable().Code:
		return fault.Wrap(err, fault.Unavailable, "try again in a moment")
	case protocol.Code == errServer().Code:
		return err
	}
	return fault.Wrap(err, fault.TokenRevoked, "the refresh token is invalid, revoked or was used before")
}
