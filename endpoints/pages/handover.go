package pages

import (
	"errors"
	"fmt"
	"html/template"
	"net/http"
)

// Field is one parameter of an authorization response.
type Field struct {
	Name, Value string
}

// FormPostView carries an authorization response as a form (OAuth 2.0 Form
// Post Response Mode §2).
type FormPostView struct {
	Base
	Client      Client
	RedirectURI string
	Fields      []Field // in this order, not cut
}

type templateURL = template.URL

// link marks the address as checked: html/template knows only http, https and
// mailto and would put its own mark in the place of a private-use scheme.
func (t target) link() templateURL {
	//nolint:gosec // G203: parseTarget has refused every scheme that runs script
	return template.URL(t.uri)
}

type handoverPage struct {
	Fields []Field
	Link   templateURL
}

// errNoRedirectURI is a caller's mistake, not a request's.
var errNoRedirectURI = errors.New("redirect URI missing")

// FormPost writes the page that posts itself to the client: with the script,
// or without it by its button (ids form-post-page, form-post-continue).
//
// Its form-action names the client's scheme and not its origin: Chromium holds
// every later redirect against it, and a client may well go on from
// api.example to app.example. Nothing is typed on this page, so nothing more
// can leave it.
func (r *Renderer) FormPost(w http.ResponseWriter, status int, v FormPostView) error {
	t, err := parseTarget(v.RedirectURI)
	if err == nil && t.uri == "" {
		err = errNoRedirectURI
	}
	if err != nil {
		return fmt.Errorf("pages: form post: %w", err)
	}
	v.Client = v.Client.clean(t.host)
	return r.render(w, status, v.Base, "form-post", page{
		App: v.Client.Name, View: handoverPage{Fields: v.Fields, Link: t.link()},
	}, headers{form: t.scheme()})
}

// RedirectingView carries an authorization response in an address that a 302
// cannot reach after a form; see NeedsRedirectPage.
type RedirectingView struct {
	Base
	Client      Client
	RedirectURI string // complete, with the response parameters
}

// Redirecting writes a page that sends the browser on with a Refresh header:
// it ends the form's redirect chain, to which form-action applies even where
// the client goes on to a third origin by itself (ids redirecting-page,
// redirecting-continue).
func (r *Renderer) Redirecting(w http.ResponseWriter, status int, v RedirectingView) error {
	t, err := parseTarget(v.RedirectURI)
	if err == nil && t.uri == "" {
		err = errNoRedirectURI
	}
	if err != nil {
		return fmt.Errorf("pages: redirecting: %w", err)
	}
	v.Client = v.Client.clean(t.host)
	return r.render(w, status, v.Base, "redirecting", page{
		App: v.Client.Name, View: handoverPage{Link: t.link()},
	}, headers{refresh: t.uri})
}
