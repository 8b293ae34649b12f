package pages

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// AccountError is why a form about an account did not go through.
type AccountError string

// The reasons such a form can give.
const (
	AccountErrorEmail       AccountError = "email"
	AccountErrorTaken       AccountError = "taken"
	AccountErrorShort       AccountError = "short"
	AccountErrorLong        AccountError = "long"
	AccountErrorCommon      AccountError = "common"
	AccountErrorKnown       AccountError = "known"
	AccountErrorPersonal    AccountError = "personal"
	AccountErrorUnusable    AccountError = "unusable"
	AccountErrorRateLimited AccountError = "rate_limited"
	AccountErrorUnavailable AccountError = "unavailable"
	AccountErrorRefused     AccountError = "refused"
	AccountErrorCurrent     AccountError = "current" // of the password that there is
	AccountErrorLocked      AccountError = "locked"
	AccountErrorExpired     AccountError = "form_expired"
)

// aboutEmail and aboutPassword say which field the reason is about.
func (e AccountError) aboutEmail() bool { return e == AccountErrorEmail || e == AccountErrorTaken }

func (e AccountError) aboutPassword() bool {
	switch e {
	case AccountErrorShort, AccountErrorLong, AccountErrorCommon, AccountErrorKnown, AccountErrorPersonal, AccountErrorUnusable:
		return true
	}
	return false
}

// AccountView is a form in which somebody makes an account, asks for a way back
// into one, or chooses a new password.
type AccountView struct {
	Base
	Form
	Token   string // of the mail that led here, or empty
	Email   string // what was typed, or what an invitation was sent to
	Fixed   bool   // the address is the invitation's and stays
	Minimum int    // shortest password, in characters
	Current bool   // the password that there is has to be typed as well
	// Organization is where an invitation leads, or empty.
	Organization string
	Error        AccountError
	Reason       string // the operator's own words for AccountErrorRefused, or empty
}

type accountPage struct {
	AccountView
	NewAccount    bool
	ErrorText     string
	Hint          string
	SignIn        string // link back to the sign-in in progress, or empty
	EmailBad      bool
	PasswordBad   bool
	CurrentBad    bool
	FocusError    bool
	FocusEmail    bool
	FocusPassword bool
	FocusCurrent  bool
	Security      string // link back to the page of an account's security
}

func (r *Renderer) accountForm(w http.ResponseWriter, status int, v AccountView, name, path string) error {
	var err error
	if v.Form, err = r.form(v.Form, path); err != nil {
		return fmt.Errorf("pages: %s: %w", name, err)
	}
	if len(v.Token) > maxToken {
		v.Token = ""
	}
	v.Email, v.Organization, v.Reason = clean(v.Email, maxIdentifier), clean(v.Organization, maxName), clean(v.Reason, maxDescription)
	l, minimum := v.Locale.orDefault(r.locales), strconv.Itoa(v.Minimum)
	p := accountPage{
		AccountView: v, NewAccount: path == PathRegister, Hint: l.text("account.minimum", "", "{minimum}", minimum), SignIn: r.signIn(v.Transaction),
		EmailBad: v.Error.aboutEmail(), PasswordBad: v.Error.aboutPassword(),
		CurrentBad: v.Error == AccountErrorCurrent, Security: r.basePath + PathSecurity,
	}
	if v.Error != "" {
		p.ErrorText = l.text("account.error."+string(v.Error), "account.error.unavailable", "{minimum}", minimum)
		if v.Error == AccountErrorRefused && v.Reason != "" {
			p.ErrorText = v.Reason
		}
	}
	p.FocusError = v.Error != "" && !p.EmailBad && !p.PasswordBad && !p.CurrentBad
	p.FocusCurrent = !p.FocusError && v.Current && !p.PasswordBad
	p.FocusPassword = !p.FocusError && !p.FocusCurrent && (p.PasswordBad || v.Email != "" && !p.EmailBad)
	p.FocusEmail = !p.FocusError && !p.FocusCurrent && !p.FocusPassword
	return r.render(w, status, v.Base, name, page{Organization: v.Organization, User: v.Email, View: p}, headers{})
}

// maxToken bounds the token of a mail.
const maxToken = 128

// signIn is the link back to a sign-in in progress.
func (r *Renderer) signIn(transaction string) string {
	return r.with(PathLogin, FieldTransaction, transaction)
}

// with is a path of ours with one parameter; empty without its value.
func (r *Renderer) with(path, name, value string) string {
	if value == "" {
		return ""
	}
	return r.basePath + path + "?" + url.Values{name: {value}}.Encode()
}

// Register writes the page that makes an account (ids register-page, email,
// new-password, register-submit, account-error, account-signin).
func (r *Renderer) Register(w http.ResponseWriter, status int, v AccountView) error {
	return r.accountForm(w, status, v, "register", PathRegister)
}

// Recover writes the page that asks for the address of a forgotten password
// (ids recover-page, email, recover-submit, account-error, account-signin).
func (r *Renderer) Recover(w http.ResponseWriter, status int, v AccountView) error {
	return r.accountForm(w, status, v, "recover", PathRecover)
}

// Resend writes the page that asks for the address to which the link that
// proves it is sent again (ids resend-page, email, resend-submit,
// account-error, account-signin).
func (r *Renderer) Resend(w http.ResponseWriter, status int, v AccountView) error {
	return r.accountForm(w, status, v, "resend", PathVerifyEmail)
}

// NewPassword writes the page that a reset link leads to (ids recover-page,
// email, new-password, recover-submit, account-error). The address is shown and
// decides nothing: password managers file the new password under it.
func (r *Renderer) NewPassword(w http.ResponseWriter, status int, v AccountView) error {
	v.Fixed = true
	return r.accountForm(w, status, v, "new-password", PathRecover)
}

// Ask is a question with one button: links in mails are followed by programs
// too, and only a button acts.
type Ask string

// The questions.
const (
	AskVerify     Ask = "verify"     // is this address yours?
	AskConfirm    Ask = "confirm"    // shall this new address be the account's?
	AskRestore    Ask = "restore"    // shall the account come back?
	AskUnlock     Ask = "unlock"     // shall the lock be lifted?
	AskInvitation Ask = "invitation" // do you want to join?
)

// AskView is a page with a question.
type AskView struct {
	Base
	Form
	Ask   Ask
	Token string
	// Of an invitation: where it leads, who invited (may be empty), to which
	// address, and whether somebody with that address is signed in.
	Organization, Inviter, Email string
	SignedIn                     bool
	// Other: somebody with another address is signed in.
	Other bool
	// Register: who has no account may make one. Recovery: the page links to the
	// one for a forgotten password.
	Register, Recovery bool
	// Error is why the password that accepts an invitation did not.
	Error      LoginError
	RetryAfter time.Duration // rounded up to minutes
}

type askPage struct {
	AskView
	Title, Lead, Note, Submit string
	ErrorText                 string
	RegisterLink, RecoverLink string
	Password                  bool // is asked for, of whoever is not signed in
	FocusPassword, FocusError bool
}

// Question writes the page of a link in a mail (ids NAME-page, NAME-submit; for
// an invitation to somebody who is not signed in also email, password,
// login-error, login-recover, invitation-register).
func (r *Renderer) Question(w http.ResponseWriter, status int, v AskView) error {
	var err error
	if v.Form, err = r.form(v.Form, v.Ask.path()); err != nil {
		return fmt.Errorf("pages: %s: %w", v.Ask, err)
	}
	if len(v.Token) > maxToken {
		v.Token = ""
	}
	l, key := v.Locale.orDefault(r.locales), string(v.Ask)
	names := namesOf(v.Organization, v.Inviter, v.Email)
	p := askPage{AskView: v, Title: l.text(key+".title", "", names...), Submit: l.text(key+".submit", "")}
	lead := key + ".lead"
	if v.Ask == AskInvitation {
		if v.Inviter == "" {
			lead += ".anonymous"
		}
		switch {
		case v.Other:
			p.Note = l.text("invitation.other", "", names...)
		case !v.SignedIn:
			p.Note = l.text("invitation.signin", "", names...)
		}
		p.askPassword(r, l)
	}
	p.Lead = l.text(lead, "", names...)
	return r.render(w, status, v.Base, "ask", page{View: p}, headers{})
}

// askPassword is what an invitation shows somebody who is not signed in as the
// one it was sent to.
func (p *askPage) askPassword(r *Renderer, l *locale) {
	p.Password, p.Email = !p.SignedIn, clean(p.Email, maxIdentifier)
	if !p.Password {
		return
	}
	if p.Register && !p.Other {
		p.RegisterLink = r.with(PathRegister, FieldToken, p.Token)
	}
	if p.Recovery {
		p.RecoverLink = r.basePath + PathRecover
	}
	switch p.Error {
	case "":
	case LoginErrorCredentials, LoginErrorMissing:
		p.ErrorText, p.FocusPassword = l.text("invitation.error.password", ""), true
	default:
		p.ErrorText, p.FocusError = p.Error.text(l, p.RetryAfter), true
	}
}

func (a Ask) path() string {
	switch a {
	case AskVerify:
		return PathVerifyEmail
	case AskConfirm:
		return PathConfirmEmail
	case AskRestore:
		return PathRestore
	case AskUnlock:
		return PathUnlock
	default:
		return PathInvitation
	}
}

// Told is what a page says when something was done.
type Told string

// What pages say.
const (
	ToldRegisterSent Told = "register-sent" // a mail was sent to the new account
	ToldRegistered   Told = "register-done"
	ToldClosed       Told = "register-closed"
	ToldRecoverSent  Told = "recover-sent"
	ToldRecovered    Told = "recover-done"
	ToldResent       Told = "resend-sent" // the link was, if there is such an account
	ToldVerified     Told = "verify-done"
	ToldConfirmed    Told = "confirm-done"
	ToldRestored     Told = "restore-done"
	ToldUnlocked     Told = "unlock-done"
	ToldJoined       Told = "invitation-done"
	ToldCancelled    Told = "signin-cancelled" // to a page of ours
)

// ToldView is a page that only says something.
type ToldView struct {
	Base
	Told         Told
	Email        string
	Organization string
	// Transaction is the sign-in in progress to go back to, or empty.
	Transaction string
	// Back is a path of ours to sign in to instead, or empty.
	Back string
}

type toldPage struct {
	ToldView
	Title, Lead, SignIn string
}

// Say writes such a page (its id is the Told; told-signin goes back to the
// sign-in).
func (r *Renderer) Say(w http.ResponseWriter, status int, v ToldView) error {
	if len(v.Transaction) > maxHidden {
		v.Transaction = ""
	}
	l, names := v.Locale.orDefault(r.locales), namesOf(v.Organization, "", v.Email)
	p := toldPage{
		ToldView: v, Title: l.text(string(v.Told)+".title", "", names...), Lead: l.text(string(v.Told)+".lead", "", names...),
		SignIn: r.signIn(v.Transaction),
	}
	if v.Back != "" {
		p.SignIn = r.basePath + v.Back
	}
	return r.render(w, status, v.Base, "told", page{View: p}, headers{})
}

// namesOf are the replacements for names in words chosen at run time. The
// isolates (UAX #9) do for them what bdi does in a template.
func namesOf(organization, inviter, user string) []string {
	isolated := func(s string, limit int) string { return "\u2068" + clean(s, limit) + "\u2069" }
	return []string{
		"{organization}", isolated(organization, maxName), "{inviter}", isolated(inviter, maxName), "{user}", isolated(user, maxIdentifier),
	}
}
