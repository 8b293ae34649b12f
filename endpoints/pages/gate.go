package pages

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/gate"
	"github.com/signet-idp/signet/provider/oauth"
	"github.com/signet-idp/signet/provider/oauth/params"
	"github.com/signet-idp/signet/provider/token"
	"github.com/signet-idp/signet/storage"
)

// GateBase is the base path of what a protected host shows of ours: its gateway
// routes what is below gate.PathPrefix to Signet.
const GateBase = "/.signet"

// Gate signs people in at gates for browsers, on the protected hosts.
type Gate struct {
	// Renderer has GateBase as its base path.
	Renderer *Renderer
	Door     *gate.Door
	Gates    interface {
		ByHost(ctx context.Context, host string) (*storage.Gate, error)
	}
}

// Mount adds the routes below /.signet/.
func (g *Gate) Mount(t *web.Table) {
	for _, r := range []struct {
		name, path string
		handler    web.HandlerFunc
	}{
		{"gateLogin", gate.PathLogin, g.login},
		{"gateCallback", gate.PathCallback, g.callback},
		{"gateLogout", gate.PathLogout, g.logout},
		{"gateSignedOut", gate.PathLeft, g.signedOut},
		{"gateAssets", GateBase + PathAssets + "{hash}/{file}", func(w http.ResponseWriter, r *http.Request) error {
			g.Renderer.AssetHandler().ServeHTTP(w, r)
			return nil
		}},
	} {
		t.Add(web.Route{
			Name: r.name, Summary: "Signing in at a gate, on the protected host", Methods: []string{http.MethodGet}, Path: r.path,
			Auth: web.Public(), Handler: r.handler, Style: web.Page, Hidden: true, AnyHost: true, Pages: g, Quiet: r.name == "gateAssets",
		})
	}
}

// Protected is the gate and the origin that a request is about; gate.ErrHost
// when its host is none that a gate protects.
func Protected(r *http.Request, gates interface {
	ByHost(ctx context.Context, host string) (*storage.Gate, error)
},
) (*storage.Gate, string, error) {
	scheme, host, _ := web.Site(r)
	host = gate.NormalHost(host)
	found, err := gates.ByHost(r.Context(), host)
	if fault.Is(err, fault.NotFound) {
		return nil, "", errors.Join(gate.ErrHost, err)
	}
	return found, gate.Origin(scheme, host), err
}

func (g *Gate) at(r *http.Request) (*storage.Gate, string, error) {
	found, origin, err := Protected(r, g.Gates)
	if errors.Is(err, gate.ErrHost) {
		return nil, "", pageError(http.StatusNotFound, ErrorNotFound,
			"No gate protects this host. A gateway must be among the trusted proxies and name the host in X-Forwarded-Host.").Because(err)
	}
	return found, origin, err
}

func (g *Gate) login(w http.ResponseWriter, r *http.Request) error {
	at, origin, err := g.at(r)
	if err != nil {
		return err
	}
	cookies := NewGateCookies(origin)
	// Several tabs may be on their way at once: they share the secret.
	secret := cookies.Secret(r)
	if !gate.ValidSecret(secret) {
		if secret, err = g.Door.NewSecret(); err != nil {
			return err
		}
	}
	to, err := g.Door.Begin(at, origin, secret, r.URL.Query().Get("return_to"))
	if err != nil {
		return err
	}
	cookies.SetSecret(w, secret)
	return seeOther(w, r, to)
}

func (g *Gate) callback(w http.ResponseWriter, r *http.Request) error {
	at, origin, err := g.at(r)
	if err != nil {
		return err
	}
	q, err := params.Parse(r.URL.RawQuery)
	if err != nil {
		return pageError(http.StatusBadRequest, "invalid_request", err.Error()).Because(err)
	}
	cookies := NewGateCookies(origin)
	secret := cookies.Secret(r)
	if secret == "" {
		return pageError(http.StatusBadRequest, ErrorCookies, "The browser sent no cookie of the sign-in that ends here.")
	}
	path, began, err := g.Door.Returned(at, origin, secret, q.Get("state"))
	if err != nil || q.Get("iss") != g.Door.Issuer { // RFC 9207 §2.4
		return pageError(http.StatusBadRequest, ErrorExpired, "This sign-in is too old, or was begun in another browser.").Because(err)
	}
	if code := q.Get("error"); code != "" {
		return refusedSignIn(code, q.Get("error_description"))
	}
	// Loaded again, or answered in another tab meanwhile: the code of a sign-in
	// that has led here is not redeemed twice, which would end what it led to.
	if t, err := g.Door.Check(at, origin, cookies.Ticket(r)); err == nil && !t.IssuedAt.Before(began) {
		return g.admit(w, r, at, t, origin+path)
	}
	ticket, err := g.Door.Complete(r.Context(), at, origin, secret, q.Get("state"), q.Get("code"))
	if err != nil {
		return failedSignIn(err)
	}
	cookies.Set(w, ticket, g.Door.Clock.Now())
	return g.admit(w, r, at, ticket.Verified, origin+path)
}

// admit sends somebody who has signed in on, or says why they may not go there.
func (g *Gate) admit(w http.ResponseWriter, r *http.Request, at *storage.Gate, t *token.Verified, to string) error {
	web.Log(r.Context()).Client(t.ClientID).User(t.Subject).Session(t.SID)
	switch err := gate.Judge(at, t, g.Door.Clock.Now()); {
	case errors.Is(err, gate.ErrStepUp):
		return pageError(http.StatusForbidden, ErrorNoAccess, "The gate asks for a stronger sign-in than there was.").Because(err)
	case err != nil:
		return pageError(http.StatusForbidden, ErrorNoAccess, "The account lacks what the gate requires.").Because(err)
	}
	return seeOther(w, r, to)
}

// refusedSignIn is what the authorization endpoint said instead of a code.
func refusedSignIn(code, description string) error {
	status := http.StatusBadRequest
	switch code {
	case "access_denied", "unmet_authentication_requirements":
		code, status = ErrorNoAccess, http.StatusForbidden
	case "temporarily_unavailable", "server_error":
		status = http.StatusServiceUnavailable
	}
	return pageError(status, code, description)
}

func failedSignIn(err error) error {
	var e *oauth.Error
	switch {
	case errors.Is(err, gate.ErrTooLarge):
		return pageError(http.StatusForbidden, ErrorNoAccess, "What there is to say of this account does not fit a cookie: it has too many roles.").Because(err)
	case gate.Over(err), errors.As(err, &e) && e.Status < http.StatusInternalServerError:
		return pageError(http.StatusBadRequest, ErrorExpired, "This sign-in is over, or was completed before.").Because(err)
	}
	if errors.Is(err, token.ErrUnknownVerdict) {
		return fault.Wrap(err, fault.Unavailable, "whether the sign-in holds is not known now")
	}
	return err
}

func (g *Gate) logout(w http.ResponseWriter, r *http.Request) error {
	at, origin, err := g.at(r)
	if err != nil {
		return err
	}
	NewGateCookies(origin).Clear(w)
	return seeOther(w, r, g.Door.LogoutURL(at, origin))
}

func (g *Gate) signedOut(w http.ResponseWriter, r *http.Request) error {
	_, origin, err := g.at(r)
	if err != nil {
		return err
	}
	return g.Renderer.LoggedOut(w, http.StatusOK, LoggedOutView{Base: g.base(r), ReturnURI: origin + "/"})
}

func (g *Gate) base(r *http.Request) Base {
	return Base{Locale: g.Renderer.Locale("", r.Header.Get("Accept-Language"))}
}

// ErrorPage implements web.ErrorPages.
func (g *Gate) ErrorPage(w http.ResponseWriter, r *http.Request, e *web.Error) {
	v := errorView(e)
	v.Base = g.base(r)
	if v.Code == ErrorNoAccess {
		v.SignOut = gate.PathLogout
	}
	_ = g.Renderer.Error(w, e.Status, v) // an error writes nothing, and the frame answers
}

func seeOther(w http.ResponseWriter, r *http.Request, to string) error {
	web.NoStore(w)
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// GateCookies names and writes the two cookies of a protected origin: who is
// let in, and the secret of a browser that is signing in. On http loopback,
// where ports share cookies, the names hold a hash of the origin.
type GateCookies struct {
	ticket, secret string
	secure         bool
}

// NewGateCookies names the cookies of an origin.
func NewGateCookies(origin string) GateCookies {
	if strings.HasPrefix(origin, "https://") {
		return GateCookies{ticket: "__Host-signet-gate", secret: "__Host-signet-gate-login", secure: true} //nolint:gosec // names of cookies
	}
	sum := sha256.Sum256([]byte(origin))
	name := "signet-gate-" + hex.EncodeToString(sum[:6])
	return GateCookies{ticket: name, secret: name + "-login"}
}

// Name is that of the cookie which lets somebody in.
func (c GateCookies) Name() string { return c.ticket }

// Ticket returns what the browser has to show, or "".
func (c GateCookies) Ticket(r *http.Request) string { return one(r, c.ticket) }

// Set writes the ticket, for as long as it is good.
func (c GateCookies) Set(w http.ResponseWriter, t gate.Ticket, now time.Time) {
	c.write(w, c.ticket, t.Value, max(int(t.Verified.Expiry.Sub(now)/time.Second), 1))
}

// Clear removes the ticket.
func (c GateCookies) Clear(w http.ResponseWriter) { c.write(w, c.ticket, "", -1) }

// Secret returns the secret of a browser that is signing in, or "".
func (c GateCookies) Secret(r *http.Request) string { return one(r, c.secret) }

// SetSecret writes that secret.
func (c GateCookies) SetSecret(w http.ResponseWriter, secret string) {
	c.write(w, c.secret, secret, int(gate.SignInTime/time.Second))
}

func (c GateCookies) write(w http.ResponseWriter, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure but for http, which is loopback
		Name: name, Value: value, Path: "/", MaxAge: maxAge, Secure: c.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}
