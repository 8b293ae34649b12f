package app

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"strings"

	accounts "github.com/signet-idp/signet/endpoints/account"
	"github.com/signet-idp/signet/endpoints/auth"
	"github.com/signet-idp/signet/endpoints/pages"
	"github.com/signet-idp/signet/provider/account"
	"github.com/signet-idp/signet/provider/login"
	"github.com/signet-idp/signet/provider/notify"
	"github.com/signet-idp/signet/provider/oauth"
	"github.com/signet-idp/signet/provider/operator"
	"github.com/signet-idp/signet/storage"
)

// openAccounts makes the flows of registration, recovery and deletion.
func (s *Server) openAccounts(ctx context.Context) error {
	key, err := s.Keyring.Purpose(ctx, account.KeyPurpose)
	if err != nil {
		return fmt.Errorf("app: data keys: %w", err)
	}
	c := s.Config
	s.Accounts = account.New(account.Deps{
		Store: s.Store, Users: s.Users, Policy: s.Policy, Passwords: s.Passwords, Guard: s.Login.Guard, Recency: s.Factors,
		Counters: blindCounters{s.Counters, s.purposes.logins}, Messages: s.Notify, Organizations: s.Organizations, Invitations: invited{s.Invitations}, Rules: s.Rules,
		Change: s.Change, Key: key, Clock: s.Clock, Rand: rand.Reader, Log: s.Log,
		Settings: account.Settings{
			Registration: c.Accounts.Registration, VerificationRequired: c.EmailVerificationRequired(),
			EnumerationSafe: c.Accounts.EnumerationSafe, PersonalOrganization: c.Legacy.PersonalOrganization, Development: c.Dev,
			Verification: c.Lifetimes.Verification, Reset: c.Lifetimes.Reset,
			MailsPerHour: c.Limits.MailsPerHour,
		},
	})
	return nil
}

// Recovery makes links by which people set a new password, without a server: of
// the flows of an account it can do no more.
func (c *Core) Recovery(ctx context.Context) (operator.Recovery, error) {
	key, err := c.Keyring.Purpose(ctx, account.KeyPurpose)
	if err != nil {
		return nil, fmt.Errorf("app: data keys: %w", err)
	}
	return account.New(account.Deps{
		Store: c.Store, Users: c.Users, Messages: c.Notify, Change: c.Change, Key: key, Clock: c.Clock, Rand: rand.Reader, Log: c.Log,
	}), nil
}

// RecoveryPage is the address of the page that such a link leads to.
func (c *Core) RecoveryPage() string { return c.Config.Issuer + pages.PathRecover }

// mountAccounts adds the routes and pages of accounts.
func (s *Server) mountAccounts(i *pages.Interaction) {
	i.Recovery = s.Notify.Check(notify.Email) == nil
	i.Registration = s.Config.Accounts.Registration == account.RegistrationOpen
	i.Passkeys = s.Factors.Passkeys != nil
	(&accounts.Handler{
		Account: s.Accounts, Issuer: issuer{s.Login, s.OAuth}, Directory: s.Directory,
		Authenticator: authenticator{s.Verifier, s.Config.Issuer}, Shape: s.shapes(),
	}).Mount(s.Table)
	own := &pages.Accounts{
		Interaction: i, Account: s.Accounts, Invitations: invited{s.Invitations}, MinLength: s.Policy.MinLength(),
	}
	own.Mount(s.Table)
	(&pages.Security{Accounts: own, Factors: s.Factors, Clients: s.Registry, Issuer: s.Config.Issuer}).Mount(s.Table)
}

// basePath is the path of the issuer, below which the pages are.
func basePath(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil {
		return ""
	}
	return strings.TrimRight(u.Path, "/")
}

// issuer logs in who has just registered.
type issuer struct {
	login *login.Service
	oauth *oauth.Provider
}

// Check implements accounts.Issuer.
func (i issuer) Check(ctx context.Context, clientID string) error {
	_, err := i.oauth.DirectClient(ctx, clientID)
	return err
}

// Issue implements accounts.Issuer.
func (i issuer) Issue(ctx context.Context, u storage.User, l accounts.Login) (oauth.Issued, error) {
	if l.ClientID == "" {
		l.ClientID = auth.DefaultClient
	}
	return i.login.Issue(ctx, u, l.ClientID, l.Device, login.ByPassword(), login.Options{})
}
