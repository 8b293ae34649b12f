package auth

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

// cookie holds the refresh token of a browser front end that asked for it. It
// counts only together with the guard header, which no form can send.
type cookie struct {
	name   string
	secure bool
}

// newCookie names the cookie for an issuer: as on the hosted pages, with the
// __Host- prefix on https, and on http loopback, where ports share cookies, with
// a hash of the issuer.
func newCookie(issuer string) cookie {
	if strings.HasPrefix(issuer, "https://") {
		return cookie{name: "__Host-signet-refresh", secure: true}
	}
	sum := sha256.Sum256([]byte(issuer))
	return cookie{name: "signet-refresh-" + hex.EncodeToString(sum[:6])}
}

// read returns the refresh token, or "". Two cookies of the name mean that
// somebody has planted one: neither is trusted.
func (c cookie) read(r *http.Request) string {
	all := r.CookiesNamed(c.name)
	if len(all) != 1 {
		return ""
	}
	return all[0].Value
}

func (c cookie) set(w http.ResponseWriter, r *http.Request, value string, life time.Duration) {
	c.write(w, r, value, max(int(life/time.Second), 1))
}

// clear removes it, if the browser has it.
func (c cookie) clear(w http.ResponseWriter, r *http.Request) {
	if len(r.CookiesNamed(c.name)) > 0 {
		c.write(w, r, "", -1)
	}
}

// write uses SameSite=None only where a front end on another site needs it:
// browsers refuse it without Secure.
func (c cookie) write(w http.ResponseWriter, r *http.Request, value string, maxAge int) {
	site := http.SameSiteStrictMode
	if c.secure && r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		site = http.SameSiteNoneMode
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure but for an http issuer, which is loopback; SameSite is set above
		Name: c.name, Value: value, Path: "/", MaxAge: maxAge, Secure: c.secure, HttpOnly: true, SameSite: site,
	})
}
