package browser

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-idp/signet/endpoints/pages"
)

// provider is the least server that shows every page and plays a login to its
// end, so that what is tested is the pages and not the provider.
type provider struct {
	*httptest.Server
	pages  *pages.Renderer
	client *relyingParty
	posts  atomic.Int64 // sign-in forms received
}

func newProvider(t *testing.T, client *relyingParty) *provider {
	t.Helper()
	r, err := pages.New(pages.Options{PseudoLocales: true})
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{pages: r, client: client}
	mux := http.NewServeMux()
	mux.Handle("GET "+pages.PathAssets, r.AssetHandler())
	mux.HandleFunc("GET /gallery/{page}", p.gallery)
	mux.HandleFunc("GET "+pages.PathLogin, p.login)
	mux.HandleFunc("POST "+pages.PathLogin, p.submit)
	mux.HandleFunc("POST "+pages.PathConsent, p.decide)
	mux.HandleFunc("POST "+pages.PathLogout, p.decide)
	mux.HandleFunc("GET /hop", func(w http.ResponseWriter, req *http.Request) {
		http.Redirect(w, req, client.URL+"/callback?"+req.URL.RawQuery, http.StatusFound)
	})
	mux.HandleFunc("GET /form-post", p.formPost)
	mux.HandleFunc("GET /posts", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, p.posts.Load()) })
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func (p *provider) base(req *http.Request) pages.Base {
	q := req.URL.Query()
	return pages.Base{
		Locale: p.pages.Locale(q.Get("ui_locales"), req.Header.Get("Accept-Language")),
		Popup:  q.Get("display") == "popup",
	}
}

func answer(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// gallery shows each page in a telling state. The hand-over pages lead to
// an address that answers 204, which leaves the browser where it is.
func (p *provider) gallery(w http.ResponseWriter, req *http.Request) {
	b, form := p.base(req), pages.Form{Transaction: "sealed", CSRF: "token"}
	full := pages.Client{Name: "Acme Orders", LogoURI: p.client.URL + "/logo.svg", PolicyURI: p.client.URL + "/privacy", TOSURI: p.client.URL + "/terms"}
	bare := pages.Client{Name: "Acme Orders"}
	alice := pages.Account{Name: "Alice Example", Email: "alice@acme.test"}
	callback, stay := p.client.URL+"/callback", p.client.URL+"/stay"
	login := pages.LoginView{Base: b, Form: form, Client: bare, RedirectURI: callback}
	r := p.pages
	switch name := req.PathValue("page"); name {
	case "login":
		answer(w, r.Login(w, http.StatusOK, login))
	case "login-client":
		login.Client = full
		answer(w, r.Login(w, http.StatusOK, login))
	case "login-error":
		login.Client, login.Username, login.Error = full, "alice@acme.test", pages.LoginErrorCredentials
		answer(w, r.Login(w, http.StatusUnauthorized, login))
	case "login-locked":
		login.Username, login.Error, login.RetryAfter = "alice@acme.test", pages.LoginErrorLocked, 15*time.Minute
		answer(w, r.Login(w, http.StatusLocked, login))
	case "login-hostile":
		login.Client.Name = strings.Repeat("<script>alert(1)</script>\u202Eevil", 500)
		login.Username = strings.Repeat("W", 5000)
		answer(w, r.Login(w, http.StatusOK, login))
	case "consent":
		answer(w, r.Consent(w, http.StatusOK, pages.ConsentView{
			Base: b, Form: form, Client: full, RedirectURI: callback, Account: alice, Organization: "Acme Inc",
			Scopes: []pages.Scope{{Name: "openid"}, {Name: "profile"}, {Name: "email"}, {Name: "offline_access"}, {Name: "orders:read", Description: "Read orders"}, {Name: "orders:write"}},
		}))
	case "logout":
		answer(w, r.Logout(w, http.StatusOK, pages.LogoutView{Base: b, Form: form, Client: bare, RedirectURI: callback, Account: alice}))
	case "logged-out":
		answer(w, r.LoggedOut(w, http.StatusOK, pages.LoggedOutView{Base: b, Client: bare, ReturnURI: p.client.URL + "/"}))
	case "logout-cancelled":
		answer(w, r.LogoutCancelled(w, http.StatusOK, b))
	case "error":
		answer(w, r.Error(w, http.StatusBadRequest, pages.ErrorView{Base: b, Code: "invalid_request", Description: "the redirect URI is not registered for this client", Parameter: "redirect_uri", ErrorID: "0199b6d2-5f0e-7c31-9d5f-2f3f5d0c7a11"}))
	case "error-server":
		answer(w, r.Error(w, http.StatusInternalServerError, pages.ErrorView{Base: b, Code: "server_error", ErrorID: "0199b6d2-5f0e-7c31-9d5f-2f3f5d0c7a11"}))
	case "error-no-access":
		answer(w, r.Error(w, http.StatusForbidden, pages.ErrorView{Base: b, Code: pages.ErrorNoAccess, Description: "The account lacks what the gate requires.", SignOut: "/.signet/logout"}))
	case "form-post":
		answer(w, r.FormPost(w, http.StatusOK, pages.FormPostView{Base: b, Client: bare, RedirectURI: stay, Fields: []pages.Field{{Name: "code", Value: "x"}}}))
	case "redirecting":
		answer(w, r.Redirecting(w, http.StatusOK, pages.RedirectingView{Base: b, Client: bare, RedirectURI: stay}))
	default:
		p.accountGallery(w, req, b, name)
	}
}

// accountGallery shows the pages about accounts.
func (p *provider) accountGallery(w http.ResponseWriter, req *http.Request, b pages.Base, name string) {
	const email, token = "alice@acme.test", "3q2-7wPZbWfYqk8m1c0Rr2uVt5yXz9aBcDeFgHiJkLm"
	r := p.pages
	v := pages.AccountView{Base: b, Form: pages.Form{Transaction: "sealed", CSRF: "token"}, Minimum: 8}
	ask := pages.AskView{Base: b, Token: token, Organization: "Acme Inc", Inviter: "Bob Example", Email: email, Register: true, Recovery: true}
	told := pages.ToldView{Base: b, Email: email, Organization: "Acme Inc"}
	switch name {
	case "login-ways":
		answer(w, r.Login(w, http.StatusOK, pages.LoginView{
			Base: b, Form: v.Form, Client: pages.Client{Name: "Acme Orders"}, RedirectURI: p.client.URL + "/callback", Recovery: true, Registration: true,
		}))
	case "login-unverified":
		answer(w, r.Login(w, http.StatusForbidden, pages.LoginView{
			Base: b, Form: v.Form, Client: pages.Client{Name: "Acme Orders"}, RedirectURI: p.client.URL + "/callback", Username: email,
			Error: pages.LoginErrorUnverified, Recovery: true, Registration: true,
		}))
	case "resend":
		answer(w, r.Resend(w, http.StatusOK, v))
	case "register":
		answer(w, r.Register(w, http.StatusOK, v))
	case "register-error":
		v.Email, v.Error = email, pages.AccountErrorShort
		answer(w, r.Register(w, http.StatusUnprocessableEntity, v))
	case "register-invited":
		v.Transaction, v.Token, v.Email, v.Fixed, v.Organization = "", token, email, true, "Acme Inc"
		answer(w, r.Register(w, http.StatusOK, v))
	case "recover":
		answer(w, r.Recover(w, http.StatusOK, v))
	case "recover-error":
		v.Email, v.Error = email, pages.AccountErrorRateLimited
		answer(w, r.Recover(w, http.StatusTooManyRequests, v))
	case "new-password":
		v.Transaction, v.Token, v.Email = "", token, email
		answer(w, r.NewPassword(w, http.StatusOK, v))
	case "verify", "confirm", "restore", "unlock", "invitation":
		ask.Ask = pages.Ask(name)
		answer(w, r.Question(w, http.StatusOK, ask))
	case "invitation-error":
		ask.Ask, ask.Error = pages.AskInvitation, pages.LoginErrorCredentials
		answer(w, r.Question(w, http.StatusUnauthorized, ask))
	case "invitation-signed-in":
		ask.Ask, ask.SignedIn = pages.AskInvitation, true
		answer(w, r.Question(w, http.StatusOK, ask))
	case "register-sent", "recover-sent", "recover-done", "resend-sent", "verify-done", "unlock-done", "invitation-done", "register-closed":
		told.Told = pages.Told(name)
		if name == "register-sent" {
			told.Transaction = "sealed"
		}
		answer(w, r.Say(w, http.StatusOK, told))
	case "link-invalid":
		answer(w, r.Error(w, http.StatusBadRequest, pages.ErrorView{Base: b, Code: pages.ErrorLink, Description: "the link is not valid: it was used before, has expired, or a newer one was sent"}))
	default:
		p.securityGallery(w, req, b, name)
	}
}

// appURI is a native app's, by a private-use scheme (RFC 8252 §7.1).
const appURI = "com.example.app:/callback"

// login begins a flow; its way to end travels in the transaction parameter:
//
//	direct     303 to our own /hop, 302 to the client; CSP names the client
//	unnamed    the same, but CSP does not name the client: Chromium blocks it
//	page       ends with the redirecting page; CSP does not name the client
//	elsewhere  direct, to a client that goes on to a third origin
//	page-elsewhere  page, to that client
//	page-app   page, to a native app
func (p *provider) login(w http.ResponseWriter, req *http.Request) {
	answer(w, p.pages.Login(w, http.StatusOK, p.loginView(req, req.URL.Query().Get("end"))))
}

func (p *provider) loginView(req *http.Request, end string) pages.LoginView {
	v := pages.LoginView{Base: p.base(req), Form: pages.Form{Transaction: end, CSRF: "token"}, Client: pages.Client{Name: "Acme Orders"}, RedirectURI: p.client.URL + "/callback"}
	if end == "unnamed" || strings.HasPrefix(end, "page") {
		v.RedirectURI = ""
	}
	if v.Popup {
		v.Action = pages.PathLogin + "?display=popup"
	}
	return v
}

func (p *provider) submit(w http.ResponseWriter, req *http.Request) {
	p.posts.Add(1)
	end := req.PostFormValue(pages.FieldTransaction)
	if req.PostFormValue(pages.FieldCSRF) != "token" {
		http.Error(w, "csrf", http.StatusForbidden)
		return
	}
	query := "code=the-code&state=s"
	switch {
	case req.PostFormValue(pages.FieldAction) == pages.ActionCancel:
		query = "error=access_denied&state=s"
	case req.PostFormValue(pages.FieldUsername) != "alice@acme.test" || req.PostFormValue(pages.FieldPassword) != "correct horse":
		v := p.loginView(req, end)
		v.Username, v.Error = req.PostFormValue(pages.FieldUsername), pages.LoginErrorCredentials
		answer(w, p.pages.Login(w, http.StatusUnauthorized, v))
		return
	}
	if strings.HasSuffix(end, "elsewhere") {
		query += "&next=elsewhere"
	}
	callback := p.client.URL + "/callback"
	if end == "page-app" {
		callback = appURI
	}
	if strings.HasPrefix(end, "page") {
		answer(w, p.pages.Redirecting(w, http.StatusOK, pages.RedirectingView{Base: p.base(req), RedirectURI: callback + "?" + query}))
		return
	}
	http.Redirect(w, req, "/hop?"+query, http.StatusSeeOther)
}

func (p *provider) decide(w http.ResponseWriter, req *http.Request) {
	http.Redirect(w, req, p.client.URL+"/callback?action="+req.PostFormValue(pages.FieldAction)+"&transaction="+req.PostFormValue(pages.FieldTransaction), http.StatusSeeOther)
}

func (p *provider) formPost(w http.ResponseWriter, req *http.Request) {
	callback := p.client.URL + "/callback"
	switch next := req.URL.Query().Get("next"); next {
	case "":
	case "app":
		callback = appURI
	default:
		callback += "?next=" + next
	}
	answer(w, p.pages.FormPost(w, http.StatusOK, pages.FormPostView{
		Base: p.base(req), Client: pages.Client{Name: "Acme Orders"}, RedirectURI: callback,
		Fields: []pages.Field{{Name: "code", Value: "the-code"}, {Name: "state", Value: `"><script>alert(1)</script>&amp;`}, {Name: "submit", Value: "a name that hides form.submit"}},
	}))
}

// relyingParty is the client on another origin: it shows what it received.
type relyingParty struct {
	*httptest.Server
	calls atomic.Int64
}

func newRelyingParty(t *testing.T) *relyingParty {
	t.Helper()
	rp := &relyingParty{}
	third := httptest.NewServer(http.HandlerFunc(show))
	t.Cleanup(third.Close)
	mux := http.NewServeMux()
	mux.HandleFunc("/callback", func(w http.ResponseWriter, req *http.Request) {
		rp.calls.Add(1)
		if req.FormValue("next") == "elsewhere" {
			http.Redirect(w, req, third.URL+"/home?code="+req.FormValue("code"), http.StatusFound)
			return
		}
		show(w, req)
	})
	mux.HandleFunc("GET /calls", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, rp.calls.Load()) })
	mux.HandleFunc("/stay", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /logo.svg", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/svg+xml")
		fmt.Fprint(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><path fill="#e4572e" d="M4 30 20 6l16 24z"/><circle cx="20" cy="28" r="7" fill="#17255a"/></svg>`)
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { page(w, "client") })
	rp.Server = httptest.NewServer(mux)
	t.Cleanup(rp.Close)
	return rp
}

func show(w http.ResponseWriter, req *http.Request) {
	if err := req.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	page(w, req.Method+" "+req.URL.Path+" "+req.Form.Encode())
}

func page(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, `<!doctype html><html lang="en"><title>client</title><link rel="icon" href="data:,"><p id="got">%s</p>`, html.EscapeString(text))
}
