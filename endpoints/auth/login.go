package auth

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/guard"
	"github.com/signet-idp/signet/provider/login"
	"github.com/signet-idp/signet/provider/session"
)

// DefaultClient is the built-in client of the JSON API, for requests that name none.
const DefaultClient = "legacy"

// LoginRequest is the body of POST /auth/login. mfa_code and mfa_method are read
// by the second step, when there is one.
type LoginRequest struct {
	Email          string `json:"email"`
	Username       string `json:"username" alias:"email"`
	Password       string `json:"password"`
	RememberMe     bool   `json:"remember_me"`
	OrganizationID string `json:"organization_id"` // id or slug
	TenantID       string `json:"tenant_id" alias:"organization_id"`
	MFACode        string `json:"mfa_code"`
	MFAMethod      string `json:"mfa_method"`
	DeviceName     string `json:"device_name"`
	ClientID       string `json:"client_id"` // empty: the built-in client
}

// LoginAnswer is the answer of POST /auth/login.
type LoginAnswer struct {
	shape.Tokens
	User *shape.User `json:"user"`
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
		Device: device(r, q.DeviceName), Locale: r.Header.Get("Accept-Language"),
		Options: login.Options{Organization: q.OrganizationID, Remember: q.RememberMe},
	})
	if err != nil {
		return h.loginError(err)
	}
	web.Log(r.Context()).User(out.User.ID).Client(q.ClientID).Session(out.SessionID)
	user, err := h.user(r, out.User.ID, out.OrganizationID)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, LoginAnswer{Tokens: shape.TokensOf(out.Issued), User: user})
}

func (h *Handler) user(r *http.Request, userID, organizationID string) (*shape.User, error) {
	a, err := h.account(r.Context(), userID, organizationID)
	if err != nil {
		return nil, err
	}
	u := h.Shapes.UserOf(a)
	return &u, nil
}

// device is where a request comes from.
func device(r *http.Request, name string) session.Device {
	d := session.Device{Name: name, UserAgent: r.UserAgent()}
	if a := web.ClientAddr(r.Context()); a.IsValid() {
		d.IPAddress = a.String()
	}
	return d
}

// loginError is what a refused login is answered: unknown people and wrong
// passwords alike, locks whether or not there is such an account, and what is
// wrong with an account only after its password.
func (h *Handler) loginError(err error) error {
	var locked *guard.LockedError
	var limited *guard.LimitedError
	switch {
	case errors.Is(err, login.ErrCredentials):
		return fault.Wrap(err, fault.BadCredentials, "Incorrect email or password")
	case errors.As(err, &locked):
		return fault.Wrap(err, fault.AccountLocked, "too many failed logins; try again later").Retry(atLeast(locked.RetryAfter))
	case errors.As(err, &limited):
		wait := atLeast(limited.RetryAfter)
		e := web.NewError(http.StatusTooManyRequests, "AUTH_004", "too many logins from this address; try again later").Because(err)
		e.RetryAfter, e.Header = wait, http.Header{}
		e.Header.Set("X-RateLimit-Limit", strconv.FormatInt(limited.Limit, 10))
		e.Header.Set("X-RateLimit-Remaining", "0")
		e.Header.Set("X-RateLimit-Reset", strconv.FormatInt(h.Now().Add(wait).Unix(), 10))
		return e
	case errors.Is(err, login.ErrDisabled):
		return fault.Wrap(err, fault.AccountDisabled, "the account cannot be used")
	case errors.Is(err, login.ErrUnverified):
		return fault.Wrap(err, fault.EmailUnverified, "confirm the e-mail address first, by the link in the message sent to it")
	case errors.Is(err, login.ErrBusy):
		return fault.Wrap(err, fault.Unavailable, "too many logins at once; try again in a moment")
	}
	return err
}

func atLeast(d time.Duration) time.Duration { return max(d, time.Second) }
