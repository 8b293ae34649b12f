package admin

import (
	"net/http"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/access"
)

// accounts are the acts on an account besides its members.
func (h *Handler) accounts() []web.Route {
	tags, one := []string{"Operators: users"}, "/admin/v1/users/{user_id}"
	return []web.Route{
		h.route("read:system:users", h.getSystemRoles, web.Route{
			Name: "adminGetUserRoles", Summary: "The system roles of a person", Tags: tags, Methods: []string{http.MethodGet}, Path: one + "/roles",
			Response: web.TypeOf[SystemRoles](), Errors: []string{"USER_001"},
		}),
		h.route("write:system:users", h.putSystemRoles, web.Route{
			Name: "adminSetUserRoles", Summary: "Give a person exactly these system roles", Tags: tags, Methods: []string{http.MethodPut}, Path: one + "/roles",
			Request: web.TypeOf[PutRoles](), Response: web.TypeOf[SystemRoles](), Errors: []string{"REQ_001", "REQ_004", "USER_001", "REQ_007"},
		}),
		h.route("write:system:users", h.recoveryLink, web.Route{
			Name: "adminCreateRecoveryLink", Summary: "Make the link by which a person sets a new password", Tags: tags,
			Methods: []string{http.MethodPost}, Path: one + "/recovery-link",
			Request: web.TypeOf[RecoveryRequest](), Response: web.TypeOf[RecoveryLink](), Status: http.StatusCreated, Errors: []string{"REQ_001", "USER_001"},
		}),
		h.route("write:system:users", h.unlock, web.Route{
			Name: "adminUnlockUser", Summary: "Lift the lock that failed logins left", Tags: tags, Methods: []string{http.MethodPost}, Path: one + "/unlock",
			Request: web.TypeOf[Reason](), Response: web.TypeOf[Unlocked](), Errors: []string{"REQ_001", "USER_001"},
		}),
	}
}

// SystemRoles are the system roles of one person.
type SystemRoles struct {
	UserID string   `json:"user_id"`
	Roles  []string `json:"roles"` // bare names
}

func (h *Handler) getSystemRoles(w http.ResponseWriter, r *http.Request, _ access.Holder) error {
	id, err := userID(r)
	if err != nil {
		return err
	}
	return h.showSystemRoles(w, r, id)
}

func (h *Handler) showSystemRoles(w http.ResponseWriter, r *http.Request, id string) error {
	a, err := h.Directory.Account(r.Context(), id, "")
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, a.User.Version, SystemRoles{UserID: id, Roles: shape.List(a.SystemRoles)})
}

// PutRoles are the system roles that a person should have.
type PutRoles struct {
	Roles []string `json:"roles" required:"true"`
}

func (h *Handler) putSystemRoles(w http.ResponseWriter, r *http.Request, by access.Holder) error {
	id, err := userID(r)
	if err != nil {
		return err
	}
	version, err := ifMatch(r)
	if err != nil {
		return err
	}
	var in PutRoles
	if err := web.Decode(r, &in); err != nil {
		return err
	}
	if _, err := h.Operator.SetSystemRoles(r.Context(), by, id, version, in.Roles); err != nil {
		return err
	}
	return h.showSystemRoles(w, r, id)
}

// RecoveryRequest says what becomes of the link. Whoever is shown it can use
// it, so that asks for everything that the person holds.
type RecoveryRequest struct {
	Show    bool `json:"show"`
	Deliver bool `json:"deliver"`
}

// RecoveryLink is the link, this once.
type RecoveryLink struct {
	UserID    string  `json:"user_id"`
	URL       *string `json:"url"` // null when it was only sent
	Delivered bool    `json:"delivered"`
	ExpiresAt *string `json:"expires_at"`
}

func (h *Handler) recoveryLink(w http.ResponseWriter, r *http.Request, by access.Holder) error {
	id, err := userID(r)
	if err != nil {
		return err
	}
	var in RecoveryRequest
	if err := web.Decode(r, &in); err != nil {
		return err
	}
	l, err := h.Operator.RecoveryLink(r.Context(), by, id, in.Show, in.Deliver)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusCreated, RecoveryLink{
		UserID: id, URL: optional(l.URL), Delivered: in.Deliver, ExpiresAt: h.Shape.Times.Ptr(l.Until),
	})
}

// Reason says why something is done.
type Reason struct {
	Reason string `json:"reason" doc:"An enumeration for the record; free text becomes other."`
}

// Unlocked says whether there was a lock.
type Unlocked struct {
	UserID    string `json:"user_id"`
	WasLocked bool   `json:"was_locked"`
}

func (h *Handler) unlock(w http.ResponseWriter, r *http.Request, by access.Holder) error {
	id, err := userID(r)
	if err != nil {
		return err
	}
	var in Reason
	if _, err := web.DecodeOptional(r, &in); err != nil {
		return err
	}
	was, err := h.Operator.Unlock(r.Context(), by, id, given(in.Reason))
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, Unlocked{UserID: id, WasLocked: was})
}
