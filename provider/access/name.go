package access

import (
	"slices"
	"strings"

	"github.com/signet-idp/signet/storage"
)

// maxRoleName bounds a role's name: one letter and at most 62 more characters.
const maxRoleName = 63

// ValidRoleName says whether name matches [a-z][a-z0-9_-]{0,62}.
func ValidRoleName(name string) bool {
	if name == "" || len(name) > maxRoleName || !lower(name[0]) {
		return false
	}
	for i := 1; i < len(name); i++ {
		if c := name[i]; !lower(c) && !digit(c) && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// systemPrefix marks a system role in a token's flat list of roles.
const systemPrefix = "system:"

// TokenRole writes a role as the roles claim holds it: "owner", "system:admin".
func TokenRole(scope storage.RoleScope, name string) string {
	if scope == storage.ScopeSystem {
		return systemPrefix + name
	}
	return name
}

// ParseTokenRole reads one member of the roles claim.
func ParseTokenRole(role string) (storage.RoleScope, string) {
	if name, ok := strings.CutPrefix(role, systemPrefix); ok {
		return storage.ScopeSystem, name
	}
	return storage.ScopeOrganization, role
}

// TopRole is the one role of an organization that stands for several, where a
// single one fits: the highest built-in one, else the first; empty for none.
func TopRole(roles []string) string {
	for _, r := range []string{Owner, Admin, Manager, Member, Viewer} {
		if slices.Contains(roles, r) {
			return r
		}
	}
	if len(roles) == 0 {
		return ""
	}
	return roles[0]
}

func lower(c byte) bool { return 'a' <= c && c <= 'z' }
func digit(c byte) bool { return '0' <= c && c <= '9' }
