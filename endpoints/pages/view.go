package pages

import (
	"net/url"
	"slices"
	"strings"
)

// Paths of the hosted pages below the issuer, and the names of their form
// fields. Both are a contract with whoever automates these pages.
const (
	PathLogin   = "/ui/login"
	PathConsent = "/ui/consent"
	PathLogout  = "/ui/logout"
	PathFactor  = "/ui/mfa"
	PathAssets  = "/ui/assets/"

	PathRegister     = "/ui/register"
	PathRecover      = "/ui/recover"
	PathStrength     = "/ui/password-strength"
	PathVerifyEmail  = "/ui/verify-email"
	PathConfirmEmail = "/ui/confirm-email"
	PathInvitation   = "/ui/invitation"
	PathRestore      = "/ui/restore"
	PathUnlock       = "/ui/unlock"
	// Where somebody looks after the ways into their account; PathAccount leads
	// to the first.
	PathAccount          = "/account"
	PathSecurity         = "/account/security"
	PathSecurityPassword = "/account/security/password"
	PathSecurityAdd      = "/account/security/add"
	// PathPasskeyEndpoints tells password managers where passkeys are made and
	// looked after (W3C A Well-Known URL for Relying Party Passkey Endpoints).
	PathPasskeyEndpoints = "/.well-known/passkey-endpoints"
	// PathChangePassword is where password managers send people (W3C A
	// Well-Known URL for Changing Passwords).
	PathChangePassword = "/.well-known/change-password"

	FieldTransaction = "transaction" // the sealed request this page belongs to
	FieldCSRF        = "csrf_token"
	FieldUsername    = "username"
	FieldPassword    = "password"
	FieldAction      = "action" // which button: one of the Action values
	FieldEmail       = "email"
	FieldNewPassword = "new_password"
	FieldToken       = "token" // of the mail that led here

	FieldMethod       = "method"        // id of a second factor, or backup_codes
	FieldChallenge    = "challenge"     // id of what the code answers
	FieldCode         = "code"          // typed from an app, a message or a list
	FieldTrust        = "trust"         // ask for no second factor on this device for a while
	FieldKind         = "kind"          // of the factor to set up
	FieldDestination  = "destination"   // where its codes are to go
	FieldName         = "name"          // what a person calls a factor
	FieldEnrolment    = "enrolment"     // sealed: the factor that is being set up
	FieldPasskey      = "passkey"       // PublicKeyCredential as JSON (WebAuthn Level 3 §5.1)
	FieldPasskeyState = "passkey_state" // sealed: what the passkey answers
	FieldDevice       = "device"        // id of a device that somebody signs in with
	FieldSession      = "session"       // id of a session

	ActionLogin   = "login"
	ActionCancel  = "cancel"
	ActionApprove = "approve"
	ActionDeny    = "deny"
	ActionConfirm = "confirm"
	ActionVerify  = "verify"
	ActionChoose  = "choose" // another method, with its code sent if it has one
	ActionSetUp   = "setup"

	ActionRename    = "rename"
	ActionRemove    = "remove"
	ActionCodes     = "codes" // new backup codes
	ActionForget    = "forget"
	ActionForgetAll = "forget_all"
	ActionEnd       = "end"
	ActionEndOthers = "end_others"
)

// Base is what every page takes from its request.
type Base struct {
	// Locale is the answer of Renderer.Locale; the zero value is English.
	Locale Locale
	// Popup says that the client asked for display=popup (OpenID Connect Core
	// §3.1.2.1). Only then may the page keep the window that opened it.
	Popup bool
}

// Form is what every form of ours sends back besides its own fields.
type Form struct {
	// Action is the path the form is posted to; empty: the page's own path.
	Action string
	// Transaction is the sealed transaction parameter, at most 16 KiB.
	Transaction string
	// CSRF is the token bound to the browser's cookie.
	CSRF string
}

// Client is the application that sent the person here, in the terms of
// RFC 7591 §2. All of it is the client's own claim and is treated as hostile.
type Client struct {
	Name      string // client_name; empty: the host of the redirect URI
	LogoURI   string // logo_uri; shown when https (or http on loopback)
	PolicyURI string // policy_uri; linked when http or https
	TOSURI    string // tos_uri; likewise
	// Onward are addresses where the client is known to go on to after its
	// redirect URI (client_uri, cors_origins): Chromium holds every redirect
	// that follows a form against the page's form-action.
	Onward []string
}

// Account is the person a page speaks to.
type Account struct {
	Name  string
	Email string
}

// label is the one line that tells an account from another.
func (a Account) label() string {
	if a.Email != "" {
		return a.Email
	}
	return a.Name
}

// clean bounds what a client says about itself and drops links that are not
// plain web addresses. host stands in for a missing name.
func (c Client) clean(host string) Client {
	c.Name = clean(c.Name, maxName)
	if c.Name == "" {
		c.Name = host
	}
	c.LogoURI = logoURI(c.LogoURI)
	c.PolicyURI = webURI(c.PolicyURI)
	c.TOSURI = webURI(c.TOSURI)
	return c
}

// maxOnward bounds the origins that a form-action names besides the first.
const maxOnward = 20

// formSources are the CSP sources that a form of ours may lead to: the target
// and where the client goes on from there.
func formSources(t target, c Client) string {
	var sources []string
	if t.source != "" {
		sources = append(sources, t.source)
	}
	for _, uri := range c.Onward {
		u, err := url.Parse(webURI(uri))
		if err != nil || len(sources) > maxOnward {
			continue
		}
		if o := origin(u); o != "" && !slices.Contains(sources, o) {
			sources = append(sources, o)
		}
	}
	return strings.Join(sources, " ")
}

func (a Account) clean() Account {
	return Account{Name: clean(a.Name, maxName), Email: clean(a.Email, maxIdentifier)}
}
