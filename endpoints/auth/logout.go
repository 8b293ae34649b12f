package auth

import (
	"errors"
	"net/http"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/session"
	"github.com/signet-idp/signet/provider/token"
	"github.com/signet-idp/signet/storage"
)

// LogoutRequest is the body of POST /auth/logout.
type LogoutRequest struct {
	RefreshToken string `json:"refresh_token"` // without it the one in the cookie
	AllSessions  bool   `json:"all_sessions"`
}

// logout is POST /auth/logout. The bearer token or, when it has expired, the
// refresh token says which session ends. One that is over already is no error.
func (h *Handler) logout(w http.ResponseWriter, r *http.Request) error {
	var q LogoutRequest
	if _, err := web.DecodeOptional(r, &q); err != nil {
		return err
	}
	if q.RefreshToken == "" && r.Header.Get(web.GuardHeader) == "1" {
		q.RefreshToken = h.cookie.read(r)
	}
	web.NoStore(w)
	byBearer, refused := h.sessionOfBearer(r)
	// An empty refresh token is no such token: nothing is known of it.
	byRefresh, known, err := h.OAuth.SessionOfRefresh(r.Context(), q.RefreshToken)
	if err != nil {
		return err
	}
	var sessions []storage.Session
	if refused == nil {
		sessions = append(sessions, byBearer)
	}
	// Beside a good bearer token only a refresh token of the same person counts.
	if known && (refused != nil || byRefresh.UserID == byBearer.UserID && byRefresh.ID != byBearer.ID) {
		sessions = append(sessions, byRefresh)
	}
	if len(sessions) == 0 {
		return refused
	}
	web.Log(r.Context()).User(sessions[0].UserID).Session(sessions[0].ID)
	if err := h.end(r, sessions, q.AllSessions); err != nil {
		return err
	}
	h.cookie.clear(w, r)
	return web.WriteJSON(w, http.StatusOK, shape.Message{Message: "Successfully logged out"})
}

func (h *Handler) end(r *http.Request, sessions []storage.Session, all bool) error {
	if all {
		return h.Sessions.Logout(r.Context(), sessions[0].UserID, sessions[0].ID)
	}
	for _, s := range sessions {
		if err := h.Sessions.End(r.Context(), s, session.ReasonLogout); err != nil {
			return err
		}
	}
	return nil
}

// sessionOfBearer is the session that the bearer token is of. A token that its
// own logout has killed is still taken, and so is one with stale roles.
func (h *Handler) sessionOfBearer(r *http.Request) (storage.Session, error) {
	raw, err := web.BearerToken(r)
	if err != nil {
		return storage.Session{}, err
	}
	if raw == "" {
		return storage.Session{}, web.NewError(http.StatusUnauthorized, "AUTH_011", "not authenticated")
	}
	t, err := h.Verifier.VerifySignature(raw)
	if err == nil {
		_, err = h.Verifier.Verify(raw)
	}
	switch {
	case err == nil, errors.Is(err, token.ErrStale):
	case errors.Is(err, token.ErrUnknownVerdict):
		return storage.Session{}, fault.Wrap(err, fault.Unavailable, "whether the token was revoked is not known now")
	case t != nil && t.Person() && (errors.Is(err, token.ErrSessionEnded) || errors.Is(err, token.ErrRevoked)):
		if !h.over(r, t.SID) {
			return storage.Session{}, headerError(input{ValidateRequest: ValidateRequest{Token: raw}}, err)
		}
	default:
		return storage.Session{}, headerError(input{ValidateRequest: ValidateRequest{Token: raw}}, err)
	}
	switch {
	case !t.HasAudience(h.Issuer):
		return storage.Session{}, fault.New(fault.TokenMalformed, "the token is not meant for this API")
	case !t.HasScope(scopeAccount):
		return storage.Session{}, &fault.Error{Code: fault.InsufficientScope, Message: "the token lacks the scope " + scopeAccount, Scope: scopeAccount}
	case !t.Person():
		return storage.Session{}, fault.New(fault.Forbidden, "there is no person behind this token")
	}
	s, err := h.Sessions.Get(r.Context(), t.SID)
	if errors.Is(err, session.ErrNone) { // over: ending it again does nothing
		return storage.Session{ID: t.SID, UserID: t.Subject}, nil
	}
	return s, err
}

// over says whether the session of a dead token has ended, so that a logout
// sent twice is answered twice alike.
func (h *Handler) over(r *http.Request, sid string) bool {
	_, err := h.Sessions.Get(r.Context(), sid)
	return errors.Is(err, session.ErrNone)
}

// RevokeRequest is the body of POST /auth/revoke.
type RevokeRequest struct {
	Token         string `json:"token"`
	TokenTypeHint string `json:"token_type_hint"`
}

// revoke is POST /auth/revoke: whoever holds a token of the JSON API may end it.
func (h *Handler) revoke(w http.ResponseWriter, r *http.Request) error {
	var q RevokeRequest
	if err := web.Decode(r, &q); err != nil {
		return err
	}
	if q.Token == "" {
		return fault.Field("token", "a token is needed")
	}
	if err := h.OAuth.RevokeDirect(r.Context(), q.Token); err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, shape.Message{Message: "Token revoked"})
}
