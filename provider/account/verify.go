package account

import (
	"context"
	"time"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/notify"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/storage"
)

// Verified says which address was proven, and when.
type Verified struct {
	User storage.User
	At   time.Time
}

// VerifyEmail proves the address that a link was sent to. Within the link's
// life a second use says the same, as long as that is the account's address.
// Errors: fault.LinkInvalid.
func (s *Service) VerifyEmail(ctx context.Context, token string) (Verified, error) {
	l, err := s.find(ctx, token, purposeVerify)
	if err != nil {
		return Verified{}, err
	}
	if !s.Clock.Now().Before(l.Expiry) {
		return Verified{}, invalidLink(nil)
	}
	canonical, err := user.Canonical(l.content.Email)
	if err != nil {
		return Verified{}, err
	}
	ctx = as(ctx, l.UserID)
	var out Verified
	err = s.Change.Do(ctx, "account: verify e-mail", func(ctx context.Context, c *change.Change) error {
		won, err := s.Store.UseLink(ctx, l.ID, c.Now)
		if err != nil {
			return err
		}
		u, err := s.Users.Get(ctx, l.UserID)
		if err != nil {
			return gone(err)
		}
		if u.Status == storage.UserDeleted || u.EmailCanonical != canonical || !won && !u.EmailVerified {
			return invalidLink(nil)
		}
		out = Verified{User: u, At: c.Now}
		if !won {
			if !l.UsedAt.IsZero() {
				out.At = l.UsedAt
			}
			return nil
		}
		out.User, err = s.Users.VerifyEmail(ctx, u.ID, canonical, "link")
		return err
	})
	return out, err
}

// gone makes an account that is no more what it is to the holder of its link.
func gone(err error) error {
	if isNotFound(err) {
		return invalidLink(err)
	}
	return err
}

// Resend sends the link that proves an address once more, if the address is an
// account's and not proven; which the answer does not tell. Errors:
// fault.RateLimited, fault.Unavailable.
func (s *Service) Resend(ctx context.Context, email, locale string) error {
	return s.byAddress(ctx, "verify", email, func(ctx context.Context, canonical string) error {
		return s.Change.Do(ctx, "account: resend verification", func(ctx context.Context, c *change.Change) error {
			u, err := s.reachable(ctx, canonical)
			if err != nil || u == nil || u.EmailVerified {
				return err
			}
			_, err = s.sendVerification(ctx, c, *u, locale)
			return err
		})
	})
}

// ResendTo is Resend for a signed-in person.
func (s *Service) ResendTo(ctx context.Context, c Caller) error {
	u, err := s.Users.Get(ctx, c.UserID)
	if err != nil {
		return err
	}
	return s.Resend(ctx, u.Email, c.Locale)
}

// reachable finds the account of an address that may be sent something; nil
// when there is none.
func (s *Service) reachable(ctx context.Context, canonical string) (*storage.User, error) {
	u, err := s.Store.UserByEmail(ctx, canonical)
	if isNotFound(err) || err == nil && u.Status != storage.UserActive {
		return nil, nil //nolint:nilnil // nobody is an answer
	}
	if err != nil {
		return nil, err
	}
	return &u, nil
}

// byAddress is what a request for a mail to an address has in common: the same
// answer in the same time whatever the address is. What is no address counts
// and is answered like one.
func (s *Service) byAddress(ctx context.Context, kind, email string, do func(ctx context.Context, canonical string) error) error {
	if err := s.Messages.Check(notify.Email); err != nil {
		return err
	}
	canonical, err := user.Canonical(email)
	if err != nil {
		return fault.Field("email", "write an e-mail address such as alice@example.com")
	}
	if err := s.limit(ctx, kind, canonical); err != nil {
		return err
	}
	if err := s.Store.Ping(ctx); err != nil {
		return fault.Wrap(err, fault.Unavailable, "this cannot be done now; try again")
	}
	return s.later(ctx, kind, func(ctx context.Context) error { return do(ctx, canonical) })
}
