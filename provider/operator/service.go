package operator

import (
	"context"
	"errors"
	"time"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/guard"
	"github.com/signet-idp/signet/provider/org"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/provider/user/password"
	"github.com/signet-idp/signet/storage"
)

// Store is what the service reads.
type Store interface {
	guard.Acquaintances
	SystemRoles(ctx context.Context, userID string) ([]string, error)
	MembershipsOf(ctx context.Context, userID, after string, limit int) ([]storage.Membership, error)
	SessionByID(ctx context.Context, id string) (storage.Session, error)
}

// Sessions ends one session (*session.Manager).
type Sessions interface {
	End(ctx context.Context, s storage.Session, reason string) error
}

// Passwords hashes (*password.Hasher).
type Passwords interface {
	Hash(ctx context.Context, password string) (string, error)
}

// Policy judges new passwords (*password.Policy).
type Policy interface {
	Judge(ctx context.Context, field, pw string, words ...string) error
}

// Guard lifts locks (*guard.Guard).
type Guard interface {
	Unlock(ctx context.Context, identifier string, known ...string) (locked bool, err error)
}

// Factors removes second factors (*mfa.Service).
type Factors interface {
	Reset(ctx context.Context, userID, reason string) (n int, err error)
}

// Recovery makes the link by which a person sets a new password; with deliver
// it is also sent to their address (*account.Service).
type Recovery interface {
	Recover(ctx context.Context, userID string, deliver bool) (token string, until time.Time, err error)
}

// Service does what operators do. It is safe for concurrent use.
type Service struct {
	Store         Store
	Users         *user.Service
	Organizations *org.Service
	Clients       *client.Service
	Access        *access.Service
	Resolver      *access.Resolver
	Sessions      Sessions
	Passwords     Passwords
	Policy        Policy
	Guard         Guard
	Factors       Factors
	Recovery      Recovery
	Change        change.Runner
	// RecoveryPage is the address of the page that takes a recovery token.
	RecoveryPage string
}

// Version is what an object must be at for a change to be made (If-Match, RFC
// 9110 §13.1.1); 0: at any.
type Version int64

// expect says no when the object is at another version. It is asked inside the
// change, whose write fails when the version moves before the commit.
func (v Version) expect(is int64) error {
	if v != 0 && int64(v) != is {
		return fault.New(fault.Outdated, "it was changed meanwhile; read it again")
	}
	return nil
}

// mayTouch decides whether by may change what the account is.
func (s *Service) mayTouch(ctx context.Context, by access.Holder, userID string) error {
	if by.Root {
		return nil
	}
	roles, err := s.Store.SystemRoles(ctx, userID)
	if err != nil {
		return err
	}
	for _, name := range roles {
		if err := s.covers(ctx, by, "", access.TokenRole(storage.ScopeSystem, name)); err != nil {
			return err
		}
	}
	return nil
}

// mayBecome decides whether by may get into the account.
func (s *Service) mayBecome(ctx context.Context, by access.Holder, userID string) error {
	if err := s.mayTouch(ctx, by, userID); err != nil || by.Root {
		return err
	}
	list, err := s.Store.MembershipsOf(ctx, userID, "", maxMemberships)
	if err != nil {
		return err
	}
	if len(list) == maxMemberships { // more than can be looked at
		return lacking("the roles of so many organizations")
	}
	for _, m := range list {
		for _, role := range m.Roles {
			if err := s.covers(ctx, by, m.OrganizationID, role); err != nil {
				return err
			}
		}
	}
	return nil
}

const maxMemberships = 500

// covers decides whether by holds what a role gives. One that is not defined
// any more gives nothing.
func (s *Service) covers(ctx context.Context, by access.Holder, organizationID, role string) error {
	d, err := s.Resolver.MayGrant(ctx, by, organizationID, []string{role})
	switch {
	case err != nil:
		return fault.Wrap(err, fault.Unavailable, "role definitions cannot be read now; try again")
	case d.Allowed, d.Reason == access.ReasonUndefined:
		return nil
	}
	return lacking(d.Missing)
}

func lacking(what string) error {
	return fault.Newf(fault.Forbidden, "nobody gains what they lack: %s", what)
}

// hash judges and hashes a password, outside any transaction. words are what it
// must not be made of.
func (s *Service) hash(ctx context.Context, pw string, words []string) (string, error) {
	if err := s.Policy.Judge(ctx, "password", pw, words...); err != nil {
		return "", err
	}
	hash, err := s.Passwords.Hash(ctx, pw)
	switch {
	case errors.Is(err, password.ErrBusy):
		err = fault.Wrap(err, fault.Unavailable, "too many passwords are being hashed now; try again")
	case errors.Is(err, password.ErrPassword):
		err = fault.Field("password", "this cannot be a password")
	}
	return hash, err
}
