package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// Error is an answer that is not a success, before the route's Style gives it
// its wire form. Handlers return it when they speak protocol (OAuth errors);
// otherwise they return what the provider returned.
type Error struct {
	Status int
	Code   string // JSON API: AUTH_001 …; empty: by status
	OAuth  string // OAuth: invalid_grant …; empty: by status
	Detail string // one sentence for the caller, without secrets

	Fields     []fault.FieldError // 422: detail becomes a list
	RetryAfter time.Duration
	// Challenge is the WWW-Authenticate header; empty: by status and style on 401.
	Challenge string
	Header    http.Header    // more headers
	Extra     map[string]any // more members of the OAuth or JSON body

	ID    string // shown on 5xx so that support finds the log line; set by the frame
	cause error
}

// NewError returns an Error for the JSON API.
func NewError(status int, code, detail string) *Error {
	return &Error{Status: status, Code: code, Detail: detail}
}

// NewOAuthError returns an Error for OAuth endpoints (RFC 6749 §5.2).
func NewOAuthError(status int, code, description string) *Error {
	return &Error{Status: status, OAuth: code, Detail: description}
}

// Because keeps err as the cause, for the log and errors.Is.
func (e *Error) Because(err error) *Error {
	e.cause = err
	return e
}

// Error implements error.
func (e *Error) Error() string {
	s := strconv.Itoa(e.Status)
	for _, part := range []string{e.Code, e.OAuth, e.Detail} {
		if part != "" {
			s += " " + part
		}
	}
	if e.cause != nil {
		s += ": " + e.cause.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// meaning is what one fault.Code is on the wire.
type meaning struct {
	status int
	code   string
	oauth  string
}

// meanings maps every fault.Code; a test holds it complete.
func meanings(c fault.Code) meaning {
	switch c {
	case fault.Unavailable:
		return meaning{503, "SRV_002", "temporarily_unavailable"}
	case fault.Invalid:
		return meaning{422, "REQ_001", "invalid_request"}
	case fault.Malformed:
		return meaning{400, "REQ_001", "invalid_request"}
	case fault.TooLarge:
		return meaning{413, "REQ_001", "invalid_request"}
	case fault.NotFound:
		return meaning{404, "REQ_003", "invalid_request"}
	case fault.UserNotFound:
		return meaning{404, "USER_001", "invalid_request"}
	case fault.OrganizationNotFound:
		return meaning{404, "ORG_001", "invalid_request"}
	case fault.Conflict:
		return meaning{409, "REQ_004", "invalid_request"}
	case fault.Outdated:
		return meaning{412, "REQ_007", "invalid_request"}
	case fault.EmailTaken:
		return meaning{409, "USER_002", "invalid_request"}
	case fault.SlugTaken:
		return meaning{409, "ORG_004", "invalid_request"}
	case fault.LastOwner:
		return meaning{409, "ORG_003", "invalid_request"}
	case fault.NotMember:
		return meaning{404, "ORG_002", "invalid_request"}
	case fault.LastFactor:
		return meaning{409, "MFA_005", "invalid_request"}
	case fault.Unauthenticated, fault.TokenMalformed:
		return meaning{401, "AUTH_011", "invalid_token"}
	case fault.BadCredentials:
		return meaning{401, "AUTH_001", "invalid_grant"}
	case fault.TokenExpired:
		return meaning{401, "AUTH_002", "invalid_token"}
	case fault.TokenRevoked:
		return meaning{401, "AUTH_005", "invalid_token"}
	case fault.TokenStale:
		return meaning{401, "AUTH_006", "invalid_token"}
	case fault.MFARequired:
		return meaning{401, "AUTH_003", "insufficient_user_authentication"}
	case fault.StepUpRequired:
		return meaning{403, "AUTH_014", "insufficient_user_authentication"}
	case fault.Forbidden:
		return meaning{403, "AUTH_010", "access_denied"}
	case fault.InsufficientScope:
		return meaning{403, "AUTH_010", "insufficient_scope"}
	case fault.EmailUnverified:
		return meaning{403, "AUTH_007", "access_denied"}
	case fault.AccountDisabled:
		return meaning{403, "AUTH_009", "access_denied"}
	case fault.AccountLocked:
		return meaning{423, "AUTH_008", "access_denied"}
	case fault.RateLimited:
		return meaning{429, "AUTH_004", "slow_down"}
	case fault.WeakPassword:
		return meaning{422, "AUTH_012", "invalid_request"}
	case fault.BreachedPassword:
		return meaning{422, "AUTH_013", "invalid_request"}
	case fault.LinkInvalid:
		return meaning{400, "AUTH_011", "invalid_request"}
	case fault.MFANotSetUp:
		return meaning{400, "MFA_001", "invalid_request"}
	case fault.BadCode:
		return meaning{401, "MFA_002", "invalid_grant"}
	case fault.ChallengeExpired:
		return meaning{400, "MFA_003", "invalid_grant"}
	case fault.TooManyAttempts:
		return meaning{429, "MFA_004", "slow_down"}
	default:
		return meaning{500, "SRV_001", "server_error"}
	}
}

const unavailableRetry = 2 * time.Second

// toError is the one place where an error becomes an answer. A nil return never
// happens; what is not understood is a bare 500.
func toError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		c := *e // the frame adds to it; handlers may return shared values
		if c.Status == 0 {
			c.Status = http.StatusInternalServerError
		}
		return &c
	}
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return fromFault(f, err)
	}
	if tooBig, ok := errors.AsType[*http.MaxBytesError](err); ok {
		m := meanings(fault.TooLarge)
		return &Error{
			Status: m.status, Code: m.code, OAuth: m.oauth,
			Detail: "the request body is larger than " + strconv.FormatInt(tooBig.Limit, 10) + " bytes", cause: err,
		}
	}
	switch {
	case errors.Is(err, storage.ErrUnavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		m := meanings(fault.Unavailable)
		return &Error{
			Status: m.status, Code: m.code, OAuth: m.oauth,
			Detail: "the service is temporarily unavailable, try again", RetryAfter: unavailableRetry, cause: err,
		}
	case errors.Is(err, storage.ErrNotFound):
		m := meanings(fault.NotFound)
		return &Error{Status: m.status, Code: m.code, OAuth: m.oauth, Detail: "not found", cause: err}
	case errors.Is(err, storage.ErrConflict), errors.Is(err, storage.ErrVersion):
		m := meanings(fault.Conflict)
		return &Error{Status: m.status, Code: m.code, OAuth: m.oauth, Detail: "changed or taken meanwhile, read again", cause: err}
	}
	m := meanings(fault.Internal)
	return &Error{Status: m.status, Code: m.code, OAuth: m.oauth, Detail: "internal server error", cause: err}
}

func fromFault(f *fault.Error, err error) *Error {
	m := meanings(f.Code)
	e := &Error{
		Status: m.status, Code: m.code, OAuth: m.oauth, Detail: f.Message,
		Fields: f.Fields, RetryAfter: f.RetryAfter, cause: err,
	}
	switch f.Code {
	case fault.Internal:
		e.Detail = "internal server error" // its message is for the log
	case fault.Unavailable:
		if e.RetryAfter == 0 {
			e.RetryAfter = unavailableRetry
		}
	case fault.InsufficientScope:
		e.Challenge = bearerChallenge(m.oauth, f.Message, "scope", f.Scope)
	case fault.StepUpRequired:
		age := ""
		if f.MaxAge > 0 {
			age = strconv.FormatInt(int64(f.MaxAge/time.Second), 10)
		}
		e.Challenge = bearerChallenge(m.oauth, f.Message, "acr_values", f.ACR, "max_age", age)
	default:
	}
	if e.Detail == "" {
		e.Detail = strings.ReplaceAll(f.Code.String(), "_", " ")
	}
	return e
}

// bearerChallenge builds a WWW-Authenticate value (RFC 6750 §3, RFC 9470 §3).
// more is name, value pairs; empty values are left out.
func bearerChallenge(code, description string, more ...string) string {
	var b strings.Builder
	b.WriteString("Bearer")
	sep := " "
	for i, pairs := 0, append([]string{"error", code, "error_description", description}, more...); i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			continue
		}
		b.WriteString(sep + pairs[i] + `="` + quotable(pairs[i+1]) + `"`)
		sep = ", "
	}
	return b.String()
}

// quotable keeps the characters RFC 6750 §3 allows inside error_description.
func quotable(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '"' || c == '\\':
			return '\''
		case c < 0x20 || c > 0x7e:
			return '?'
		default:
			return c
		}
	}, s)
}
