package oauth

import (
	"context"
	"errors"
	"slices"

	"github.com/signet-idp/signet/provider/oauth/params"
	"github.com/signet-idp/signet/storage"
)

// decideRefresh rebuilds what the new access token says from the store (fosite
// would repeat the old claims), honours a narrower scope for this token
// (RFC 6749 §6) and a switch of the organization.
func (p *Provider) decideRefresh(ctx context.Context, w *work, form params.Form) error {
	if err := p.alive(w); err != nil {
		return err
	}
	if err := p.switchOrganization(ctx, w, form.Get("organization")); err != nil {
		return err
	}
	scope := w.state.Scope
	if form.Has("scope") {
		asked, err := params.ParseScope(form.Get("scope"))
		if err != nil {
			return errInvalidScope().Cause(err)
		}
		for _, s := range asked {
			if !slices.Contains(scope, s) {
				return errInvalidScope().With("the scope goes beyond what was granted")
			}
		}
		scope = asked
	}
	// A client whose registration was narrowed since loses those scopes.
	scope = slices.DeleteFunc(slices.Clone(scope), func(s string) bool { return !w.client.MayAsk(s) })
	return p.narrow(ctx, w, scope, form)
}

// switchOrganization keeps the grant's own organization unless another is
// asked for, by id or slug. The predecessor's repetition writes nothing, so it
// cannot switch either.
func (p *Provider) switchOrganization(ctx context.Context, w *work, asked string) error {
	if o := w.state.Organization; asked == "" || (o != nil && (asked == o.ID || asked == o.Slug)) {
		return p.grantOrganization(w)
	}
	if w.repeat {
		return errSwitched()
	}
	o, m, err := p.memberOf(ctx, w.state.UserID, asked)
	if err != nil {
		return err
	}
	if o == nil {
		return errInvalidGrant().About("organization", "the person is not a member of the organization").Cause(errNotMember)
	}
	w.organization, w.roles = o, m.Roles
	return nil
}

// errSwitched answers a switch of the organization with a refresh token that
// was just used otherwise: its successor, which the other tab holds, can do it.
func errSwitched() *Error {
	return errInvalidRequest().About("organization", "the refresh token was just used for another organization; switch with its successor").Cause(errRaced)
}

// memberOf finds an active organization by id or slug of which the person is a
// member. It returns nil when there is none: whether it exists is not told.
func (p *Provider) memberOf(ctx context.Context, userID, asked string) (*storage.Organization, storage.Membership, error) {
	o, err := p.Store.OrganizationByID(ctx, asked)
	if errors.Is(err, storage.ErrNotFound) {
		o, err = p.Store.OrganizationBySlug(ctx, asked)
	}
	if errors.Is(err, storage.ErrNotFound) {
		return nil, storage.Membership{}, nil
	}
	if err != nil {
		return nil, storage.Membership{}, op("organization", err)
	}
	m, err := p.Store.Membership(ctx, o.ID, userID)
	if errors.Is(err, storage.ErrNotFound) || (err == nil && !active(&o)) {
		return nil, storage.Membership{}, nil
	}
	if err != nil {
		return nil, storage.Membership{}, op("membership", err)
	}
	return &o, m, nil
}
