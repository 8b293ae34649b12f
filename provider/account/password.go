package account

import (
	"context"
	"time"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/notify"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/storage"
)

// RequestReset sends a link to set a new password, if the address is an
// account's; which the answer does not tell. Errors: fault.RateLimited,
// fault.Unavailable.
func (s *Service) RequestReset(ctx context.Context, email, locale string) error {
	return s.byAddress(ctx, "reset", email, func(ctx context.Context, canonical string) error {
		return s.Change.Do(ctx, "account: request reset", func(ctx context.Context, c *change.Change) error {
			u, err := s.reachable(ctx, canonical)
			if err != nil || u == nil {
				return err
			}
			until := c.Now.Add(s.Settings.Reset)
			token, err := s.newLink(ctx, c, purposeReset, u.ID, content{Email: u.Email}, until)
			if err != nil {
				return err
			}
			c.Record(requested(u.ID, "self"))
			return s.mail(ctx, *u, locale, notify.ResetPassword, notify.Values{Token: token, Until: until})
		})
	})
}

func requested(userID, source string) event.Event {
	return event.Event{Type: event.UserPasswordResetRequested, Subject: userID, Data: map[string]any{"source": source}}
}

// recoveryLife is how long an operator's recovery link lives.
const recoveryLife = 24 * time.Hour

// Recover makes a link with which a person sets a new password, for an operator
// who has made sure who they are. The token is returned to be handed over; with
// deliver it is also sent to the account's address. Errors: fault.UserNotFound,
// fault.Unavailable.
func (s *Service) Recover(ctx context.Context, userID string, deliver bool) (token string, until time.Time, err error) {
	if deliver {
		if err := s.Messages.Check(notify.Email); err != nil {
			return "", time.Time{}, err
		}
	}
	err = s.Change.Do(ctx, "account: recover", func(ctx context.Context, c *change.Change) error {
		u, err := s.Users.Get(ctx, userID)
		if err != nil {
			return err
		}
		if u.Status == storage.UserDeleted {
			return fault.New(fault.UserNotFound, "there is no such user")
		}
		until = c.Now.Add(recoveryLife)
		if token, err = s.newLink(ctx, c, purposeRecover, u.ID, content{Email: u.Email}, until); err != nil {
			return err
		}
		c.Record(requested(u.ID, "admin"))
		if !deliver {
			return nil
		}
		return s.mail(ctx, u, "", notify.RecoveryLink, notify.Values{Token: token, Until: until})
	})
	return token, until, err
}

// ResetOf says whose password a token would set, by the address that the link
// was sent to, for the page that asks for it; fault.LinkInvalid.
func (s *Service) ResetOf(ctx context.Context, token string) (email string, err error) {
	l, err := s.open(ctx, token, purposeReset, purposeRecover)
	return l.content.Email, err
}

// Reset sets a new password by a link and ends every session. A link that was
// mailed has proven its address as well. field is the password's name in the
// request. Errors: fault.LinkInvalid, fault.WeakPassword,
// fault.BreachedPassword, which leave the link as it is.
func (s *Service) Reset(ctx context.Context, token, field, pw, locale string) (storage.User, error) {
	l, err := s.open(ctx, token, purposeReset, purposeRecover)
	if err != nil {
		return storage.User{}, err
	}
	u, err := s.Users.Get(ctx, l.UserID)
	if err != nil {
		return storage.User{}, gone(err)
	}
	words, err := s.words(ctx, u)
	if err != nil {
		return storage.User{}, err
	}
	hash, err := s.hash(ctx, field, pw, words)
	if err != nil {
		return storage.User{}, err
	}
	ctx = as(ctx, l.UserID)
	err = s.Change.Do(ctx, "account: reset password", func(ctx context.Context, c *change.Change) error {
		if err := s.use(ctx, c, l); err != nil {
			return err
		}
		canonical, err := s.stillTheirs(ctx, l)
		if err != nil {
			return err
		}
		if u, err = s.Users.SetPassword(ctx, l.UserID, hash, "", "reset"); err != nil {
			return gone(err)
		}
		if l.Purpose == purposeReset {
			if u, err = s.Users.VerifyEmail(ctx, u.ID, canonical, "reset"); err != nil {
				return err
			}
		}
		for _, purpose := range []string{purposeReset, purposeRecover} {
			if err := s.Store.VoidLinks(ctx, u.ID, purpose, c.Now); err != nil {
				return err
			}
		}
		return s.mail(ctx, u, locale, notify.PasswordChanged, notify.Values{})
	})
	return u, err
}

// stillTheirs checks that the address a link was sent to is still the
// account's: an old mailbox opens nothing.
func (s *Service) stillTheirs(ctx context.Context, l link) (canonical string, err error) {
	u, err := s.Users.Get(ctx, l.UserID)
	if err != nil {
		return "", gone(err)
	}
	canonical, err = user.Canonical(l.content.Email)
	if err != nil || canonical != u.EmailCanonical {
		return "", invalidLink(err)
	}
	return canonical, nil
}

// ChangePassword replaces the caller's password and ends every other session.
// field is the new one's name in the request. Errors: fault.BadCredentials,
// fault.AccountLocked, fault.WeakPassword, fault.BreachedPassword;
// fault.StepUpRequired for an account that has no password yet and a login that
// is not recent.
func (s *Service) ChangePassword(ctx context.Context, c Caller, current, field, pw string) error {
	u, err := s.Users.Get(ctx, c.UserID)
	if err != nil {
		return err
	}
	words, err := s.words(ctx, u)
	if err != nil {
		return err
	}
	// Without the range service: it is asked when we know who asks.
	if err := s.Policy.Explain(field, s.Policy.Check(pw, words...)); err != nil {
		return err
	}
	if u.PasswordHash == "" {
		err = s.recent(ctx, c)
	} else if err = s.guarded(ctx, c); err == nil {
		err = s.confirm(ctx, c, u, current)
	}
	if err != nil {
		return err
	}
	hash, err := s.hash(ctx, field, pw, words)
	if err != nil {
		return err
	}
	return s.Change.Do(ctx, "account: change password", func(ctx context.Context, ch *change.Change) error {
		now, err := s.Users.Get(ctx, u.ID)
		if err != nil {
			return err
		}
		if !now.PasswordChangedAt.Equal(u.PasswordChangedAt) {
			// What was proven is not the password any more.
			return wrongPassword()
		}
		if u, err = s.Users.SetPassword(ctx, u.ID, hash, c.SessionID, "change"); err != nil {
			return err
		}
		for _, purpose := range []string{purposeReset, purposeRecover} {
			if err := s.Store.VoidLinks(ctx, u.ID, purpose, ch.Now); err != nil {
				return err
			}
		}
		return s.mail(ctx, u, c.Locale, notify.PasswordChanged, notify.Values{})
	})
}
