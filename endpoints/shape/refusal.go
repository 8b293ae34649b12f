package shape

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/guard"
	"github.com/signet-idp/signet/provider/login"
	"github.com/signet-idp/signet/provider/mfa"
)

// Refusal is what a refused login, or second factor, is answered: unknown people
// and wrong passwords alike, locks whether or not there is such an account, and
// what is wrong with an account only after its password.
func Refusal(err error, now time.Time) error {
	var locked *guard.LockedError
	var limited *guard.LimitedError
	var wrong *mfa.WrongError
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
		e.Header.Set("X-RateLimit-Reset", strconv.FormatInt(now.Add(wait).Unix(), 10))
		return e
	case errors.As(err, &wrong):
		e := web.NewError(http.StatusUnauthorized, "MFA_002", "the code is wrong").Because(err)
		e.Extra = map[string]any{"verified": false, "success": false, "attempts_remaining": wrong.Remaining}
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
