package mfa

import (
	"net/http"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/mfa"
)

func (h *Handler) methodRoutes() []web.Route {
	list := route("listFactors", "One's second factors, oldest first", http.MethodGet, "/mfa/methods", h.methods)
	list.Response = web.TypeOf[shape.Methods]()

	rename := route("renameFactor", "Call a second factor something else", http.MethodPatch, "/mfa/methods/{method_id}", h.rename)
	rename.Request, rename.Response, rename.Errors = web.TypeOf[RenameRequest](), web.TypeOf[shape.Method](), bearer("REQ_001", "REQ_002", "REQ_003", "REQ_004")

	remove := route("removeFactor", "Remove a second factor", http.MethodDelete, "/mfa/methods/{method_id}", h.remove)
	remove.Response, remove.Errors = web.TypeOf[shape.Message](), bearer("AUTH_014", "MFA_005", "REQ_003")

	codes := route("regenerateBackupCodes", "Make new backup codes; the old ones die", http.MethodPost, "/mfa/backup-codes/regenerate", h.regenerate)
	codes.Response, codes.Errors = web.TypeOf[BackupCodes](), bearer("AUTH_014", "MFA_001")
	return []web.Route{list, rename, remove, codes}
}

// methods is GET /mfa/methods.
func (h *Handler) methods(w http.ResponseWriter, r *http.Request) error {
	by, err := person(r)
	if err != nil {
		return err
	}
	list, err := h.Factors.Methods(r.Context(), by.signedIn.UserID)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, h.Shape.MethodsOf(list))
}

// RenameRequest is the body of PATCH /mfa/methods/{method_id}.
type RenameRequest struct {
	Name       string `json:"name"`
	DeviceName string `json:"device_name" alias:"name"`
}

// rename is PATCH /mfa/methods/{method_id}.
func (h *Handler) rename(w http.ResponseWriter, r *http.Request) error {
	var q RenameRequest
	if err := web.Decode(r, &q); err != nil {
		return err
	}
	if q.Name == "" {
		return missing("name", "a name is needed")
	}
	by, err := person(r)
	if err != nil {
		return err
	}
	id, user := r.PathValue("method_id"), by.signedIn.UserID
	if err := h.Factors.Rename(r.Context(), user, id, q.Name); err != nil {
		return err
	}
	list, err := h.Factors.Methods(r.Context(), user)
	if err != nil {
		return err
	}
	for _, m := range list.All {
		if m.ID == id {
			return web.WriteJSON(w, http.StatusOK, h.Shape.MethodOf(m))
		}
	}
	return fault.New(fault.NotFound, "there is no such method")
}

// remove is DELETE /mfa/methods/{method_id}.
func (h *Handler) remove(w http.ResponseWriter, r *http.Request) error {
	by, err := person(r)
	if err != nil {
		return err
	}
	// A method that is not theirs is not there, however recent they are.
	list, err := h.Factors.Methods(r.Context(), by.signedIn.UserID)
	if err != nil {
		return err
	}
	id, theirs := r.PathValue("method_id"), false
	for _, m := range list.All {
		theirs = theirs || m.ID == id
	}
	if !theirs {
		return fault.New(fault.NotFound, "there is no such method")
	}
	if err := h.recent(r.Context(), by); err != nil {
		return err
	}
	if err := h.Factors.Remove(r.Context(), by.signedIn.UserID, id, mfa.ReasonPerson, locale(r)); err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, shape.Message{Message: "MFA method removed successfully"})
}
