package account

import (
	"context"
	"net/http"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/account"
	"github.com/signet-idp/signet/provider/directory"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/oauth"
	"github.com/signet-idp/signet/provider/session"
	"github.com/signet-idp/signet/storage"
)

// Issuer logs in who has just registered, as POST /auth/login does.
type Issuer interface {
	// Check answers fault.Forbidden for a client that may not.
	Check(ctx context.Context, clientID string) error
	// Issue begins a session; fault.Forbidden as above.
	Issue(ctx context.Context, u storage.User, l Login) (oauth.Issued, error)
}

// Login is who logs in from where.
type Login struct {
	ClientID string // empty: the built-in one
	Device   session.Device
}

// Directory describes accounts.
type Directory interface {
	Account(ctx context.Context, userID, organizationID string) (directory.Account, error)
}

// Handler serves the routes.
type Handler struct {
	Account       *account.Service
	Issuer        Issuer
	Directory     Directory
	Authenticator web.Authenticator
	Shape         shape.Options
}

// scope is what one's own account takes.
const scope = "account"

// Mount adds the routes.
func (h *Handler) Mount(t *web.Table) {
	tags := []string{"Accounts"}
	post := []string{http.MethodPost}
	t.Add(web.Route{
		Name: "register", Summary: "Make an account", Tags: tags, Methods: post, Path: "/auth/register", Legacy: true,
		Auth: web.Public(), Handler: h.register, CORS: web.CORSClient, RateClass: web.RateRegister, Idempotent: true,
		Request: web.TypeOf[RegisterRequest](), Response: web.TypeOf[Registered](), Status: http.StatusCreated,
		Answers: answers(http.StatusAccepted, web.TypeOf[Registered]()),
		Errors:  []string{"AUTH_004", "AUTH_010", "AUTH_011", "AUTH_012", "AUTH_013", "REQ_001", "SRV_002", "USER_002"},
	}, web.Route{
		Name: "verifyEmail", Summary: "Prove an e-mail address by the link that was sent to it", Tags: tags,
		Methods: post, Path: "/auth/verify-email", Legacy: true,
		Auth: web.Public(), Handler: h.verifyEmail, CORS: web.CORSClient, RateClass: web.RateToken,
		Request: web.TypeOf[VerifyRequest](), Response: web.TypeOf[Verified](), Errors: []string{"AUTH_004", "AUTH_011", "REQ_001"},
	}, web.Route{
		Name: "resendVerification", Summary: "Send the link that proves an address again", Tags: tags,
		Methods: post, Path: "/auth/resend-verification", Legacy: true,
		Auth:    web.HandlerChecks("an address in the body needs no token; without one the bearer says whose"),
		Handler: h.resendVerification, CORS: web.CORSClient, RateClass: web.RateMail,
		Request: web.TypeOf[EmailRequest](), Response: web.TypeOf[shape.Message](),
		Errors: []string{"AUTH_004", "AUTH_011", "REQ_001", "SRV_002"},
	}, web.Route{
		Name: "forgotPassword", Summary: "Send a link with which the password is set anew", Tags: tags,
		Methods: post, Path: "/auth/forgot-password", Legacy: true,
		Auth: web.Public(), Handler: h.forgotPassword, CORS: web.CORSClient, RateClass: web.RateMail,
		Request: web.TypeOf[EmailRequest](), Response: web.TypeOf[shape.Message](), Errors: []string{"AUTH_004", "REQ_001", "SRV_002"},
	}, web.Route{
		Name: "resetPassword", Summary: "Set a new password by the link of a mail", Tags: tags,
		Methods: post, Path: "/auth/reset-password", Legacy: true,
		Auth: web.Public(), Handler: h.resetPassword, CORS: web.CORSClient, RateClass: web.RateToken,
		Request: web.TypeOf[ResetRequest](), Response: web.TypeOf[shape.Message](),
		Errors: []string{"AUTH_004", "AUTH_011", "AUTH_012", "AUTH_013", "REQ_001", "SRV_002"},
	}, web.Route{
		Name: "changePassword", Summary: "Change one's password", Tags: tags,
		Methods: post, Path: "/auth/change-password", Legacy: true,
		Auth: web.Bearer(scope), Handler: h.changePassword, CORS: web.CORSClient, RateClass: web.RateLogin,
		Request: web.TypeOf[ChangePasswordRequest](), Response: web.TypeOf[shape.Message](),
		Errors: []string{"AUTH_001", "AUTH_004", "AUTH_008", "AUTH_010", "AUTH_011", "AUTH_012", "AUTH_013", "AUTH_014", "REQ_001", "SRV_002"},
	}, web.Route{
		Name: "changeEmail", Summary: "Ask for another e-mail address, which is confirmed there", Tags: tags,
		Methods: post, Path: "/auth/change-email", Legacy: true,
		Auth: web.Bearer(scope), Handler: h.changeEmail, CORS: web.CORSClient, RateClass: web.RateMail,
		Request: web.TypeOf[ChangeEmailRequest](), Response: web.TypeOf[shape.Message](),
		Errors: []string{"AUTH_004", "AUTH_010", "AUTH_011", "AUTH_014", "REQ_001", "SRV_002"},
	}, web.Route{
		Name: "confirmEmail", Summary: "Make the new address the account's by the link that was sent to it", Tags: tags,
		Methods: post, Path: "/auth/confirm-email", Legacy: true,
		Auth: web.Public(), Handler: h.confirmEmail, CORS: web.CORSClient, RateClass: web.RateToken,
		Request: web.TypeOf[VerifyRequest](), Response: web.TypeOf[Verified](), Errors: []string{"AUTH_004", "AUTH_011", "REQ_001", "USER_002"},
	}, web.Route{
		Name: "changePhone", Summary: "Ask for another telephone number, which is confirmed by a code", Tags: tags,
		Methods: post, Path: "/auth/change-phone", Legacy: true,
		Auth: web.Bearer(scope), Handler: h.changePhone, CORS: web.CORSClient, RateClass: web.RateMail,
		Request: web.TypeOf[ChangePhoneRequest](), Response: web.TypeOf[shape.Message](),
		Errors: []string{"AUTH_004", "AUTH_010", "AUTH_011", "AUTH_014", "REQ_001", "SRV_002"},
	}, web.Route{
		Name: "verifyPhone", Summary: "Make the new number the account's by the code that was sent to it", Tags: tags,
		Methods: post, Path: "/auth/verify-phone", Legacy: true,
		Auth: web.Bearer(scope), Handler: h.verifyPhone, CORS: web.CORSClient, RateClass: web.RateToken,
		Request: web.TypeOf[CodeRequest](), Response: web.TypeOf[PhoneVerified](),
		Errors: []string{"AUTH_004", "AUTH_010", "AUTH_011", "MFA_004", "REQ_001"},
	}, web.Route{
		Name: "deleteAccount", Summary: "Delete one's account", Tags: tags,
		Methods: []string{http.MethodDelete}, Path: "/auth/account", Legacy: true,
		Auth: web.Bearer(scope), Handler: h.deleteAccount, CORS: web.CORSClient, RateClass: web.RateLogin,
		Request: web.TypeOf[DeleteRequest](), Response: web.TypeOf[Deleted](),
		Errors: []string{"AUTH_001", "AUTH_004", "AUTH_008", "AUTH_010", "AUTH_011", "AUTH_014", "ORG_003", "REQ_001", "SRV_002"},
	}, web.Route{
		Name: "restoreAccount", Summary: "Bring a deleted account back by the link of a mail", Tags: tags,
		Methods: post, Path: "/auth/restore-account", Legacy: true,
		Auth: web.Public(), Handler: h.restoreAccount, CORS: web.CORSClient, RateClass: web.RateToken,
		Request: web.TypeOf[TokenRequest](), Response: web.TypeOf[Restored](), Errors: []string{"AUTH_004", "AUTH_011", "REQ_001"},
	})
}

// caller is the person who asks; fault.Forbidden for a service.
func caller(r *http.Request, p *web.Principal) (account.Caller, error) {
	if p == nil || p.Service {
		return account.Caller{}, fault.New(fault.Forbidden, "this is for people: a client has no account")
	}
	return account.Caller{
		UserID: p.Subject, SessionID: p.SessionID, ClientID: p.ClientID, AuthTime: p.AuthTime, ACR: p.ACR, Device: device(r, ""), Locale: locale(r),
	}, nil
}

func signedIn(r *http.Request) (account.Caller, error) {
	return caller(r, web.PrincipalFrom(r.Context()))
}

func device(r *http.Request, name string) session.Device {
	return session.Device{Name: name, UserAgent: r.UserAgent(), IPAddress: web.ClientAddr(r.Context()).String()}
}

func locale(r *http.Request) string { return r.Header.Get("Accept-Language") }

// missing names a field that is needed.
func missing(field string) error {
	return &fault.Error{
		Code: fault.Invalid, Message: field + " is required",
		Fields: []fault.FieldError{{Field: field, Message: "is required", Type: "missing"}},
	}
}

// same checks the repetition of a new password, which is optional.
func same(pw, again string) error {
	if again == "" || again == pw {
		return nil
	}
	return fault.Field("password_confirm", "the two passwords differ")
}
