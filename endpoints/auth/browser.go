package auth

import (
	"errors"
	"net/http"
	"strings"

	"github.com/signet-idp/signet/endpoints/pages"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/gate"
	"github.com/signet-idp/signet/provider/token"
	"github.com/signet-idp/signet/storage"
)

// asked is the request that a gateway asks about.
type asked struct {
	method string
	uri    string // path and query
}

// original reads what gateways say of the request: X-Forwarded-Method and -Uri
// (Traefik, Caddy) or X-Original-Method and -URL (nginx by custom). It decides
// where a browser goes after signing in, on the host that it comes from, and
// nothing else, so that it needs no trusted peer.
func original(r *http.Request) asked {
	a := asked{method: r.Method, uri: r.Header.Get("X-Forwarded-Uri")}
	for _, name := range []string{"X-Forwarded-Method", "X-Original-Method"} {
		if m := r.Header.Get(name); m != "" {
			a.method = m
			break
		}
	}
	if a.uri == "" {
		a.uri = r.Header.Get("X-Original-Url")
		// Some send the whole address.
		if _, rest, ok := strings.Cut(a.uri, "://"); ok {
			a.uri = "/"
			if i := strings.IndexByte(rest, '/'); i >= 0 {
				a.uri = rest[i:]
			}
		}
	}
	return a
}

// suffix is the path and query that Envoy writes behind its prefix.
func suffix(r *http.Request) string {
	_, uri, _ := strings.Cut(r.URL.RequestURI(), "/auth/validate/ext-authz/"+r.PathValue("gate"))
	return uri
}

// navigates says whether somebody waits before a browser's window, who can be
// sent to sign in: not a script, and not a form, whose content would be lost.
func (a asked) navigates(r *http.Request) bool {
	h := r.Header
	if a.method != http.MethodGet && a.method != http.MethodHead || !strings.Contains(h.Get("Accept"), "text/html") {
		return false
	}
	if mode := h.Get("Sec-Fetch-Mode"); mode != "" && mode != "navigate" {
		return false
	}
	return h.Get("Authorization") == "" && !strings.EqualFold(h.Get("X-Requested-With"), "XMLHttpRequest")
}

// answerBrowser judges the cookie of a gate for browsers, the only credential
// that is read there besides a bearer token. One that is half through its life,
// or from before a change of roles, is renewed on the way.
func (h *Handler) answerBrowser(w http.ResponseWriter, r *http.Request, in input, a asked) error {
	g := in.gate
	w.Header().Add("Vary", "Cookie")
	at, origin, err := pages.Protected(r, h.Gates)
	if errors.Is(err, gate.ErrHost) || err == nil && at.Name != g.Name {
		return h.strange(r, g)
	}
	if err != nil {
		return err
	}
	cookies := pages.NewGateCookies(origin)
	value := cookies.Ticket(r)
	t, verdict := h.Door.Check(g, origin, value)
	if t != nil && (errors.Is(verdict, token.ErrStale) || verdict == nil && h.Door.Due(t)) {
		ticket, err := h.Door.Renew(r.Context(), g, origin, gate.Ticket{Value: value, Verified: t})
		switch {
		case err == nil:
			cookies.Set(w, ticket, h.Now())
			t, verdict = ticket.Verified, nil
		case gate.Over(err):
			verdict = errors.Join(token.ErrSessionEnded, err)
		case errors.Is(verdict, token.ErrStale):
			// Known to be out of date: no gate is open to it.
			h.Observer.Validated(g.Name, "unknown", 0)
			return fault.Wrap(err, fault.Unavailable, "what roles the account has is not known now")
		} // else it is good for now, and the next request tries again
	}
	if t != nil && in.open() && errors.Is(verdict, token.ErrUnknownVerdict) {
		verdict = nil
	}
	if verdict == nil {
		in.ticket = t
		if verdict = gate.Judge(g, t, h.Now()); !errors.Is(verdict, gate.ErrStepUp) {
			return h.answer(w, r, in, g.Name)
		}
	}
	if errors.Is(verdict, token.ErrUnknownVerdict) {
		h.Observer.Validated(g.Name, "unknown", 0)
		return fault.Wrap(verdict, fault.Unavailable, "whether the session has ended is not known now")
	}
	return h.signIn(w, r, in, a, origin, verdict)
}

// signIn refuses a browser that has to sign in, and sends it there if the gate
// and the request allow.
func (h *Handler) signIn(w http.ResponseWriter, r *http.Request, in input, a asked, origin string, verdict error) error {
	web.NoStore(w)
	w.Header().Add("Vary", "Authorization, Accept")
	h.Observer.Validated(in.gate.Name, reasonOf(verdict), 0)
	if !a.navigates(r) {
		return headerError(in, verdict)
	}
	w.Header().Set("Location", gate.LoginURL(origin, a.uri))
	if in.gate.Style == gate.StyleAuthRequest || in.gate.Browser.Redirect == gate.RedirectNever {
		return headerError(in, verdict)
	}
	w.WriteHeader(http.StatusFound)
	return nil
}

// strange refuses a browser at a host that the gate does not protect: most
// likely the gateway is not set up to say which host it is.
func (h *Handler) strange(r *http.Request, g *storage.Gate) error {
	h.Observer.Validated(g.Name, "wrong_host", 0)
	detail := "this gate does not protect the host that was asked for"
	if _, _, forwarded := web.Site(r); !forwarded {
		detail += "; the gateway must be among the trusted proxies and send X-Forwarded-Host"
	}
	e := web.NewError(http.StatusUnauthorized, "AUTH_011", detail)
	e.OAuth, e.Challenge = "invalid_token", `Bearer realm="signet"`
	return e.Because(gate.ErrHost)
}
