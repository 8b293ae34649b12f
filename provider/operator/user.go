package operator

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/guard"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/provider/user/password"
	"github.com/signet-idp/signet/storage"
)

// source is what events say of acts of operators.
const source = "admin"

// Membership is where a new account belongs.
type Membership struct {
	OrganizationID string
	Roles          []string // bare names
}

// NewUser is what an account is made from.
type NewUser struct {
	Email         string
	EmailVerified bool
	Password      string // empty: none; a recovery link lets the person set one
	Profile       map[string]any
	SystemRoles   []string // bare names; nil: user
	Organizations []Membership
	// SendLink mails the link by which the person sets a password.
	SendLink bool
}

// CreateUser makes an account with its roles and memberships, or nothing. by
// must hold what they give. Errors: those of user.Service.Create and
// org.Service.AddMember.
func (s *Service) CreateUser(ctx context.Context, by access.Holder, n NewUser) (storage.User, error) {
	account := user.Account{
		Email: n.Email, EmailVerified: n.EmailVerified, Profile: n.Profile, SystemRoles: n.SystemRoles, Source: source,
	}
	if n.Password != "" {
		var err error
		if account.PasswordHash, err = s.hash(ctx, n.Password, password.WordsOf(n.Email, n.Profile)); err != nil {
			return storage.User{}, fmt.Errorf("operator: create user: %w", err)
		}
	}
	var u storage.User
	err := s.Change.Do(ctx, "operator: create user", func(ctx context.Context, _ *change.Change) error {
		var err error
		if u, err = s.Users.Create(ctx, by, account); err != nil {
			return err
		}
		for _, m := range n.Organizations {
			if _, err := s.Organizations.AddMember(ctx, by, m.OrganizationID, u.ID, m.Roles, source); err != nil {
				return err
			}
		}
		if n.SendLink && s.Recovery != nil {
			_, _, err = s.Recovery.Recover(ctx, u.ID, true)
		}
		return err
	})
	return u, err
}

// UserPatch changes an account: nil members stay.
type UserPatch struct {
	Profile       map[string]any // null takes a member out
	Email         *string
	EmailVerified *bool
	Password      *string // empty takes it away
}

// UpdateUser changes an account that is at the version. Another address or
// password is a way in, so by must hold everything that the person does.
func (s *Service) UpdateUser(ctx context.Context, by access.Holder, id string, version Version, p UserPatch) (storage.User, error) {
	var hash string
	if p.Password != nil && *p.Password != "" {
		words, err := s.words(ctx, id, p)
		if err != nil {
			return storage.User{}, err
		}
		if hash, err = s.hash(ctx, *p.Password, words); err != nil {
			return storage.User{}, fmt.Errorf("operator: update user: %w", err)
		}
	}
	var u storage.User
	err := s.Change.Do(ctx, "operator: update user", func(ctx context.Context, _ *change.Change) error {
		var err error
		if u, err = s.alive(ctx, id); err != nil {
			return err
		}
		if err := version.expect(u.Version); err != nil {
			return err
		}
		may := s.mayTouch
		if p.Email != nil || p.EmailVerified != nil || p.Password != nil {
			may = s.mayBecome
		}
		if err := may(ctx, by, id); err != nil {
			return err
		}
		if p.Profile != nil {
			if u, err = s.Users.UpdateProfile(ctx, id, p.Profile, source); err != nil {
				return err
			}
		}
		if p.Email != nil || p.EmailVerified != nil {
			if u, err = s.address(ctx, u, p); err != nil {
				return err
			}
		}
		if p.Password != nil {
			u, err = s.Users.SetPassword(ctx, id, hash, "", source)
		}
		return err
	})
	return u, err
}

// words are what the password of an account must not be made of: what it is
// called and what it will be. Who it is that asks is judged later, so an account
// that is not there has none.
func (s *Service) words(ctx context.Context, id string, p UserPatch) ([]string, error) {
	u, err := s.Users.Get(ctx, id)
	if fault.Is(err, fault.UserNotFound) {
		return nil, nil
	}
	words := append(password.WordsOf(u.Email, u.Profile), password.WordsOf("", p.Profile)...)
	if p.Email != nil {
		words = append(words, *p.Email)
	}
	return words, err
}

// address makes another address the account's: unverified unless the operator
// vouches for it.
func (s *Service) address(ctx context.Context, u storage.User, p UserPatch) (storage.User, error) {
	email, verified := u.Email, u.EmailVerified
	if p.Email != nil {
		email, verified = *p.Email, verified && *p.Email == u.Email
	}
	if p.EmailVerified != nil {
		verified = *p.EmailVerified
	}
	return s.Users.SetEmail(ctx, u.ID, email, verified, source)
}

// SetUserStatus suspends an account, makes it active again or deletes it.
func (s *Service) SetUserStatus(ctx context.Context, by access.Holder, id string, version Version, status storage.UserStatus, reason string) (storage.User, error) {
	var u storage.User
	err := s.Change.Do(ctx, "operator: user status", func(ctx context.Context, _ *change.Change) error {
		var err error
		if u, err = s.Users.Get(ctx, id); err != nil {
			return err
		}
		if err := version.expect(u.Version); err != nil {
			return err
		}
		if err := s.mayTouch(ctx, by, id); err != nil {
			return err
		}
		u, err = s.Users.SetStatus(ctx, id, status, reason)
		return err
	})
	return u, err
}

// SetSystemRoles gives a person who is at the version exactly these system roles
// (bare names); by must hold what those give that come and go.
func (s *Service) SetSystemRoles(ctx context.Context, by access.Holder, id string, version Version, roles []string) ([]string, error) {
	var out []string
	err := s.Change.Do(ctx, "operator: system roles", func(ctx context.Context, _ *change.Change) error {
		u, err := s.alive(ctx, id)
		if err != nil {
			return err
		}
		if err := version.expect(u.Version); err != nil {
			return err
		}
		out, err = s.Users.SetSystemRoles(ctx, by, id, roles)
		return err
	})
	return out, err
}

// EndSessions signs a person out everywhere and returns how many sessions and
// grants ended.
func (s *Service) EndSessions(ctx context.Context, by access.Holder, id, reason string) (sessions int, grants int64, err error) {
	err = s.Change.Do(ctx, "operator: end sessions", func(ctx context.Context, _ *change.Change) error {
		if _, err := s.alive(ctx, id); err != nil {
			return err
		}
		if err := s.mayTouch(ctx, by, id); err != nil {
			return err
		}
		sessions, grants, err = s.Users.EndSessions(ctx, id, reason)
		return err
	})
	return sessions, grants, err
}

// EndSession ends one session; userID, if not empty, says whose it is.
// fault.NotFound when there is none.
func (s *Service) EndSession(ctx context.Context, by access.Holder, userID, sessionID, reason string) error {
	return s.Change.Do(ctx, "operator: end session", func(ctx context.Context, c *change.Change) error {
		v, err := s.session(ctx, userID, sessionID, c.Now)
		if err != nil {
			return err
		}
		if err := s.mayTouch(ctx, by, v.UserID); err != nil {
			return err
		}
		return s.Sessions.End(ctx, v, reason)
	})
}

// Unlock lets somebody try passwords again before their lock has run out, on
// their own devices too. It says whether there was a lock.
func (s *Service) Unlock(ctx context.Context, by access.Holder, id, reason string) (bool, error) {
	u, err := s.alive(ctx, id)
	if err != nil {
		return false, err
	}
	if err := s.mayTouch(ctx, by, id); err != nil {
		return false, err
	}
	known, err := guard.Known(ctx, s.Store, id)
	if err != nil {
		return false, err
	}
	locked, err := s.Guard.Unlock(ctx, u.EmailCanonical, known...)
	if err != nil {
		return false, fmt.Errorf("operator: unlock: %w", fault.Wrap(err, fault.Unavailable, "the counters cannot be reached now; try again"))
	}
	if !locked {
		return false, nil
	}
	return true, s.Change.Do(ctx, "operator: unlock", func(_ context.Context, c *change.Change) error {
		c.Record(event.Event{Type: event.AuthAccountUnlocked, Subject: id, Data: map[string]any{"reason": change.Enum(reason)}})
		return nil
	})
}

// ResetFactors removes every second factor of a person, for who has made sure
// who asks; the person is told. Their sessions go on: whoever holds one has
// proven the factors. It returns how many there were.
func (s *Service) ResetFactors(ctx context.Context, by access.Holder, id, reason string) (int, error) {
	if _, err := s.alive(ctx, id); err != nil {
		return 0, err
	}
	if err := s.mayTouch(ctx, by, id); err != nil {
		return 0, err
	}
	return s.Factors.Reset(ctx, id, reason)
}

// Link is a way back into an account.
type Link struct {
	URL   string // empty when it was only sent
	Until time.Time
}

// RecoveryLink makes the link by which a person sets a new password: sent to
// their address, or shown to the operator, who could use it and so must hold
// everything that the person does.
func (s *Service) RecoveryLink(ctx context.Context, by access.Holder, id string, show, deliver bool) (Link, error) {
	if !show && !deliver {
		return Link{}, fault.Field("deliver", "a link is shown, sent or both")
	}
	if s.Recovery == nil {
		return Link{}, fault.New(fault.Unavailable, "no recovery links are made here")
	}
	if _, err := s.alive(ctx, id); err != nil {
		return Link{}, err
	}
	if show {
		if err := s.mayBecome(ctx, by, id); err != nil {
			return Link{}, err
		}
	}
	token, until, err := s.Recovery.Recover(ctx, id, deliver)
	if err != nil {
		return Link{}, fmt.Errorf("operator: recovery link: %w", err)
	}
	l := Link{Until: until}
	if show {
		l.URL = s.RecoveryPage + "?" + url.Values{"token": {token}}.Encode()
	}
	return l, nil
}

// alive reads an account that is not deleted.
func (s *Service) alive(ctx context.Context, id string) (storage.User, error) {
	u, err := s.Users.Get(ctx, id)
	if err == nil && u.Status == storage.UserDeleted {
		err = fault.New(fault.UserNotFound, "there is no such user")
	}
	return u, err
}

func (s *Service) session(ctx context.Context, userID, sessionID string, now time.Time) (storage.Session, error) {
	v, err := s.Store.SessionByID(ctx, sessionID)
	if err != nil || !v.Live(now) || userID != "" && v.UserID != userID {
		return v, noSession(err)
	}
	return v, nil
}
