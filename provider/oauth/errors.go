package oauth

import (
	"context"
	"errors"
	"net/http"

	"github.com/ory/fosite"

	"github.com/signet-idp/signet/provider/oauth/params"
	"github.com/signet-idp/signet/storage"
)

// Error is a protocol error: the code and description of RFC 6749 §4.1.2.1,
// §5.2 and the specifications that add to it. Descriptions are ours, fixed and
// short: they never repeat what a client sent, other than a parameter's name.
type Error struct {
	Code        string
	Description string
	Status      int    // at the token endpoint and its kin
	Parameter   string // the parameter at fault, or empty
	cause       error
}

// Error implements error.
func (e *Error) Error() string {
	s := "oauth: " + e.Code + ": " + e.Description
	if e.cause != nil {
		s += ": " + e.cause.Error()
	}
	return s
}

// Unwrap gives the cause, for the log.
func (e *Error) Unwrap() error { return e.cause }

// Is makes errors of one code alike.
func (e *Error) Is(target error) bool {
	var t *Error
	return errors.As(target, &t) && t.Code == e.Code
}

// With returns the error with another description.
func (e *Error) With(description string) *Error {
	c := *e
	c.Description = description
	return &c
}

// About returns the error with the name of the parameter at fault.
func (e *Error) About(parameter, description string) *Error {
	c := *e
	c.Parameter, c.Description = parameter, description
	return &c
}

// Cause returns the error with what led to it.
func (e *Error) Cause(err error) *Error {
	c := *e
	c.cause = err
	return &c
}

func newError(code string, status int, description string) *Error {
	return &Error{Code: code, Status: status, Description: description}
}

// The protocol errors. They are functions so that nobody can change them.
func errInvalidRequest() *Error {
	return newError("invalid_request", http.StatusBadRequest, "the request is malformed")
}

func errInvalidClient() *Error {
	return newError("invalid_client", http.StatusUnauthorized, "client authentication failed")
}

func errInvalidGrant() *Error {
	return newError("invalid_grant", http.StatusBadRequest, "the grant is invalid, expired, revoked or was used before")
}

func errInvalidScope() *Error {
	return newError("invalid_scope", http.StatusBadRequest, "a requested scope is unknown or not allowed for this client")
}

func errInvalidTarget() *Error { // RFC 8707 §2
	return newError("invalid_target", http.StatusBadRequest, "the requested resource is unknown or not allowed for this client")
}

func errUnauthorizedClient() *Error {
	return newError("unauthorized_client", http.StatusBadRequest, "the client is not registered for this")
}

func errUnsupportedGrantType() *Error {
	return newError("unsupported_grant_type", http.StatusBadRequest, "the grant type is not supported")
}

func errUnsupportedResponseType() *Error {
	return newError("unsupported_response_type", http.StatusBadRequest, "response_type must be code")
}

func errAccessDenied() *Error {
	return newError("access_denied", http.StatusForbidden, "the request was denied")
}

func errLoginRequired() *Error {
	return newError("login_required", http.StatusBadRequest, "the person has to log in")
}

func errConsentRequired() *Error {
	return newError("consent_required", http.StatusBadRequest, "the person has to give consent")
}

func errUnmetAuthentication() *Error { // OpenID Connect Unmet Authentication Requirements 1.0
	return newError("unmet_authentication_requirements", http.StatusBadRequest, "the requested authentication cannot be met")
}

func errRequestNotSupported() *Error {
	return newError("request_not_supported", http.StatusBadRequest, "this client registered no keys for request objects")
}

func errRequestURINotSupported() *Error {
	return newError("request_uri_not_supported", http.StatusBadRequest, "request_uri is not supported")
}

func errInvalidRequestObject() *Error {
	return newError("invalid_request_object", http.StatusBadRequest, "the request object is invalid")
}

func errServer() *Error {
	return newError("server_error", http.StatusInternalServerError, "something went wrong here")
}

func errUnavailable() *Error {
	return newError("temporarily_unavailable", http.StatusServiceUnavailable, "try again in a moment")
}

// asError turns any error into the protocol error that goes out. What is
// unknown becomes a bare server_error; its cause is for the log.
func asError(err error) *Error {
	if err == nil {
		return nil
	}
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	if errors.Is(err, storage.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return errUnavailable().Cause(err)
	}
	var param *params.Error
	if errors.As(err, &param) {
		return newError(param.Code(), http.StatusBadRequest, "").About(param.Parameter, param.Error())
	}
	// fosite wraps what its store returned in server errors, so the specific
	// causes are looked for first.
	for _, m := range []struct {
		target error
		out    func() *Error
	}{
		{fosite.ErrInvalidatedAuthorizeCode, errInvalidGrant},
		{fosite.ErrInvalidGrant, errInvalidGrant},
		{fosite.ErrInactiveToken, errInvalidGrant},
		{fosite.ErrTokenExpired, errInvalidGrant},
		{fosite.ErrSerializationFailure, errInvalidGrant},
		{fosite.ErrNotFound, errInvalidGrant},
		{fosite.ErrScopeNotGranted, errInvalidScope},
		{fosite.ErrInvalidScope, errInvalidScope},
		{fosite.ErrInvalidClient, errInvalidClient},
		{fosite.ErrUnauthorizedClient, errUnauthorizedClient},
		{fosite.ErrUnsupportedGrantType, errUnsupportedGrantType},
		{fosite.ErrUnsupportedResponseType, errUnsupportedResponseType},
		{fosite.ErrAccessDenied, errAccessDenied},
		{fosite.ErrLoginRequired, errLoginRequired},
		{fosite.ErrConsentRequired, errConsentRequired},
		{fosite.ErrRequestNotSupported, errRequestNotSupported},
		{fosite.ErrRequestURINotSupported, errRequestURINotSupported},
		{fosite.ErrUnsupportedResponseMode, errInvalidRequest},
		{fosite.ErrRegistrationNotSupported, errInvalidRequest},
		{fosite.ErrInvalidState, errInvalidRequest},
		{fosite.ErrInsufficientEntropy, errInvalidRequest},
		{fosite.ErrInvalidRequest, errInvalidRequest},
	} {
		if errors.Is(err, m.target) {
			return m.out().Cause(err)
		}
	}
	return errServer().Cause(err)
}

// AsError is asError for the endpoints.
func AsError(err error) *Error { return asError(err) }

// ErrLoginRequired is the answer to prompt=none without a session that fits.
func ErrLoginRequired() *Error { return errLoginRequired() }

// ErrConsentRequired is the answer to prompt=none without consent.
func ErrConsentRequired() *Error { return errConsentRequired() }

// ErrUnmetAuthentication is the answer to an essential acr out of reach.
func ErrUnmetAuthentication() *Error { return errUnmetAuthentication() }
