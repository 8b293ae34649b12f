package fault

// Code says what went wrong in the domain's words. The zero Code is Internal,
// so an Error built without one never tells more than "server error".
type Code int

// The codes, by family. The comment names what the caller can do about it.
const (
	// Internal: nothing; it is our bug.
	Internal Code = iota
	// Unavailable: try again later; a dependency is away or a queue is full.
	Unavailable

	// Invalid: fix the fields named in Error.Fields.
	Invalid
	// Malformed: the request cannot be read at all (syntax, encoding).
	Malformed
	// TooLarge: send less.
	TooLarge

	// NotFound: there is no such thing, or it is another tenant's.
	NotFound
	// UserNotFound is NotFound for a person.
	UserNotFound
	// OrganizationNotFound is NotFound for an organization.
	OrganizationNotFound

	// Conflict: the thing exists already or changed meanwhile; read and decide anew.
	Conflict
	// Outdated: the thing is not at the version that was named; read it anew.
	Outdated
	// EmailTaken: the address is already registered.
	EmailTaken
	// SlugTaken: choose another slug.
	SlugTaken
	// LastOwner: an organization never loses its last owner.
	LastOwner
	// NotMember: the person does not belong to the organization.
	NotMember
	// LastFactor: a policy requires the factor that was to be removed.
	LastFactor

	// Unauthenticated: no credential, or one that is not ours.
	Unauthenticated
	// BadCredentials: unknown identifier or wrong password; the two look alike.
	BadCredentials
	// TokenExpired: refresh, or log in again.
	TokenExpired
	// TokenRevoked: log in again.
	TokenRevoked
	// TokenStale: roles changed; refresh and go on.
	TokenStale
	// TokenMalformed: not a token of this issuer.
	TokenMalformed
	// MFARequired: a second factor is asked for.
	MFARequired
	// StepUpRequired: authenticate again, recently or more strongly.
	StepUpRequired

	// Forbidden: known, but not allowed.
	Forbidden
	// InsufficientScope: the token lacks the scope in Error.Scope.
	InsufficientScope
	// EmailUnverified: verify the address first.
	EmailUnverified
	// AccountDisabled: only an operator can help.
	AccountDisabled
	// AccountLocked: wait for Error.RetryAfter.
	AccountLocked
	// RateLimited: wait for Error.RetryAfter.
	RateLimited

	// WeakPassword: the password breaks the policy.
	WeakPassword
	// BreachedPassword: the password is publicly known.
	BreachedPassword
	// LinkInvalid: the one-time token of a mail is unknown, used or expired.
	LinkInvalid

	// MFANotSetUp: enrol a factor first.
	MFANotSetUp
	// BadCode: the one-time code is wrong.
	BadCode
	// ChallengeExpired: begin the challenge anew.
	ChallengeExpired
	// TooManyAttempts: the challenge is burnt; begin anew.
	TooManyAttempts

	// Codes is the number of codes; not a code. Tables are checked against it.
	Codes
)

// String returns the snake_case name used in logs.
func (c Code) String() string {
	switch c {
	case Internal:
		return "internal"
	case Unavailable:
		return "unavailable"
	case Invalid:
		return "invalid"
	case Malformed:
		return "malformed"
	case TooLarge:
		return "too_large"
	case NotFound:
		return "not_found"
	case UserNotFound:
		return "user_not_found"
	case OrganizationNotFound:
		return "organization_not_found"
	case Conflict:
		return "conflict"
	case Outdated:
		return "outdated"
	case EmailTaken:
		return "email_taken"
	case SlugTaken:
		return "slug_taken"
	case LastOwner:
		return "last_owner"
	case NotMember:
		return "not_member"
	case LastFactor:
		return "last_factor"
	case Unauthenticated:
		return "unauthenticated"
	case BadCredentials:
		return "bad_credentials"
	case TokenExpired:
		return "token_expired"
	case TokenRevoked:
		return "token_revoked"
	case TokenStale:
		return "token_stale"
	case TokenMalformed:
		return "token_malformed"
	case MFARequired:
		return "mfa_required"
	case StepUpRequired:
		return "step_up_required"
	case Forbidden:
		return "forbidden"
	case InsufficientScope:
		return "insufficient_scope"
	case EmailUnverified:
		return "email_unverified"
	case AccountDisabled:
		return "account_disabled"
	case AccountLocked:
		return "account_locked"
	case RateLimited:
		return "rate_limited"
	case WeakPassword:
		return "weak_password"
	case BreachedPassword:
		return "breached_password"
	case LinkInvalid:
		return "link_invalid"
	case MFANotSetUp:
		return "mfa_not_set_up"
	case BadCode:
		return "bad_code"
	case ChallengeExpired:
		return "challenge_expired"
	case TooManyAttempts:
		return "too_many_attempts"
	default:
		return "unknown"
	}
}
