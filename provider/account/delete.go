package account

import (
	"context"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/notify"
	"github.com/signet-idp/signet/storage"
)

// Delete ends the caller's own account, on their password or a recent
// authentication, and sends them a link with which it comes back until it is
// erased. An organization of their own goes with it. Errors:
// fault.StepUpRequired, fault.BadCredentials, fault.AccountLocked,
// fault.LastOwner.
func (s *Service) Delete(ctx context.Context, c Caller, pw string) (storage.User, error) {
	u, err := s.Users.Get(ctx, c.UserID)
	if err != nil {
		return u, err
	}
	if pw == "" {
		err = s.recent(ctx, c)
	} else {
		if err = s.guarded(ctx, c); err == nil {
			err = s.confirm(ctx, c, u, pw)
		}
	}
	if err != nil {
		return u, err
	}
	err = s.Change.Do(ctx, "account: delete", func(ctx context.Context, ch *change.Change) error {
		if s.Organizations != nil {
			if err := s.Organizations.ClosePersonal(ctx, u.ID); err != nil {
				return err
			}
		}
		var err error
		if u, err = s.Users.Delete(ctx, u.ID, "own_wish"); err != nil {
			return err
		}
		return s.sendRestore(ctx, ch, u, c.Locale)
	})
	return u, err
}

// sendRestore queues the mail with which a deleted account comes back; nothing
// when it is erased or nothing delivers mail.
func (s *Service) sendRestore(ctx context.Context, c *change.Change, u storage.User, locale string) error {
	if u.EraseAt.IsZero() || !s.mails() {
		return nil
	}
	token, err := s.newLink(ctx, c, purposeRestore, u.ID, content{Email: u.Email}, u.EraseAt)
	if err != nil {
		return err
	}
	return s.mail(ctx, u, locale, notify.AccountDeleted, notify.Values{Token: token, Until: u.EraseAt})
}

// Restore brings a deleted account back by its link. Its password and profile
// are as they were; its memberships are for others to give. Errors:
// fault.LinkInvalid.
func (s *Service) Restore(ctx context.Context, token string) (storage.User, error) {
	l, err := s.open(ctx, token, purposeRestore)
	if err != nil {
		return storage.User{}, err
	}
	ctx = as(ctx, l.UserID)
	var u storage.User
	err = s.Change.Do(ctx, "account: restore", func(ctx context.Context, c *change.Change) error {
		if err := s.use(ctx, c, l); err != nil {
			return err
		}
		var err error
		if u, err = s.Users.Restore(ctx, l.UserID, "own_wish"); err != nil {
			return gone(err)
		}
		if s.Settings.PersonalOrganization && s.Organizations != nil {
			return s.Organizations.CreatePersonal(ctx, u)
		}
		return nil
	})
	return u, err
}
