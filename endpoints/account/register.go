package account

import (
	"errors"
	"net/http"
	"reflect"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/account"
	"github.com/signet-idp/signet/provider/fault"
)

func answers(status int, t reflect.Type) map[int]reflect.Type { return map[int]reflect.Type{status: t} }

// RegisterRequest is the body of POST /auth/register. tenant_id is read and
// opens nothing: into an organization leads an invitation only.
type RegisterRequest struct {
	Email           string `json:"email"`
	Password        string `json:"password"`
	PasswordConfirm string `json:"password_confirm"`
	ConfirmPassword string `json:"confirm_password" alias:"password_confirm"`
	FirstName       string `json:"first_name"`
	LastName        string `json:"last_name"`
	Name            string `json:"name"`
	FullName        string `json:"full_name" alias:"name"`
	PhoneNumber     string `json:"phone_number"`
	Language        string `json:"language"`
	Timezone        string `json:"timezone"`
	TenantID        string `json:"tenant_id"`
	InviteToken     string `json:"invite_token"`
	InvitationToken string `json:"invitation_token" alias:"invite_token"`
	AcceptTerms     bool   `json:"accept_terms"`
	ClientID        string `json:"client_id"`
	DeviceName      string `json:"device_name"`
}

// Registered is the answer: the account, and when it may log in at once what a
// login answers. Where registration must not tell whether an address is taken,
// nothing but message, email, verification_required and next_step is said.
type Registered struct {
	Message              string      `json:"message"`
	Status               *string     `json:"status"`
	VerificationRequired bool        `json:"verification_required"`
	NextStep             *string     `json:"next_step"` // verify_email, or null
	CreatedAt            *string     `json:"created_at"`
	User                 *shape.User `json:"user"`
	shape.Tokens
}

// registeredInDevelopment holds the token of the mail as well.
type registeredInDevelopment struct {
	Registered
	VerificationToken string `json:"verification_token"`
}

func (h *Handler) register(w http.ResponseWriter, r *http.Request) error {
	var in RegisterRequest
	if err := web.Decode(r, &in); err != nil {
		return err
	}
	if err := in.check(); err != nil {
		return err
	}
	if in.ClientID != "" {
		if err := h.Issuer.Check(r.Context(), in.ClientID); err != nil {
			return err
		}
	}
	made, err := h.Account.Register(r.Context(), account.Registration{
		Email: in.Email, Password: in.Password, Profile: in.profile(), InviteToken: in.InviteToken,
		TermsAccepted: in.AcceptTerms, Locale: locale(r),
	})
	if err != nil {
		return apiNames(err)
	}
	next := "verify_email"
	if made.Neutral {
		out := Registered{
			Message:              "Check your mail: we sent a message to this address that says how to go on",
			VerificationRequired: true, NextStep: &next, Tokens: h.Shape.NoTokens(),
		}
		out.Email = &in.Email
		return web.WriteJSON(w, http.StatusAccepted, out)
	}
	web.Log(r.Context()).User(made.User.ID)
	out := Registered{
		Message: "User registered successfully", VerificationRequired: made.VerificationRequired,
		CreatedAt: h.Shape.Times.Ptr(made.User.CreatedAt), Tokens: h.Shape.NoTokens(),
	}
	out.UserID, out.Email = &made.User.ID, &made.User.Email
	if made.VerificationRequired {
		out.Message, out.NextStep = "User registered successfully; confirm the address by the link that we sent to it", &next
	} else if err := h.logIn(r, in, made, &out); err != nil {
		return err
	}
	a, err := h.Directory.Account(r.Context(), made.User.ID, "")
	if err != nil {
		return err
	}
	user := h.Shape.UserOf(a)
	out.User, out.Status = &user, user.Status
	if made.VerificationToken != "" {
		return web.WriteJSON(w, http.StatusCreated, registeredInDevelopment{out, made.VerificationToken})
	}
	return web.WriteJSON(w, http.StatusCreated, out)
}

// logIn gives the new account its first tokens, unless the built-in client is
// not in use here: then the person logs in elsewhere.
func (h *Handler) logIn(r *http.Request, in RegisterRequest, made account.Registered, out *Registered) error {
	t, err := h.Issuer.Issue(r.Context(), made.User, Login{ClientID: in.ClientID, Device: device(r, in.DeviceName)})
	if fault.Is(err, fault.Forbidden) {
		return nil
	}
	if err != nil {
		return err
	}
	out.Tokens = shape.TokensOf(t)
	return nil
}

func (in *RegisterRequest) check() error {
	switch {
	case in.Email == "":
		return missing("email")
	case in.Password == "":
		return missing("password")
	}
	return same(in.Password, in.PasswordConfirm)
}

func (in *RegisterRequest) profile() map[string]any {
	profile := map[string]any{}
	for name, value := range map[string]string{
		"given_name": in.FirstName, "family_name": in.LastName, "name": in.Name,
		"phone_number": in.PhoneNumber, "locale": in.Language, "zoneinfo": in.Timezone,
	} {
		if value != "" {
			profile[name] = value
		}
	}
	return profile
}

// apiNames gives the fields of a refusal the names that the request had.
func apiNames(err error) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || len(f.Fields) == 0 {
		return err
	}
	renamed := *f
	renamed.Fields = nil
	for _, field := range f.Fields {
		switch field.Field {
		case "given_name":
			field.Field = "first_name"
		case "family_name":
			field.Field = "last_name"
		case "locale":
			field.Field = "language"
		case "zoneinfo":
			field.Field = "timezone"
		}
		renamed.Fields = append(renamed.Fields, field)
	}
	return &renamed
}
