package account

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/guard"
	"github.com/signet-idp/signet/provider/hook"
	"github.com/signet-idp/signet/provider/notify"
	"github.com/signet-idp/signet/provider/session"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/provider/user/password"
	"github.com/signet-idp/signet/storage"
)

// Store is what accounts need of storage besides what package user writes.
type Store interface {
	storage.Links
	UserByID(ctx context.Context, id string) (storage.User, error)
	UserByEmail(ctx context.Context, canonical string) (storage.User, error)
	UsersToErase(ctx context.Context, now time.Time, limit int) ([]storage.User, error)
	Scrub(ctx context.Context) error
	MembershipsOf(ctx context.Context, userID, after string, limit int) ([]storage.Membership, error)
	OrganizationsByID(ctx context.Context, ids []string) ([]storage.Organization, error)
	guard.Acquaintances
	AcquireLease(ctx context.Context, name, holder string, now, expiry time.Time) (storage.Lease, bool, error)
	Ping(ctx context.Context) error
}

// Messages tells people things (*notify.Service).
type Messages interface {
	// Check answers fault.Unavailable when nothing delivers on the channel.
	Check(channel notify.Channel) error
	// Queue stores a message in the running transaction.
	Queue(ctx context.Context, m notify.Message) error
}

// Invitations are the ways into organizations that an address was sent.
type Invitations interface {
	// Invited returns the open invitation of a token; fault.LinkInvalid.
	Invited(ctx context.Context, token string) (Invitation, error)
	// Accept makes the person a member, in the running transaction.
	Accept(ctx context.Context, token string, u storage.User) error
}

// Invitation is what a token from a mail leads to.
type Invitation struct {
	OrganizationID string
	Organization   string // its name
	Inviter        string // name of whoever invited, or empty
	Email          string // as it was written
	EmailCanonical string
	Role           string
}

// Organizations keeps the organization of their own that people may have.
type Organizations interface {
	// CreatePersonal makes one of type individual with the person as its
	// owner, in the running transaction.
	CreatePersonal(ctx context.Context, u storage.User) error
	// ClosePersonal deletes those of type individual that the person is alone
	// in, in the running transaction.
	ClosePersonal(ctx context.Context, userID string) error
}

// Rules are the operator's own (*hook.Rules).
type Rules interface {
	Check(ctx context.Context, q hook.Question) error
}

// Passwords hashes and verifies behind the concurrency gate (*password.Hasher).
type Passwords interface {
	Hash(ctx context.Context, pw string) (string, error)
	Verify(ctx context.Context, encoded, pw string) (ok, upgrade bool, err error)
	VerifyDummy(ctx context.Context, pw string) error
}

// Guard slows down who guesses passwords (*guard.Guard).
type Guard interface {
	Check(ctx context.Context, who guard.Who) error
	Succeeded(ctx context.Context, who guard.Who) error
	Unlock(ctx context.Context, identifier string, known ...string) (locked bool, err error)
}

// Recency says whether somebody has authenticated a short while ago
// (*mfa.Service).
type Recency interface {
	// Recent answers fault.StepUpRequired when they have not, or not with their
	// second factor.
	Recent(ctx context.Context, userID string, authTime time.Time, acr string) error
	CountFactors(ctx context.Context, userID string) (int, error)
}

// Key seals and hashes links (keys.Purpose "link").
type Key interface {
	Seal(aad, plaintext []byte) []byte
	Open(aad, sealed []byte) ([]byte, error)
	Hash(data []byte) []byte
	HashAll(data []byte) [][]byte
	VerifyHash(hash, data []byte) bool
}

// Who may register.
const (
	RegistrationOpen   = "open"
	RegistrationInvite = "invite"
	RegistrationClosed = "closed"
)

// Settings are what an operator decides.
type Settings struct {
	Registration         string // open, invite, closed
	VerificationRequired bool   // an address must be proven before the first login
	EnumerationSafe      bool   // registration never tells whether an address is taken
	PersonalOrganization bool   // each account gets an organization of its own
	Development          bool   // answers hold the token that the mail does

	Verification time.Duration // life of verification and confirmation links
	Reset        time.Duration // of reset links

	// MailsPerHour bounds what one address is sent on request, for each kind.
	MailsPerHour int
}

// Deps are what a Service is made of. All are required but Invitations,
// Organizations, Rules and Log.
type Deps struct {
	Store         Store
	Users         *user.Service
	Policy        *password.Policy
	Passwords     Passwords
	Guard         Guard
	Recency       Recency
	Counters      guard.Counter
	Messages      Messages
	Invitations   Invitations
	Organizations Organizations
	Rules         Rules
	Change        change.Runner
	Key           Key
	Clock         clock.Clock
	Rand          io.Reader
	Log           *slog.Logger
	Settings      Settings
}

// Service runs the flows. It is safe for concurrent use.
type Service struct {
	Deps
	jobs   chan job
	holder string // of the erasure lease
}

// New makes a Service. Run must run beside it, or nobody is sent anything they
// asked for by address.
func New(d Deps) *Service {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{Deps: d, jobs: make(chan job, maxJobs), holder: storage.NewID()}
}

// Caller is a signed-in person as their access token or session says.
type Caller struct {
	UserID    string
	SessionID string
	ClientID  string
	AuthTime  time.Time
	ACR       string
	Device    session.Device
	// Locale is the languages they read (Accept-Language).
	Locale string
}

// recent answers fault.StepUpRequired unless the person has authenticated a
// short while ago, with a second factor if they have one.
func (s *Service) recent(ctx context.Context, c Caller) error {
	return s.Recency.Recent(ctx, c.UserID, c.AuthTime, c.ACR)
}

// guarded is recent for those who have a second factor: their password alone,
// which confirm asks for, is not enough.
func (s *Service) guarded(ctx context.Context, c Caller) error {
	n, err := s.Recency.CountFactors(ctx, c.UserID)
	if err != nil || n == 0 {
		return err
	}
	return s.recent(ctx, c)
}

// confirm checks the caller's password, as a login would: counted, and refused
// after too many failures. A failure is recorded. An account without an id is
// nobody's, and takes as long.
func (s *Service) confirm(ctx context.Context, c Caller, u storage.User, pw string) error {
	who := guard.Who{Identifier: u.EmailCanonical, Known: c.SessionID, Address: c.Device.IPAddress}
	if err := s.Guard.Check(ctx, who); err != nil {
		if locked, ok := errors.AsType[*guard.LockedError](err); ok {
			return fault.Wrap(err, fault.AccountLocked, "too many attempts; try again later").Retry(locked.RetryAfter)
		}
		if limited, ok := errors.AsType[*guard.LimitedError](err); ok {
			return fault.Wrap(err, fault.RateLimited, "too many attempts from this address; try again later").Retry(limited.RetryAfter)
		}
		return err
	}
	var ok bool
	var err error
	if u.PasswordHash == "" {
		err = s.Passwords.VerifyDummy(ctx, pw)
	} else {
		ok, _, err = s.Passwords.Verify(ctx, u.PasswordHash, pw)
	}
	if err != nil {
		return busy(err)
	}
	if ok {
		return s.Guard.Succeeded(ctx, who)
	}
	err = s.Change.Do(ctx, "account: wrong password", func(_ context.Context, ch *change.Change) error {
		e := event.Event{Type: event.UserLoginFailed, Data: map[string]any{"reason": "confirmation", "method": "password"}}
		if c.ClientID != "" {
			e.Data["client_id"] = c.ClientID
		}
		if u.ID != "" {
			e.Subject, e.PersonalOf = u.ID, u.ID
			e.Personal = map[string]string{"ip_address": c.Device.IPAddress, "user_agent": c.Device.UserAgent}
		}
		ch.Record(e)
		return nil
	})
	if err != nil {
		return err
	}
	return wrongPassword()
}

// hash makes the stored form of a new password that the policy accepts, outside
// any transaction. field is its name in the request, words are what it must not
// be made of.
func (s *Service) hash(ctx context.Context, field, pw string, words []string) (string, error) {
	if err := s.Policy.Judge(ctx, field, pw, words...); err != nil {
		return "", err
	}
	encoded, err := s.Passwords.Hash(ctx, pw)
	if err != nil {
		return "", busy(err)
	}
	return encoded, nil
}

// words are what a person's password must not be made of: their names and
// address, and the names of organizations they belong to.
func (s *Service) words(ctx context.Context, u storage.User) ([]string, error) {
	words := password.WordsOf(u.Email, u.Profile)
	memberships, err := s.Store.MembershipsOf(ctx, u.ID, "", maxNamed)
	if err != nil || len(memberships) == 0 {
		return words, err
	}
	ids := make([]string, len(memberships))
	for i, m := range memberships {
		ids[i] = m.OrganizationID
	}
	organizations, err := s.Store.OrganizationsByID(ctx, ids)
	for _, o := range organizations {
		words = append(words, o.Name, o.Slug)
	}
	return words, err
}

// maxNamed bounds the organizations whose names a password is compared with.
const maxNamed = 50

func busy(err error) error {
	if errors.Is(err, password.ErrBusy) {
		return fault.Wrap(err, fault.Unavailable, "too many passwords are being checked now; try again")
	}
	return err
}

// limit counts a request for a mail to an address, known or not, and answers
// fault.RateLimited when there were too many within the hour.
func (s *Service) limit(ctx context.Context, kind, canonical string) error {
	n, reset, err := s.Counters.Add(ctx, "account:"+kind+":"+canonical, 1, time.Hour)
	if err != nil {
		return err
	}
	if n > int64(s.Settings.MailsPerHour) {
		return fault.New(fault.RateLimited, "this was asked for too often; try again later").Retry(reset)
	}
	return nil
}

// as makes the person the actor of what is recorded: whoever holds a link from
// their mailbox acts as them.
func as(ctx context.Context, userID string) context.Context {
	return event.WithActor(ctx, event.Actor{ID: userID, Kind: event.ActorUser})
}

// localeOf is the language to write to a person in: what they chose, else what
// their request accepts.
func localeOf(u storage.User, accepted string) string {
	if own, ok := u.Profile["locale"].(string); ok && own != "" {
		return own
	}
	return accepted
}

func isNotFound(err error) bool {
	return errors.Is(err, storage.ErrNotFound) || fault.Is(err, fault.UserNotFound)
}
