package account

import (
	"net/http"

	"github.com/signet-idp/signet/endpoints/web"
)

// DeleteRequest proves by the password that the person means it; without it the
// authentication must be recent.
type DeleteRequest struct {
	Password string `json:"password"`
}

// Deleted says what became of the account.
type Deleted struct {
	Message string `json:"message"`
	// ErasedAt is when what it says of its person is erased; until then the
	// link of the mail brings it back. Null: it was erased at once.
	ErasedAt *string `json:"erased_at"`
}

// Restored says which account is back.
type Restored struct {
	Message string `json:"message"`
	UserID  string `json:"user_id"`
	Email   string `json:"email"`
}

func (h *Handler) deleteAccount(w http.ResponseWriter, r *http.Request) error {
	var in DeleteRequest
	if _, err := web.DecodeOptional(r, &in); err != nil {
		return err
	}
	c, err := signedIn(r)
	if err != nil {
		return err
	}
	u, err := h.Account.Delete(r.Context(), c, in.Password)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, Deleted{Message: "Account deleted successfully", ErasedAt: h.Shape.Times.Ptr(u.EraseAt)})
}

func (h *Handler) restoreAccount(w http.ResponseWriter, r *http.Request) error {
	var in TokenRequest
	if err := web.Decode(r, &in); err != nil {
		return err
	}
	if in.Token == "" {
		return missing("token")
	}
	u, err := h.Account.Restore(r.Context(), in.Token)
	if err != nil {
		return err
	}
	web.Log(r.Context()).User(u.ID)
	return web.WriteJSON(w, http.StatusOK, Restored{Message: "Account restored successfully", UserID: u.ID, Email: u.Email})
}
