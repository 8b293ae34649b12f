// Package hook asks the operator's own service whether something may be done,
// before it is done: Rules.Check, with a Registration or an
// OrganizationCreation. The service answers yes, or no and why; what its
// silence means is a setting.
//
// The call is POST {core}/api/validate-business-rules with
//
//	{"type": "registration" | "organization_creation", "data": {…}}
//
// and its answer {"allowed": bool, "reason": text}, where valid and message
// are read as well.
package hook
