package account

import (
	"net/http"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
)

func (h *Handler) forgotPassword(w http.ResponseWriter, r *http.Request) error {
	var in EmailRequest
	if err := web.Decode(r, &in); err != nil {
		return err
	}
	if in.Email == "" {
		return missing("email")
	}
	if err := h.Account.RequestReset(r.Context(), in.Email, locale(r)); err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, shape.Message{
		Message: "If an account exists for this address, we sent a message with a link to reset the password",
	})
}

// ResetRequest sets a new password by the token of a mail.
type ResetRequest struct {
	Token           string `json:"token"`
	ResetToken      string `json:"reset_token" alias:"token"`
	NewPassword     string `json:"new_password"`
	Password        string `json:"password" alias:"new_password"`
	PasswordConfirm string `json:"password_confirm"`
	ConfirmPassword string `json:"confirm_password" alias:"password_confirm"`
}

func (h *Handler) resetPassword(w http.ResponseWriter, r *http.Request) error {
	var in ResetRequest
	if err := web.Decode(r, &in); err != nil {
		return err
	}
	switch {
	case in.Token == "":
		return missing("token")
	case in.NewPassword == "":
		return missing("new_password")
	}
	if err := same(in.NewPassword, in.PasswordConfirm); err != nil {
		return err
	}
	u, err := h.Account.Reset(r.Context(), in.Token, "new_password", in.NewPassword, locale(r))
	if err != nil {
		return err
	}
	web.Log(r.Context()).User(u.ID)
	return web.WriteJSON(w, http.StatusOK, shape.Message{Message: "Password reset successfully"})
}

// ChangePasswordRequest replaces a password that is known.
type ChangePasswordRequest struct {
	CurrentPassword string `json:"current_password"`
	OldPassword     string `json:"old_password" alias:"current_password"`
	NewPassword     string `json:"new_password"`
	PasswordConfirm string `json:"password_confirm"`
	ConfirmPassword string `json:"confirm_password" alias:"password_confirm"`
}

func (h *Handler) changePassword(w http.ResponseWriter, r *http.Request) error {
	var in ChangePasswordRequest
	if err := web.Decode(r, &in); err != nil {
		return err
	}
	c, err := signedIn(r)
	if err != nil {
		return err
	}
	if in.NewPassword == "" {
		return missing("new_password")
	}
	if err := same(in.NewPassword, in.PasswordConfirm); err != nil {
		return err
	}
	if err := h.Account.ChangePassword(r.Context(), c, in.CurrentPassword, "new_password", in.NewPassword); err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, shape.Message{Message: "Password changed successfully"})
}
