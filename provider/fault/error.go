package fault

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Error is a coded domain error. The zero value is an internal error.
type Error struct {
	Code    Code
	Message string // one sentence for the caller, without secrets

	Fields     []FieldError  // Invalid, WeakPassword: what to fix
	RetryAfter time.Duration // RateLimited, AccountLocked, Unavailable; 0: unknown
	Scope      string        // InsufficientScope: what the token lacks
	ACR        string        // StepUpRequired: acr_values to ask for (RFC 9470 §3)
	MaxAge     time.Duration // StepUpRequired: how fresh the login must be; 0: any

	cause error
}

// FieldError is one thing wrong with one input.
type FieldError struct {
	Field   string // dotted path in the request's own names, e.g. "address.city"
	Message string // what to write instead
	Type    string // machine-readable, e.g. "value_error", "missing"; empty: "value_error"
}

// New returns an Error without a cause.
func New(code Code, message string) *Error { return &Error{Code: code, Message: message} }

// Newf is New with a format; use it only with values the caller may see.
func Newf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Wrap returns an Error whose cause is kept for the log and for errors.Is.
func Wrap(cause error, code Code, message string) *Error {
	return &Error{Code: code, Message: message, cause: cause}
}

// Field returns an Invalid error about one field.
func Field(field, message string) *Error {
	return &Error{Code: Invalid, Message: message, Fields: []FieldError{{Field: field, Message: message}}}
}

// All is one error for several checks of the same input: the Invalid ones
// together, with all their fields, so that a form shows everything at once. Any
// other error comes alone. Nil when all are.
func All(errs ...error) error {
	var all *Error
	for _, err := range errs {
		e, ok := errors.AsType[*Error](err)
		switch {
		case err == nil:
		case !ok || e.Code != Invalid:
			return err
		case all == nil:
			merged := *e
			all = &merged
		default:
			all.Fields = append(slices.Clone(all.Fields), e.Fields...)
		}
	}
	if all == nil {
		return nil
	}
	return all
}

// Retry sets RetryAfter and returns e.
func (e *Error) Retry(after time.Duration) *Error {
	e.RetryAfter = after
	return e
}

// Error implements error: code, message, cause.
func (e *Error) Error() string {
	s := e.Code.String()
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.cause != nil {
		s += ": " + e.cause.Error()
	}
	return s
}

// Unwrap gives errors.Is and errors.As the cause.
func (e *Error) Unwrap() error { return e.cause }

// CodeOf returns the code of the first *Error in err's chain; Internal when
// there is none (also for nil: ask err == nil first).
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return Internal
}

// Is reports whether err carries an *Error with the given code.
func Is(err error, code Code) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == code
}
