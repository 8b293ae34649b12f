package auth

import (
	"net/http"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/fault"
)

// RefreshRequest is the body of POST /auth/refresh. Without refresh_token the
// one in the cookie is used.
type RefreshRequest struct {
	RefreshToken   string `json:"refresh_token"`
	OrganizationID string `json:"organization_id"` // id or slug: becomes the active one
	TenantID       string `json:"tenant_id" alias:"organization_id"`
	ClientID       string `json:"client_id"` // empty: the built-in client
	// RefreshTokenCookie moves the refresh token into an HttpOnly cookie, out of
	// reach of scripts: refresh_token is null then, here and from now on.
	RefreshTokenCookie bool `json:"refresh_token_cookie"`
}

// RefreshQuery is the query of POST /auth/refresh.
type RefreshQuery struct {
	Include string `json:"include"` // "user" adds the member user
}

// refresh is POST /auth/refresh.
func (h *Handler) refresh(w http.ResponseWriter, r *http.Request) error {
	var q RefreshRequest
	if _, err := web.DecodeOptional(r, &q); err != nil {
		return err
	}
	if q.ClientID == "" {
		q.ClientID = DefaultClient
	}
	web.NoStore(w)
	inCookie := q.RefreshTokenCookie
	if q.RefreshToken == "" {
		q.RefreshToken, inCookie = h.cookie.read(r), true
	}
	switch {
	case q.RefreshToken == "":
		return fault.Field("refresh_token", "a refresh token is needed")
	case inCookie && r.Header.Get(web.GuardHeader) != "1":
		return fault.New(fault.Forbidden, "refresh tokens in cookies need the header "+web.GuardHeader+": 1")
	}
	out, err := h.OAuth.RefreshDirect(r.Context(), q.ClientID, q.RefreshToken, q.OrganizationID)
	if err != nil {
		return err
	}
	web.Log(r.Context()).User(out.User.ID).Client(q.ClientID).Session(out.SessionID)
	tokens := shape.TokensOf(out)
	if inCookie {
		h.cookie.set(w, r, out.RefreshToken, out.RefreshExpiry.Sub(h.Now()))
		tokens.RefreshToken = nil
	}
	if r.URL.Query().Get("include") != "user" {
		return web.WriteJSON(w, http.StatusOK, tokens)
	}
	user, err := h.user(r, out.User.ID, out.OrganizationID)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, LoginAnswer{Tokens: tokens, MFAAllowedMethods: []string{}, User: user})
}
