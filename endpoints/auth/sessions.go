package auth

import (
	"net/http"
	"net/netip"
	"strconv"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/risk"
	"github.com/signet-idp/signet/storage"
)

// SessionQuery is the query of GET /auth/sessions.
type SessionQuery struct {
	Page     int    `json:"page"`
	PageSize int    `json:"page_size"`
	Limit    int    `json:"limit"`
	Offset   int    `json:"offset"`
	Cursor   string `json:"cursor"`
}

// Session is one place where the person is signed in: by the JSON API, by the
// hosted pages, or by an application with offline access.
type Session struct {
	ID             string           `json:"id"`
	SessionID      string           `json:"session_id"`
	UserID         string           `json:"user_id"`
	DeviceName     *string          `json:"device_name"`
	DeviceType     *string          `json:"device_type"` // desktop, mobile, tablet, bot, or null
	DeviceInfo     shape.DeviceInfo `json:"device_info"`
	UserAgent      *string          `json:"user_agent"`
	IPAddress      *string          `json:"ip_address"`
	Location       *string          `json:"location"` // city and country of the address; null where they are not known
	CountryCode    *string          `json:"country_code"`
	City           *string          `json:"city"`
	ClientID       *string          `json:"client_id"`
	AuthMethods    []string         `json:"auth_methods"`
	CreatedAt      *string          `json:"created_at"`
	LastActive     *string          `json:"last_active"`
	LastActivityAt *string          `json:"last_activity_at"`
	ExpiresAt      *string          `json:"expires_at"`
	IsCurrent      bool             `json:"is_current"`
}

// SessionList is the answer of GET /auth/sessions.
type SessionList struct {
	Sessions         []Session `json:"sessions"`
	CurrentSessionID *string   `json:"current_session_id"`
	TotalCount       int64     `json:"total_count"`
	Page             int       `json:"page"`
	PageSize         int       `json:"page_size"`
	NextCursor       *string   `json:"next_cursor"`
}

// listSessions is GET /auth/sessions.
func (h *Handler) listSessions(w http.ResponseWriter, r *http.Request) error {
	paging, err := web.ReadPaging(r)
	if err != nil {
		return err
	}
	p := web.PrincipalFrom(r.Context())
	page, err := h.Sessions.List(r.Context(), p.Subject, paging.Cursor, paging.Offset, paging.Size)
	if err != nil {
		return err
	}
	out := SessionList{
		Sessions: make([]Session, 0, len(page.Sessions)), CurrentSessionID: optional(p.SessionID),
		TotalCount: page.Total, Page: paging.Page, PageSize: paging.Size,
	}
	last := ""
	for _, s := range page.Sessions {
		out.Sessions = append(out.Sessions, h.sessionOf(s, p.SessionID))
		last = s.ID
	}
	out.NextCursor = paging.NextCursor(len(page.Sessions), last)
	return h.Shapes.WriteList(w, r, paging, page.Total, out.NextCursor, out.Sessions, out)
}

func (h *Handler) sessionOf(s storage.Session, current string) Session {
	expires := s.Expiry
	if s.IdleExpiry.Before(expires) {
		expires = s.IdleExpiry
	}
	info, kind := shape.DeviceOf(s.UserAgent)
	active, place := h.Shapes.Times.Ptr(s.LastActiveAt), h.place(s.IPAddress)
	return Session{
		ID: s.ID, SessionID: s.ID, UserID: s.UserID, DeviceName: optional(s.DeviceName), DeviceType: kind, DeviceInfo: info,
		UserAgent: optional(s.UserAgent), IPAddress: optional(s.IPAddress), ClientID: optional(s.ClientID), AuthMethods: list(s.AMR),
		Location: optional(place.String()), CountryCode: optional(place.Country), City: optional(place.City),
		CreatedAt: h.Shapes.Times.Ptr(s.CreatedAt), LastActive: active, LastActivityAt: active,
		ExpiresAt: h.Shapes.Times.Ptr(expires), IsCurrent: s.ID == current,
	}
}

// place is where an address is, as far as that is known.
func (h *Handler) place(address string) risk.Place {
	a, err := netip.ParseAddr(address)
	if h.Geo == nil || err != nil {
		return risk.Place{}
	}
	return h.Geo.Place(a)
}

// SessionEnded is the answer of DELETE /auth/sessions/{session_id} and, without
// an id, of DELETE /auth/sessions.
type SessionEnded struct {
	Message   string  `json:"message"`
	SessionID *string `json:"session_id"`
	Success   bool    `json:"success"`
	Ended     int     `json:"sessions_ended"`
}

// endSession is DELETE /auth/sessions/{session_id}.
func (h *Handler) endSession(w http.ResponseWriter, r *http.Request) error {
	p, id := web.PrincipalFrom(r.Context()), r.PathValue("session_id")
	if err := h.Sessions.EndOwn(r.Context(), p.Subject, id, p.SessionID); err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, SessionEnded{Message: "Session ended", SessionID: &id, Success: true, Ended: 1})
}

// endOtherSessions is DELETE /auth/sessions.
func (h *Handler) endOtherSessions(w http.ResponseWriter, r *http.Request) error {
	p := web.PrincipalFrom(r.Context())
	n, err := h.Sessions.EndOthers(r.Context(), p.Subject, p.SessionID)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, SessionEnded{
		Message: strconv.Itoa(n) + " other sessions ended", Success: true, Ended: n,
	})
}
