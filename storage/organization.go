package storage

import (
	"context"
	"time"
)

// OrganizationStatus says whether an organization may be active in tokens.
type OrganizationStatus string

// The states of an organization.
const (
	OrganizationActive    OrganizationStatus = "active"
	OrganizationSuspended OrganizationStatus = "suspended"
	OrganizationDeleted   OrganizationStatus = "deleted"
)

// Organization is a tenant.
type Organization struct {
	ID   string
	Slug string // unique, [a-z0-9][a-z0-9-]{0,62}
	Name string
	// Profile holds the descriptive members of the JSON API (domain, industry, ...).
	Profile   map[string]any
	Status    OrganizationStatus
	ManagedBy string
	CreatedBy string // user id, or empty; stays what it was inserted with
	// Version is also the guard of rules that span rows ("never without an
	// owner"): whoever changes memberships bumps it first.
	Version   int64
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Organizations keeps tenants.
type Organizations interface {
	InsertOrganization(ctx context.Context, o Organization) error // ErrConflict when the slug is taken
	OrganizationByID(ctx context.Context, id string) (Organization, error)
	OrganizationBySlug(ctx context.Context, slug string) (Organization, error)
	// UpdateOrganization writes every column but who made it and when, where Version still matches and
	// raises it by one; ErrVersion otherwise.
	UpdateOrganization(ctx context.Context, o Organization) error
	// GuardOrganization raises the version whatever it is: the first statement
	// of a transaction that changes who belongs to the organization.
	GuardOrganization(ctx context.Context, id string) error
	ListOrganizations(ctx context.Context, after string, limit int) ([]Organization, error)
}

// Membership says that a person belongs to an organization and with which roles.
type Membership struct {
	OrganizationID string
	UserID         string
	// Slug, Name and OrganizationStatus are read along; they are not written.
	Slug               string
	Name               string
	OrganizationStatus OrganizationStatus
	Roles              []string // bare names, sorted
	JoinedAt           time.Time
	// AssignedAt (zero: JoinedAt) and AssignedBy are written beside roles that
	// are new; they are not read along (Directory.RoleAssignments does).
	AssignedAt time.Time
	AssignedBy string
}

// Memberships keeps who belongs where, and every role assignment.
type Memberships interface {
	// PutMembership makes the person a member with exactly these roles. Those
	// already held keep who gave them and when.
	PutMembership(ctx context.Context, m Membership) error
	// DeleteMembership removes the person and all their roles there; ErrNotFound when not a member.
	DeleteMembership(ctx context.Context, organizationID, userID string) error
	Membership(ctx context.Context, organizationID, userID string) (Membership, error)
	// MembershipsOf lists a person's memberships by organization id, at most
	// limit, after the given organization id.
	MembershipsOf(ctx context.Context, userID, after string, limit int) ([]Membership, error)
	// MembersOf lists an organization's members by user id.
	MembersOf(ctx context.Context, organizationID, after string, limit int) ([]Membership, error)
	// CountRole counts the members who hold a role.
	CountRole(ctx context.Context, organizationID, role string) (int64, error)
	// SystemRoles lists a person's system roles, sorted.
	SystemRoles(ctx context.Context, userID string) ([]string, error)
	// PutSystemRoles gives the person exactly these system roles. Those already
	// held keep who gave them and when; by is the actor's id.
	PutSystemRoles(ctx context.Context, userID string, roles []string, by string, at time.Time) error
}

// RoleScope tells system roles from organization roles.
type RoleScope string

// The two kinds of role.
const (
	ScopeSystem       RoleScope = "system"
	ScopeOrganization RoleScope = "organization"
)

// Role is a role's definition. OrganizationID is empty for built-in and system roles.
type Role struct {
	Scope          RoleScope
	OrganizationID string
	Name           string // [a-z][a-z0-9_-]{0,62}
	Description    string
	Permissions    []string // action:resource, sorted
	Builtin        bool
	ManagedBy      string
	Version        int64
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// Roles keeps role definitions.
type Roles interface {
	// PutRole inserts the role, or replaces its description and permissions.
	PutRole(ctx context.Context, r Role) error
	Role(ctx context.Context, scope RoleScope, organizationID, name string) (Role, error)
	// ListRoles lists the roles of one organization (or, with an empty id, the
	// built-in and system ones), by scope and name.
	ListRoles(ctx context.Context, organizationID string) ([]Role, error)
	DeleteRole(ctx context.Context, scope RoleScope, organizationID, name string) error
}

// OrganizationSearch pages organizations that are not deleted, by id.
type OrganizationSearch struct {
	Slug   string // only those whose slug contains it; [a-z0-9-], or empty
	Status OrganizationStatus
	After  string
	Offset int
	Limit  int
}

// OrganizationLists finds organizations for operators.
type OrganizationLists interface {
	FindOrganizations(ctx context.Context, q OrganizationSearch) ([]Organization, error)
	CountFoundOrganizations(ctx context.Context, q OrganizationSearch) (int64, error)
}
