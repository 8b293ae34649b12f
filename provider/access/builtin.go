package access

import (
	"slices"

	"github.com/signet-idp/signet/storage"
)

// The built-in roles.
const (
	SystemAdmin   = "admin"
	SystemManager = "manager"
	SystemUser    = "user"

	Owner   = "owner"
	Admin   = "admin"
	Manager = "manager"
	Member  = "member"
	Viewer  = "viewer"
)

// definition is a role as decisions see it.
type definition struct {
	permissions []string
	// all: holds whatever is defined in its scope. For owner: every permission
	// of every role of the organization; for the system's admin: those and
	// everything of the system.
	all bool
}

// builtin is the catalogue. It is code and not rows, so that no write can
// change what owner or admin mean.
func builtin(scope storage.RoleScope, name string) (definition, bool) {
	if scope == storage.ScopeSystem {
		switch name {
		case SystemAdmin:
			return definition{permissions: systemAdmin(), all: true}, true
		case SystemManager:
			return definition{permissions: systemManager()}, true
		case SystemUser:
			return definition{permissions: systemUser()}, true
		}
		return definition{}, false
	}
	switch name {
	case Owner:
		return definition{permissions: organizationOwner(), all: true}, true
	case Admin:
		return definition{permissions: organizationAdmin()}, true
	case Manager:
		return definition{permissions: organizationManager()}, true
	case Member:
		return definition{permissions: organizationMember()}, true
	case Viewer:
		return definition{permissions: organizationViewer()}, true
	}
	return definition{}, false
}

// Builtin says whether name is a built-in role of the scope.
func Builtin(scope storage.RoleScope, name string) bool {
	_, ok := builtin(scope, name)
	return ok
}

// reservedName says whether name is built in anywhere: no custom role may bear it.
func reservedName(name string) bool {
	return Builtin(storage.ScopeSystem, name) || Builtin(storage.ScopeOrganization, name)
}

// Builtins lists the built-in roles, as records, by scope and name.
func Builtins() []storage.Role {
	var roles []storage.Role
	for _, b := range []struct {
		scope       storage.RoleScope
		name, about string
	}{
		{storage.ScopeOrganization, Admin, "Runs the organization: members, roles, clients, settings"},
		{storage.ScopeOrganization, Manager, "Invites people and sees what they do"},
		{storage.ScopeOrganization, Member, "Belongs to the organization"},
		{storage.ScopeOrganization, Owner, "Holds everything of the organization; there is always one"},
		{storage.ScopeOrganization, Viewer, "Sees the organization"},
		{storage.ScopeSystem, SystemAdmin, "Runs the whole installation"},
		{storage.ScopeSystem, SystemManager, "Supports people across organizations"},
		{storage.ScopeSystem, SystemUser, "Has an account"},
	} {
		d, _ := builtin(b.scope, b.name)
		slices.Sort(d.permissions)
		roles = append(roles, storage.Role{
			Scope: b.scope, Name: b.name, Description: b.about, Permissions: d.permissions, Builtin: true,
		})
	}
	return roles
}

func organizationViewer() []string {
	return []string{"read:organization", "read:members"}
}

func organizationMember() []string {
	return append(organizationViewer(), "read:roles", "read:dashboard")
}

func organizationManager() []string {
	return append(organizationMember(), "invite:members", "read:invitations", "delete:invitations", "read:activity")
}

func organizationAdmin() []string {
	return append(organizationManager(),
		"write:organization", "write:members", "delete:members", "write:roles", "delete:roles",
		"read:clients", "write:clients", "delete:clients", "read:resources", "write:resources",
		"read:events", "read:webhooks", "write:webhooks", "read:policies", "write:policies")
}

func organizationOwner() []string {
	return append(organizationAdmin(), "delete:organization", "write:owners")
}

func systemUser() []string {
	return []string{
		"read:profile", "write:profile", "read:sessions", "delete:sessions",
		"read:factors", "write:factors", "create:organization",
	}
}

func systemManager() []string {
	return append(systemUser(),
		"read:system:users", "write:system:users", "read:system:sessions", "delete:system:sessions",
		"read:system:organizations", "read:system:clients", "read:system:roles", "read:system:events")
}

func systemAdmin() []string {
	return append(append(systemManager(), organizationOwner()...),
		"create:system:users", "delete:system:users", "write:system:roles", "write:system:organizations",
		"delete:system:organizations", "write:system:clients", "delete:system:clients",
		"read:system:resources", "write:system:resources", "read:system:keys", "write:system:keys",
		"read:system:webhooks", "write:system:webhooks", "write:system:policies", "read:system:metrics")
}
