package pages

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/mileusna/useragent"

	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/account"
	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/login"
	"github.com/signet-idp/signet/provider/mfa"
	"github.com/signet-idp/signet/provider/oauth/params"
	"github.com/signet-idp/signet/provider/session"
	"github.com/signet-idp/signet/storage"
)

// Security serves the pages where people look after the ways into their
// account, by the session of their browser:
//
//	no session ── /ui/login ── the page
//	a change ── authenticated recently? ── done, said on the page
//	                    └─ no ── /ui/login, /ui/mfa ── the page, to ask again
//
// Where a login comes back to is ours to say (login.Own).
type Security struct {
	*Accounts
	Factors *mfa.Service
	Clients interface {
		Get(ctx context.Context, clientID string) (*client.Client, error)
	}
	Issuer string
}

// Mount adds the routes.
func (s *Security) Mount(t *web.Table) {
	add := func(name, method, path, class string, h web.HandlerFunc) {
		t.Add(web.Route{
			Name: name, Summary: "Hosted page", Methods: []string{method}, Path: path, Auth: web.Public(),
			Handler: h, Style: web.Page, Hidden: true, RateClass: class,
		})
	}
	get, post := http.MethodGet, http.MethodPost
	add("accountPage", get, PathAccount, "", s.to(PathSecurity))
	add("securityPage", get, PathSecurity, "", s.signedIn(PathSecurity, s.overview))
	add("submitSecurity", post, PathSecurity, web.RateWrite, s.signedIn(PathSecurity, s.submitOverview))
	add("securityPasswordPage", get, PathSecurityPassword, "", s.signedIn(PathSecurityPassword, s.showPassword))
	add("submitSecurityPassword", post, PathSecurityPassword, web.RateLogin, s.signedIn(PathSecurityPassword, s.submitPassword))
	add("securityAddPage", get, PathSecurityAdd, "", s.signedIn(PathSecurityAdd, s.showAdd))
	add("submitSecurityAdd", post, PathSecurityAdd, web.RateWrite, s.signedIn(PathSecurityAdd, s.submitAdd))
	add("changePasswordPage", get, PathChangePassword, "", s.to(PathSecurityPassword))
	t.Add(web.Route{
		Name: "passkeyEndpoints", Summary: "Where passkeys are made and looked after", Methods: []string{get}, Path: PathPasskeyEndpoints, Auth: web.Public(),
		Handler: s.passkeyEndpoints, Hidden: true, Response: web.TypeOf[PasskeyEndpoints](),
	})
}

func (s *Security) to(path string) web.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error { return s.See(w, r, path) }
}

// PasskeyEndpoints is the answer of PathPasskeyEndpoints; empty where there are
// no passkeys.
type PasskeyEndpoints struct {
	Enroll string `json:"enroll,omitempty"`
	Manage string `json:"manage,omitempty"`
}

func (s *Security) passkeyEndpoints(w http.ResponseWriter, _ *http.Request) error {
	var out PasskeyEndpoints
	if s.Passkeys {
		out.Enroll = s.Issuer + PathSecurityAdd + "?" + FieldKind + "=" + storage.FactorWebAuthn
		out.Manage = s.Issuer + PathSecurity + "#passkeys"
	}
	return web.WriteJSON(w, http.StatusOK, out)
}

// owner is whose account a page is about, and from where they look at it.
type owner struct {
	storage.User
	session storage.Session
	browser login.Browser
}

func (o owner) signedIn() login.SignedIn {
	return login.SignedIn{
		UserID: o.ID, SessionID: o.session.ID, ClientID: login.OwnClient, AMR: o.session.AMR, Device: o.browser.Device, Locale: o.browser.Locale,
	}
}

// signedIn serves a page to whoever is signed in with the browser; others go by
// way of the sign-in page.
func (s *Security) signedIn(path string, do func(w http.ResponseWriter, r *http.Request, o owner) error) web.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		b, err := s.browser(r)
		if err != nil {
			return s.Fail(w, r, err)
		}
		if b.Session == nil {
			return s.enter(w, r, b, login.Own{Back: path})
		}
		u, err := s.Users.UserByID(r.Context(), b.Session.UserID)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		if err != nil || u.Status != storage.UserActive {
			return s.enter(w, r, b, login.Own{Back: path})
		}
		if err := s.Sessions.Touch(r.Context(), b.Session.ID); err != nil && !errors.Is(err, session.ErrNone) {
			return err
		}
		return do(w, r, owner{User: u, session: *b.Session, browser: b})
	}
}

// enter begins a login to a page of ours.
func (s *Security) enter(w http.ResponseWriter, r *http.Request, b login.Browser, own login.Own) (err error) {
	if b.ID, err = s.Cookies.EnsureBrowser(w, r); err != nil {
		return err
	}
	out, err := s.Login.StartOwn(r.Context(), own, b)
	if err != nil {
		return s.Fail(w, r, err)
	}
	return s.follow(w, r, out)
}

// recent says whether the owner has authenticated recently. Otherwise they have
// been sent to do so, and come back to the path.
func (s *Security) recent(w http.ResponseWriter, r *http.Request, o owner, back string) (bool, error) {
	err := s.Factors.Recent(r.Context(), o.ID, o.session.AuthTime, o.session.ACR)
	if fault.Is(err, fault.StepUpRequired) {
		return false, s.enter(w, r, o.browser, login.Own{Back: back, Confirm: true, Hint: o.Email})
	}
	return err == nil, err
}

// token stands for a form that was written for this session. It differs each
// time, and says nothing about the session.
func (s *Security) token(o owner) string {
	return base64.RawURLEncoding.EncodeToString(s.Key.Seal(formBinding(o), nil))
}

func (s *Security) holds(o owner, token string) bool {
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return false
	}
	_, err = s.Key.Open(formBinding(o), sealed)
	return err == nil
}

func formBinding(o owner) []byte { return []byte("pages form " + o.session.ID) }

func (s *Security) overview(w http.ResponseWriter, r *http.Request, o owner) error {
	q := parameters(r)
	return s.show(w, r, o, http.StatusOK, SecurityView{Said: Said(q.Get("said")), Open: q.Get(FieldMethod)})
}

// show fills the page and writes it.
func (s *Security) show(w http.ResponseWriter, r *http.Request, o owner, status int, v SecurityView) error {
	need, err := s.Factors.Need(r.Context(), o.User, nil, mfa.Asked{Wanted: true})
	if err != nil {
		return err
	}
	name, _ := o.Profile["name"].(string)
	v.Base, v.Form = s.base(r, ""), Form{CSRF: s.token(o)}
	v.Account, v.NoPassword, v.PasswordSet = Account{Name: name, Email: o.Email}, o.PasswordHash == "", o.PasswordChangedAt
	v.BackupCodes, v.Notices = need.Methods.BackupCodes, s.Recovery
	for _, m := range need.Methods.Verified() {
		f := OwnFactor{Way: wayOf(m), Added: m.VerifiedAt, LastUsed: m.LastUsedAt, Synced: m.Synced}
		if m.Type == storage.FactorWebAuthn {
			v.Passkeys = append(v.Passkeys, f)
		} else {
			v.Factors = append(v.Factors, f)
		}
	}
	for _, kind := range need.Allowed {
		v.AddPasskey = v.AddPasskey || kind == storage.FactorWebAuthn
		v.Add = v.Add || kind != storage.FactorWebAuthn
	}
	if v.Devices, err = s.devices(r.Context(), o); err != nil {
		return err
	}
	if v.Sessions, v.More, err = s.sessions(r.Context(), o); err != nil {
		return err
	}
	return s.Renderer.Security(w, status, v)
}

func (s *Security) devices(ctx context.Context, o owner) ([]Seat, error) {
	list, err := s.Factors.Devices(ctx, o.ID)
	if err != nil {
		return nil, err
	}
	this, err := s.Factors.Device(ctx, o.ID, o.browser.ID)
	if err != nil {
		return nil, err
	}
	out := make([]Seat, 0, len(list))
	for _, d := range list {
		seat := Seat{ID: d.ID, Name: d.Name, Address: d.IPAddress, Since: d.CreatedAt, Last: d.LastSeenAt, Current: this != nil && d.ID == this.ID}
		if s.Factors.Clock.Now().Before(d.TrustedUntil) {
			seat.Until = d.TrustedUntil
		}
		seat.Browser, seat.System = agent(d.UserAgent)
		out = append(out, seat)
	}
	return out, nil
}

// maxSessions are listed; who has more ends them together.
const maxSessions = 50

func (s *Security) sessions(ctx context.Context, o owner) (list []Seat, more int, err error) {
	page, err := s.Sessions.List(ctx, o.ID, "", 0, maxSessions)
	if err != nil {
		return nil, 0, err
	}
	for _, x := range page.Sessions {
		seat := Seat{
			ID: x.ID, Name: x.DeviceName, Address: x.IPAddress, Since: x.CreatedAt, Last: x.LastActiveAt, Current: x.ID == o.session.ID,
		}
		seat.Browser, seat.System = agent(x.UserAgent)
		if x.Kind != storage.SessionBrowser {
			seat.App = s.app(ctx, x.ClientID)
		}
		list = append(list, seat)
	}
	return list, int(page.Total) - len(page.Sessions), nil
}

// app is the name of a client, as far as it is known.
func (s *Security) app(ctx context.Context, clientID string) string {
	if c, err := s.Clients.Get(ctx, clientID); err == nil {
		return c.Name()
	}
	return clientID
}

// agent is what a browser says it is.
func agent(header string) (browser, system string) {
	ua := useragent.Parse(header)
	return ua.Name, ua.OS
}

// asked reads a form that was written for the owner's session; ok is false when
// it was not.
func (s *Security) asked(r *http.Request, o owner) (f params.Form, ok bool, err error) {
	if f, err = s.form(r); err != nil {
		return f, false, err
	}
	return f, s.holds(o, f.Get(FieldCSRF)), nil
}

func (s *Security) submitOverview(w http.ResponseWriter, r *http.Request, o owner) error {
	f, ok, err := s.asked(r, o)
	if err != nil {
		return err
	}
	if !ok {
		return s.show(w, r, o, http.StatusForbidden, SecurityView{Error: SecurityErrorExpired})
	}
	section, open := sectionOf(f), f.Get(FieldMethod)
	if ok, err := s.recent(w, r, o, said(SaidConfirmed, section, open)); !ok {
		return err
	}
	if f.Get(FieldAction) == ActionCodes {
		return s.newCodes(w, r, o)
	}
	done, err := s.change(r, o, f)
	if err != nil {
		return s.failed(w, r, o, err, open)
	}
	return s.See(w, r, said(done, section, ""))
}

// said is the page, saying what was done, at one of its sections.
func said(what Said, section, open string) string {
	q := url.Values{"said": {string(what)}}
	if open != "" && len(open) <= maxName {
		q.Set(FieldMethod, open)
	}
	return PathSecurity + "?" + q.Encode() + "#" + section
}

// sectionOf is the part of the page that a form of it stands in.
func sectionOf(f params.Form) string {
	switch f.Get(FieldAction) {
	case ActionForget, ActionForgetAll:
		return "devices"
	case ActionEnd, ActionEndOthers:
		return "sessions"
	case ActionCodes:
		return "codes"
	}
	return "factors"
}

// change does what a button of the page says.
func (s *Security) change(r *http.Request, o owner, f params.Form) (Said, error) {
	ctx := r.Context()
	switch f.Get(FieldAction) {
	case ActionRename:
		return SaidRenamed, s.Factors.Rename(ctx, o.ID, f.Get(FieldMethod), f.Get(FieldName))
	case ActionRemove:
		return SaidRemoved, s.Factors.Remove(ctx, o.ID, f.Get(FieldMethod), mfa.ReasonPerson, o.browser.Locale)
	case ActionForget:
		return SaidForgotten, s.Factors.ForgetDevice(ctx, o.ID, f.Get(FieldDevice))
	case ActionForgetAll:
		_, err := s.Factors.ForgetDevices(ctx, o.ID)
		return SaidForgotten, err
	case ActionEnd:
		return SaidEnded, s.Sessions.EndOwn(ctx, o.ID, f.Get(FieldSession), o.session.ID)
	case ActionEndOthers:
		_, err := s.Sessions.EndOthers(ctx, o.ID, o.session.ID)
		return SaidEnded, err
	}
	return "", pageError(http.StatusBadRequest, "invalid_request", "action: there is no such action")
}

// failed shows the page with what may be said about the failure.
func (s *Security) failed(w http.ResponseWriter, r *http.Request, o owner, err error, open string) error {
	v, status := SecurityView{Open: open}, http.StatusConflict
	switch {
	case fault.Is(err, fault.NotFound):
		v.Error, status = SecurityErrorGone, http.StatusNotFound
	case fault.Is(err, fault.LastFactor):
		v.Error = SecurityErrorRequired
	case fault.Is(err, fault.MFANotSetUp):
		v.Error = SecurityErrorGone
	case fault.Is(err, fault.Conflict):
		v.Error = SecurityErrorAgain
	case fault.Is(err, fault.Unavailable), errors.Is(err, storage.ErrUnavailable):
		v.Error, status = SecurityErrorUnavailable, http.StatusServiceUnavailable
	default:
		return s.Fail(w, r, err)
	}
	return s.show(w, r, o, status, v)
}

// newCodes shows new backup codes, which nobody sees again.
func (s *Security) newCodes(w http.ResponseWriter, r *http.Request, o owner) error {
	codes, err := s.Factors.RegenerateBackupCodes(r.Context(), o.ID, o.browser.Locale)
	if err != nil {
		return s.failed(w, r, o, err, "")
	}
	// Without a fragment: with one, a link to this very address loads nothing.
	return s.Renderer.BackupCodes(w, http.StatusOK, CodesView{Base: s.base(r, ""), Codes: codes, Continue: PathSecurity, Replaced: true})
}

// passwordView is the page of a new password.
func (s *Security) passwordView(r *http.Request, o owner) AccountView {
	return AccountView{
		Base: s.base(r, ""), Form: Form{CSRF: s.token(o)}, Email: o.Email, Minimum: s.MinLength, Current: o.PasswordHash != "",
	}
}

// mayChange asks for a recent authentication where the password that the page
// asks for is not enough: of those who have a second factor, or no password.
func (s *Security) mayChange(w http.ResponseWriter, r *http.Request, o owner) (bool, error) {
	n, err := s.Factors.CountFactors(r.Context(), o.ID)
	if err != nil || n == 0 && o.PasswordHash != "" {
		return err == nil, err
	}
	return s.recent(w, r, o, PathSecurityPassword)
}

func (s *Security) showPassword(w http.ResponseWriter, r *http.Request, o owner) error {
	if ok, err := s.mayChange(w, r, o); !ok {
		return err
	}
	return s.Renderer.ChangePassword(w, http.StatusOK, s.passwordView(r, o))
}

func (s *Security) submitPassword(w http.ResponseWriter, r *http.Request, o owner) error {
	f, ok, err := s.asked(r, o)
	if err != nil {
		return err
	}
	v := s.passwordView(r, o)
	if !ok {
		v.Error = AccountErrorExpired
		return s.Renderer.ChangePassword(w, http.StatusForbidden, v)
	}
	if ok, err := s.mayChange(w, r, o); !ok {
		return err
	}
	err = s.Account.ChangePassword(r.Context(), account.Caller{
		UserID: o.ID, SessionID: o.session.ID, ClientID: login.OwnClient, AuthTime: o.session.AuthTime, ACR: o.session.ACR,
		Device: o.browser.Device, Locale: o.browser.Locale,
	}, f.Get(FieldPassword), FieldNewPassword, f.Get(FieldNewPassword))
	switch {
	case err == nil:
		return s.See(w, r, said(SaidPassword, "password", ""))
	case fault.Is(err, fault.BadCredentials):
		v.Error = AccountErrorCurrent
		return s.Renderer.ChangePassword(w, http.StatusUnauthorized, v)
	case fault.Is(err, fault.AccountLocked):
		v.Error = AccountErrorLocked
		return s.Renderer.ChangePassword(w, http.StatusLocked, v)
	}
	return s.accountFailed(w, v, err, s.Renderer.ChangePassword)
}

// kinds are what may be set up: only the one asked for, if it may.
func (s *Security) kinds(ctx context.Context, o owner, only string) ([]string, error) {
	need, err := s.Factors.Need(ctx, o.User, nil, mfa.Asked{Wanted: true})
	if err == nil && slices.Contains(need.Allowed, only) {
		return []string{only}, nil
	}
	return need.Allowed, err
}

// adding sets up a factor more.
func (s *Security) adding(w http.ResponseWriter, r *http.Request, o owner, kinds []string) setting {
	return setting{
		view: EnrolView{
			Base: s.base(r, ""), Form: Form{Action: s.Renderer.basePath + PathSecurityAdd, CSRF: s.token(o)}, Kinds: kinds, Back: PathSecurityAdd, Home: PathSecurity,
		},
		owner: o.ID,
		begin: func(q mfa.Request) (mfa.Enrolment, error) {
			return s.Factors.Setup(r.Context(), o.signedIn().Holder(), q)
		},
		finish: func(a mfa.Answer) error {
			j, err := s.Login.SetUp(r.Context(), o.signedIn(), a)
			if err != nil {
				return err
			}
			back := said(SaidAdded, "factors", "")
			if j.BackupCodes == nil {
				return s.See(w, r, back)
			}
			return s.Renderer.BackupCodes(w, http.StatusOK, CodesView{Base: s.base(r, ""), Codes: j.BackupCodes, Continue: back})
		},
		otherwise: func(err error) error {
			if fault.Is(err, fault.Conflict) {
				return s.show(w, r, o, http.StatusConflict, SecurityView{Error: SecurityErrorFull})
			}
			return s.failed(w, r, o, err, "")
		},
	}
}

func (s *Security) showAdd(w http.ResponseWriter, r *http.Request, o owner) error {
	back, only := PathSecurityAdd, parameters(r).Get(FieldKind)
	if mfa.Kind(only) {
		back += "?" + FieldKind + "=" + only
	}
	if ok, err := s.recent(w, r, o, back); !ok {
		return err
	}
	kinds, err := s.kinds(r.Context(), o, only)
	if err != nil {
		return err
	}
	return s.showKinds(w, http.StatusOK, s.adding(w, r, o, kinds).view) //nolint:contextcheck // its functions have the request's
}

func (s *Security) submitAdd(w http.ResponseWriter, r *http.Request, o owner) error {
	f, ok, err := s.asked(r, o)
	if err != nil {
		return err
	}
	if !ok {
		return s.show(w, r, o, http.StatusForbidden, SecurityView{Error: SecurityErrorExpired})
	}
	if ok, err := s.recent(w, r, o, PathSecurityAdd); !ok {
		return err
	}
	kinds, err := s.kinds(r.Context(), o, "")
	if err != nil {
		return err
	}
	return s.enrol(w, f, s.adding(w, r, o, kinds)) //nolint:contextcheck // its functions have the request's
}
