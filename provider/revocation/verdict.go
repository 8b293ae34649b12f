package revocation

import (
	"time"

	"github.com/signet-idp/signet/storage"
)

// TokenRef is what the list is asked about: the claims of one access token
// whose signature was verified. Empty claims match nothing.
type TokenRef struct {
	JTI      string
	GID      string
	SID      string
	Sub      string
	ClientID string
	OrgID    string
	// Roles bare when they are of the organization, `system:name` otherwise,
	// whatever a legacy switch made of them in the claim.
	Roles []string
	KID   string
	// PE is the feed position read before what the token says was read.
	PE int64
}

// Verdict is what the list says about a token.
type Verdict uint8

// The verdicts, mildest first.
const (
	// OK: nothing on the list kills the token.
	OK Verdict = iota
	// Stale: a role or membership that the token names was taken away or
	// defined anew. Its refresh token is good and gives one that is right.
	Stale
	// SessionEnded: the login session is over.
	SessionEnded
	// Revoked: the token, its grant, its client, its person's tokens, its
	// organization, its key, or everything of its time was revoked.
	Revoked
)

// Reason returns the reason as `/auth/validate` gives it (`stale_permissions`,
// `session_ended`, `revoked`), or "" for OK. Whether a person is disabled is
// not on the list: it is Revoked here.
func (v Verdict) Reason() string {
	switch v {
	case Stale:
		return "stale_permissions"
	case SessionEnded:
		return "session_ended"
	case Revoked:
		return "revoked"
	default:
		return ""
	}
}

// String returns the reason, or "ok".
func (v Verdict) String() string {
	if v == OK {
		return "ok"
	}
	return v.Reason()
}

// SystemRole is what marks a system role in a token's roles claim.
const SystemRole = "system:"

// Margin is what an entry lives longer than the longest access token: verifiers
// accept a token 30 s past its exp, two replicas' clocks may be that far apart,
// and a request that read its feed position before the entry may still be
// minting a token for as long as a request may take (60 s).
const Margin = 2 * time.Minute

// Expiry returns the expiry of an entry made at now, where the longest-lived
// access token that it could match lives for longest.
func Expiry(now time.Time, longest time.Duration) time.Time {
	return now.Add(longest + Margin)
}

// MemberValue is the value of an entry of kind member: roles that the subject
// held in the organization were taken away or, with no organization, system
// roles, and then it matches every token of the subject.
func MemberValue(organizationID, sub string) string { return organizationID + "/" + sub }

// RoleValue is the value of an entry of kind role; a system role has no
// organization.
func RoleValue(organizationID, role string) string { return organizationID + "/" + role }

// always says whether entries of the kind kill whatever the token's pe is.
func always(k storage.RevocationKind) bool {
	return k == storage.RevokeJTI || k == storage.RevokeKID
}
