package account

import (
	"context"
	"strings"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/hook"
	"github.com/signet-idp/signet/provider/notify"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/provider/user/password"
	"github.com/signet-idp/signet/storage"
)

// Registration is what somebody types to get an account.
type Registration struct {
	Email    string
	Password string
	// Profile holds members of user.ProfileMembers.
	Profile map[string]any
	// InviteToken is the token of an invitation, or empty.
	InviteToken   string
	TermsAccepted bool
	Locale        string // Accept-Language
}

// Registered says what became of it.
type Registered struct {
	// Neutral: nothing may be said of the account, made or not
	// (Settings.EnumerationSafe); the rest is empty.
	Neutral bool
	User    storage.User
	// VerificationRequired: the address must be proven before the first login.
	VerificationRequired bool
	// VerificationToken is the token of the mail, in development only.
	VerificationToken string
}

// Register makes an account and sends a link to prove its address, unless an
// invitation to that address has done so. Errors: fault.Forbidden when
// registration is closed or needs an invitation, fault.Invalid,
// fault.WeakPassword, fault.BreachedPassword, fault.EmailTaken,
// fault.LinkInvalid for the invitation, fault.Unavailable when a mail is needed
// and none can be sent, and what the operator's rules say.
func (s *Service) Register(ctx context.Context, r Registration) (Registered, error) {
	if s.Settings.Registration == RegistrationClosed || s.Settings.Registration == RegistrationInvite && r.InviteToken == "" {
		return Registered{}, s.closed()
	}
	canonical, profile, err := s.check(r)
	if err != nil {
		return Registered{}, err
	}
	invitation, err := s.invited(ctx, r.InviteToken, canonical)
	if err != nil {
		return Registered{}, err
	}
	safe := s.Settings.EnumerationSafe
	if safe || s.Settings.VerificationRequired && invitation == nil {
		if err := s.Messages.Check(notify.Email); err != nil {
			return Registered{}, err
		}
	}
	if safe {
		if err := s.limit(ctx, "register", canonical); err != nil {
			return Registered{}, err
		}
	}
	if err := s.ask(ctx, r, invitation); err != nil {
		return Registered{}, err
	}
	hash, err := s.hash(ctx, "password", r.Password, r.words(invitation))
	if err != nil {
		return Registered{}, err
	}
	if !safe {
		return s.create(ctx, r, profile, hash, invitation)
	}
	// An account takes longer to write than a reminder, which would tell.
	if err := s.Store.Ping(ctx); err != nil {
		return Registered{}, fault.Wrap(err, fault.Unavailable, "this cannot be done now; try again")
	}
	return Registered{Neutral: true}, s.later(ctx, "register", func(ctx context.Context) error {
		_, err := s.create(ctx, r, profile, hash, invitation)
		if fault.Is(err, fault.EmailTaken) {
			return s.remindOwner(ctx, canonical, r.Locale)
		}
		return err
	})
}

func (s *Service) closed() error {
	if s.Settings.Registration == RegistrationInvite {
		return fault.New(fault.Forbidden, "registration needs an invitation")
	}
	return fault.New(fault.Forbidden, "registration is closed")
}

// check judges what was typed, all of it before anybody is looked up.
func (s *Service) check(r Registration) (canonical string, profile map[string]any, err error) {
	var address error
	if canonical, err = user.Canonical(r.Email); err != nil {
		address = fault.Field("email", "write an e-mail address such as alice@example.com")
	}
	profile, err = user.NormalizeProfile(r.Profile)
	if err := fault.All(address, err); err != nil {
		return "", nil, err
	}
	return canonical, profile, s.Policy.Explain("password", s.Policy.Check(r.Password, r.words(nil)...))
}

// words are what the password must not be made of.
func (r Registration) words(i *Invitation) []string {
	words := password.WordsOf(r.Email, r.Profile)
	if i != nil {
		words = append(words, i.Organization)
	}
	return words
}

// invited finds the invitation of a token, which must be to the address.
func (s *Service) invited(ctx context.Context, token, canonical string) (*Invitation, error) {
	if token == "" {
		return nil, nil //nolint:nilnil // nobody invited them
	}
	if s.Invitations == nil {
		return nil, invalidLink(nil)
	}
	i, err := s.Invitations.Invited(ctx, token)
	if err != nil {
		return nil, err
	}
	if i.EmailCanonical != canonical {
		return nil, fault.Field("email", "the invitation was sent to another address")
	}
	return &i, nil
}

func (s *Service) ask(ctx context.Context, r Registration, i *Invitation) error {
	if s.Rules == nil {
		return nil
	}
	text := func(name string) string { v, _ := r.Profile[name].(string); return v }
	q := hook.Registration{
		Email: strings.TrimSpace(r.Email), FirstName: text("given_name"), LastName: text("family_name"),
		PhoneNumber: text("phone_number"), Source: "register",
	}
	if i != nil {
		q.OrganizationID, q.Source = i.OrganizationID, "invitation"
	}
	return s.Rules.Check(ctx, q)
}

func (s *Service) create(ctx context.Context, r Registration, profile map[string]any, hash string, i *Invitation) (Registered, error) {
	a := user.Account{
		ID: storage.NewID(), Email: r.Email, EmailVerified: i != nil, PasswordHash: hash, Profile: profile,
		TermsAccepted: r.TermsAccepted, Source: "register",
	}
	if i != nil {
		a.Source = "invitation"
	}
	ctx = as(ctx, a.ID)
	var out Registered
	err := s.Change.Do(ctx, "account: register", func(ctx context.Context, c *change.Change) error {
		u, err := s.Users.Create(ctx, access.Root(), a)
		if err != nil {
			return err
		}
		out = Registered{User: u, VerificationRequired: s.Settings.VerificationRequired && !u.EmailVerified}
		if i != nil {
			if err := s.Invitations.Accept(ctx, r.InviteToken, u); err != nil {
				return err
			}
		}
		if s.Settings.PersonalOrganization && s.Organizations != nil {
			if err := s.Organizations.CreatePersonal(ctx, u); err != nil {
				return err
			}
		}
		if u.EmailVerified || !s.mails() {
			return nil
		}
		token, err := s.sendVerification(ctx, c, u, r.Locale)
		if s.Settings.Development {
			out.VerificationToken = token
		}
		return err
	})
	return out, err
}

// sendVerification queues the mail that asks to prove the account's address.
func (s *Service) sendVerification(ctx context.Context, c *change.Change, u storage.User, locale string) (string, error) {
	until := c.Now.Add(s.Settings.Verification)
	token, err := s.newLink(ctx, c, purposeVerify, u.ID, content{Email: u.Email}, until)
	if err != nil {
		return "", err
	}
	return token, s.mail(ctx, u, locale, notify.VerifyEmail, notify.Values{Token: token, Until: until})
}

// mails says whether mail reaches anybody.
func (s *Service) mails() bool { return s.Messages.Check(notify.Email) == nil }

// mail queues a mail to the account's address.
func (s *Service) mail(ctx context.Context, u storage.User, locale string, kind notify.Kind, v notify.Values) error {
	return s.Messages.Queue(ctx, notify.Message{
		Channel: notify.Email, Kind: kind, To: u.Email, Locale: localeOf(u, locale), UserID: u.ID, Values: v,
	})
}

// remindOwner tells the owner of an address that somebody tried to register it
// again, and the owner of a deleted account how to get it back.
func (s *Service) remindOwner(ctx context.Context, canonical, locale string) error {
	return s.Change.Do(ctx, "account: already registered", func(ctx context.Context, c *change.Change) error {
		u, err := s.Store.UserByEmail(ctx, canonical)
		if isNotFound(err) {
			return nil // erased a moment ago
		}
		if err != nil {
			return err
		}
		if u.Status == storage.UserDeleted {
			return s.sendRestore(ctx, c, u, locale)
		}
		return s.mail(ctx, u, locale, notify.AlreadyRegistered, notify.Values{})
	})
}
