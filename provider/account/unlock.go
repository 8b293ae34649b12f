package account

import (
	"context"
	"time"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/guard"
	"github.com/signet-idp/signet/provider/notify"
	"github.com/signet-idp/signet/storage"
)

// OfferUnlock sends the owner of an address, whose account was locked for life
// after too many failures, a link that lifts the lock. Whoever guesses learns
// nothing of it: it is asked for of any identifier, and the rest is done after
// the answer. Nobody is sent more than Settings.MailsPerHour of them.
func (s *Service) OfferUnlock(ctx context.Context, canonical, locale string, life time.Duration) {
	until := s.Clock.Now().Add(life)
	// Where too much waits, the lock ends by itself.
	_ = s.later(ctx, "unlock", func(ctx context.Context) error {
		if canonical == "" || s.Messages.Check(notify.Email) != nil {
			return nil //nolint:nilerr // nobody can be told
		}
		err := s.limit(ctx, "unlock", canonical)
		if fault.Is(err, fault.RateLimited) {
			return nil
		}
		if err != nil {
			return err
		}
		return s.Change.Do(ctx, "account: offer unlock", func(ctx context.Context, c *change.Change) error {
			u, err := s.reachable(ctx, canonical)
			if err != nil || u == nil || !u.EmailVerified {
				return err
			}
			token, err := s.newLink(ctx, c, purposeUnlock, u.ID, content{Email: u.Email}, until)
			if err != nil {
				return err
			}
			return s.mail(ctx, *u, locale, notify.UnlockAccount, notify.Values{Token: token, Until: until})
		})
	})
}

// Unlock lifts the lock of an account by the link that OfferUnlock sent: its
// person may try again, and has proven nothing else. Errors: fault.LinkInvalid,
// fault.Unavailable.
func (s *Service) Unlock(ctx context.Context, token string) (storage.User, error) {
	l, err := s.open(ctx, token, purposeUnlock)
	if err != nil {
		return storage.User{}, err
	}
	if _, err := s.stillTheirs(ctx, l); err != nil {
		return storage.User{}, err
	}
	u, err := s.Users.Get(ctx, l.UserID)
	if err != nil {
		return storage.User{}, gone(err)
	}
	known, err := guard.Known(ctx, s.Store, u.ID)
	if err != nil {
		return storage.User{}, err
	}
	// Before the link is used up: without the counters it can be tried again.
	if _, err := s.Guard.Unlock(ctx, u.EmailCanonical, known...); err != nil {
		return storage.User{}, fault.Wrap(err, fault.Unavailable, "the counters cannot be reached now; try again")
	}
	return u, s.Change.Do(as(ctx, u.ID), "account: unlock", func(ctx context.Context, c *change.Change) error {
		c.Record(event.Event{Type: event.AuthAccountUnlocked, Subject: u.ID, Data: map[string]any{"reason": "mail"}})
		return s.use(ctx, c, l)
	})
}
