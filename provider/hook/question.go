package hook

// Question is something that the operator's rules may forbid.
type Question interface {
	// kind is the member type of the call.
	kind() string
	// refused is said when the rules say no and not why.
	refused() string
}

// Registration asks whether somebody may have an account. It is asked by what
// was typed: the account does not exist yet.
type Registration struct {
	Email       string `json:"email"`
	FirstName   string `json:"first_name"`
	LastName    string `json:"last_name"`
	PhoneNumber string `json:"phone_number"`
	// OrganizationID is the organization that invited them, or empty.
	OrganizationID string `json:"organization_id"`
	// Source says how: register, invitation, admin.
	Source string `json:"source"`
}

func (Registration) kind() string    { return "registration" }
func (Registration) refused() string { return "this registration is not allowed" }

// OrganizationCreation asks whether a person may create an organization.
type OrganizationCreation struct {
	Name             string `json:"name"`
	Slug             string `json:"slug"` // empty: derived from the name
	OrganizationType string `json:"organization_type"`
	UserID           string `json:"user_id"`
	Email            string `json:"email"`
}

func (OrganizationCreation) kind() string    { return "organization_creation" }
func (OrganizationCreation) refused() string { return "this organization is not allowed" }
