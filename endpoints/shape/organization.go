package shape

import "github.com/signet-idp/signet/storage"

// Address is a postal address.
type Address struct {
	Line1       *string `json:"line1"`
	Line2       *string `json:"line2"`
	City        *string `json:"city"`
	State       *string `json:"state"`
	PostalCode  *string `json:"postal_code"`
	CountryCode *string `json:"country_code"`
}

// Organization is a tenant.
type Organization struct {
	ID                 string         `json:"id"`
	OrganizationID     string         `json:"organization_id"`
	Name               string         `json:"name"`
	Slug               string         `json:"slug"`
	DisplayName        *string        `json:"display_name"`
	Description        *string        `json:"description"`
	OrganizationType   *string        `json:"organization_type"`
	OrgType            *string        `json:"org_type"`
	Type               *string        `json:"type"`
	Industry           *string        `json:"industry"`
	Size               *string        `json:"size"`
	EmployeeCountRange *string        `json:"employee_count_range"`
	Website            *string        `json:"website"`
	WebsiteURL         *string        `json:"website_url"`
	Domain             *string        `json:"domain"`
	LogoURL            *string        `json:"logo_url"`
	ContactEmail       *string        `json:"contact_email"`
	ContactPhone       *string        `json:"contact_phone"`
	Address            Address        `json:"address"`
	Settings           map[string]any `json:"settings"`
	Features           []string       `json:"features"`
	Customization      map[string]any `json:"customization"`
	SubscriptionTier   *string        `json:"subscription_tier"`
	TrialEndsAt        *string        `json:"trial_ends_at"`
	BillingEmail       *string        `json:"billing_email"`
	Status             string         `json:"status"`
	IsActive           bool           `json:"is_active"`
	IsVerified         bool           `json:"is_verified"`
	MemberCount        int64          `json:"member_count"`
	CreatedBy          *string        `json:"created_by"`
	CreatedAt          *string        `json:"created_at"`
	UpdatedAt          *string        `json:"updated_at"`
}

// OrganizationOf is the shape of an organization. Its profile holds the
// descriptive members under their names here (organization_type, size, website,
// address, settings, …); is_verified is the member "verified_domain".
func (o Options) OrganizationOf(org storage.Organization, members int64) Organization {
	p := org.Profile
	kind, size, site := Text(p, "organization_type"), Text(p, "size"), Text(p, "website")
	display := Text(p, "display_name")
	if display == nil {
		display = optional(org.Name)
	}
	a := Object(p, "address")
	tier := Text(p, "subscription_tier")
	if tier == nil {
		free := "free"
		tier = &free
	}
	return Organization{
		ID: org.ID, OrganizationID: org.ID, Name: org.Name, Slug: org.Slug, DisplayName: display, Description: Text(p, "description"),
		OrganizationType: kind, OrgType: kind, Type: kind, Industry: Text(p, "industry"), Size: size, EmployeeCountRange: size,
		Website: site, WebsiteURL: site, Domain: Text(p, "domain"), LogoURL: Text(p, "logo_url"),
		ContactEmail: Text(p, "contact_email"), ContactPhone: Text(p, "contact_phone"),
		Address: Address{
			Line1: Text(a, "line1"), Line2: Text(a, "line2"), City: Text(a, "city"), State: Text(a, "state"),
			PostalCode: Text(a, "postal_code"), CountryCode: Text(a, "country_code"),
		},
		Settings: Object(p, "settings"), Features: Texts(p, "features"), Customization: Object(p, "customization"),
		SubscriptionTier: tier, TrialEndsAt: Text(p, "trial_ends_at"), BillingEmail: Text(p, "billing_email"),
		Status: string(org.Status), IsActive: org.Status == storage.OrganizationActive, IsVerified: p["verified_domain"] != nil,
		MemberCount: members, CreatedBy: optional(org.CreatedBy), CreatedAt: o.Times.Ptr(org.CreatedAt), UpdatedAt: o.Times.Ptr(org.UpdatedAt),
	}
}

// Member is a person in an organization.
type Member struct {
	UserID      *string  `json:"user_id"`
	Email       *string  `json:"email"`
	FirstName   *string  `json:"first_name"`
	LastName    *string  `json:"last_name"`
	DisplayName *string  `json:"display_name"`
	AvatarURL   *string  `json:"avatar_url"`
	Role        string   `json:"role"`
	Roles       []string `json:"roles"`
	Status      string   `json:"status"` // active, suspended, invited
	JoinedAt    *string  `json:"joined_at"`
	LastActive  *string  `json:"last_active"`
	Message     *string  `json:"message"`
	// InvitationID is set where adding by address made an invitation.
	InvitationID *string `json:"invitation_id"`
}

// MemberOf is the shape of a member. full: with the address and last activity,
// for those who may see them.
func (o Options) MemberOf(m storage.Member, full bool) Member {
	u := o.personOf(m.User)
	out := Member{
		UserID: &m.UserID, FirstName: u.FirstName, LastName: u.LastName, DisplayName: u.DisplayName, AvatarURL: u.AvatarURL,
		Role: TopRole(m.Roles), Roles: List(m.Roles), Status: string(m.User.Status), JoinedAt: o.Times.Ptr(m.JoinedAt),
	}
	if full {
		out.Email, out.LastActive = u.Email, u.LastLoginAt
	}
	return out
}
