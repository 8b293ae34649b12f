package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// password is everybody's.
const password = "correct horse battery"

// world is a whole server and what a script turns around it: the clock, people,
// what their authenticator app shows.
type world struct {
	t      *testing.T
	in     *harness.Instance
	clock  *fakeclock.Clock
	client *relyingParty
}

func newWorld(t *testing.T) (env []string) {
	t.Helper()
	w := &world{t: t, clock: harness.FakeClock(), client: newRelyingParty(t)}
	w.in = harness.Start(t, harness.Options{Clock: w.clock, Named: true, Dev: true})
	w.in.Client(t, "orders", storage.ClientMetadata{
		TokenEndpointAuthMethod: "none", ClientName: "Acme Orders", RedirectURIs: []string{w.client.URL + "/callback"},
	})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /user", w.user)
	mux.HandleFunc("GET /code", w.code)
	mux.HandleFunc("GET /later", w.later)
	mux.HandleFunc("GET /authorize", func(rw http.ResponseWriter, _ *http.Request) {
		a := harness.NewAuthorization("orders", "openid profile", map[string]string{"redirect_uri": w.client.URL + "/callback"})
		fmt.Fprint(rw, w.in.URL+a.Path())
	})
	world := httptest.NewServer(mux)
	t.Cleanup(world.Close)
	return []string{"IDP=" + w.in.URL, "CLIENT=" + w.client.URL, "WORLD=" + world.URL, "PASSWORD=" + password}
}

// user makes somebody; with ?required they have to set a second factor up.
func (w *world) user(rw http.ResponseWriter, r *http.Request) {
	u := w.in.User(w.t, r.FormValue("email"), password)
	if r.FormValue("required") == "" {
		return
	}
	_, err := w.in.Factors.SetPolicy(r.Context(), storage.MFAPolicy{
		Scope: storage.PolicyUser, Subject: u.ID, Requirement: "required", Enforcement: []string{"login"},
	})
	answer(rw, err)
}

// code is what an authenticator app shows next.
func (w *world) code(rw http.ResponseWriter, r *http.Request) {
	w.clock.Advance(30 * time.Second)
	code, err := totp.GenerateCode(r.FormValue("secret"), w.clock.Now())
	answer(rw, err)
	fmt.Fprint(rw, code)
}

// later turns the clock.
func (w *world) later(rw http.ResponseWriter, r *http.Request) {
	minutes, err := strconv.Atoi(r.FormValue("minutes"))
	answer(rw, err)
	w.clock.Advance(time.Duration(minutes) * time.Minute)
}

// TestFactors looks at every page of a second factor, of a whole server, as the
// person it is about comes to it, and signs in without JavaScript.
func TestFactors(t *testing.T) { Run(t, "factors.mjs", newWorld(t)...) }

// TestPasskeyPages registers and uses passkeys on the pages of a whole server,
// with Chromium's virtual authenticator.
func TestPasskeyPages(t *testing.T) { Run(t, "passkeypages.mjs", newWorld(t)...) }

// TestSecurity looks after an account in a browser.
func TestSecurity(t *testing.T) { Run(t, "security.mjs", newWorld(t)...) }
