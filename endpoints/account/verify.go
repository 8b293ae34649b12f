package account

import (
	"errors"
	"net/http"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/fault"
)

// VerifyRequest is the token of a mail about an address.
type VerifyRequest struct {
	Token             string `json:"token"`
	VerificationToken string `json:"verification_token" alias:"token"`
}

// TokenRequest is the token of a mail.
type TokenRequest struct {
	Token string `json:"token"`
}

// EmailRequest names an address.
type EmailRequest struct {
	Email string `json:"email"`
}

// CodeRequest is the code of a text message.
type CodeRequest struct {
	Code             string `json:"code"`
	VerificationCode string `json:"verification_code" alias:"code"`
}

// Verified says which address is proven.
type Verified struct {
	Message string          `json:"message"`
	Details VerifiedDetails `json:"details"`
}

// VerifiedDetails is an address and since when it is proven.
type VerifiedDetails struct {
	UserID     string  `json:"user_id"`
	Email      string  `json:"email"`
	VerifiedAt *string `json:"verified_at"`
}

// PhoneVerified says which number is proven.
type PhoneVerified struct {
	Message string               `json:"message"`
	Details PhoneVerifiedDetails `json:"details"`
}

// PhoneVerifiedDetails is a number and since when it is proven.
type PhoneVerifiedDetails struct {
	UserID      string  `json:"user_id"`
	PhoneNumber string  `json:"phone_number"`
	VerifiedAt  *string `json:"verified_at"`
}

func (h *Handler) verifyEmail(w http.ResponseWriter, r *http.Request) error {
	var in VerifyRequest
	if err := web.Decode(r, &in); err != nil {
		return err
	}
	if in.Token == "" {
		return missing("token")
	}
	v, err := h.Account.VerifyEmail(r.Context(), in.Token)
	if err != nil {
		return err
	}
	web.Log(r.Context()).User(v.User.ID)
	return web.WriteJSON(w, http.StatusOK, Verified{
		Message: "Email verified successfully",
		Details: VerifiedDetails{UserID: v.User.ID, Email: v.User.Email, VerifiedAt: h.Shape.Times.Ptr(v.At)},
	})
}

func (h *Handler) resendVerification(w http.ResponseWriter, r *http.Request) error {
	var in EmailRequest
	if _, err := web.DecodeOptional(r, &in); err != nil {
		return err
	}
	if err := h.resend(r, in.Email); err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, shape.Message{
		Message: "If this address belongs to an account and is not verified yet, we sent a new link to it",
	})
}

func (h *Handler) resend(r *http.Request, email string) error {
	if email != "" {
		return h.Account.Resend(r.Context(), email, locale(r))
	}
	bearer, err := web.BearerToken(r)
	if err != nil {
		return err
	}
	if bearer == "" {
		return missing("email")
	}
	p, err := h.Authenticator.Authenticate(r.Context(), bearer)
	if err != nil {
		return err
	}
	if !p.ForIssuer {
		return fault.New(fault.TokenMalformed, "the token is not meant for this API")
	}
	if !p.HasScope(scope) {
		e := fault.New(fault.InsufficientScope, "the token lacks the scope "+scope)
		e.Scope = scope
		return e
	}
	c, err := caller(r, &p)
	if err != nil {
		return err
	}
	web.Log(r.Context()).User(c.UserID)
	return h.Account.ResendTo(r.Context(), c)
}

// ChangeEmailRequest asks for another address.
type ChangeEmailRequest struct {
	NewEmail string `json:"new_email"`
	Email    string `json:"email" alias:"new_email"`
}

func (h *Handler) changeEmail(w http.ResponseWriter, r *http.Request) error {
	var in ChangeEmailRequest
	if err := web.Decode(r, &in); err != nil {
		return err
	}
	c, err := signedIn(r)
	if err != nil {
		return err
	}
	if in.NewEmail == "" {
		return missing("new_email")
	}
	if err := h.Account.RequestEmail(r.Context(), c, "new_email", in.NewEmail); err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, shape.Message{Message: "Open the link that we sent to the new address to confirm it"})
}

func (h *Handler) confirmEmail(w http.ResponseWriter, r *http.Request) error {
	var in VerifyRequest
	if err := web.Decode(r, &in); err != nil {
		return err
	}
	if in.Token == "" {
		return missing("token")
	}
	u, err := h.Account.ConfirmEmail(r.Context(), in.Token, locale(r))
	if err != nil {
		return err
	}
	web.Log(r.Context()).User(u.ID)
	return web.WriteJSON(w, http.StatusOK, Verified{
		Message: "Email changed successfully",
		Details: VerifiedDetails{UserID: u.ID, Email: u.Email, VerifiedAt: h.Shape.Times.Ptr(u.UpdatedAt)},
	})
}

// ChangePhoneRequest asks for another number.
type ChangePhoneRequest struct {
	NewPhone       string `json:"new_phone"`
	NewPhoneNumber string `json:"new_phone_number" alias:"new_phone"`
	PhoneNumber    string `json:"phone_number" alias:"new_phone"`
}

func (h *Handler) changePhone(w http.ResponseWriter, r *http.Request) error {
	var in ChangePhoneRequest
	if err := web.Decode(r, &in); err != nil {
		return err
	}
	c, err := signedIn(r)
	if err != nil {
		return err
	}
	if in.NewPhone == "" {
		return missing("new_phone")
	}
	if err := h.Account.RequestPhone(r.Context(), c, "new_phone", in.NewPhone); err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, shape.Message{Message: "Enter the code that we sent to the new number to confirm it"})
}

func (h *Handler) verifyPhone(w http.ResponseWriter, r *http.Request) error {
	var in CodeRequest
	if err := web.Decode(r, &in); err != nil {
		return err
	}
	c, err := signedIn(r)
	if err != nil {
		return err
	}
	if in.Code == "" {
		return missing("code")
	}
	u, err := h.Account.VerifyPhone(r.Context(), c, in.Code)
	if err != nil {
		return err
	}
	number := shape.Text(u.Profile, "phone_number")
	if number == nil {
		return errors.New("account: verified a number that is not there")
	}
	return web.WriteJSON(w, http.StatusOK, PhoneVerified{
		Message: "Phone number verified successfully",
		Details: PhoneVerifiedDetails{UserID: u.ID, PhoneNumber: *number, VerifiedAt: h.Shape.Times.Ptr(u.UpdatedAt)},
	})
}
