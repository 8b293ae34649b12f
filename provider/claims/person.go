package claims

import (
	"slices"

	"github.com/signet-idp/signet/provider/oauth/params"
	"github.com/signet-idp/signet/storage"
)

// Person is what can be said about someone in one organization.
type Person struct {
	User         storage.User
	SystemRoles  []string
	Organization *storage.Organization // nil: none active
	Roles        []string              // in that organization, bare names
}

// SystemPrefix marks system roles in tokens, so that nobody who owns an
// organization can look like a system administrator.
const SystemPrefix = "system:"

// TokenRoles is the flat list of the roles claim.
func (p Person) TokenRoles() []string {
	out := make([]string, 0, len(p.Roles)+len(p.SystemRoles))
	out = append(out, p.Roles...)
	for _, r := range p.SystemRoles {
		out = append(out, SystemPrefix+r)
	}
	return out
}

// profileClaims are the claims of the scope profile (OpenID Connect Core §5.4).
func profileClaims() []string {
	return []string{
		"name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile",
		"picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at",
	}
}

// OfScope lists the claims that a scope asks for.
func OfScope(scope string) []string {
	switch scope {
	case "profile":
		return profileClaims()
	case "email":
		return []string{"email", "email_verified"}
	case "address":
		return []string{"address"}
	case "phone":
		return []string{"phone_number", "phone_number_verified"}
	case "organization":
		return []string{"org_id", "org_slug", "org_name"}
	case "roles":
		return []string{"roles"}
	}
	return nil
}

// ScopeOf names the scope that a claim belongs to, or "".
func ScopeOf(name string) string {
	for _, s := range personScopes() {
		if slices.Contains(OfScope(s), name) {
			return s
		}
	}
	return ""
}

func personScopes() []string {
	return []string{"profile", "email", "address", "phone", "organization", "roles"}
}

// Permitted leaves out the claims of scopes that the client may not ask for:
// the claims parameter is no way around its registration.
func Permitted(requested map[string]params.ClaimRequest, mayAsk func(scope string) bool) map[string]params.ClaimRequest {
	var out map[string]params.ClaimRequest
	for name, r := range requested {
		if s := ScopeOf(name); s != "" && !mayAsk(s) {
			continue
		}
		if out == nil {
			out = make(map[string]params.ClaimRequest, len(requested))
		}
		out[name] = r
	}
	return out
}

// Supported lists every claim about a person that can be asked for, for discovery.
func Supported() []string {
	out := []string{"sub"}
	for _, s := range personScopes() {
		out = append(out, OfScope(s)...)
	}
	return out
}

// Value is one claim about the person; false when nothing is known.
func (p Person) Value(name string) (any, bool) {
	switch name {
	case "sub":
		return p.User.ID, true
	case "email":
		return p.User.Email, p.User.Email != ""
	case "email_verified":
		return p.User.EmailVerified, p.User.Email != ""
	case "updated_at":
		return p.User.UpdatedAt.Unix(), !p.User.UpdatedAt.IsZero()
	case "phone_number_verified":
		_, known := p.User.Profile["phone_number"]
		v, _ := p.User.Profile[name].(bool)
		return v, known
	case "org_id", "org_slug", "org_name":
		return p.organization(name)
	case "roles":
		return p.TokenRoles(), true
	}
	if !slices.Contains(profileClaims(), name) && name != "address" && name != "phone_number" {
		return nil, false
	}
	v, ok := p.User.Profile[name]
	return v, ok && v != nil && v != ""
}

func (p Person) organization(name string) (any, bool) {
	if p.Organization == nil {
		return nil, false
	}
	switch name {
	case "org_id":
		return p.Organization.ID, true
	case "org_slug":
		return p.Organization.Slug, true
	}
	return p.Organization.Name, p.Organization.Name != ""
}

// Collect gives the claims of the scopes granted and those requested one by
// one (OpenID Connect Core §5.4, §5.5). What is not known is left out.
func (p Person) Collect(scope []string, requested map[string]params.ClaimRequest) map[string]any {
	out := make(map[string]any, 24)
	add := func(name string) {
		if v, ok := p.Value(name); ok {
			out[name] = v
		}
	}
	for _, s := range scope {
		for _, name := range OfScope(s) {
			add(name)
		}
	}
	for name := range requested {
		add(name)
	}
	return out
}
