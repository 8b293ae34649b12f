package pages

import (
	"net/http"
	"strings"
	"testing"
)

// TestHeaders holds for every page, in every state.
func TestHeaders(t *testing.T) {
	r := newRenderer(t, Options{})
	for _, c := range pageCases() {
		t.Run(c.name, func(t *testing.T) {
			w := draw(t, r, c, Base{})
			for name, want := range map[string]string{
				"Referrer-Policy":              "no-referrer",
				"X-Content-Type-Options":       "nosniff",
				"X-Frame-Options":              "DENY",
				"Cache-Control":                "no-store",
				"Cross-Origin-Opener-Policy":   "same-origin",
				"Cross-Origin-Resource-Policy": "same-origin",
				"Content-Type":                 "text/html; charset=utf-8",
				"Content-Language":             "en",
				"Permissions-Policy":           permissions,
			} {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			csp := w.Header().Get("Content-Security-Policy")
			for _, d := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "require-trusted-types-for 'script'"} {
				if !strings.Contains("; "+csp+";", "; "+d+";") {
					t.Errorf("CSP lacks %q: %s", d, csp)
				}
			}
			if strings.Contains(csp, "unsafe") {
				t.Errorf("CSP: %s", csp)
			}
			if body := w.Body.String(); strings.Contains(body, "ZgotmplZ") || strings.Contains(body, "style=") {
				t.Errorf("refused or inline value in\n%s", body)
			}
		})
	}
}

// TestPolicyOfPage is the part that differs.
func TestPolicyOfPage(t *testing.T) {
	for name, want := range map[string]struct{ form, img, refresh string }{
		"login":            {"form-action 'self' https://app.acme.test", "img-src 'self' data: https://cdn.acme.test", ""},
		"login_hint":       {"form-action 'self'", "img-src 'self' data:", ""},
		"consent":          {"form-action 'self' https://app.acme.test", "img-src 'self' data: https://cdn.acme.test", ""},
		"consent_plain":    {"form-action 'self' com.example.app:", "img-src 'self' data:", ""},
		"logout":           {"form-action 'self' https://app.acme.test", "img-src 'self' data:", ""},
		"logout_anonymous": {"form-action 'self'", "img-src 'self' data:", ""},
		"logged_out":       {"form-action 'self'", "img-src 'self' data:", ""},
		"error":            {"form-action 'self'", "img-src 'self' data:", ""},
		"form_post":        {"form-action 'self' https:", "img-src 'self' data:", ""},
		"form_post_app":    {"form-action 'self' com.example.app:", "img-src 'self' data:", ""},
		"redirecting":      {"form-action 'self'", "img-src 'self' data:", "0;url=com.example.app:/callback?code=the-code&state=x"},
	} {
		t.Run(name, func(t *testing.T) {
			w := draw(t, newRenderer(t, Options{}), findCase(t, name), Base{})
			csp := "; " + w.Header().Get("Content-Security-Policy") + ";"
			if !strings.Contains(csp, "; "+want.form+";") || !strings.Contains(csp, "; "+want.img+";") {
				t.Errorf("CSP %q, want %q and %q", csp, want.form, want.img)
			}
			if got := w.Header().Get("Refresh"); got != want.refresh {
				t.Errorf("Refresh %q, want %q", got, want.refresh)
			}
		})
	}
}

// TestPopupKeepsOpener: a client that signs in through a popup hears its
// answer only if no page on the way cut the tie.
func TestPopupKeepsOpener(t *testing.T) {
	r := newRenderer(t, Options{})
	for _, c := range pageCases() {
		if got := draw(t, r, c, Base{Popup: true}).Header().Get("Cross-Origin-Opener-Policy"); got != "unsafe-none" {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

// TestNothingWrittenOnFailure: the caller must still be able to answer.
func TestNothingWrittenOnFailure(t *testing.T) {
	r := newRenderer(t, Options{})
	bad := "javascript:alert(1)"
	for _, c := range []pageCase{
		{"login", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.Login(w, 200, LoginView{RedirectURI: bad})
		}},
		{"login: oversized transaction", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.Login(w, 200, LoginView{Form: Form{Transaction: strings.Repeat("a", maxHidden+1)}})
		}},
		{"consent", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.Consent(w, 200, ConsentView{RedirectURI: bad})
		}},
		{"consent: more scopes than can be read", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.Consent(w, 200, ConsentView{Scopes: make([]Scope, maxScopes+1)})
		}},
		{"logout", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.Logout(w, 200, LogoutView{RedirectURI: bad})
		}},
		{"logged out", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.LoggedOut(w, 200, LoggedOutView{ReturnURI: bad})
		}},
		{"form post", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.FormPost(w, 200, FormPostView{RedirectURI: bad})
		}},
		{"form post: nowhere", func(r *Renderer, w http.ResponseWriter, b Base) error { return r.FormPost(w, 200, FormPostView{}) }},
		{"redirecting", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.Redirecting(w, 200, RedirectingView{RedirectURI: bad})
		}},
		{"redirecting: nowhere", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.Redirecting(w, 200, RedirectingView{})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &untouched{ResponseWriter: nil, t: t}
			if err := c.write(r, w, Base{}); err == nil {
				t.Error("no error")
			}
		})
	}
}

// untouched fails the test when anything is done to it.
type untouched struct {
	http.ResponseWriter
	t *testing.T
}

func (u *untouched) Header() http.Header         { u.t.Error("headers touched"); return http.Header{} }
func (u *untouched) WriteHeader(int)             { u.t.Error("status written") }
func (u *untouched) Write(b []byte) (int, error) { u.t.Error("body written"); return len(b), nil }

func findCase(t testing.TB, name string) pageCase {
	t.Helper()
	for _, c := range pageCases() {
		if c.name == name {
			return c
		}
	}
	t.Fatalf("no case %q", name)
	return pageCase{}
}
