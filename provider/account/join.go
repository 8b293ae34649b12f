package account

import (
	"context"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// Join accepts an invitation for somebody who is not signed in and proves with
// the password that the account of the invited address is theirs: counted,
// locked and recorded as a login is. It begins no session, so that nothing is
// gained here that a login would ask a second factor for; the link has proven
// the mailbox, and with it the address. An address without an account is
// answered as a wrong password. Errors: fault.LinkInvalid, fault.BadCredentials,
// fault.AccountLocked, fault.RateLimited, fault.AccountDisabled,
// fault.Unavailable.
func (s *Service) Join(ctx context.Context, token, pw string, c Caller) (storage.User, error) {
	if s.Invitations == nil {
		return storage.User{}, invalidLink(nil)
	}
	i, err := s.Invitations.Invited(ctx, token)
	if err != nil {
		return storage.User{}, err
	}
	u, err := s.Store.UserByEmail(ctx, i.EmailCanonical)
	if isNotFound(err) || err == nil && u.Status == storage.UserDeleted {
		u, err = storage.User{EmailCanonical: i.EmailCanonical}, nil // nobody's password is right
	}
	if err != nil {
		return storage.User{}, err
	}
	if err := s.confirm(ctx, c, u, pw); err != nil {
		return storage.User{}, err
	}
	if u.Status != storage.UserActive {
		return storage.User{}, fault.New(fault.AccountDisabled, "the account cannot be used")
	}
	proven := u.PasswordChangedAt
	err = s.Change.Do(as(ctx, u.ID), "account: join", func(ctx context.Context, _ *change.Change) error {
		if u, err = s.Users.VerifyEmail(ctx, u.ID, i.EmailCanonical, "invitation"); err != nil {
			return gone(err)
		}
		if !u.PasswordChangedAt.Equal(proven) {
			return wrongPassword() // what was proven is not the password any more
		}
		return s.Invitations.Accept(ctx, token, u)
	})
	return u, err
}

func wrongPassword() error { return fault.New(fault.BadCredentials, "the password is wrong") }
