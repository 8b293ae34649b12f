package pages

import (
	"net/http"
	"net/url"
)

// headers are the protections of one page that depend on what it shows. The
// rest is the same for all.
type headers struct {
	form    string // CSP sources of the client, allowed as a form's destinations
	logo    string // address of the client's logo, if one is shown
	refresh string // where the page sends the browser by itself
	popup   bool   // keep the window that opened this one
}

// permissions turns off what a login page has no use for, so that an injected
// script could not use it either.
const permissions = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), " +
	"microphone=(), midi=(), payment=(), usb=(), publickey-credentials-get=(self), publickey-credentials-create=(self)"

// csp is the Content-Security-Policy (CSP3). form-action names the client:
// Chromium applies it to every redirect that follows a form, so that with
// 'self' alone the redirect that ends a login is blocked.
func (h headers) csp() string {
	img, form := "img-src 'self' data:", "form-action 'self'"
	if u, err := url.Parse(h.logo); err == nil && h.logo != "" {
		img += " " + origin(u)
	}
	if h.form != "" {
		form += " " + h.form
	}
	return "default-src 'none'; script-src 'self'; style-src 'self'; " + img + "; connect-src 'self'; " + form +
		"; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'"
}

// write sets the headers of a page.
func (h headers) write(header http.Header) {
	header.Set("Content-Security-Policy", h.csp())
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Cache-Control", "no-store")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Permissions-Policy", permissions)
	// same-origin cuts the tie to the opener, which a client that signs in
	// through a popup needs to hear its answer; it says so with display=popup.
	opener := "same-origin"
	if h.popup {
		opener = "unsafe-none"
	}
	header.Set("Cross-Origin-Opener-Policy", opener)
	if h.refresh != "" {
		header.Set("Refresh", "0;url="+h.refresh)
	}
}
