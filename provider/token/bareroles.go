package token

import "strings"

// rolesForm is the claim that marks bare roles. Only what is so marked is read
// that way: in any other token "admin" is a role of an organization, which
// anybody may own, and must never become the system's.
const (
	rolesForm = "roles_form"
	rolesBare = "bare"
)

// What marks the two kinds of role, each in the form where the other is bare.
const (
	systemPrefix       = "system:"
	organizationPrefix = "org:"
)

// bare writes roles as the switch legacy.bare_system_roles wants them.
func bare(roles []string) []string {
	out := make([]string, len(roles))
	for i, r := range roles {
		if name, ok := strings.CutPrefix(r, systemPrefix); ok {
			out[i] = name
		} else {
			out[i] = organizationPrefix + r
		}
	}
	return out
}

// marked undoes bare. No name of a role holds a colon, so that neither form has
// two readings.
func marked(roles []string) []string {
	out := make([]string, len(roles))
	for i, r := range roles {
		if name, ok := strings.CutPrefix(r, organizationPrefix); ok {
			out[i] = name
		} else {
			out[i] = systemPrefix + r
		}
	}
	return out
}

// WrittenRoles are the roles as the token itself holds them: bare in a token so marked.
func (c *Claims) WrittenRoles() []string {
	if c.BareRoles {
		return bare(c.Roles)
	}
	return c.Roles
}
