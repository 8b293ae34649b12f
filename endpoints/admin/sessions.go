package admin

import (
	"net/http"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

func (h *Handler) sessions() []web.Route {
	tags, all := []string{"Operators: sessions"}, "/admin/v1/users/{user_id}/sessions"
	return []web.Route{
		h.route("read:system:sessions", h.listSessions, web.Route{
			Name: "adminListSessions", Summary: "Where a person is signed in", Tags: tags, Methods: []string{http.MethodGet}, Path: all,
			Response: web.TypeOf[Sessions](), Errors: []string{"USER_001"},
		}),
		h.route("delete:system:sessions", h.endSessions, web.Route{
			Name: "adminEndSessions", Summary: "Sign a person out everywhere", Tags: tags, Methods: []string{http.MethodDelete}, Path: all,
			Query: web.TypeOf[Removal](), Response: web.TypeOf[Ended](), Errors: []string{"USER_001"},
		}),
		h.route("delete:system:sessions", h.endUserSession, web.Route{
			Name: "adminEndUserSession", Summary: "End one session of a person", Tags: tags, Methods: []string{http.MethodDelete}, Path: all + "/{session_id}",
			Query: web.TypeOf[Removal](), Status: http.StatusNoContent, Errors: []string{"USER_001", "REQ_003"},
		}),
		h.route("delete:system:sessions", h.endSession, web.Route{
			Name: "adminEndSession", Summary: "End a session", Tags: tags, Methods: []string{http.MethodDelete}, Path: "/admin/v1/sessions/{session_id}",
			Query: web.TypeOf[Removal](), Status: http.StatusNoContent, Errors: []string{"REQ_003"},
		}),
	}
}

// Session is one login on one device.
type Session struct {
	ID             string   `json:"id"`
	SessionID      string   `json:"session_id"`
	UserID         string   `json:"user_id"`
	Kind           string   `json:"kind"` // browser, json, offline
	ClientID       *string  `json:"client_id"`
	DeviceName     *string  `json:"device_name"`
	UserAgent      *string  `json:"user_agent"`
	IPAddress      *string  `json:"ip_address"`
	ACR            *string  `json:"acr"`
	AuthMethods    []string `json:"auth_methods"`
	AuthTime       *string  `json:"auth_time" format:"date-time"`
	CreatedAt      *string  `json:"created_at"`
	LastActivityAt *string  `json:"last_activity_at"`
	ExpiresAt      *string  `json:"expires_at"`
}

// Sessions are a person's live sessions, newest first, at most 500.
type Sessions struct {
	UserID     string    `json:"user_id"`
	Sessions   []Session `json:"sessions"`
	TotalCount int       `json:"total_count"`
}

// maxSessions bounds one answer.
const maxSessions = 500

func (h *Handler) listSessions(w http.ResponseWriter, r *http.Request, _ access.Holder) error {
	id, err := h.existing(r)
	if err != nil {
		return err
	}
	list, err := h.Store.SessionsOf(r.Context(), id, maxSessions)
	if err != nil {
		return err
	}
	out, now := Sessions{UserID: id, Sessions: []Session{}}, h.Clock.Now()
	for _, s := range list {
		if s.Live(now) {
			out.Sessions = append(out.Sessions, h.session(s))
		}
	}
	out.TotalCount = len(out.Sessions)
	return web.WriteJSON(w, http.StatusOK, out)
}

// existing is the id of a person that there is.
func (h *Handler) existing(r *http.Request) (string, error) {
	id, err := userID(r)
	if err != nil {
		return "", err
	}
	_, err = h.Directory.Account(r.Context(), id, "")
	return id, err
}

func (h *Handler) session(s storage.Session) Session {
	t := h.Shape.Times
	return Session{
		ID: s.ID, SessionID: s.ID, UserID: s.UserID, Kind: string(s.Kind), ClientID: optional(s.ClientID),
		DeviceName: optional(s.DeviceName), UserAgent: optional(s.UserAgent), IPAddress: optional(s.IPAddress),
		ACR: optional(s.ACR), AuthMethods: shape.List(s.AMR), AuthTime: t.Ptr(s.AuthTime), CreatedAt: t.Ptr(s.CreatedAt),
		LastActivityAt: t.Ptr(s.LastActiveAt), ExpiresAt: t.Ptr(s.Expiry),
	}
}

// Ended says what a sign-out ended.
type Ended struct {
	UserID        string `json:"user_id"`
	SessionsEnded int    `json:"sessions_ended"`
	GrantsEnded   int64  `json:"grants_ended"`
}

func (h *Handler) endSessions(w http.ResponseWriter, r *http.Request, by access.Holder) error {
	id, err := userID(r)
	if err != nil {
		return err
	}
	sessions, grants, err := h.Operator.EndSessions(r.Context(), by, id, reason(r))
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, Ended{UserID: id, SessionsEnded: sessions, GrantsEnded: grants})
}

func (h *Handler) endUserSession(w http.ResponseWriter, r *http.Request, by access.Holder) error {
	id, err := h.existing(r)
	if err != nil {
		return err
	}
	return h.end(w, r, by, id)
}

func (h *Handler) endSession(w http.ResponseWriter, r *http.Request, by access.Holder) error {
	return h.end(w, r, by, "")
}

func (h *Handler) end(w http.ResponseWriter, r *http.Request, by access.Holder, userID string) error {
	id := r.PathValue("session_id")
	if !isID(id) {
		return fault.New(fault.NotFound, "there is no such session")
	}
	if err := h.Operator.EndSession(r.Context(), by, userID, id, reason(r)); err != nil {
		return err
	}
	return web.NoContent(w)
}
