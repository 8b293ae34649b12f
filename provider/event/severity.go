package event

import "encoding/json"

// Severity says how much an event should worry whoever watches over security;
// the names are those of OCSF (severity_id 1 to 5).
type Severity string

// The severities, in rising order.
const (
	Informational  Severity = "informational"
	SeverityLow    Severity = "low"
	SeverityMedium Severity = "medium"
	SeverityHigh   Severity = "high"
	// SeverityCritical: keys or the record itself are concerned; somebody should
	// look now.
	SeverityCritical Severity = "critical"
)

// Severities lists them in rising order.
func Severities() []Severity {
	return []Severity{Informational, SeverityLow, SeverityMedium, SeverityHigh, SeverityCritical}
}

// severities are the types that concern security; all others are informational.
func severities() map[Type]Severity {
	return map[Type]Severity{
		UserLoginFailed: SeverityLow, MFAVerificationFailed: SeverityLow, UserPasswordResetRequested: SeverityLow,
		UserPasswordChanged: SeverityLow, UserEmailChanged: SeverityLow, UserPhoneChanged: SeverityLow,
		SessionRevoked: SeverityLow, MFAMethodSetup: SeverityLow, MFABackupCodesRegenerated: SeverityLow,
		AuthAccountUnlocked: SeverityLow, UserStatusChanged: SeverityLow, ClientSecretChanged: SeverityLow,
		KeyRotated: SeverityLow, KeyRewrapped: SeverityLow, PolicyChanged: SeverityLow,

		AuthAccountLocked: SeverityMedium, MFAMethodRemoved: SeverityMedium, AuthPermissionChanged: SeverityMedium,
		ClientStatusChanged: SeverityMedium, SystemConfigurationApplied: SeverityMedium, UserErased: SeverityMedium,

		// Who replays a code or presents an old refresh token has stolen it, or
		// somebody has stolen theirs.
		AuthSuspiciousActivity: SeverityHigh, TokenReuseDetected: SeverityHigh, SystemFeedReset: SeverityHigh,

		KeyRevoked: SeverityCritical,
	}
}

// SecurityTypes lists the types that can have at least this severity.
func SecurityTypes(least Severity) []Type {
	var out []Type
	for _, e := range Catalogue() {
		if s, ok := severities()[e.Type]; ok && s.AtLeast(least) {
			out = append(out, e.Type)
		}
	}
	return out
}

// AtLeast says whether s is as grave as t.
func (s Severity) AtLeast(t Severity) bool { return s.rank() >= t.rank() }

func (s Severity) rank() int {
	for i, one := range Severities() {
		if one == s {
			return i
		}
	}
	return -1
}

// SeverityOf is the severity of one event: that of its type or, of what is
// unusual about a login, the one that its data names.
func SeverityOf(kind string, data []byte) Severity {
	s, ok := severities()[Type(kind)]
	if !ok {
		return Informational
	}
	if Type(kind) == AuthSuspiciousActivity {
		var d struct {
			Severity Severity `json:"severity"`
		}
		if json.Unmarshal(data, &d) == nil && d.Severity.AtLeast(SeverityLow) {
			return d.Severity
		}
	}
	return s
}
