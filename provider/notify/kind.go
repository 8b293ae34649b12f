package notify

// Channel is a way to reach a person.
type Channel string

// The channels.
const (
	Email Channel = "email"
	SMS   Channel = "sms"
)

// Kind says what a message is about. The comment names the members of Values
// that the kind needs; Queue refuses a message that lacks one.
type Kind string

// The kinds. Links are pages of the issuer with Values.Token in ?token=.
const (
	// VerifyEmail asks to confirm the address of a new account at
	// /ui/verify-email. Token, Until.
	VerifyEmail Kind = "verify_email"
	// AlreadyRegistered tells somebody who has an account that their address
	// was used to register again; it leads to /ui/recover. Nothing.
	AlreadyRegistered Kind = "already_registered"
	// ResetPassword leads to /ui/recover. Token, Until.
	ResetPassword Kind = "reset_password"
	// RecoveryLink is ResetPassword begun by an operator. Token, Until.
	RecoveryLink Kind = "recovery_link"
	// PasswordChanged is a notice that leads to /ui/recover: whose password
	// somebody else has changed cannot sign in. Nothing.
	PasswordChanged Kind = "password_changed"
	// ConfirmNewEmail goes to a new address before it replaces the old one, and
	// leads to /ui/confirm-email. Token, Until.
	ConfirmNewEmail Kind = "confirm_new_email"
	// EmailChanged is a notice to the old address. Email: the new one, shown
	// masked.
	EmailChanged Kind = "email_changed"
	// ConfirmPhone is a code by text message, with the issuer's host for browsers that
	// fill it in by themselves. Code.
	ConfirmPhone Kind = "confirm_phone"
	// PhoneChanged is a notice by mail, or to the old number. Phone: the new
	// one, shown masked.
	PhoneChanged Kind = "phone_changed"
	// Invitation leads to /ui/invitation. Token, Organization, Role, Until; Inviter, or
	// the organization stands for them.
	Invitation Kind = "invitation"
	// AccountDeleted is a notice that leads to /ui/restore. Token, Until: when
	// the account is erased.
	AccountDeleted Kind = "account_deleted"
	// UnlockAccount tells that too many failures have locked the account, and
	// leads to /ui/unlock. Token, Until.
	UnlockAccount Kind = "unlock_account"
	// NewDevice is a notice of a login from where there was none before. It leads
	// to /account/security, as those below do. At, Device, Address.
	NewDevice Kind = "new_device"
	// SignInCode is a code that proves who signs in. Code, Until.
	SignInCode Kind = "sign_in_code"
	// FactorAdded and FactorRemoved are notices of a second factor. Factor.
	FactorAdded   Kind = "factor_added"
	FactorRemoved Kind = "factor_removed"
	// FactorsReset tells that an operator has removed all second factors. Nothing.
	FactorsReset Kind = "factors_reset"
	// BackupCodesReplaced is a notice. Nothing.
	BackupCodesReplaced Kind = "backup_codes_replaced"
	// BackupCodeUsed is a notice with how many are left. Count.
	BackupCodeUsed Kind = "backup_code_used"
)

// spec is what the service knows of a kind.
type spec struct {
	channels []Channel
	notice   bool
	path     string // of the page that it links to, below the issuer; empty: no link
	needs    []need
}

// need is a member of Values.
type need string

const (
	needToken        need = "Token"
	needCode         need = "Code"
	needEmail        need = "Email"
	needPhone        need = "Phone"
	needOrganization need = "Organization"
	needRole         need = "Role"
	needUntil        need = "Until"
	needAt           need = "At"
	needDevice       need = "Device"
	needAddress      need = "Address"
	needFactor       need = "Factor"
)

func (v *Values) has(n need) bool {
	switch n {
	case needToken:
		return v.Token != ""
	case needCode:
		return v.Code != ""
	case needEmail:
		return v.Email != ""
	case needPhone:
		return v.Phone != ""
	case needOrganization:
		return v.Organization != ""
	case needRole:
		return v.Role != ""
	case needUntil:
		return !v.Until.IsZero()
	case needAt:
		return !v.At.IsZero()
	case needDevice:
		return v.Device != ""
	case needAddress:
		return v.Address != ""
	case needFactor:
		return v.Factor != ""
	}
	return false
}

var kinds = map[Kind]spec{
	VerifyEmail:       {channels: []Channel{Email}, path: "/ui/verify-email", needs: []need{needToken, needUntil}},
	AlreadyRegistered: {channels: []Channel{Email}, path: "/ui/recover"},
	ResetPassword:     {channels: []Channel{Email}, path: "/ui/recover", needs: []need{needToken, needUntil}},
	RecoveryLink:      {channels: []Channel{Email}, path: "/ui/recover", needs: []need{needToken, needUntil}},
	PasswordChanged:   {channels: []Channel{Email}, path: "/ui/recover", notice: true},
	ConfirmNewEmail:   {channels: []Channel{Email}, path: "/ui/confirm-email", needs: []need{needToken, needUntil}},
	EmailChanged:      {channels: []Channel{Email}, notice: true, needs: []need{needEmail}},
	ConfirmPhone:      {channels: []Channel{SMS}, needs: []need{needCode}},
	PhoneChanged:      {channels: []Channel{Email, SMS}, notice: true, needs: []need{needPhone}},
	Invitation: {
		channels: []Channel{Email}, path: "/ui/invitation",
		needs: []need{needToken, needOrganization, needRole, needUntil},
	},
	AccountDeleted: {channels: []Channel{Email}, path: "/ui/restore", notice: true, needs: []need{needToken, needUntil}},
	UnlockAccount:  {channels: []Channel{Email}, path: "/ui/unlock", needs: []need{needToken, needUntil}},
	NewDevice:      {channels: []Channel{Email}, path: "/account/security", notice: true, needs: []need{needAt, needDevice, needAddress}},
	SignInCode:     {channels: []Channel{Email, SMS}, needs: []need{needCode, needUntil}},

	FactorAdded:         {channels: []Channel{Email}, path: "/account/security", notice: true, needs: []need{needFactor}},
	FactorRemoved:       {channels: []Channel{Email}, path: "/account/security", notice: true, needs: []need{needFactor}},
	FactorsReset:        {channels: []Channel{Email}, path: "/account/security", notice: true},
	BackupCodesReplaced: {channels: []Channel{Email}, path: "/account/security", notice: true},
	BackupCodeUsed:      {channels: []Channel{Email}, path: "/account/security", notice: true},
}

// Notice says whether a kind only tells of what has happened anyway. A notice
// that nothing can deliver is dropped by Queue instead of refused.
func (k Kind) Notice() bool { return kinds[k].notice }
