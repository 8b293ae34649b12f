package pages

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/guard"
	"github.com/signet-idp/signet/provider/login"
	"github.com/signet-idp/signet/provider/oauth"
	"github.com/signet-idp/signet/provider/oauth/params"
	"github.com/signet-idp/signet/storage"
)

// query reads the transaction out of a page's address.
func query(r *http.Request) string {
	f, err := params.Parse(r.URL.RawQuery)
	if err != nil {
		return "" // no transaction is that of no browser
	}
	return f.Get(FieldTransaction)
}

// resume opens the transaction that a page belongs to.
func (i *Interaction) resume(r *http.Request, param string) (*login.Pending, login.Browser, error) {
	b, err := i.browser(r)
	if err != nil {
		return nil, b, err
	}
	if b.ID == "" {
		return nil, b, login.ErrTransaction
	}
	p, err := i.Login.Resume(r.Context(), param, b.ID)
	if err == nil {
		web.Log(r.Context()).Client(p.Request.Client.ClientID)
	}
	return p, b, err
}

// refuse answers for a resumed request that is not valid any more.
func (i *Interaction) refuse(w http.ResponseWriter, r *http.Request, err error) error {
	var refusal *oauth.AuthorizeError
	if errors.As(err, &refusal) && refusal.Redirect != nil {
		return i.Deliver(w, r, refusal.Redirect)
	}
	return i.Fail(w, r, err)
}

// clientView is who the person signs in to: a client, or pages of ours.
func (i *Interaction) clientView(r *http.Request, p *login.Pending) Client {
	if p.Own != nil {
		return Client{Name: i.baseFor(r, p.Request).Locale.orDefault(i.Renderer.locales).text("security.title", "")}
	}
	m := &p.Request.Client.Metadata
	return Client{
		Name: m.ClientName, LogoURI: m.LogoURI, PolicyURI: m.PolicyURI, TOSURI: m.TOSURI,
		Onward: append([]string{m.ClientURI}, m.CORSOrigins...),
	}
}

func (i *Interaction) showLogin(w http.ResponseWriter, r *http.Request) error {
	p, b, err := i.resume(r, query(r))
	if err != nil {
		return i.refuse(w, r, err)
	}
	// The person may have signed in in another tab meanwhile, and then has
	// nothing to type here.
	if b.Session != nil {
		out, err := i.Login.Continue(r.Context(), p, b)
		if err != nil {
			return i.Fail(w, r, err)
		}
		if out.Step != login.StepLogin {
			return i.follow(w, r, out)
		}
	}
	return i.askLogin(w, r, p, http.StatusOK, i.loginView(r, p, p.Request.LoginHint))
}

// askLogin shows the page, with what a passkey needs where they are offered.
func (i *Interaction) askLogin(w http.ResponseWriter, r *http.Request, p *login.Pending, status int, v LoginView) error {
	if i.Passkeys {
		options, state, err := i.Login.PasskeyOptions(r.Context(), p)
		if err != nil {
			return err
		}
		v.PasskeyOptions, v.PasskeyState = string(options), base64.RawURLEncoding.EncodeToString(state)
	}
	return i.Renderer.Login(w, status, v)
}

func (i *Interaction) loginView(r *http.Request, p *login.Pending, username string) LoginView {
	return LoginView{
		Base: i.baseFor(r, p.Request), Form: Form{Transaction: p.Param}, Client: i.clientView(r, p),
		RedirectURI: p.Request.RedirectURI, Username: username, Recovery: i.Recovery,
		Registration: i.Registration && (p.Own == nil || !p.Own.Confirm), // who confirms who they are has an account
	}
}

func (i *Interaction) submitLogin(w http.ResponseWriter, r *http.Request) error {
	f, err := i.form(r)
	if err != nil {
		return err
	}
	p, b, err := i.resume(r, f.Get(FieldTransaction))
	if err != nil {
		return i.refuse(w, r, err)
	}
	if f.Get(FieldAction) == ActionCancel {
		out, err := i.Login.Cancel(r.Context(), p)
		if err != nil {
			return i.Fail(w, r, err)
		}
		return i.follow(w, r, out)
	}
	if f.Has(FieldPasskey) {
		return i.submitPasskey(w, r, f, p, b)
	}
	username, password := f.Get(FieldUsername), f.Get(FieldPassword)
	v := i.loginView(r, p, username)
	if username == "" || password == "" {
		v.Error = LoginErrorMissing
		return i.askLogin(w, r, p, http.StatusUnprocessableEntity, v)
	}
	out, err := i.Login.Password(r.Context(), p, b, username, password)
	i.entered(w, r, out)
	if err != nil {
		return i.loginFailed(w, r, p, v, err)
	}
	if out.Step == login.StepFactor {
		return i.toFactor(w, r, p, b)
	}
	return i.follow(w, r, out.Outcome)
}

// submitPasskey takes the answer of a passkey, which says itself whose it is.
func (i *Interaction) submitPasskey(w http.ResponseWriter, r *http.Request, f params.Form, p *login.Pending, b login.Browser) error {
	state, err := base64.RawURLEncoding.DecodeString(f.Get(FieldPasskeyState))
	if err != nil {
		state = nil // the state of nothing
	}
	out, err := i.Login.Passkey(r.Context(), p, b, state, json.RawMessage(f.Get(FieldPasskey)))
	i.entered(w, r, out)
	if err == nil {
		return i.follow(w, r, out.Outcome)
	}
	v := i.loginView(r, p, f.Get(FieldUsername))
	if errors.Is(err, login.ErrCredentials) || fault.Is(err, fault.BadCredentials) || fault.Is(err, fault.Invalid) || fault.Is(err, fault.Malformed) || fault.Is(err, fault.ChallengeExpired) {
		v.Error = LoginErrorPasskey
		return i.askLogin(w, r, p, http.StatusUnauthorized, v)
	}
	return i.loginFailed(w, r, p, v, err)
}

// entered gives the browser the session that a step has begun.
func (i *Interaction) entered(w http.ResponseWriter, r *http.Request, out login.Entered) {
	if out.Session.ID == "" {
		return
	}
	web.Log(r.Context()).User(out.Session.UserID).Session(out.Session.ID)
	if out.Cookie != "" {
		i.Cookies.SetSession(w, out.Cookie)
	}
}

// loginFailed shows the form again with what may be said about the failure.
func (i *Interaction) loginFailed(w http.ResponseWriter, r *http.Request, p *login.Pending, v LoginView, err error) error {
	status := http.StatusUnauthorized
	var locked *guard.LockedError
	var limited *guard.LimitedError
	switch {
	case errors.Is(err, login.ErrCredentials):
		v.Error = LoginErrorCredentials
	case errors.As(err, &locked):
		v.Error, v.RetryAfter, status = LoginErrorLocked, retry(locked.RetryAfter), http.StatusLocked
	case errors.As(err, &limited):
		v.Error, v.RetryAfter, status = LoginErrorRateLimited, retry(limited.RetryAfter), http.StatusTooManyRequests
	case errors.Is(err, login.ErrUnverified):
		v.Error, status = LoginErrorUnverified, http.StatusForbidden
	case errors.Is(err, login.ErrDisabled):
		v.Error, status = LoginErrorDisabled, http.StatusForbidden
	case errors.Is(err, login.ErrBusy), errors.Is(err, storage.ErrUnavailable):
		v.Error, status = LoginErrorUnavailable, http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "2")
	default:
		return i.refuse(w, r, err)
	}
	return i.askLogin(w, r, p, status, v)
}
