package login

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/guard"
	"github.com/signet-idp/signet/provider/mfa"
	"github.com/signet-idp/signet/provider/risk"
	"github.com/signet-idp/signet/provider/session"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/provider/user/password"
	"github.com/signet-idp/signet/storage"
)

// Values of acr: how sure a login is (NIST SP 800-63B).
const (
	// ACRPassword is that of a password alone.
	ACRPassword = "aal1"
	// ACRFactor is that of two factors, or of a passkey that has verified its
	// person.
	ACRFactor = "aal2"
)

// amrPassword is RFC 8176's word for it.
const amrPassword = "pwd"

// Entered is what a step of a person has come to.
type Entered struct {
	Outcome
	// Session is the one they are signed in with; empty while more is needed.
	Session storage.Session
	// Cookie is the value of the session cookie when a new one is due.
	Cookie string
	// BackupCodes came with the first factor; they are shown once.
	BackupCodes []string
}

// Password takes name and password. Where no second factor is asked for, the
// person is signed in. Errors: ErrCredentials, ErrDisabled, ErrUnverified,
// ErrBusy, *guard.LockedError, *guard.LimitedError, ErrConsumed.
func (s *Service) Password(ctx context.Context, p *Pending, b Browser, username, pw string) (Entered, error) {
	u, device, err := s.verify(ctx, p.Request.Client.ClientID, b.Device, b.ID, b.Locale, username, pw)
	if err != nil {
		return Entered{}, err
	}
	signals, err := s.unusual(ctx, u, b.Device, b.ID)
	if err != nil {
		return Entered{}, err
	}
	need, err := s.Factors.Need(ctx, u, device, mfa.Asked{Wanted: s.wantsFactor(p.Request), Suspicious: suspicious(signals)})
	if err != nil {
		return Entered{}, err
	}
	if need.Factor || need.Enrol {
		return s.wait(ctx, p, u, first(need, amrPassword))
	}
	out, err := s.signIn(ctx, p, b, u, ByPassword(), signals, false)
	if err != nil {
		return Entered{}, err
	}
	return s.goOn(ctx, p, b, out)
}

// verify finds the person and checks the password, with the same work and the
// same answers whether or not there is such a person. device is the one of
// theirs that deviceToken names, or nil.
func (s *Service) verify(ctx context.Context, clientID string, dev session.Device, deviceToken, locale, username, pw string) (_ storage.User, device *storage.Device, err error) {
	canonical, identifier := identify(username)
	who := guard.Who{Identifier: identifier, Address: dev.IPAddress}
	if deviceToken != "" {
		if device, err = s.known(ctx, canonical, deviceToken); err != nil {
			return storage.User{}, nil, err
		}
		if device != nil {
			who.Known = device.ID
		}
	}
	if err := s.Guard.Check(ctx, who); err != nil {
		return storage.User{}, nil, s.guarded(ctx, err, canonical, clientID, locale)
	}
	u, err := s.lookup(ctx, canonical)
	if err != nil {
		return storage.User{}, nil, err
	}
	ok, upgrade, err := s.compare(ctx, u, pw)
	switch {
	case errors.Is(err, password.ErrBusy):
		s.Observer.Login("password", "refused", "busy")
		return storage.User{}, nil, ErrBusy
	case err != nil:
		return storage.User{}, nil, fmt.Errorf("login: password: %w", err)
	case !ok:
		return storage.User{}, nil, s.failed(ctx, u, clientID, dev)
	}
	if err := s.Guard.Succeeded(ctx, who); err != nil {
		return storage.User{}, nil, err
	}
	if err := s.usable(*u); err != nil {
		return storage.User{}, nil, err
	}
	if upgrade {
		s.upgrade(ctx, *u, pw)
	}
	return *u, device, nil
}

// known returns the device of a token, if whoever has the address knows it. It
// does the same for an address that nobody has.
func (s *Service) known(ctx context.Context, canonical, deviceToken string) (*storage.Device, error) {
	u, err := s.lookup(ctx, canonical)
	if err != nil {
		return nil, err
	}
	id := ""
	if u != nil {
		id = u.ID
	}
	return s.Factors.Device(ctx, id, deviceToken)
}

// usable says what keeps an account from signing in.
func (s *Service) usable(u storage.User) error {
	if u.Status != storage.UserActive {
		s.Observer.Login("password", "refused", "disabled")
		return ErrDisabled
	}
	if s.RequireVerified && !u.EmailVerified {
		s.Observer.Login("password", "refused", "unverified")
		return ErrUnverified
	}
	return nil
}

// identify returns the canonical address that somebody typed, or "", and the
// name under which failures are counted. What is no address is nobody's, but
// locks after as many failures as what is.
func identify(username string) (canonical, identifier string) {
	if canonical, err := user.Canonical(username); err == nil {
		return canonical, canonical
	}
	return "", "typed:" + strings.ToLower(strings.TrimSpace(username))
}

// guarded notes that the guard has refused an attempt, and that it has locked an
// account, of which its owner is told; for an identifier that nobody owns it does
// as much work.
func (s *Service) guarded(ctx context.Context, refusal error, canonical, clientID, locale string) error {
	var limited *guard.LimitedError
	if errors.As(refusal, &limited) {
		s.Observer.Login("password", "refused", "rate_limited")
		return refusal
	}
	var locked *guard.LockedError
	if !errors.As(refusal, &locked) {
		return refusal
	}
	s.Observer.Login("password", "refused", "locked")
	if !locked.Fresh {
		return refusal
	}
	u, err := s.lookup(ctx, canonical)
	if err != nil {
		return err
	}
	err = s.Change.Do(ctx, "login: locked", func(_ context.Context, c *change.Change) error {
		e := event.Event{Type: event.UserLoginFailed, Data: map[string]any{"reason": "locked", "method": "password", "client_id": clientID}}
		if u != nil {
			e = event.Event{Type: event.AuthAccountLocked, Subject: u.ID, Data: map[string]any{
				"reason": "failures", "until": c.Now.Add(locked.RetryAfter).Unix(), "failures": s.Guard.Failures(),
			}}
		}
		c.Record(e)
		return nil
	})
	if err != nil {
		return err
	}
	if s.Unlocking != nil {
		s.Unlocking.OfferUnlock(ctx, canonical, locale, locked.RetryAfter)
	}
	return refusal
}

func (s *Service) lookup(ctx context.Context, canonical string) (*storage.User, error) {
	if canonical == "" {
		return nil, nil //nolint:nilnil // nobody is an answer
	}
	u, err := s.Store.UserByEmail(ctx, canonical)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil //nolint:nilnil // as above
	}
	if err != nil {
		return nil, fmt.Errorf("login: user: %w", err)
	}
	return &u, nil
}

func (s *Service) compare(ctx context.Context, u *storage.User, pw string) (ok, upgrade bool, err error) {
	if u == nil || u.PasswordHash == "" || u.Status == storage.UserDeleted {
		return false, false, s.Passwords.VerifyDummy(ctx, pw)
	}
	return s.Passwords.Verify(ctx, u.PasswordHash, pw)
}

// failed records a failure and answers it.
func (s *Service) failed(ctx context.Context, u *storage.User, clientID string, dev session.Device) error {
	s.Observer.Login("password", "failure", "credentials")
	e := event.Event{Type: event.UserLoginFailed, Data: map[string]any{
		"reason": "credentials", "method": "password", "client_id": clientID,
	}}
	if u != nil { // an identifier that nobody owns is never recorded: people type passwords there
		e.Subject = u.ID
		e.PersonalOf, e.Personal = u.ID, map[string]string{"ip_address": dev.IPAddress, "user_agent": dev.UserAgent}
	}
	err := s.Change.Do(ctx, "login: failed", func(_ context.Context, c *change.Change) error {
		c.Record(e)
		return nil
	})
	if err != nil {
		return err
	}
	return ErrCredentials
}

// upgrade replaces a hash of an older kind, now that the password is at hand.
// It is a courtesy: when it fails, the next login tries again.
func (s *Service) upgrade(ctx context.Context, u storage.User, pw string) {
	hash, err := s.Passwords.Hash(ctx, pw)
	if err != nil {
		return
	}
	_ = s.Store.SetPasswordHash(ctx, u.ID, u.PasswordHash, hash)
}

// signIn begins a session, or renews the standing one of the same person, and
// notes in the transaction what was proven.
func (s *Service) signIn(ctx context.Context, p *Pending, b Browser, u storage.User, proof Proof, signals []risk.Signal, trust bool) (out Entered, err error) {
	clientID := p.Request.Client.ClientID
	err = s.Change.Do(ctx, "login: sign in", func(ctx context.Context, c *change.Change) error {
		auth := session.Authentication{UserID: u.ID, Time: c.Now, ACR: proof.ACR, AMR: proof.AMR}
		if err := s.lockPerson(ctx, u, u.LastOrganizationID, c.Now); err != nil {
			return err
		}
		var err error
		if out.Session, out.Cookie, err = s.enter(ctx, c, b, auth, clientID); err != nil {
			return err
		}
		if err := proof.consume(ctx, c, out.Session.ID); err != nil {
			return err
		}
		p.row.SessionID, p.row.AuthenticatedAt = out.Session.ID, c.Now
		p.row.UserID, p.row.ProvenAt, p.row.AMR = "", time.Time{}, nil
		p.row.Consented, p.row.ConsentedScope = false, ""
		if err := s.put(ctx, p); err != nil {
			return err
		}
		fresh, err := s.arrive(ctx, c, u, b.Device, b.ID, b.Locale, trust)
		if err != nil {
			return err
		}
		c.Record(signedIn(out.Session, u.LastOrganizationID, clientID, proof.Method, b.Device, fresh))
		tell(c, signals, out.Session, clientID, b.Device)
		return nil
	})
	if err != nil {
		return Entered{}, err
	}
	s.noted(ctx, u, signals)
	s.Observer.Login(proof.Method, "success", "")
	return out, nil
}

// goOn takes the request of somebody who has just signed in as far as it goes.
func (s *Service) goOn(ctx context.Context, p *Pending, b Browser, out Entered) (Entered, error) {
	b.Session = &out.Session
	var err error
	out.Outcome, err = s.advance(ctx, p, b)
	return out, err
}

// signedIn is the event of a login.
func signedIn(s storage.Session, organizationID, clientID, method string, dev session.Device, newDevice bool) event.Event {
	return event.Event{
		Type: event.UserLogin, Subject: s.UserID, Organization: organizationID,
		Data: map[string]any{
			"session_id": s.ID, "client_id": clientID, "method": method, "acr": s.ACR, "amr": s.AMR, "remember": s.Remember, "new_device": newDevice,
		},
		PersonalOf: s.UserID, Personal: map[string]string{"ip_address": dev.IPAddress, "user_agent": dev.UserAgent},
	}
}

// lockPerson takes the person's row, so that the events of one person are in
// order, and looks at it again: an account suspended, or a password changed,
// while this one was being hashed has just ended all sessions, and none may
// begin behind its back.
func (s *Service) lockPerson(ctx context.Context, u storage.User, organizationID string, at time.Time) error {
	if err := s.Store.TouchLogin(ctx, u.ID, organizationID, at); err != nil {
		return err
	}
	now, err := s.Store.UserByID(ctx, u.ID)
	switch {
	case err != nil:
		return err
	case now.Status != storage.UserActive:
		return ErrDisabled
	case !now.PasswordChangedAt.Equal(u.PasswordChangedAt):
		return ErrCredentials
	}
	return nil
}

// enter renews the standing session of the same person, or begins one, with the
// value of its cookie, and ends that of anybody else.
func (s *Service) enter(ctx context.Context, c *change.Change, b Browser, auth session.Authentication, clientID string) (storage.Session, string, error) {
	if old := b.Session; old != nil && old.UserID == auth.UserID {
		err := s.Store.Reauthenticate(ctx, old.ID, auth.Time, auth.ACR, auth.AMR)
		if err == nil {
			renewed := *old
			renewed.AuthTime, renewed.ACR, renewed.AMR = auth.Time, auth.ACR, auth.AMR
			return renewed, "", nil
		}
		if !errors.Is(err, storage.ErrNotFound) {
			return storage.Session{}, "", err
		}
		// It was ended while the person typed: begin anew.
	} else if old != nil {
		if err := s.Sessions.End(ctx, *old, session.ReasonReplaced); err != nil {
			return storage.Session{}, "", err
		}
	}
	return s.Sessions.Begin(ctx, c, storage.SessionBrowser, auth, b.Device, clientID)
}
