package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
)

func seconds(n int64) time.Duration { return time.Duration(n) * time.Second }

// Authorize gives a code to the person of a live session: everything that
// login and consent had to settle is settled. consume is run in the
// transaction that writes the code and marks the login transaction used; it
// may be nil when there was none. Errors are *AuthorizeError.
func (p *Provider) Authorize(ctx context.Context, r *AuthorizeRequest, s storage.Session, consume func(ctx context.Context) error) (*AuthorizeResponse, error) {
	resp, err := p.authorize(ctx, r, s, consume)
	if err != nil {
		return nil, p.Refuse(r, err)
	}
	return resp, nil
}

func (p *Provider) authorize(ctx context.Context, r *AuthorizeRequest, s storage.Session, consume func(ctx context.Context) error) (*AuthorizeResponse, error) {
	user, err := p.Store.UserByID(ctx, s.UserID)
	if err != nil {
		return nil, op("user", err)
	}
	if user.Status != storage.UserActive {
		return nil, errAccessDenied().With("the account cannot be used")
	}
	organization, err := p.ChooseOrganization(ctx, r, user)
	if err != nil {
		return nil, err
	}
	scope, err := p.grantedScope(ctx, r, user.ID)
	if err != nil {
		return nil, err
	}
	now := p.Clock.Now()
	g := &storage.Grant{
		ID: storage.NewID(), ClientID: r.Client.ClientID, UserID: user.ID, SessionID: s.ID,
		OrganizationID: organization, Scope: scope, Audience: r.Resources, Nonce: r.Nonce,
		AuthTime: s.AuthTime, ACR: s.ACR, AMR: s.AMR, Offline: r.Offline(),
		RedirectURI: r.RedirectURI, CreatedAt: now, Expiry: now.Add(p.Lifetimes.RefreshAbsolute),
	}
	if !r.Claims.IsZero() {
		raw, err := json.Marshal(r.Claims)
		if err != nil {
			return nil, op("claims", err)
		}
		g.Claims = string(raw)
	}
	w := &work{client: r.Client, form: r.Form.Values(), grant: g}
	resp, err := p.fositeAuthorize(withWork(ctx, w), w)
	if err != nil {
		return nil, err
	}
	if err := p.saveGrant(ctx, g, s, user, consume); err != nil {
		return nil, err
	}
	v := url.Values{"code": {resp.GetCode()}, "iss": {p.Issuer}}
	if r.State != "" {
		v.Set("state", r.State)
	}
	return r.respond(v), nil
}

// saveGrant writes code, event and the used mark of the login together.
func (p *Provider) saveGrant(ctx context.Context, g *storage.Grant, s storage.Session, user storage.User, consume func(ctx context.Context) error) error {
	return p.Change.Do(ctx, "oauth: authorize", func(ctx context.Context, c *change.Change) error {
		if consume != nil {
			if err := consume(ctx); err != nil {
				return err
			}
		}
		g.SessionID = s.ID
		if g.Offline {
			offline, err := p.Sessions.Offline(ctx, c, s, g.ClientID, g.Expiry)
			if err != nil {
				return err
			}
			g.SessionID = offline.ID
		}
		if err := p.Store.InsertGrant(ctx, *g); err != nil {
			return err
		}
		if g.OrganizationID != user.LastOrganizationID && g.OrganizationID != "" {
			if err := p.Store.TouchLogin(ctx, user.ID, g.OrganizationID, s.AuthTime); err != nil {
				return err
			}
		}
		c.Record(grantCreated(g))
		return nil
	})
}

func grantCreated(g *storage.Grant) event.Event {
	return event.Event{Type: event.GrantCreated, Subject: g.UserID, Organization: g.OrganizationID, Data: map[string]any{
		"grant_id": g.ID, "session_id": g.SessionID, "client_id": g.ClientID, "scopes": change.List(g.Scope),
	}}
}

// ChooseOrganization picks the one active organization of a new grant: the one
// asked for, else the one last used, else the first joined.
func (p *Provider) ChooseOrganization(ctx context.Context, r *AuthorizeRequest, user storage.User) (string, error) {
	return p.chooseOrganization(ctx, r.Organization, user)
}

func (p *Provider) chooseOrganization(ctx context.Context, asked string, user storage.User) (string, error) {
	if asked != "" {
		o, _, err := p.memberOf(ctx, user.ID, asked)
		if err != nil {
			return "", err
		}
		if o == nil {
			return "", errAccessDenied().About("organization", "the person is not a member of the organization").Cause(errNotMember)
		}
		return o.ID, nil
	}
	if user.LastOrganizationID != "" {
		m, err := p.Store.Membership(ctx, user.LastOrganizationID, user.ID)
		switch {
		case err == nil && m.OrganizationStatus == storage.OrganizationActive:
			return m.OrganizationID, nil
		case err != nil && !errors.Is(err, storage.ErrNotFound):
			return "", op("membership", err)
		}
	}
	list, err := p.Store.MembershipsOf(ctx, user.ID, "", maxConsidered)
	if err != nil {
		return "", op("memberships", err)
	}
	list = slices.DeleteFunc(list, func(m storage.Membership) bool { return m.OrganizationStatus != storage.OrganizationActive })
	if len(list) == 0 {
		return "", nil
	}
	return slices.MinFunc(list, func(a, b storage.Membership) int { return a.JoinedAt.Compare(b.JoinedAt) }).OrganizationID, nil
}

// maxConsidered bounds the memberships looked at for a first choice.
const maxConsidered = 100

// grantedScope is the scope asked for, less what this person or client cannot
// have: offline_access without the refresh grant, admin without being one.
func (p *Provider) grantedScope(ctx context.Context, r *AuthorizeRequest, userID string) ([]string, error) {
	scope := slices.Clone([]string(r.Scope))
	if !r.Offline() {
		scope = slices.DeleteFunc(scope, func(s string) bool { return s == "offline_access" })
	}
	if slices.Contains(scope, "admin") {
		roles, err := p.Store.SystemRoles(ctx, userID)
		if err != nil {
			return nil, op("system roles", err)
		}
		scope = allowedScope(scope, roles)
	}
	return r.target.within(scope), nil
}

// allowedScope leaves out what a person with these system roles cannot have:
// the scope admin, unless an administrator or manager.
func allowedScope(scope, systemRoles []string) []string {
	if !slices.Contains(scope, "admin") || slices.Contains(systemRoles, "admin") || slices.Contains(systemRoles, "manager") {
		return scope
	}
	return slices.DeleteFunc(slices.Clone(scope), func(s string) bool { return s == "admin" })
}
