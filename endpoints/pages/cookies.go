package pages

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
)

// Cookies names and writes the two cookies of the hosted pages: the login
// session's, and one that tells this browser from others, to which logins in
// progress are bound.
type Cookies struct {
	session, browser string
	secure           bool
	path             string
	rand             io.Reader
}

// NewCookies names the cookies for an issuer. On https they carry the __Host-
// prefix; on http loopback, where browsers drop it and ports share cookies,
// the names hold a hash of the issuer. Never a Domain.
func NewCookies(issuer string) Cookies {
	if strings.HasPrefix(issuer, "https://") {
		return Cookies{session: "__Host-signet", browser: "__Host-signet-browser", secure: true, path: "/", rand: rand.Reader}
	}
	sum := sha256.Sum256([]byte(issuer))
	name := "signet-" + hex.EncodeToString(sum[:6])
	return Cookies{session: name, browser: name + "-browser", path: "/", rand: rand.Reader}
}

// browserBytes is the entropy of the browser's id.
const browserBytes = 16

// Browser returns the browser's id, or "" when it has none.
func (c Cookies) Browser(r *http.Request) string {
	v := one(r, c.browser)
	if len(v) != base64.RawURLEncoding.EncodedLen(browserBytes) {
		return ""
	}
	return v
}

// EnsureBrowser returns the browser's id and gives it one when it has none.
func (c Cookies) EnsureBrowser(w http.ResponseWriter, r *http.Request) (string, error) {
	if id := c.Browser(r); id != "" {
		return id, nil
	}
	b := make([]byte, browserBytes)
	if _, err := io.ReadFull(c.rand, b); err != nil {
		return "", err
	}
	id := base64.RawURLEncoding.EncodeToString(b)
	c.set(w, c.browser, id, browserMaxAge)
	return id, nil
}

// browserMaxAge is how long a browser is told from others, in seconds.
const browserMaxAge = 400 * 24 * 3600

// Session returns the value of the session cookie, or "".
func (c Cookies) Session(r *http.Request) string { return one(r, c.session) }

// SetSession writes the session cookie; it goes with the browser's window.
func (c Cookies) SetSession(w http.ResponseWriter, value string) { c.set(w, c.session, value, 0) }

// ClearSession removes the session cookie.
func (c Cookies) ClearSession(w http.ResponseWriter) { c.set(w, c.session, "", -1) }

func (c Cookies) set(w http.ResponseWriter, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: c.path, MaxAge: maxAge, Secure: c.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// one returns the only cookie of a name. Two of one name mean that somebody
// beside us (a sibling host, another path) has planted one: neither is trusted.
func one(r *http.Request, name string) string {
	found := r.CookiesNamed(name)
	if len(found) != 1 {
		return ""
	}
	return found[0].Value
}
