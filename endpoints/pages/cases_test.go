package pages

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// pageCase is one page in one state, for the tests that must hold for all.
type pageCase struct {
	name  string
	write func(r *Renderer, w http.ResponseWriter, b Base) error
}

var (
	testForm   = Form{Transaction: "sealed.transaction", CSRF: "csrf-value"}
	testClient = Client{
		Name:      "Acme Orders",
		LogoURI:   "https://cdn.acme.test/logo.png",
		PolicyURI: "https://acme.test/privacy",
		TOSURI:    "https://acme.test/terms",
	}
	testAccount = Account{Name: "Alice Example", Email: "alice@acme.test"}
)

const testRedirect = "https://app.acme.test/callback"

func allTold() []Told {
	return []Told{
		ToldRegisterSent, ToldRegistered, ToldClosed, ToldRecoverSent, ToldRecovered, ToldResent, ToldVerified, ToldConfirmed, ToldRestored, ToldUnlocked, ToldJoined, ToldCancelled,
	}
}

func allAccountErrors() []AccountError {
	return []AccountError{
		AccountErrorEmail, AccountErrorTaken, AccountErrorShort, AccountErrorLong, AccountErrorCommon, AccountErrorKnown, AccountErrorPersonal, AccountErrorUnusable,
		AccountErrorRateLimited, AccountErrorUnavailable, AccountErrorRefused, AccountErrorCurrent, AccountErrorLocked, AccountErrorExpired,
	}
}

func accountCases() []pageCase {
	v := AccountView{Form: testForm, Minimum: 8}
	form := func(name string, show func(*Renderer, http.ResponseWriter, int, AccountView) error, status int, change func(*AccountView)) pageCase {
		return pageCase{name, func(r *Renderer, w http.ResponseWriter, b Base) error {
			v := v
			v.Base = b
			change(&v)
			return show(r, w, status, v)
		}}
	}
	ask := func(name string, v AskView) pageCase {
		return pageCase{name, func(r *Renderer, w http.ResponseWriter, b Base) error {
			v := v
			v.Base, v.Token = b, "token-of-a-mail"
			return r.Question(w, 200, v)
		}}
	}
	invitation := AskView{Ask: AskInvitation, Organization: "Acme Inc", Inviter: "Bob Example", Email: "alice@acme.test", Register: true, Recovery: true}
	signedIn, other, wrong, locked := invitation, invitation, invitation, invitation
	wrong.Error, locked.Error, locked.RetryAfter = LoginErrorCredentials, LoginErrorLocked, 14*time.Minute
	signedIn.SignedIn, other.Other, other.Inviter = true, true, ""
	cases := []pageCase{
		form("register", (*Renderer).Register, 200, func(*AccountView) {}),
		form("register_taken", (*Renderer).Register, 409, func(v *AccountView) { v.Email, v.Error = "alice@acme.test", AccountErrorTaken }),
		form("register_invited", (*Renderer).Register, 200, func(v *AccountView) {
			v.Transaction, v.Token, v.Email, v.Fixed, v.Organization = "", "token-of-a-mail", "alice@acme.test", true, "Acme Inc"
		}),
		form("recover", (*Renderer).Recover, 200, func(*AccountView) {}),
		form("recover_limited", (*Renderer).Recover, 429, func(v *AccountView) { v.Email, v.Error = "alice@acme.test", AccountErrorRateLimited }),
		form("resend", (*Renderer).Resend, 200, func(*AccountView) {}),
		form("resend_wrong", (*Renderer).Resend, 422, func(v *AccountView) { v.Email, v.Error = "alice", AccountErrorEmail }),
		form("new_password", (*Renderer).NewPassword, 200, func(v *AccountView) {
			v.Transaction, v.Token, v.Email = "", "token-of-a-mail", "alice@acme.test"
		}),
		form("new_password_short", (*Renderer).NewPassword, 422, func(v *AccountView) {
			v.Transaction, v.Token, v.Email, v.Error = "", "token-of-a-mail", "alice@acme.test", AccountErrorShort
		}),
		ask("verify", AskView{Ask: AskVerify}), ask("confirm", AskView{Ask: AskConfirm}), ask("restore", AskView{Ask: AskRestore}), ask("unlock", AskView{Ask: AskUnlock}),
		ask("invitation", invitation), ask("invitation_signed_in", signedIn), ask("invitation_other", other),
		ask("invitation_wrong", wrong), ask("invitation_locked", locked),
	}
	for _, told := range allTold() {
		cases = append(cases, pageCase{strings.ReplaceAll(string(told), "-", "_"), func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.Say(w, 200, ToldView{Base: b, Told: told, Email: "alice@acme.test", Organization: "Acme Inc", Transaction: "sealed.transaction"})
		}})
	}
	return cases
}

func pageCases() []pageCase {
	return slices.Concat(accountCases(), factorCases(), securityCases(), protocolCases())
}

func protocolCases() []pageCase {
	return []pageCase{
		{"login_ways", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.Login(w, 200, LoginView{Base: b, Form: testForm, Client: testClient, RedirectURI: testRedirect, Recovery: true, Registration: true})
		}},
		{"login_passkey", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.Login(w, 200, LoginView{
				Base: b, Form: testForm, Client: testClient, RedirectURI: testRedirect, PasskeyOptions: `{"challenge":"AAAA"}`, PasskeyState: "sealed",
			})
		}},
		{"login", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.Login(w, 200, LoginView{Base: b, Form: testForm, Client: testClient, RedirectURI: testRedirect})
		}},
		{"login_hint", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.Login(w, 200, LoginView{Base: b, Form: testForm, Client: Client{Name: "Acme Orders"}, Username: "alice@acme.test"})
		}},
		{"login_credentials", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.Login(w, 401, LoginView{Base: b, Form: testForm, Client: testClient, RedirectURI: testRedirect, Username: "alice@acme.test", Error: LoginErrorCredentials})
		}},
		{"login_locked", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.Login(w, 423, LoginView{Base: b, Form: testForm, Client: testClient, Username: "alice@acme.test", Error: LoginErrorLocked, RetryAfter: 14*time.Minute + time.Second})
		}},
		{"login_unverified", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.Login(w, 403, LoginView{
				Base: b, Form: testForm, Client: testClient, Username: "alice@acme.test", Error: LoginErrorUnverified, Recovery: true,
			})
		}},
		{"consent", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.Consent(w, 200, ConsentView{
				Base: b, Form: testForm, Client: testClient, RedirectURI: testRedirect, Account: testAccount, Organization: "Acme Inc",
				Scopes: []Scope{{Name: "openid"}, {Name: "email"}, {Name: "orders:read", Description: "Read orders"}, {Name: "orders:write"}},
			})
		}},
		{"consent_plain", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.Consent(w, 200, ConsentView{Base: b, Form: testForm, RedirectURI: "com.example.app:/callback", Account: testAccount})
		}},
		{"logout", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.Logout(w, 200, LogoutView{Base: b, Form: testForm, Client: testClient, RedirectURI: testRedirect, Account: testAccount})
		}},
		{"logout_anonymous", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.Logout(w, 200, LogoutView{Base: b, Form: testForm})
		}},
		{"logged_out", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.LoggedOut(w, 200, LoggedOutView{Base: b, Client: testClient, ReturnURI: "https://app.acme.test/"})
		}},
		{"logged_out_plain", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.LoggedOut(w, 200, LoggedOutView{Base: b})
		}},
		{"logout_cancelled", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.LogoutCancelled(w, 200, b)
		}},
		{"error", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.Error(w, 400, ErrorView{Base: b, Code: "invalid_request", Description: "not registered for this client", Parameter: "redirect_uri", ErrorID: "0190e5a4-7c1e"})
		}},
		{"error_server", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.Error(w, 500, ErrorView{Base: b, Code: "server_error", ErrorID: "0190e5a4-7c1e"})
		}},
		{"error_no_access", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.Error(w, 403, ErrorView{Base: b, Code: ErrorNoAccess, Description: "The account lacks what the gate requires.", SignOut: "/.signet/logout"})
		}},
		{"error_expired", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.Error(w, 400, ErrorView{Base: b, Code: ErrorExpired})
		}},
		{"form_post", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.FormPost(w, 200, FormPostView{Base: b, Client: testClient, RedirectURI: testRedirect, Fields: []Field{{"code", "the-code"}, {"state", "a&b=\"c\""}, {"iss", "https://id.test"}}})
		}},
		{"form_post_app", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.FormPost(w, 200, FormPostView{Base: b, Client: testClient, RedirectURI: "com.example.app:/callback", Fields: []Field{{"code", "the-code"}}})
		}},
		{"redirecting", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.Redirecting(w, 200, RedirectingView{Base: b, Client: testClient, RedirectURI: "com.example.app:/callback?code=the-code&state=x"})
		}},
	}
}

func newRenderer(t testing.TB, o Options) *Renderer {
	t.Helper()
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func draw(t testing.TB, r *Renderer, c pageCase, b Base) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	if err := c.write(r, w, b); err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	return w
}
