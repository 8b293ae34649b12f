package auth

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/gate"
	"github.com/signet-idp/signet/provider/oauth/params"
	"github.com/signet-idp/signet/storage"
)

// anyMethod is what Envoy's ext_authz mostly sends: the method of the request
// that is judged, whatever it is.
func anyMethod() []string {
	return []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
}

// mountGates adds /auth/validate under the name of a gate.
func (h *Handler) mountGates(t *web.Table) {
	t.Add(web.Route{
		Name: "validateTokenAtGate", Summary: "Is this access token still good, and enough for the gate?", Tags: []string{"Authentication"},
		Methods: []string{http.MethodGet, http.MethodPost}, Path: "/auth/validate/{gate}",
		Auth:    web.HandlerChecks("the credential is what is judged"),
		Handler: h.validateAt, ContentTypes: []string{web.AnyContentType}, AllowCrossOrigin: true,
		Request: web.TypeOf[ValidateRequest](), Response: web.TypeOf[Validation](), AnyHost: true,
		Errors: []string{"AUTH_002", "AUTH_005", "AUTH_006", "AUTH_010", "AUTH_011", "AUTH_014", "REQ_001", "REQ_003", "SRV_002"},
	})
	// Envoy calls with the request's own method and path behind a prefix.
	for _, r := range [][2]string{{"extAuthz", "/auth/validate/ext-authz/{gate}"}, {"extAuthzPath", "/auth/validate/ext-authz/{gate}/{path:.*}"}} {
		t.Add(web.Route{
			Name: r[0], Summary: "The same for Envoy's ext_authz filter",
			Methods: anyMethod(), AnyMethod: true, Path: r[1], Auth: web.HandlerChecks("the credential is what is judged"),
			Handler: h.extAuthz, ContentTypes: []string{web.AnyContentType}, AllowCrossOrigin: true, AnyHost: true, Hidden: true,
		})
	}
}

// validateAt is /auth/validate/{gate}.
func (h *Handler) validateAt(w http.ResponseWriter, r *http.Request) error {
	g, err := h.Gates.Get(r.Context(), r.PathValue("gate"))
	if err != nil {
		return err
	}
	in, err := h.read(r)
	if err != nil {
		return simple(g, err)
	}
	in.gate = g
	if g.Browser != nil && in.Token == "" {
		return simple(g, h.answerBrowser(w, r, in, original(r)))
	}
	return simple(g, h.answer(w, r, in, g.Name))
}

// extAuthz judges by the header alone: the body belongs to the request that is
// judged. A success is 200, whatever the method: Envoy takes nothing else.
func (h *Handler) extAuthz(w http.ResponseWriter, r *http.Request) error {
	g, err := h.Gates.Get(r.Context(), r.PathValue("gate"))
	if err != nil {
		return err
	}
	bearer, err := params.Bearer(r.Header.Values("Authorization"), params.Form{})
	if err != nil {
		return simple(g, fault.New(fault.Malformed, "the Authorization header is malformed"))
	}
	in := input{header: true, bare: true, gate: g}
	in.Token = bearer
	if g.Browser != nil && in.Token == "" {
		return simple(g, h.answerBrowser(w, r, in, asked{r.Method, suffix(r)}))
	}
	return simple(g, h.answer(w, r, in, g.Name))
}

// simple is err for a gateway that knows 401 and 403 besides success, and makes
// an error of its own of anything else: what cannot be said, or is too much,
// is refused.
func simple(g *storage.Gate, err error) error {
	if err == nil || g.Style != gate.StyleAuthRequest {
		return err
	}
	var e *web.Error
	if errors.As(err, &e) && (e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden) {
		return err
	}
	return web.NewError(http.StatusForbidden, "AUTH_010", "the token cannot be judged now").Because(err)
}

// stepUp answers a login that is too weak or too long ago (RFC 9470 §3).
func stepUp(e *web.Error, g *storage.Gate) {
	e.Code, e.OAuth, e.Detail = "AUTH_014", "insufficient_user_authentication", "a stronger or more recent authentication is required"
	e.Challenge = `Bearer realm="signet", error="insufficient_user_authentication", error_description="` + e.Detail + `"`
	if g.ACR != "" {
		e.Challenge += `, acr_values="` + g.ACR + `"`
	}
	if g.MaxAge > 0 {
		e.Challenge += `, max_age="` + strconv.FormatInt(int64(g.MaxAge/time.Second), 10) + `"`
	}
}
