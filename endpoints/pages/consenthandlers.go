package pages

import (
	"context"
	"net/http"

	"github.com/signet-idp/signet/provider/login"
)

func (i *Interaction) showConsent(w http.ResponseWriter, r *http.Request) error {
	p, b, err := i.resume(r, query(r))
	if err != nil {
		return i.refuse(w, r, err)
	}
	out, err := i.Login.Continue(r.Context(), p, b)
	if err != nil {
		return i.Fail(w, r, err)
	}
	if out.Step != login.StepConsent {
		return i.follow(w, r, out)
	}
	u, err := i.Users.UserByID(r.Context(), b.Session.UserID)
	if err != nil {
		return err
	}
	name, _ := u.Profile["name"].(string)
	organization, err := i.Login.OrganizationName(r.Context(), p, u)
	if err != nil {
		return i.refuse(w, r, err)
	}
	v := ConsentView{
		Base: i.baseFor(r, p.Request), Form: Form{Transaction: p.Param, CSRF: b.Session.ID}, Client: i.clientView(r, p),
		RedirectURI: p.Request.RedirectURI, Account: Account{Name: name, Email: u.Email}, Organization: organization,
		Scopes: i.scopes(r.Context(), p),
	}
	return i.Renderer.Consent(w, http.StatusOK, v)
}

func (i *Interaction) scopes(ctx context.Context, p *login.Pending) []Scope {
	asked := p.Request.Disclosed()
	out := make([]Scope, 0, len(asked))
	for _, s := range asked {
		out = append(out, Scope{Name: s, Description: i.Scopes.Describe(ctx, p.Request.Client.Metadata.Audience, s)})
	}
	return out
}

func (i *Interaction) submitConsent(w http.ResponseWriter, r *http.Request) error {
	f, err := i.form(r)
	if err != nil {
		return err
	}
	p, b, err := i.resume(r, f.Get(FieldTransaction))
	if err != nil {
		return i.refuse(w, r, err)
	}
	out, err := i.Login.Consent(r.Context(), p, b, f.Get(FieldCSRF), f.Get(FieldAction) == ActionApprove)
	if err != nil {
		return i.refuse(w, r, err)
	}
	return i.follow(w, r, out)
}
