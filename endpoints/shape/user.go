package shape

import (
	"strings"

	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/directory"
	"github.com/signet-idp/signet/storage"
)

// Options are the compatibility switches that shapes obey (config group legacy).
type Options struct {
	Times           web.Times
	BareSystemRoles bool // system roles bare, organization roles as org:NAME
	BareLists       bool // legacy.list_shape=array
	EmptyTokens     bool // legacy.mfa_empty_strings
}

// User is a person as the person and administrators see them.
type User struct {
	ID              string   `json:"id"`
	UserID          string   `json:"user_id"`
	Email           *string  `json:"email"`
	Username        *string  `json:"username"`
	Name            *string  `json:"name"`
	FullName        *string  `json:"full_name"`
	FirstName       *string  `json:"first_name"`
	LastName        *string  `json:"last_name"`
	DisplayName     *string  `json:"display_name"`
	PhoneNumber     *string  `json:"phone_number"`
	AvatarURL       *string  `json:"avatar_url"`
	Bio             *string  `json:"bio"`
	JobTitle        *string  `json:"job_title"`
	Department      *string  `json:"department"`
	Skills          []string `json:"skills"`
	Interests       []string `json:"interests"`
	Timezone        *string  `json:"timezone"`
	Language        *string  `json:"language"`
	Status          *string  `json:"status"`
	IsVerified      bool     `json:"is_verified"`
	EmailVerified   bool     `json:"email_verified"`
	MFAEnabled      bool     `json:"mfa_enabled"`
	MFAMethodsCount int      `json:"mfa_methods_count"`
	Roles           []string `json:"roles"`
	Permissions     []string `json:"permissions"`
	OrganizationID  *string  `json:"organization_id"`
	TenantID        *string  `json:"tenant_id"`
	LastLogin       *string  `json:"last_login"`
	LastLoginAt     *string  `json:"last_login_at"`
	CreatedAt       *string  `json:"created_at"`
	UpdatedAt       *string  `json:"updated_at"`
}

// Me is the answer of GET /auth/me: User and what surrounds it.
type Me struct {
	User
	Organizations []Belonging    `json:"organizations"`
	Organization  *Organization  `json:"organization"`
	Preferences   map[string]any `json:"preferences"`
}

// Belonging is one organization of a person.
type Belonging struct {
	ID             string   `json:"id"`
	OrganizationID string   `json:"organization_id"`
	Name           string   `json:"name"`
	Slug           string   `json:"slug"`
	Role           string   `json:"role"` // the highest
	Roles          []string `json:"roles"`
}

// UserOf is the full shape of an account.
func (o Options) UserOf(a directory.Account) User {
	u := o.personOf(a.User)
	u.MFAEnabled, u.MFAMethodsCount = a.Factors > 0, a.Factors
	u.Roles, u.Permissions = o.Roles(a.Roles), List(a.Permissions)
	if a.Organization != nil {
		u.OrganizationID, u.TenantID = &a.Organization.ID, &a.Organization.ID
	}
	return u
}

// PersonOf is an account without roles: for lists and administrators.
func (o Options) PersonOf(u storage.User) User { return o.personOf(u) }

// PublicOf is what colleagues see of each other.
func (o Options) PublicOf(u storage.User) User {
	full := o.personOf(u)
	return User{
		ID: full.ID, UserID: full.UserID, Name: full.Name, FullName: full.FullName, FirstName: full.FirstName,
		LastName: full.LastName, DisplayName: full.DisplayName, AvatarURL: full.AvatarURL, JobTitle: full.JobTitle,
		Department: full.Department, Skills: []string{}, Interests: []string{}, Roles: []string{}, Permissions: []string{},
	}
}

// MeOf is the whole of GET /auth/me.
func (o Options) MeOf(a directory.Account, members int64) Me {
	m := Me{User: o.UserOf(a), Organizations: o.BelongingsOf(a.Memberships), Preferences: Object(a.User.Profile, "preferences")}
	if a.Organization != nil {
		org := o.OrganizationOf(*a.Organization, members)
		m.Organization = &org
	}
	return m
}

// BelongingsOf lists where a person belongs.
func (o Options) BelongingsOf(list []storage.Membership) []Belonging {
	out := make([]Belonging, 0, len(list))
	for _, m := range list {
		out = append(out, Belonging{
			ID: m.OrganizationID, OrganizationID: m.OrganizationID, Name: m.Name, Slug: m.Slug,
			Role: TopRole(m.Roles), Roles: List(m.Roles),
		})
	}
	return out
}

func (o Options) personOf(u storage.User) User {
	p := u.Profile
	status := string(u.Status)
	name := Text(p, "name")
	if name == nil {
		name = optional(strings.TrimSpace(deref(Text(p, "given_name")) + " " + deref(Text(p, "family_name"))))
	}
	display := Text(p, "nickname")
	if display == nil {
		display = name
	}
	return User{
		ID: u.ID, UserID: u.ID, Email: optional(u.Email), Username: Text(p, "preferred_username"),
		Name: name, FullName: name, FirstName: Text(p, "given_name"), LastName: Text(p, "family_name"), DisplayName: display,
		PhoneNumber: Text(p, "phone_number"), AvatarURL: Text(p, "picture"), Bio: Text(p, "bio"),
		JobTitle: Text(p, "job_title"), Department: Text(p, "department"), Skills: Texts(p, "skills"), Interests: Texts(p, "interests"),
		Timezone: Text(p, "zoneinfo"), Language: Text(p, "locale"), Status: &status,
		IsVerified: u.EmailVerified, EmailVerified: u.EmailVerified, Roles: []string{}, Permissions: []string{},
		LastLogin: o.Times.Ptr(u.LastLoginAt), LastLoginAt: o.Times.Ptr(u.LastLoginAt),
		CreatedAt: o.Times.Ptr(u.CreatedAt), UpdatedAt: o.Times.Ptr(u.UpdatedAt),
	}
}

// Roles writes roles as the switch says; as in the roles claim otherwise.
func (o Options) Roles(roles []string) []string {
	out := make([]string, 0, len(roles))
	for _, r := range roles {
		if o.BareSystemRoles {
			scope, name := access.ParseTokenRole(r)
			if r = name; scope != storage.ScopeSystem {
				r = "org:" + name
			}
		}
		out = append(out, r)
	}
	return out
}

// ProfileMember maps the API's names of a profile onto those it is kept under
// (OpenID Connect Core §5.1); empty for a name that is no profile member.
func ProfileMember(name string) string {
	switch name {
	case "first_name":
		return "given_name"
	case "last_name":
		return "family_name"
	case "full_name", "name":
		return "name"
	case "display_name":
		return "nickname"
	case "username":
		return "preferred_username"
	case "avatar_url":
		return "picture"
	case "timezone":
		return "zoneinfo"
	case "language":
		return "locale"
	case "bio", "job_title", "department", "skills", "interests", "website", "birthdate", "gender", "address":
		return name
	}
	return ""
}

// TopRole is the one role shown where a single one fits.
func TopRole(roles []string) string { return access.TopRole(roles) }
