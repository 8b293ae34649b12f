package pages

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// LoginError is why a sign-in did not go through, as far as the person may
// know: the same words whether or not the account exists.
type LoginError string

// The reasons a sign-in page can give.
const (
	LoginErrorCredentials LoginError = "invalid_credentials"
	LoginErrorMissing     LoginError = "missing_field"
	LoginErrorLocked      LoginError = "locked"       // with LoginView.RetryAfter
	LoginErrorRateLimited LoginError = "rate_limited" // with LoginView.RetryAfter
	LoginErrorUnverified  LoginError = "unverified"
	LoginErrorDisabled    LoginError = "disabled"
	LoginErrorFormExpired LoginError = "form_expired" // CSRF token missing or old
	LoginErrorUnavailable LoginError = "unavailable"  // hashing queue full, store away
	LoginErrorPasskey     LoginError = "passkey"      // unknown, or no answer to what was asked
)

// Field reports whether the reason is about what was typed, so that the
// password field, and not the message, should have the focus.
func (e LoginError) Field() bool {
	return e == LoginErrorCredentials || e == LoginErrorMissing
}

// text is the reason in words; after too many attempts with the minutes to wait.
func (e LoginError) text(l *locale, wait time.Duration) string {
	key := "login.error." + string(e)
	if wait > 0 && (e == LoginErrorLocked || e == LoginErrorRateLimited) {
		key += ".minutes"
	}
	minutes := strconv.Itoa(int((wait + time.Minute - 1) / time.Minute))
	return l.text(key, "login.error.unavailable", "{minutes}", minutes)
}

// LoginView is the sign-in page.
type LoginView struct {
	Base
	Form
	Client      Client
	RedirectURI string // where this login will end; decides CSP form-action
	Username    string // login_hint, or what was typed before the error
	Error       LoginError
	RetryAfter  time.Duration // rounded up to minutes
	// Recovery and Registration: the page links to those pages, with Recovery and
	// LoginErrorUnverified also to the one that sends the link again.
	Recovery, Registration bool
	// PasskeyOptions are for navigator.credentials.get, and PasskeyState comes
	// back with its answer; empty where passkeys are not offered.
	PasskeyOptions, PasskeyState string
}

// loginPage is LoginView as the template reads it.
type loginPage struct {
	LoginView
	Initial       string
	ErrorText     string
	RecoverLink   string
	VerifyLink    string // once the address is known to be unproven
	RegisterLink  string
	FocusUsername bool
	FocusPassword bool
	FocusError    bool
}

// Login writes the sign-in page (ids login-page, username, password,
// login-submit, login-cancel, login-error, login-verify, login-recover,
// login-register, client-logo, client-policy, client-tos). It returns
// ErrUnsafeURI for a redirect URI no browser may be sent to; nothing has been
// written then.
func (r *Renderer) Login(w http.ResponseWriter, status int, v LoginView) error {
	t, err := parseTarget(v.RedirectURI)
	if err != nil {
		return fmt.Errorf("pages: login: %w", err)
	}
	if v.Form, err = r.form(v.Form, PathLogin); err != nil {
		return fmt.Errorf("pages: login: %w", err)
	}
	v.Client = v.Client.clean(t.host)
	v.Username = clean(v.Username, maxIdentifier)
	p := loginPage{LoginView: v, Initial: initial(v.Client.Name)}
	if v.Recovery {
		p.RecoverLink = r.with(PathRecover, FieldTransaction, v.Transaction)
		if v.Error == LoginErrorUnverified {
			p.VerifyLink = r.with(PathVerifyEmail, FieldTransaction, v.Transaction)
		}
	}
	if v.Registration {
		p.RegisterLink = r.with(PathRegister, FieldTransaction, v.Transaction)
	}
	if v.Error != "" {
		p.ErrorText = v.Error.text(v.Locale.orDefault(r.locales), v.RetryAfter)
	}
	switch {
	case v.Error != "" && !v.Error.Field():
		p.FocusError = true
	case v.Username != "":
		p.FocusPassword = true
	default:
		p.FocusUsername = true
	}
	return r.render(w, status, v.Base, "login", page{App: v.Client.Name, View: p}, headers{form: formSources(t, v.Client), logo: v.Client.LogoURI})
}
