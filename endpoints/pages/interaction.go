package pages

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/login"
	"github.com/signet-idp/signet/provider/oauth"
	"github.com/signet-idp/signet/provider/oauth/params"
	"github.com/signet-idp/signet/provider/session"
	"github.com/signet-idp/signet/storage"
)

// Interaction walks a browser through the hosted pages.
type Interaction struct {
	Renderer *Renderer
	Login    *login.Service
	OAuth    *oauth.Provider
	Sessions *session.Manager
	Cookies  Cookies
	Key      login.Key
	Users    interface {
		UserByID(ctx context.Context, id string) (storage.User, error)
	}
	// Recovery and Registration: the sign-in page links to those pages.
	Recovery, Registration bool
	// Passkeys: the sign-in page offers them.
	Passkeys bool
	Scopes   interface {
		// Describe says what a resource's scope allows, or "".
		Describe(ctx context.Context, resources []string, scope string) string
	}
}

// Mount adds the routes of the pages.
func (i *Interaction) Mount(t *web.Table) {
	page := func(name, path string, methods []string, h web.HandlerFunc) web.Route {
		return web.Route{
			Name: name, Summary: "Hosted page", Methods: methods, Path: path, Auth: web.Public(),
			Handler: h, Style: web.Page, Hidden: true,
		}
	}
	get, post := []string{http.MethodGet}, []string{http.MethodPost}
	assets := page("assets", PathAssets+"{hash}/{file}", get, func(w http.ResponseWriter, r *http.Request) error {
		i.Renderer.AssetHandler().ServeHTTP(w, r)
		return nil
	})
	assets.Quiet = true
	logout := page("logout", oauth.PathLogout, []string{http.MethodGet, http.MethodPost}, i.logout)
	logout.AllowCrossOrigin = true
	t.Add(
		page("loginPage", PathLogin, get, i.showLogin), page("submitLogin", PathLogin, post, i.submitLogin),
		page("factorPage", PathFactor, get, i.showFactor), page("submitFactor", PathFactor, post, i.submitFactor),
		page("consentPage", PathConsent, get, i.showConsent), page("submitConsent", PathConsent, post, i.submitConsent),
		logout, page("submitLogout", PathLogout, post, i.submitLogout),
		assets,
	)
}

// Knows says whether the browser sent any cookie of ours.
func (i *Interaction) Knows(r *http.Request) bool {
	return i.Cookies.Browser(r) != "" || i.Cookies.Session(r) != ""
}

// browser tells who is at the other end.
func (i *Interaction) browser(r *http.Request) (login.Browser, error) {
	b := login.Browser{ID: i.Cookies.Browser(r), Device: session.Device{
		UserAgent: r.UserAgent(), IPAddress: web.ClientAddr(r.Context()).String(),
	}, Locale: r.Header.Get("Accept-Language")}
	cookie := i.Cookies.Session(r)
	if cookie == "" {
		return b, nil
	}
	s, err := i.Sessions.FromCookie(r.Context(), cookie)
	if errors.Is(err, session.ErrNone) {
		return b, nil
	}
	if err != nil {
		return b, err
	}
	web.Log(r.Context()).User(s.UserID).Session(s.ID)
	b.Session = &s
	return b, nil
}

// Start takes a valid authorization request as far as it goes and sends the
// browser on.
func (i *Interaction) Start(w http.ResponseWriter, r *http.Request, req *oauth.AuthorizeRequest) error {
	b, err := i.browser(r)
	if err != nil {
		return i.Fail(w, r, err)
	}
	if b.ID, err = i.Cookies.EnsureBrowser(w, r); err != nil {
		return err
	}
	out, err := i.Login.Start(r.Context(), req, b)
	if err != nil {
		return i.Fail(w, r, err)
	}
	return i.follow(w, r, out)
}

// follow sends the browser where an outcome says.
func (i *Interaction) follow(w http.ResponseWriter, r *http.Request, out login.Outcome) error {
	switch out.Step {
	case login.StepLogin:
		return i.see(w, r, PathLogin, out.Param)
	case login.StepConsent:
		return i.see(w, r, PathConsent, out.Param)
	case login.StepFactor, login.StepEnrol:
		return i.see(w, r, PathFactor, out.Param)
	}
	if out.Response == nil {
		return i.goBack(w, r, out.Back)
	}
	return i.Deliver(w, r, out.Response)
}

// goBack ends a login to a page of ours. Who has cancelled it, and is not
// signed in, would be asked again there: they are told instead.
func (i *Interaction) goBack(w http.ResponseWriter, r *http.Request, path string) error {
	if path != "" {
		return i.See(w, r, path)
	}
	b, err := i.browser(r)
	if err != nil {
		return i.Fail(w, r, err)
	}
	if b.Session != nil {
		return i.See(w, r, PathSecurity)
	}
	return i.Renderer.Say(w, http.StatusOK, ToldView{Base: i.base(r, ""), Told: ToldCancelled, Back: PathSecurity})
}

func (i *Interaction) see(w http.ResponseWriter, r *http.Request, path, param string) error {
	return i.See(w, r, path+"?"+FieldTransaction+"="+param)
}

// See sends the browser to a path below the issuer.
func (i *Interaction) See(w http.ResponseWriter, r *http.Request, target string) error {
	web.NoStore(w)
	http.Redirect(w, r, i.Renderer.basePath+target, http.StatusSeeOther)
	return nil
}

// Deliver hands an authorization response to the client by way of the browser.
func (i *Interaction) Deliver(w http.ResponseWriter, r *http.Request, resp *oauth.AuthorizeResponse) error {
	if resp.Mode == params.ModeFormPost {
		v := FormPostView{Base: i.baseOf(r, resp), RedirectURI: resp.RedirectURI}
		for _, name := range sortedKeys(resp.Params) {
			v.Fields = append(v.Fields, Field{Name: name, Value: resp.Params.Get(name)})
		}
		return i.Renderer.FormPost(w, http.StatusOK, v)
	}
	if NeedsRedirectPage(resp.RedirectURI) {
		return i.Renderer.Redirecting(w, http.StatusOK, RedirectingView{Base: i.baseOf(r, resp), RedirectURI: resp.URL()})
	}
	web.NoStore(w)
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, resp.URL(), http.StatusSeeOther)
	return nil
}

func sortedKeys(m map[string][]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// base is what every page takes from its request.
func (i *Interaction) base(r *http.Request, uiLocales string) Base {
	return Base{Locale: i.Renderer.Locale(uiLocales, r.Header.Get("Accept-Language"))}
}

func (i *Interaction) baseFor(r *http.Request, req *oauth.AuthorizeRequest) Base {
	b := i.base(r, strings.Join(req.UILocales, " "))
	b.Popup = req.Popup()
	return b
}

// baseOf is baseFor for the page that ends a request: a client that waits for
// its answer in the window that opened this one must still be reached.
func (i *Interaction) baseOf(r *http.Request, resp *oauth.AuthorizeResponse) Base {
	b := i.base(r, strings.Join(resp.UILocales, " "))
	b.Popup = resp.Popup
	return b
}

// form reads what a page of ours sent: its body alone, each name once, bounded.
func (i *Interaction) form(r *http.Request) (params.Form, error) {
	body, err := web.ReadBody(r)
	if err != nil {
		return params.Form{}, err
	}
	f, err := params.Parse(string(body))
	if err != nil {
		return f, pageError(http.StatusBadRequest, "invalid_request", err.Error()).Because(err)
	}
	return f, nil
}

// Fail shows an error on our own page: the request must not be sent back to a
// client, or there is nobody to send it to.
func (i *Interaction) Fail(_ http.ResponseWriter, _ *http.Request, err error) error {
	switch {
	case errors.Is(err, login.ErrTransaction):
		return pageError(http.StatusBadRequest, ErrorExpired, "This sign-in is too old, or was begun in another browser. Go back to the application and try again.")
	case errors.Is(err, login.ErrConsumed):
		return pageError(http.StatusConflict, ErrorUsed, "This sign-in was completed before, perhaps in another tab.")
	case errors.Is(err, login.ErrSession):
		return pageError(http.StatusConflict, ErrorUsed, "Somebody else has signed in with this browser meanwhile. Go back to the application and try again.")
	}
	var e *oauth.Error
	if !errors.As(err, &e) {
		var p *params.Error
		if !errors.As(err, &p) {
			return err
		}
		e = oauth.AsError(p)
	}
	status := e.Status
	if status < http.StatusInternalServerError {
		status = http.StatusBadRequest
	}
	out := pageError(status, e.Code, e.Description)
	if e.Parameter != "" {
		out.Fields = []fault.FieldError{{Field: e.Parameter}}
	}
	return out.Because(e)
}

func pageError(status int, code, description string) *web.Error {
	return web.NewOAuthError(status, code, description)
}

// ErrorPage implements web.ErrorPages.
func (i *Interaction) ErrorPage(w http.ResponseWriter, r *http.Request, e *web.Error) {
	v := errorView(e)
	v.Base = i.base(r, "")
	if err := i.Renderer.Error(w, e.Status, v); err != nil {
		http.Error(w, "error", e.Status)
	}
}

// errorView is what the error page says of an error.
func errorView(e *web.Error) ErrorView {
	v := ErrorView{Code: e.OAuth, Description: e.Detail, ErrorID: e.ID}
	if v.Code == "" {
		v.Code = e.Code
	}
	if len(e.Fields) > 0 {
		v.Parameter = e.Fields[0].Field
	}
	return v
}

// retry rounds a pause up for people.
func retry(d time.Duration) time.Duration { return d.Round(time.Second) }
