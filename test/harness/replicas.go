package harness

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/signet-idp/signet/endpoints/pages"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/session"
	"github.com/signet-idp/signet/storage"
)

// Replicas starts n servers that share what o names: a PostgreSQL database,
// which o has to name, and maybe Redis. Their issuer is the first one's
// address unless o gives one.
func Replicas(tb testing.TB, n int, o Options) []*Instance {
	tb.Helper()
	if o.MasterKey == "" {
		o.MasterKey = MasterKey
	}
	out := make([]*Instance, n)
	for i := range out {
		out[i] = Start(tb, o)
		o.Issuer = out[0].Issuer
	}
	return out
}

// At is the same browser, cookies and all, calling another replica.
func (b *Browser) At(i *Instance) *Browser {
	other := i.NewBrowser(b.TB)
	for _, c := range b.Cookies() {
		other.SetCookie(c)
	}
	return other
}

// SetCookie puts a cookie for the instance into the browser.
func (b *Browser) SetCookie(c *http.Cookie) {
	u, _ := url.Parse(b.In.URL)
	b.client.Jar.SetCookies(u, []*http.Cookie{{Name: c.Name, Value: c.Value, Path: "/"}})
}

// SignedIn opens a browser in which a person has a session that began now, as
// a login would have left it but without the work of a password's hash.
func (i *Instance) SignedIn(tb testing.TB, userID string) (*Browser, storage.Session) {
	tb.Helper()
	var s storage.Session
	var cookie string
	err := i.Change.Do(context.Background(), "harness: sign in", func(ctx context.Context, c *change.Change) (err error) {
		s, cookie, err = i.Sessions.Begin(ctx, c, storage.SessionBrowser,
			session.Authentication{UserID: userID, Time: c.Now, ACR: "aal1", AMR: []string{"pwd"}}, session.Device{IPAddress: "127.0.0.1"}, "")
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	b := i.NewBrowser(tb)
	w := httptest.NewRecorder()
	pages.NewCookies(i.Issuer).SetSession(w, cookie)
	b.SetCookie(w.Result().Cookies()[0])
	return b, s
}

// Silent asks for a code with prompt=none: the browser has a session and the
// client needs no consent.
func (b *Browser) Silent(clientID, scope string, more map[string]string) (Authorization, string) {
	b.TB.Helper()
	a := NewAuthorization(clientID, scope, more)
	a.Params.Set("prompt", "none")
	return a, CodeOf(b.TB, b.Get(a.Path()))
}

// Client is the browser's HTTP client, for requests that a test sends side by
// side; it does not follow redirects that leave the instance.
func (b *Browser) Client() *http.Client { return b.client }

// Verdict asks POST /auth/validate (form A) about a token; reason is empty for
// a good one. ok is false when there was no verdict (503).
func (i *Instance) Verdict(tb testing.TB, token string) (valid bool, reason string, ok bool) {
	tb.Helper()
	status, v, _ := i.JSON(tb, http.MethodPost, "/auth/validate", "", map[string]any{"token": token})
	if status != http.StatusOK {
		return false, "", false
	}
	valid, _ = v["valid"].(bool)
	reason, _ = v["reason"].(string)
	return valid, reason, true
}

// Eventually waits until f says true, looking again every few milliseconds, and
// returns how long that took. It fails the test after limit.
func Eventually(tb testing.TB, limit time.Duration, what string, f func() bool) time.Duration {
	tb.Helper()
	start := time.Now()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		if time.Since(start) > limit {
			tb.Fatalf("not within %v: %s", limit, what)
		}
		<-tick.C
	}
	return time.Since(start)
}
