package pages

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/account"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/oauth/params"
	"github.com/signet-idp/signet/provider/session"
	"github.com/signet-idp/signet/provider/user/password"
	"github.com/signet-idp/signet/storage"
)

// Invitations are the ways into organizations that an address was sent.
type Invitations interface {
	// Invited returns the open invitation of a token; fault.LinkInvalid.
	Invited(ctx context.Context, token string) (account.Invitation, error)
	// Accept makes the person a member; fault.LinkInvalid, or fault.Forbidden
	// when it was sent to another address than their proven one.
	Accept(ctx context.Context, token string, u storage.User) error
}

// Accounts serves the pages about accounts: those that mails lead to and those
// that the sign-in page does. A link only shows a page, since mail scanners
// follow links; its button acts.
type Accounts struct {
	*Interaction
	Account     *account.Service
	Invitations Invitations // nil: none exist
	MinLength   int         // of a password, for the hint
}

// Mount adds the routes.
func (a *Accounts) Mount(t *web.Table) {
	add := func(name, method, path string, h web.HandlerFunc) {
		r := web.Route{
			Name: name, Summary: "Hosted page", Methods: []string{method}, Path: path, Auth: web.Public(),
			Handler: h, Style: web.Page, Hidden: true,
		}
		if method == http.MethodPost {
			r.RateClass = class(path)
		}
		t.Add(r)
	}
	get, post := http.MethodGet, http.MethodPost
	add("registerPage", get, PathRegister, a.showRegister)
	add("submitRegister", post, PathRegister, a.submitRegister)
	add("recoverPage", get, PathRecover, a.showRecover)
	add("submitRecover", post, PathRecover, a.submitRecover)
	t.Add(a.strengthRoute())
	add("verifyEmailPage", get, PathVerifyEmail, a.showVerify)
	add("submitVerifyEmail", post, PathVerifyEmail, a.submitVerify)
	add("confirmEmailPage", get, PathConfirmEmail, a.ask(AskConfirm))
	add("submitConfirmEmail", post, PathConfirmEmail, a.submitConfirm)
	add("restorePage", get, PathRestore, a.ask(AskRestore))
	add("submitRestore", post, PathRestore, a.submitRestore)
	add("unlockPage", get, PathUnlock, a.ask(AskUnlock))
	add("submitUnlock", post, PathUnlock, a.submitUnlock)
	if a.Invitations != nil {
		add("invitationPage", get, PathInvitation, a.showInvitation)
		add("submitInvitation", post, PathInvitation, a.submitInvitation)
	}
}

// class is the limit class of what a page sends.
func class(path string) string {
	switch path {
	case PathRegister:
		return web.RateRegister
	case PathRecover, PathVerifyEmail:
		return web.RateMail
	case PathInvitation:
		return web.RateLogin
	default:
		return web.RateToken
	}
}

// parameters reads a page's address; what is malformed is as good as missing.
func parameters(r *http.Request) params.Form {
	f, err := params.Parse(r.URL.RawQuery)
	if err != nil {
		return params.Form{}
	}
	return f
}

// accepted is the languages that whoever asks reads.
func accepted(r *http.Request) string { return r.Header.Get("Accept-Language") }

func (a *Accounts) open() bool { return a.Account.Settings.Registration == account.RegistrationOpen }

func (a *Accounts) showRegister(w http.ResponseWriter, r *http.Request) error {
	q := parameters(r)
	v := AccountView{
		Base: a.base(r, ""), Form: Form{Transaction: q.Get(FieldTransaction)}, Token: q.Get(FieldToken), Minimum: a.MinLength,
	}
	if v.Token == "" {
		if !a.open() {
			return a.Renderer.Say(w, http.StatusForbidden, ToldView{Base: v.Base, Told: ToldClosed, Transaction: v.Transaction})
		}
		return a.Renderer.Register(w, http.StatusOK, v)
	}
	if err := a.fillInvitation(r, &v); err != nil {
		return a.linkFailed(err)
	}
	return a.Renderer.Register(w, http.StatusOK, v)
}

// fillInvitation takes the address and the organization from the invitation.
func (a *Accounts) fillInvitation(r *http.Request, v *AccountView) error {
	if v.Token == "" {
		return nil
	}
	if a.Invitations == nil {
		return fault.New(fault.LinkInvalid, "there are no invitations here")
	}
	i, err := a.Invitations.Invited(r.Context(), v.Token)
	if err == nil {
		v.Email, v.Fixed, v.Organization = i.Email, true, i.Organization
	}
	return err
}

func (a *Accounts) submitRegister(w http.ResponseWriter, r *http.Request) error {
	f, err := a.form(r)
	if err != nil {
		return err
	}
	v := AccountView{
		Base: a.base(r, ""), Form: Form{Transaction: f.Get(FieldTransaction)}, Token: f.Get(FieldToken),
		Email: f.Get(FieldEmail), Minimum: a.MinLength,
	}
	if err := a.fillInvitation(r, &v); err != nil {
		return a.linkFailed(err)
	}
	made, err := a.Account.Register(r.Context(), account.Registration{
		Email: v.Email, Password: f.Get(FieldNewPassword), InviteToken: v.Token, Locale: accepted(r),
	})
	if err != nil {
		return a.accountFailed(w, v, err, a.Renderer.Register)
	}
	told := ToldView{Base: v.Base, Told: ToldRegistered, Email: v.Email, Transaction: v.Transaction}
	if made.Neutral || made.VerificationRequired {
		told.Told = ToldRegisterSent
	} else {
		web.Log(r.Context()).User(made.User.ID)
	}
	return a.Renderer.Say(w, http.StatusOK, told)
}

func (a *Accounts) showRecover(w http.ResponseWriter, r *http.Request) error {
	q := parameters(r)
	v := AccountView{
		Base: a.base(r, ""), Form: Form{Transaction: q.Get(FieldTransaction)}, Token: q.Get(FieldToken), Minimum: a.MinLength,
	}
	if v.Token == "" {
		return a.Renderer.Recover(w, http.StatusOK, v)
	}
	email, err := a.Account.ResetOf(r.Context(), v.Token)
	if err != nil {
		return a.linkFailed(err)
	}
	v.Email = email
	return a.Renderer.NewPassword(w, http.StatusOK, v)
}

func (a *Accounts) submitRecover(w http.ResponseWriter, r *http.Request) error {
	f, err := a.form(r)
	if err != nil {
		return err
	}
	v := AccountView{
		Base: a.base(r, ""), Form: Form{Transaction: f.Get(FieldTransaction)}, Token: f.Get(FieldToken),
		Email: f.Get(FieldEmail), Minimum: a.MinLength,
	}
	if v.Token != "" {
		u, err := a.Account.Reset(r.Context(), v.Token, FieldNewPassword, f.Get(FieldNewPassword), accepted(r))
		if err != nil {
			return a.accountFailed(w, v, err, a.Renderer.NewPassword)
		}
		web.Log(r.Context()).User(u.ID)
		return a.Renderer.Say(w, http.StatusOK, ToldView{Base: v.Base, Told: ToldRecovered, Transaction: v.Transaction})
	}
	if err := a.Account.RequestReset(r.Context(), v.Email, accepted(r)); err != nil {
		return a.accountFailed(w, v, err, a.Renderer.Recover)
	}
	return a.Renderer.Say(w, http.StatusOK, ToldView{
		Base: v.Base, Told: ToldRecoverSent, Email: strings.TrimSpace(v.Email), Transaction: v.Transaction,
	})
}

// ask shows the question of a link. Whether the link is good is said when the
// button is pressed: the page itself looks nobody up.
func (a *Accounts) ask(what Ask) web.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		token := parameters(r).Get(FieldToken)
		if token == "" {
			return a.linkFailed(fault.New(fault.LinkInvalid, "the link holds no token"))
		}
		return a.Renderer.Question(w, http.StatusOK, AskView{Base: a.base(r, ""), Ask: what, Token: token})
	}
}

// showVerify asks whether the address of a link is theirs; without a link, for
// the address that a new one is to be sent to.
func (a *Accounts) showVerify(w http.ResponseWriter, r *http.Request) error {
	q := parameters(r)
	if q.Get(FieldToken) != "" {
		return a.ask(AskVerify)(w, r)
	}
	return a.Renderer.Resend(w, http.StatusOK, AccountView{Base: a.base(r, ""), Form: Form{Transaction: q.Get(FieldTransaction)}})
}

func (a *Accounts) submitVerify(w http.ResponseWriter, r *http.Request) error {
	f, err := a.form(r)
	if err != nil {
		return err
	}
	if f.Get(FieldToken) == "" {
		return a.resend(w, r, f)
	}
	return a.done(w, r, ToldVerified, f.Get(FieldToken), func(token string) (storage.User, error) {
		v, err := a.Account.VerifyEmail(r.Context(), token)
		return v.User, err
	})
}

// resend sends the link that proves an address once more.
func (a *Accounts) resend(w http.ResponseWriter, r *http.Request, f params.Form) error {
	v := AccountView{Base: a.base(r, ""), Form: Form{Transaction: f.Get(FieldTransaction)}, Email: f.Get(FieldEmail)}
	if err := a.Account.Resend(r.Context(), v.Email, accepted(r)); err != nil {
		return a.accountFailed(w, v, err, a.Renderer.Resend)
	}
	return a.Renderer.Say(w, http.StatusOK, ToldView{
		Base: v.Base, Told: ToldResent, Email: strings.TrimSpace(v.Email), Transaction: v.Transaction,
	})
}

func (a *Accounts) submitConfirm(w http.ResponseWriter, r *http.Request) error {
	return a.act(w, r, ToldConfirmed, func(token string) (storage.User, error) {
		return a.Account.ConfirmEmail(r.Context(), token, accepted(r))
	})
}

func (a *Accounts) submitRestore(w http.ResponseWriter, r *http.Request) error {
	return a.act(w, r, ToldRestored, func(token string) (storage.User, error) {
		return a.Account.Restore(r.Context(), token)
	})
}

func (a *Accounts) submitUnlock(w http.ResponseWriter, r *http.Request) error {
	return a.act(w, r, ToldUnlocked, func(token string) (storage.User, error) {
		return a.Account.Unlock(r.Context(), token)
	})
}

// act does what the button of a question says.
func (a *Accounts) act(w http.ResponseWriter, r *http.Request, told Told, do func(token string) (storage.User, error)) error {
	f, err := a.form(r)
	if err != nil {
		return err
	}
	return a.done(w, r, told, f.Get(FieldToken), do)
}

func (a *Accounts) done(w http.ResponseWriter, r *http.Request, told Told, token string, do func(token string) (storage.User, error)) error {
	u, err := do(token)
	if err != nil {
		return a.linkFailed(err)
	}
	web.Log(r.Context()).User(u.ID)
	return a.Renderer.Say(w, http.StatusOK, ToldView{Base: a.base(r, ""), Told: told, Email: u.Email})
}

// who is the person signed in with the browser; nil when nobody is.
func (a *Accounts) who(r *http.Request) (*storage.User, error) {
	b, err := a.browser(r)
	if err != nil || b.Session == nil {
		return nil, err
	}
	u, err := a.Users.UserByID(r.Context(), b.Session.UserID)
	if err != nil || u.Status != storage.UserActive {
		return nil, err
	}
	return &u, nil
}

func (a *Accounts) showInvitation(w http.ResponseWriter, r *http.Request) error {
	v, _, err := a.invitation(r, parameters(r).Get(FieldToken))
	if err != nil {
		return a.linkFailed(err)
	}
	return a.Renderer.Question(w, http.StatusOK, v)
}

// invitation is the page of an invitation, and who is signed in as the one that
// it was sent to; nil when nobody is.
func (a *Accounts) invitation(r *http.Request, token string) (AskView, *storage.User, error) {
	i, err := a.Invitations.Invited(r.Context(), token)
	if err != nil {
		return AskView{}, nil, err
	}
	u, err := a.who(r)
	if err != nil {
		return AskView{}, nil, err
	}
	v := AskView{
		Base: a.base(r, ""), Ask: AskInvitation, Token: token, Organization: i.Organization, Inviter: i.Inviter, Email: i.Email,
		Register: a.Account.Settings.Registration != account.RegistrationClosed, Recovery: a.Recovery,
	}
	if u != nil && u.EmailCanonical != i.EmailCanonical {
		v.Other, u = true, nil
	}
	v.SignedIn = u != nil
	return v, u, nil
}

// submitInvitation makes whoever is signed in a member; whoever is not says with
// the password who they are.
func (a *Accounts) submitInvitation(w http.ResponseWriter, r *http.Request) error {
	f, err := a.form(r)
	if err != nil {
		return err
	}
	v, u, err := a.invitation(r, f.Get(FieldToken))
	if err != nil {
		return a.linkFailed(err)
	}
	switch {
	case u != nil:
		err = a.Invitations.Accept(r.Context(), v.Token, *u)
	case f.Get(FieldPassword) == "":
		v.Error = LoginErrorMissing
		return a.Renderer.Question(w, http.StatusUnprocessableEntity, v)
	default:
		var joined storage.User
		joined, err = a.Account.Join(r.Context(), v.Token, f.Get(FieldPassword), account.Caller{Device: session.Device{
			UserAgent: r.UserAgent(), IPAddress: web.ClientAddr(r.Context()).String(),
		}})
		web.Log(r.Context()).User(joined.ID)
	}
	if err != nil {
		return a.joinFailed(w, v, err)
	}
	return a.Renderer.Say(w, http.StatusOK, ToldView{Base: v.Base, Told: ToldJoined, Organization: v.Organization})
}

// joinFailed shows the invitation again with what may be said about the
// password.
func (a *Accounts) joinFailed(w http.ResponseWriter, v AskView, err error) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return a.linkFailed(err)
	}
	var status int
	switch f.Code {
	case fault.BadCredentials:
		v.Error, status = LoginErrorCredentials, http.StatusUnauthorized
	case fault.AccountLocked:
		v.Error, v.RetryAfter, status = LoginErrorLocked, retry(f.RetryAfter), http.StatusLocked
	case fault.RateLimited:
		v.Error, v.RetryAfter, status = LoginErrorRateLimited, retry(f.RetryAfter), http.StatusTooManyRequests
	case fault.AccountDisabled:
		v.Error, status = LoginErrorDisabled, http.StatusForbidden
	case fault.Unavailable:
		v.Error, status = LoginErrorUnavailable, http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "2")
	default:
		return a.linkFailed(err)
	}
	return a.Renderer.Question(w, status, v)
}

// linkFailed is what is said of a link that does not do what it should.
func (a *Accounts) linkFailed(err error) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return err
	}
	switch f.Code {
	case fault.LinkInvalid:
		return pageError(http.StatusBadRequest, ErrorLink, f.Message).Because(err)
	case fault.EmailTaken, fault.Conflict:
		return pageError(http.StatusConflict, "conflict", f.Message).Because(err)
	}
	return err
}

// accountFailed shows a form again with what may be said about the failure.
func (a *Accounts) accountFailed(w http.ResponseWriter, v AccountView, err error, show func(http.ResponseWriter, int, AccountView) error) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		if errors.Is(err, storage.ErrUnavailable) {
			v.Error = AccountErrorUnavailable
			w.Header().Set("Retry-After", "2")
			return show(w, http.StatusServiceUnavailable, v)
		}
		return err
	}
	status := http.StatusUnprocessableEntity
	switch f.Code {
	case fault.EmailTaken:
		v.Error, status = AccountErrorTaken, http.StatusConflict
	case fault.WeakPassword, fault.BreachedPassword:
		v.Error = passwordError(err)
	case fault.RateLimited:
		v.Error, status = AccountErrorRateLimited, http.StatusTooManyRequests
	case fault.Unavailable:
		v.Error, status = AccountErrorUnavailable, http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "2")
	case fault.Forbidden:
		return a.Renderer.Say(w, http.StatusForbidden, ToldView{Base: v.Base, Told: ToldClosed, Transaction: v.Transaction})
	case fault.Invalid:
		v.Error, v.Reason = AccountErrorRefused, f.Message
		if len(f.Fields) > 0 && f.Fields[0].Field == FieldEmail {
			v.Error = AccountErrorEmail
		}
	default:
		return a.linkFailed(err)
	}
	return show(w, status, v)
}

func passwordError(err error) AccountError {
	switch {
	case errors.Is(err, password.ErrTooShort):
		return AccountErrorShort
	case errors.Is(err, password.ErrTooLong):
		return AccountErrorLong
	case errors.Is(err, password.ErrCommon):
		return AccountErrorCommon
	case errors.Is(err, password.ErrKnown):
		return AccountErrorKnown
	case errors.Is(err, password.ErrPersonal):
		return AccountErrorPersonal
	}
	return AccountErrorUnusable
}
