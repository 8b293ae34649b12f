package report

import "github.com/signet-idp/signet/provider/event"

// Control is a requirement of a framework, and the events that show that it is
// lived by.
type Control struct {
	ID    string // as the framework numbers it
	Title string
	Shown []Evidence
}

// Evidence is one figure: how many events of these types there were.
type Evidence struct {
	Name  string
	Types []event.Type
}

// The frameworks.
const (
	SOC2  = "soc2"
	HIPAA = "hipaa"
)

// Controls lists what the record can show for a framework; nil for an unknown
// one. What Signet cannot know (policies on paper, buildings) is not among them.
func Controls(framework string) []Control {
	signedIn := Evidence{"logins", []event.Type{event.UserLogin}}
	refused := Evidence{"refused logins", []event.Type{event.UserLoginFailed}}
	locks := Evidence{"accounts locked", []event.Type{event.AuthAccountLocked}}
	suspicious := Evidence{"suspicious activity", []event.Type{event.AuthSuspiciousActivity, event.TokenReuseDetected}}
	factors := Evidence{"second factors set up", []event.Type{event.MFAMethodSetup}}
	proven := Evidence{"second factors proven", []event.Type{event.MFAVerificationCompleted}}
	created := Evidence{"accounts created", []event.Type{event.UserCreated}}
	ended := Evidence{"accounts suspended, restored or deleted", []event.Type{event.UserStatusChanged, event.UserDeleted}}
	members := Evidence{"memberships begun and ended", []event.Type{event.OrganizationUserAdded, event.OrganizationUserRemoved}}
	rights := Evidence{"rights changed", []event.Type{event.AuthPermissionChanged, event.OrganizationRoleChanged}}
	sessions := Evidence{"sessions ended by logout or from outside", []event.Type{event.UserLogout, event.SessionRevoked}}
	credentials := Evidence{"passwords and client credentials changed", []event.Type{event.UserPasswordChanged, event.ClientSecretChanged}}
	rotated := Evidence{"signing keys made, rotated, revoked", []event.Type{event.KeyCreated, event.KeyRotated, event.KeyRevoked, event.KeyRewrapped}}
	configured := Evidence{"configurations applied", []event.Type{event.SystemConfigurationApplied}}
	clients := Evidence{"clients registered, changed, removed", []event.Type{event.ClientCreated, event.ClientUpdated, event.ClientStatusChanged, event.ClientDeleted}}
	policies := Evidence{"policies changed", []event.Type{event.PolicyChanged}}
	erased := Evidence{"people erased", []event.Type{event.UserErased}}
	switch framework {
	case SOC2:
		return []Control{
			{"CC6.1", "Logical access is restricted: people and clients authenticate", []Evidence{signedIn, refused, factors, proven, rotated, credentials}},
			{"CC6.2", "Access is given to registered and authorized people, and taken away", []Evidence{created, ended, members}},
			{"CC6.3", "Access follows roles and is changed when they change", []Evidence{rights, members}},
			{"CC6.6", "Access from outside is protected", []Evidence{locks, suspicious, sessions}},
			{"CC6.7", "Transmission and removal of information is restricted", []Evidence{erased}},
			{"CC7.2", "Anomalies are watched for", []Evidence{refused, suspicious, locks}},
			{"CC7.3", "Security events are evaluated", []Evidence{suspicious, {"credentials ended after an incident", []event.Type{event.TokenReuseDetected, event.KeyRevoked, event.SessionRevoked}}}},
			{"CC8.1", "Changes are authorized and recorded", []Evidence{configured, clients, policies}},
		}
	case HIPAA:
		return []Control{
			{"164.308(a)(1)(ii)(D)", "Information system activity review", []Evidence{signedIn, refused, suspicious}},
			{"164.308(a)(3)(ii)(C)", "Termination procedures", []Evidence{ended, sessions, members}},
			{"164.308(a)(4)(ii)(C)", "Access establishment and modification", []Evidence{created, rights, members}},
			{"164.308(a)(5)(ii)(C)", "Log-in monitoring", []Evidence{signedIn, refused, locks}},
			{"164.308(a)(5)(ii)(D)", "Password management", []Evidence{credentials}},
			{"164.308(a)(6)(ii)", "Response and reporting", []Evidence{suspicious}},
			{"164.312(a)(2)(i)", "Unique user identification", []Evidence{created, signedIn}},
			{"164.312(a)(2)(iii)", "Automatic logoff", []Evidence{sessions}},
			{"164.312(b)", "Audit controls", []Evidence{configured, clients, policies, rotated}},
			{"164.312(d)", "Person or entity authentication", []Evidence{signedIn, factors, proven}},
		}
	}
	return nil
}
