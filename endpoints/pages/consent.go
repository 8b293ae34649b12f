package pages

import (
	"fmt"
	"net/http"
)

// Scope is one thing a client asks for.
type Scope struct {
	Name string
	// Description is what a resource says about a scope of its own; scopes
	// that Signet knows are described in the reader's language.
	Description string
}

// ConsentView is the page on which a person lets a client in, or not.
type ConsentView struct {
	Base
	Form
	Client       Client
	RedirectURI  string
	Account      Account
	Organization string // display name; empty when the grant has none
	Scopes       []Scope
}

type consentPage struct {
	ConsentView
	Initial string
}

// Consent writes the consent page (ids consent-page, consent-approve,
// consent-deny, client-logo, client-policy, client-tos).
func (r *Renderer) Consent(w http.ResponseWriter, status int, v ConsentView) error {
	t, err := parseTarget(v.RedirectURI)
	if err != nil {
		return fmt.Errorf("pages: consent: %w", err)
	}
	if v.Form, err = r.form(v.Form, PathConsent); err != nil {
		return fmt.Errorf("pages: consent: %w", err)
	}
	v.Client, v.Account = v.Client.clean(t.host), v.Account.clean()
	v.Organization = clean(v.Organization, maxName)
	if len(v.Scopes) > maxScopes {
		// Hiding a permission would be worse than refusing the request.
		return fmt.Errorf("pages: consent: more than %d scopes", maxScopes)
	}
	v.Scopes = describe(v.Scopes, v.Locale.orDefault(r.locales))
	p := consentPage{ConsentView: v, Initial: initial(v.Client.Name)}
	return r.render(w, status, v.Base, "consent", page{
		App: v.Client.Name, User: v.Account.label(), Organization: v.Organization, Host: clean(t.host, maxIdentifier), View: p,
	}, headers{form: formSources(t, v.Client), logo: v.Client.LogoURI})
}

// describe returns the scopes as the reader should see them, leaving the
// caller's slice alone.
func describe(scopes []Scope, loc *locale) []Scope {
	out := make([]Scope, len(scopes))
	for i, s := range scopes {
		out[i].Name = clean(s.Name, maxName)
		if known := loc.text("scope."+s.Name, ""); known != "" {
			out[i].Description = known
		} else {
			out[i].Description = clean(s.Description, maxDescription)
		}
	}
	return out
}
