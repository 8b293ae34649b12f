package login

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/guard"
	"github.com/signet-idp/signet/provider/mfa"
	"github.com/signet-idp/signet/provider/oauth"
	"github.com/signet-idp/signet/provider/risk"
	"github.com/signet-idp/signet/provider/session"
	"github.com/signet-idp/signet/storage"
)

// Errors of a login.
var (
	// ErrTransaction: the sealed parameter does not open here: it is damaged,
	// too old, or was begun in another browser.
	ErrTransaction = errors.New("login: no such login in this browser")
	// ErrConsumed: this login has been completed before.
	ErrConsumed = errors.New("login: completed before")
	// ErrCredentials: unknown person or wrong password; which is not told.
	ErrCredentials = errors.New("login: wrong credentials")
	// ErrDisabled: the right password of an account that cannot be used.
	ErrDisabled = errors.New("login: account cannot be used")
	// ErrUnverified: the right password of an account whose address has to be
	// verified first.
	ErrUnverified = errors.New("login: address not verified")
	// ErrBusy: too many logins at once; try again in a moment.
	ErrBusy = errors.New("login: at capacity")
	// ErrSession: the person shown on the page is no longer the one signed in.
	ErrSession = errors.New("login: signed in as somebody else meanwhile")
)

// Store is what logins need of storage.
type Store interface {
	storage.LoginTransactions
	storage.Consents
	storage.Links
	UserByID(ctx context.Context, id string) (storage.User, error)
	UserByEmail(ctx context.Context, canonical string) (storage.User, error)
	SetPasswordHash(ctx context.Context, userID, from, to string) error
	TouchLogin(ctx context.Context, userID, organizationID string, at time.Time) error
	Reauthenticate(ctx context.Context, id string, authTime time.Time, acr string, amr []string) error
	OrganizationByID(ctx context.Context, id string) (storage.Organization, error)
}

// Passwords verifies passwords behind the concurrency gate.
type Passwords interface {
	Verify(ctx context.Context, encoded, pw string) (ok, upgrade bool, err error)
	VerifyDummy(ctx context.Context, pw string) error
	Hash(ctx context.Context, pw string) (string, error)
}

// Key seals and hashes for logins (keys.Purpose).
type Key interface {
	Seal(aad, plaintext []byte) []byte
	Open(aad, sealed []byte) ([]byte, error)
	Hash(data []byte) []byte
}

// Unlocking tells people of locks (*account.Service).
type Unlocking interface {
	// OfferUnlock sends whoever has the address a way to lift its lock; it takes
	// as long for nobody's.
	OfferUnlock(ctx context.Context, canonical, locale string, life time.Duration)
}

// Observer counts logins.
type Observer interface {
	Login(method, result, reason string)
}

// Deps are what a Service is made of.
type Deps struct {
	Store     Store
	OAuth     *oauth.Provider
	Sessions  *session.Manager
	Passwords Passwords
	Guard     *guard.Guard
	Factors   *mfa.Service
	Geo       risk.Geo // nil: no place is known
	Unlocking Unlocking
	Change    change.Runner
	Key       Key
	Observer  Observer
	Clock     clock.Clock
	Rand      io.Reader
	// RequireVerified lets nobody in whose address is not verified.
	RequireVerified bool
}

// Service runs logins. It is safe for concurrent use.
type Service struct{ Deps }

// New makes a Service.
func New(d Deps) *Service { return &Service{d} }

// Step is what has to happen next.
type Step int

// The steps.
const (
	// StepDone: the answer goes to the client.
	StepDone Step = iota
	// StepLogin: the person has to sign in.
	StepLogin
	// StepConsent: the person has to agree.
	StepConsent
	// StepFactor: the person has to prove a second factor.
	StepFactor
	// StepEnrol: the person has to set a second factor up.
	StepEnrol
	// StepBackupCodes: the person has to keep their backup codes, which are
	// shown once; Continue goes on.
	StepBackupCodes
)

// Outcome says how a request goes on.
type Outcome struct {
	Step Step
	// Param is the sealed transaction for the page of any other step.
	Param string
	// Response is the answer of StepDone, also when it is an error; nil for a
	// login to a page of ours.
	Response *oauth.AuthorizeResponse
	// Back is where StepDone goes on in a login to a page of ours; empty when the
	// person has cancelled it.
	Back string
	// Err is set when Response is an error.
	Err *oauth.Error
}

// Browser is who is at the other end: the id in the browser's own cookie, by
// which it is a known device too, and the live session of its session cookie.
type Browser struct {
	ID      string
	Session *storage.Session
	Device  session.Device
	// Locale is the languages the person reads (Accept-Language).
	Locale string
}

// TransactionLifetime is how long a person may take.
const TransactionLifetime = 10 * time.Minute

// Start takes a valid authorization request as far as it goes without asking
// the person anything.
func (s *Service) Start(ctx context.Context, r *oauth.AuthorizeRequest, b Browser) (Outcome, error) {
	p := &Pending{Request: r, fresh: true}
	return s.advance(ctx, p, b)
}

// advance finds the next step and takes it when it needs nobody.
func (s *Service) advance(ctx context.Context, p *Pending, b Browser) (Outcome, error) {
	step, err := s.next(ctx, p, b.Session)
	if err != nil {
		return s.refused(p, err)
	}
	if step == StepDone {
		return s.complete(ctx, p, b)
	}
	if p.Request.Prompt.None {
		return s.refused(p, promptNone(step))
	}
	if p.fresh {
		if err := s.freeze(ctx, p, b.ID); err != nil {
			return Outcome{}, err
		}
	}
	if (step == StepFactor || step == StepEnrol) && p.row.UserID == "" {
		// What the session proves is the first factor.
		p.row.UserID, p.row.ProvenAt, p.row.AMR = b.Session.UserID, s.Clock.Now(), without(b.Session.AMR, amrRisk)
		if err := s.put(ctx, p); err != nil {
			return Outcome{}, err
		}
	}
	return Outcome{Step: step, Param: p.Param}, nil
}

func promptNone(step Step) error {
	if step == StepConsent {
		return oauth.ErrConsentRequired()
	}
	return oauth.ErrLoginRequired()
}

// refused answers the client with an error of the protocol; anything else is
// returned to be answered here.
func (s *Service) refused(p *Pending, err error) (Outcome, error) {
	var e *oauth.Error
	if !errors.As(err, &e) {
		return Outcome{}, err
	}
	refusal := s.OAuth.Refuse(p.Request, e)
	return Outcome{Step: StepDone, Response: refusal.Redirect, Err: refusal.Err}, nil
}

func (s *Service) complete(ctx context.Context, p *Pending, b Browser) (Outcome, error) {
	if p.Own != nil {
		return s.completeOwn(ctx, p, b)
	}
	var consume func(context.Context) error
	if !p.fresh {
		consume = func(ctx context.Context) error { return s.consume(ctx, p) }
	}
	resp, err := s.OAuth.Authorize(ctx, p.Request, *b.Session, consume)
	if errors.Is(err, ErrConsumed) {
		return Outcome{}, ErrConsumed
	}
	if err != nil {
		return s.refused(p, err)
	}
	if err := s.Sessions.Touch(ctx, b.Session.ID); err != nil && !errors.Is(err, session.ErrNone) {
		return Outcome{}, err
	}
	return Outcome{Step: StepDone, Response: resp}, nil
}
