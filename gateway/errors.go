package gateway

import "errors"

// Why a token is refused; compare with errors.Is.
var (
	ErrMalformed     = errors.New("gateway: not an access token")
	ErrUnknownKey    = errors.New("gateway: signed by an unknown key")
	ErrWrongIssuer   = errors.New("gateway: of another issuer")
	ErrWrongAudience = errors.New("gateway: for another API")
	ErrExpired       = errors.New("gateway: expired")
	ErrNotYet        = errors.New("gateway: not valid yet")
	// ErrRevoked: the token, its grant, its person, client, organization or key.
	ErrRevoked = errors.New("gateway: revoked")
	// ErrSessionEnded: the person has signed out, or was.
	ErrSessionEnded = errors.New("gateway: session ended")
	// ErrStale: roles changed since; a refresh brings a good token, without a
	// new login.
	ErrStale = errors.New("gateway: roles have changed")
	// ErrUnknown: nobody can say now whether the token was revoked. It is no
	// verdict on the token: answer 503.
	ErrUnknown = errors.New("gateway: revocation state unknown")
)

// Reason is one word for an error of Verify, as /auth/validate writes it, for
// metrics and logs; "valid" for nil.
func Reason(err error) string {
	if err == nil {
		return "valid"
	}
	for _, r := range []struct {
		err  error
		word string
	}{
		{ErrExpired, "expired"},
		{ErrRevoked, "revoked"},
		{ErrSessionEnded, "session_ended"},
		{ErrStale, "stale_permissions"},
		{ErrUnknownKey, "unknown_key"},
		{ErrWrongIssuer, "wrong_issuer"},
		{ErrWrongAudience, "wrong_audience"},
		{ErrNotYet, "not_yet"},
		{ErrUnknown, "unknown"},
		{errInsufficient, "insufficient"},
	} {
		if errors.Is(err, r.err) {
			return r.word
		}
	}
	return "malformed"
}

// errInsufficient: a good token that lacks what a route asks for.
var errInsufficient = errors.New("gateway: insufficient")
