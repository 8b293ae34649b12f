package auth

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/login"
)

// DefaultClient is the built-in client of the JSON API, for requests that name none.
const DefaultClient = "legacy"

// LoginRequest is the body of POST /auth/login.
type LoginRequest struct {
	Email          string `json:"email"`
	Username       string `json:"username" alias:"email"`
	Password       string `json:"password"`
	RememberMe     bool   `json:"remember_me"`
	OrganizationID string `json:"organization_id"` // id or slug
	TenantID       string `json:"tenant_id" alias:"organization_id"`
	MFACode        string `json:"mfa_code" doc:"Proves a second factor at once."`
	MFAMethod      string `json:"mfa_method" doc:"The id or kind of the factor; left out: an authenticator app, else what codes are sent to, or a backup code, whichever the code looks like."`
	DeviceName     string `json:"device_name"`
	DeviceToken    string `json:"device_token" doc:"What POST /mfa/verify gave a device that is trusted."`
	ClientID       string `json:"client_id"` // empty: the built-in client
}

// LoginAnswer is the answer of POST /auth/login.
type LoginAnswer struct {
	shape.Tokens
	// MFAAllowedMethods are the kinds of factor to set up, where one has to be.
	MFAAllowedMethods []string `json:"mfa_allowed_methods"`
	// DeviceToken is the one that was sent; null without.
	DeviceToken *string     `json:"device_token"`
	User        *shape.User `json:"user"`
}

// Bounds of what is typed, in bytes.
const (
	maxUsername = 320
	maxPassword = 4096
)

func (q *LoginRequest) check() error {
	var fields []fault.FieldError
	for _, f := range []struct {
		name, value string
		most        int
	}{{"email", q.Email, maxUsername}, {"password", q.Password, maxPassword}} {
		switch {
		case f.value == "":
			fields = append(fields, fault.FieldError{Field: f.name, Message: "field required", Type: "missing"})
		case len(f.value) > f.most:
			fields = append(fields, fault.FieldError{Field: f.name, Message: "write at most " + strconv.Itoa(f.most) + " bytes"})
		}
	}
	if len(fields) > 0 {
		return &fault.Error{Code: fault.Invalid, Message: "e-mail address and password are needed", Fields: fields}
	}
	if q.ClientID == "" {
		q.ClientID = DefaultClient
	}
	return nil
}

// login is POST /auth/login.
func (h *Handler) login(w http.ResponseWriter, r *http.Request) error {
	var q LoginRequest
	if err := web.Decode(r, &q); err != nil {
		return err
	}
	if err := q.check(); err != nil {
		return err
	}
	web.NoStore(w)
	out, err := h.Login.JSON(r.Context(), login.JSON{
		ClientID: q.ClientID, Username: q.Email, Password: q.Password, Code: q.MFACode, Method: q.MFAMethod,
		Device: shape.Device(r, q.DeviceName), DeviceToken: q.DeviceToken, Locale: r.Header.Get("Accept-Language"),
		Options: login.Options{Organization: q.OrganizationID, Remember: q.RememberMe},
	})
	if waiting, ok := errors.AsType[*login.FactorError](err); ok {
		return web.WriteJSON(w, http.StatusOK, h.waiting(waiting))
	}
	if err != nil {
		return shape.Refusal(err, h.Now())
	}
	web.Log(r.Context()).User(out.User.ID).Client(q.ClientID).Session(out.SessionID)
	user, err := h.user(r, out.User.ID, out.OrganizationID)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, LoginAnswer{
		Tokens: shape.TokensOf(out.Issued), MFAAllowedMethods: []string{}, DeviceToken: optional(out.DeviceToken), User: user,
	})
}

// waiting is the answer to a right password that is not enough.
func (h *Handler) waiting(e *login.FactorError) LoginAnswer {
	out := LoginAnswer{Tokens: h.Shapes.NoTokens(), MFAAllowedMethods: []string{}}
	out.RequiresMFA, out.MFAEnrollmentRequired, out.MFAToken = true, e.Enrol, &e.Token
	if e.Challenge != nil {
		out.MFAChallengeID = &e.Challenge.ID
	}
	if e.Factor {
		out.MFAMethods = shape.FactorsOf(e.Methods)
	} else {
		out.MFAAllowedMethods = shape.List(e.Allowed)
	}
	return out
}

func (h *Handler) user(r *http.Request, userID, organizationID string) (*shape.User, error) {
	a, err := h.account(r.Context(), userID, organizationID)
	if err != nil {
		return nil, err
	}
	u := h.Shapes.UserOf(a)
	return &u, nil
}
