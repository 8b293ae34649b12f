package pages

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/login"
	"github.com/signet-idp/signet/provider/oauth"
	"github.com/signet-idp/signet/provider/oauth/params"
	"github.com/signet-idp/signet/provider/session"
)

// pendingLogout is a logout that waits for the person's yes, sealed for the
// browser that asked.
type pendingLogout struct {
	Session  string `json:"s"`
	ClientID string `json:"c,omitempty"`
	Location string `json:"l,omitempty"`
}

func logoutBinding(browserID string) []byte { return []byte("logout " + browserID) }

// logout is the end session endpoint (OpenID Connect RP-Initiated Logout 1.0).
func (i *Interaction) logout(w http.ResponseWriter, r *http.Request) error {
	parts := []string{r.URL.RawQuery}
	if r.Method == http.MethodPost {
		body, err := web.ReadBody(r)
		if err != nil {
			return err
		}
		parts = append(parts, string(body))
	}
	f, err := params.Parse(parts...)
	if err != nil {
		return i.Fail(w, r, err)
	}
	req, err := i.OAuth.ParseLogout(r.Context(), f)
	if err != nil {
		return i.Fail(w, r, err)
	}
	b, err := i.browser(r)
	if err != nil {
		return i.Fail(w, r, err)
	}
	if req.Hint == nil || (b.Session != nil && b.Session.UserID != req.Hint.Subject) {
		// Nobody vouches for the request, or it speaks of somebody else: ask.
		if b.Session != nil {
			return i.askLogout(w, r, req, b)
		}
		return i.loggedOut(w, r, req, "")
	}
	if err := i.endHinted(r, req, b); err != nil {
		return i.Fail(w, r, err)
	}
	if b.Session != nil {
		i.Cookies.ClearSession(w)
	}
	return i.loggedOut(w, r, req, req.Location())
}

// endHinted ends the session that the ID token names and this browser's own.
// The cookie may be missing (a form posted from the client's site): the ID
// token says which session it is.
func (i *Interaction) endHinted(r *http.Request, req *oauth.LogoutRequest, b login.Browser) error {
	ctx := r.Context()
	if b.Session != nil {
		if err := i.Sessions.End(ctx, *b.Session, session.ReasonLogout); err != nil {
			return err
		}
	}
	if req.Hint.SessionID == "" || (b.Session != nil && b.Session.ID == req.Hint.SessionID) {
		return nil
	}
	s, err := i.Sessions.Get(ctx, req.Hint.SessionID)
	if errors.Is(err, session.ErrNone) {
		return nil
	}
	if err != nil || s.UserID != req.Hint.Subject {
		return err
	}
	return i.Sessions.End(ctx, s, session.ReasonLogout)
}

// askLogout shows the page that asks. Without a hint the way back is taken only
// when the request named its client.
func (i *Interaction) askLogout(w http.ResponseWriter, r *http.Request, req *oauth.LogoutRequest, b login.Browser) error {
	id, err := i.Cookies.EnsureBrowser(w, r)
	if err != nil {
		return err
	}
	p := pendingLogout{Session: b.Session.ID, Location: req.Location()}
	v := LogoutView{Base: i.base(r, strings.Join(req.UILocales, " ")), RedirectURI: req.RedirectURI}
	if req.Client != nil {
		p.ClientID = req.Client.ClientID
		v.Client = Client{Name: req.Client.Name()}
	}
	raw, err := json.Marshal(p)
	if err != nil {
		return err
	}
	v.Form = Form{Transaction: base64.RawURLEncoding.EncodeToString(i.Key.Seal(logoutBinding(id), raw))}
	u, err := i.Users.UserByID(r.Context(), b.Session.UserID)
	if err != nil {
		return err
	}
	v.Account = Account{Email: u.Email}
	return i.Renderer.Logout(w, http.StatusOK, v)
}

func (i *Interaction) submitLogout(w http.ResponseWriter, r *http.Request) error {
	f, err := i.form(r)
	if err != nil {
		return err
	}
	b, err := i.browser(r)
	if err != nil {
		return i.Fail(w, r, err)
	}
	p, err := i.openLogout(f.Get(FieldTransaction), b.ID)
	if err != nil {
		return i.Fail(w, r, err)
	}
	if f.Get(FieldAction) != ActionConfirm {
		return i.Renderer.LogoutCancelled(w, http.StatusOK, i.base(r, ""))
	}
	if b.Session != nil {
		if b.Session.ID != p.Session {
			return i.Fail(w, r, login.ErrSession)
		}
		if err := i.Sessions.End(r.Context(), *b.Session, session.ReasonLogout); err != nil {
			return i.Fail(w, r, err)
		}
	}
	i.Cookies.ClearSession(w)
	return i.loggedOut(w, r, &oauth.LogoutRequest{}, p.Location)
}

func (i *Interaction) openLogout(param, browserID string) (pendingLogout, error) {
	var p pendingLogout
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(param)
	if err != nil || browserID == "" {
		return p, login.ErrTransaction
	}
	raw, err := i.Key.Open(logoutBinding(browserID), sealed)
	if err != nil {
		return p, login.ErrTransaction
	}
	err = json.Unmarshal(raw, &p)
	return p, err
}

// loggedOut sends the browser back to the client, or says that the person is
// signed out.
func (i *Interaction) loggedOut(w http.ResponseWriter, r *http.Request, req *oauth.LogoutRequest, location string) error {
	if location != "" {
		if NeedsRedirectPage(location) {
			return i.Renderer.LoggedOut(w, http.StatusOK, LoggedOutView{Base: i.base(r, ""), ReturnURI: location, Return: true})
		}
		web.NoStore(w)
		http.Redirect(w, r, location, http.StatusSeeOther)
		return nil
	}
	return i.Renderer.LoggedOut(w, http.StatusOK, LoggedOutView{Base: i.base(r, strings.Join(req.UILocales, " "))})
}
