// Package fault is the one error type that domain packages answer with.
//
// A provider returns New(code, message) or Wrap(cause, code, message); it knows
// no HTTP. endpoints/web maps each Code to a status, a legacy error_code and an
// OAuth error, in one table. Anything that is not an *Error is unexpected: it
// is logged in full and leaves as a bare server error.
//
// Messages are shown to callers. They never hold secrets, and never say whether
// an account exists unless the caller may know.
package fault
