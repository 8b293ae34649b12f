package pages

import (
	"fmt"
	"net/http"
)

// LogoutView asks whether the person wants to sign out (OpenID Connect
// RP-Initiated Logout 1.0 §2: the OP should ask, and must without a valid hint).
type LogoutView struct {
	Base
	Form
	Client      Client // zero when the request named none
	RedirectURI string // post_logout_redirect_uri, already checked; may be empty
	Account     Account
}

// Logout writes the page that confirms a sign-out (ids logout-page,
// logout-confirm, logout-cancel).
func (r *Renderer) Logout(w http.ResponseWriter, status int, v LogoutView) error {
	t, err := parseTarget(v.RedirectURI)
	if err != nil {
		return fmt.Errorf("pages: logout: %w", err)
	}
	if v.Form, err = r.form(v.Form, PathLogout); err != nil {
		return fmt.Errorf("pages: logout: %w", err)
	}
	v.Client, v.Account = v.Client.clean(""), v.Account.clean()
	return r.render(w, status, v.Base, "logout", page{
		App: v.Client.Name, User: v.Account.label(), View: v,
	}, headers{form: t.source})
}

// LoggedOutView says that the session is over.
type LoggedOutView struct {
	Base
	Client    Client // names the link back
	ReturnURI string // link back to the application; empty: none
	Return    bool   // follow the link without a click (Refresh header)
}

type loggedOutPage struct {
	LoggedOutView
	Link templateURL
}

// LoggedOut writes the page after a sign-out (id logged-out).
func (r *Renderer) LoggedOut(w http.ResponseWriter, status int, v LoggedOutView) error {
	t, err := parseTarget(v.ReturnURI)
	if err != nil {
		return fmt.Errorf("pages: logged out: %w", err)
	}
	v.Client = v.Client.clean(t.host)
	var h headers
	if v.Return {
		h.refresh = t.uri
	}
	return r.render(w, status, v.Base, "logged-out", page{App: v.Client.Name, View: loggedOutPage{v, t.link()}}, h)
}

// LogoutCancelled writes the page after the person chose to stay signed in (id
// logout-cancelled).
func (r *Renderer) LogoutCancelled(w http.ResponseWriter, status int, b Base) error {
	return r.render(w, status, b, "logout-cancelled", page{}, headers{})
}
