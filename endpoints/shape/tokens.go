package shape

import (
	"github.com/signet-idp/signet/provider/mfa"
	"github.com/signet-idp/signet/provider/oauth"
)

// Tokens is what a login and a refresh answer.
type Tokens struct {
	AccessToken           *string  `json:"access_token"`
	RefreshToken          *string  `json:"refresh_token"` // null when it is in the cookie
	TokenType             *string  `json:"token_type"`
	ExpiresIn             *int64   `json:"expires_in"` // seconds
	IDToken               *string  `json:"id_token"`   // always null
	Scope                 *string  `json:"scope"`
	UserID                *string  `json:"user_id"`
	Email                 *string  `json:"email"`
	TenantID              *string  `json:"tenant_id"`
	OrganizationID        *string  `json:"organization_id"`
	SessionID             *string  `json:"session_id"`
	RequiresMFA           bool     `json:"requires_mfa"`
	MFAEnrollmentRequired bool     `json:"mfa_enrollment_required"`
	MFAToken              *string  `json:"mfa_token"`
	MFAChallengeID        *string  `json:"mfa_challenge_id"`
	MFAMethods            []Factor `json:"mfa_methods"`
}

// Factor is a second factor that a login may be completed with.
type Factor struct {
	MethodID          string  `json:"method_id"`
	MethodType        string  `json:"method_type"`
	DestinationMasked *string `json:"destination_masked"`
}

// FactorsOf lists what a login may be completed with: the confirmed factors, and
// the backup codes while there are any.
func FactorsOf(m mfa.Methods) []Factor {
	out := []Factor{}
	for _, f := range m.Verified() {
		out = append(out, Factor{MethodID: f.ID, MethodType: f.Type, DestinationMasked: optional(f.Destination)})
	}
	if m.BackupCodes > 0 && len(out) > 0 {
		out = append(out, Factor{MethodID: mfa.TypeBackupCodes, MethodType: mfa.TypeBackupCodes})
	}
	return out
}

// TokensOf is the shape of what was issued.
func TokensOf(t oauth.Issued) Tokens {
	return Tokens{
		AccessToken: &t.AccessToken, RefreshToken: &t.RefreshToken, TokenType: &t.TokenType, ExpiresIn: &t.ExpiresIn, Scope: &t.Scope,
		UserID: &t.User.ID, Email: optional(t.User.Email), TenantID: optional(t.OrganizationID), OrganizationID: optional(t.OrganizationID),
		SessionID: &t.SessionID, MFAMethods: []Factor{},
	}
}

// NoTokens is the shape of an answer that gives none yet: a second factor, or
// the proof of the address, is still to come. Where the switch says so, the
// members that clients declare as text are empty instead of null.
func (o Options) NoTokens() Tokens {
	t := Tokens{MFAMethods: []Factor{}}
	if o.EmptyTokens {
		empty := ""
		t.AccessToken, t.RefreshToken, t.TokenType, t.Scope = &empty, &empty, &empty, &empty
	}
	return t
}
