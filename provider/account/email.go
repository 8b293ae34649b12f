package account

import (
	"context"
	"strings"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/notify"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/storage"
)

// RequestEmail sends a link to a new address, which ConfirmEmail makes the
// caller's. Whether the address is somebody's is not told; its owner is.
// Errors: fault.StepUpRequired, fault.Invalid, fault.RateLimited,
// fault.Unavailable.
func (s *Service) RequestEmail(ctx context.Context, c Caller, field, email string) error {
	if err := s.recent(ctx, c); err != nil {
		return err
	}
	if err := s.Messages.Check(notify.Email); err != nil {
		return err
	}
	canonical, err := user.Canonical(email)
	if err != nil {
		return fault.Field(field, "write an e-mail address such as alice@example.com")
	}
	u, err := s.Users.Get(ctx, c.UserID)
	if err != nil {
		return err
	}
	if u.EmailCanonical == canonical && u.EmailVerified {
		return fault.Field(field, "this is the account's address already")
	}
	for _, whose := range []string{canonical, u.ID} {
		if err := s.limit(ctx, "email", whose); err != nil {
			return err
		}
	}
	email = strings.TrimSpace(email)
	return s.later(ctx, "change e-mail", func(ctx context.Context) error {
		return s.Change.Do(ctx, "account: request e-mail change", func(ctx context.Context, ch *change.Change) error {
			owner, err := s.Store.UserByEmail(ctx, canonical)
			switch {
			case err == nil && owner.ID != u.ID:
				if owner.Status == storage.UserDeleted {
					return nil
				}
				return s.mail(ctx, owner, c.Locale, notify.AlreadyRegistered, notify.Values{})
			case err != nil && !isNotFound(err):
				return err
			}
			until := ch.Now.Add(s.Settings.Verification)
			token, err := s.newLink(ctx, ch, purposeEmail, u.ID, content{Email: email}, until)
			if err != nil {
				return err
			}
			return s.Messages.Queue(ctx, notify.Message{
				Channel: notify.Email, Kind: notify.ConfirmNewEmail, To: email, Locale: localeOf(u, c.Locale), UserID: u.ID,
				Values: notify.Values{Token: token, Until: until},
			})
		})
	})
}

// ConfirmEmail makes the address that a link was sent to the account's, and
// tells the old one. Links that went to the old address open nothing any more.
// Errors: fault.LinkInvalid, fault.EmailTaken when somebody registered the
// address meanwhile, which leaves the link as it is.
func (s *Service) ConfirmEmail(ctx context.Context, token, locale string) (storage.User, error) {
	l, err := s.open(ctx, token, purposeEmail)
	if err != nil {
		return storage.User{}, err
	}
	ctx = as(ctx, l.UserID)
	var u storage.User
	err = s.Change.Do(ctx, "account: confirm e-mail", func(ctx context.Context, c *change.Change) error {
		if err := s.use(ctx, c, l); err != nil {
			return err
		}
		old, err := s.Users.Get(ctx, l.UserID)
		if err != nil {
			return gone(err)
		}
		if u, err = s.Users.SetEmail(ctx, l.UserID, l.content.Email, true, "change"); err != nil {
			return gone(err)
		}
		for _, purpose := range []string{purposeVerify, purposeReset, purposeRecover} {
			if err := s.Store.VoidLinks(ctx, u.ID, purpose, c.Now); err != nil {
				return err
			}
		}
		if old.EmailCanonical == u.EmailCanonical {
			return nil
		}
		return s.mail(ctx, old, locale, notify.EmailChanged, notify.Values{Email: u.Email})
	})
	return u, err
}
