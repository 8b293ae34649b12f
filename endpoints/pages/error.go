package pages

import (
	"net/http"
	"strings"
)

// Codes the error page explains in the reader's language besides those of
// OAuth 2.0 and OpenID Connect. Any other code is shown with a general text.
const (
	ErrorExpired     = "interaction_expired" // the login transaction is too old
	ErrorUsed        = "interaction_used"    // it was completed, perhaps in another tab
	ErrorCookies     = "cookies_missing"     // the browser that began it is another
	ErrorFormExpired = "form_expired"        // CSRF token missing or old
	ErrorNotFound    = "not_found"
	ErrorRateLimited = "rate_limited"
	ErrorLink        = "link_invalid" // the link of a mail is used, expired or replaced
	ErrorNoAccess    = "no_access"    // signed in, and not allowed to see the site
)

// ErrorView is a request that cannot go on and must not be sent back to a
// client (RFC 6749 §4.1.2.1).
type ErrorView struct {
	Base
	Code        string // e.g. invalid_request
	Description string // for developers, in English
	Parameter   string // the parameter at fault, e.g. redirect_uri; may be empty
	ErrorID     string // finds this failure in the log
	SignOut     string // where to sign out to come as somebody else; may be empty
}

type errorPage struct {
	ErrorView
	Title, Help string
}

// Error writes the error page (ids error-page, error-code, error-description;
// the description names the parameter at fault; error-id).
func (r *Renderer) Error(w http.ResponseWriter, status int, v ErrorView) error {
	v.Code = clean(v.Code, maxName)
	v.Description = clean(v.Description, maxDescription)
	v.Parameter = clean(v.Parameter, maxName)
	v.ErrorID = clean(v.ErrorID, maxName)
	if v.Parameter != "" && !strings.Contains(v.Description, v.Parameter) {
		v.Description = strings.TrimSpace(v.Parameter + ": " + v.Description)
	}
	if v.Description == "" {
		v.Description = "No further details."
	}
	kind := "request"
	if status >= http.StatusInternalServerError {
		kind = "server"
	}
	loc := v.Locale.orDefault(r.locales)
	return r.render(w, status, v.Base, "error", page{View: errorPage{
		ErrorView: v,
		Title:     loc.text("error.title."+v.Code, "error.title."+kind),
		Help:      loc.text("error.help."+v.Code, "error.help."+kind),
	}}, headers{})
}
