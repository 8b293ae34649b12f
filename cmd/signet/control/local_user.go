package control

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/apply"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/provider/user/password"
	"github.com/signet-idp/signet/storage"
)

const pageSize = 500

// CreateUser implements Operations: the account, its roles and memberships, or
// nothing.
func (l Local) CreateUser(ctx context.Context, r CreateUser) (User, error) {
	account := user.Account{Email: r.Email, EmailVerified: r.EmailVerified, SystemRoles: r.Roles, Source: "admin"}
	if r.Name != "" {
		account.Profile = map[string]any{"name": r.Name}
	}
	hash, made, err := l.password(ctx, r.Password, r.NoPassword, password.WordsOf(r.Email, account.Profile))
	if err != nil {
		return User{}, err
	}
	account.PasswordHash = hash
	var u storage.User
	err = l.Core.Change.Do(by(ctx), "create user", func(ctx context.Context, _ *change.Change) error {
		if u, err = l.Core.Users.Create(ctx, access.Root(), account); err != nil {
			return err
		}
		for _, m := range r.Organizations {
			o, err := l.Core.Organizations.Get(ctx, m.Slug)
			if err != nil {
				return err
			}
			if _, err := l.Core.Organizations.AddMember(ctx, access.Root(), o.ID, u.ID, m.Roles, "admin"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return User{}, err
	}
	return l.showUser(ctx, u, made)
}

// password hashes a password that was given or makes one. words are what it must
// not be made of.
func (l Local) password(ctx context.Context, given string, none bool, words []string) (hash, made string, err error) {
	if none {
		return "", "", nil
	}
	if given == "" {
		made = apply.NewPassword(rand.Text())
		given = made
	} else if err := l.Core.Policy.Judge(ctx, "password", given, words...); err != nil {
		return "", "", err
	}
	hash, err = l.Core.Passwords.Hash(ctx, given)
	if errors.Is(err, password.ErrBusy) {
		err = fault.Wrap(err, fault.Unavailable, "too many passwords are being hashed now; try again")
	}
	return hash, made, err
}

// ListUsers implements Operations.
func (l Local) ListUsers(ctx context.Context, r Page) ([]User, error) {
	out := []User{}
	err := pages(r, func(after string, limit int) (string, int, error) {
		list, err := l.Core.Users.List(ctx, after, limit)
		if err != nil {
			return "", 0, err
		}
		for _, u := range list {
			after = u.ID
			shown, err := l.showUser(ctx, u, "")
			if err != nil {
				return "", 0, err
			}
			out = append(out, shown)
		}
		return after, len(list), nil
	})
	return out, err
}

// pages calls next until a page is not full or enough was read.
func pages(r Page, next func(after string, limit int) (last string, n int, err error)) error {
	left := r.Limit
	for after := r.After; ; {
		limit := pageSize
		if r.Limit > 0 {
			limit = min(left, pageSize)
		}
		last, n, err := next(after, limit)
		left -= n
		if err != nil || n < limit || r.Limit > 0 && left <= 0 {
			return err
		}
		after = last
	}
}

// GetUser implements Operations.
func (l Local) GetUser(ctx context.Context, r UserRequest) (User, error) {
	u, err := l.Core.Users.Find(ctx, r.User)
	if err != nil {
		return User{}, err
	}
	return l.showUser(ctx, u, "")
}

// SetUserStatus implements Operations.
func (l Local) SetUserStatus(ctx context.Context, r UserRequest) (User, error) {
	u, err := l.Core.Users.Find(ctx, r.User)
	if err != nil {
		return User{}, err
	}
	if r.Reason == "" {
		r.Reason = "operator"
	}
	if u, err = l.Core.Users.SetStatus(by(ctx), u.ID, storage.UserStatus(r.Status), r.Reason); err != nil {
		return User{}, err
	}
	return l.showUser(ctx, u, "")
}

// ResetFactors implements Operations.
func (l Local) ResetFactors(ctx context.Context, r UserRequest) (User, error) {
	u, err := l.Core.Users.Find(ctx, r.User)
	if err != nil {
		return User{}, err
	}
	if _, err := l.Core.ResetFactors(by(ctx), u.ID); err != nil {
		return User{}, err
	}
	return l.showUser(ctx, u, "")
}

// ResetPassword implements Operations.
func (l Local) ResetPassword(ctx context.Context, r UserRequest) (User, error) {
	u, err := l.Core.Users.Find(ctx, r.User)
	if err != nil {
		return User{}, err
	}
	hash, made, err := l.password(ctx, r.Password, false, password.WordsOf(u.Email, u.Profile))
	if err != nil {
		return User{}, err
	}
	if u, err = l.Core.Users.SetPassword(by(ctx), u.ID, hash, "", "admin"); err != nil {
		return User{}, err
	}
	return l.showUser(ctx, u, made)
}

// RecoverUser implements Operations. The operator holds the store and may
// become anybody, so the link may be shown to them.
func (l Local) RecoverUser(ctx context.Context, r UserRequest) (RecoveryLink, error) {
	u, err := l.Core.Users.Find(ctx, r.User)
	if err != nil {
		return RecoveryLink{}, err
	}
	recovery, err := l.Core.Recovery(ctx)
	if err != nil {
		return RecoveryLink{}, err
	}
	token, until, err := recovery.Recover(by(ctx), u.ID, r.Mail)
	if err != nil {
		return RecoveryLink{}, err
	}
	out := RecoveryLink{UserID: u.ID, Email: u.Email, Delivered: r.Mail, ExpiresAt: until}
	if !r.Mail {
		out.URL = l.Core.RecoveryPage() + "?" + url.Values{"token": {token}}.Encode()
	}
	return out, nil
}

func (l Local) showUser(ctx context.Context, u storage.User, made string) (User, error) {
	out := User{
		ID: u.ID, Email: u.Email, EmailVerified: u.EmailVerified, Status: string(u.Status), HasPassword: u.PasswordHash != "",
		Roles: []string{}, Organizations: []apply.Membership{}, CreatedAt: u.CreatedAt, LastLoginAt: u.LastLoginAt, Password: made,
	}
	out.Name, _ = u.Profile["name"].(string)
	roles, err := l.Core.Users.SystemRoles(ctx, u.ID)
	if err != nil {
		return User{}, err
	}
	out.Roles = append(out.Roles, roles...)
	memberships, err := l.Core.Organizations.MembershipsOf(ctx, u.ID, "", pageSize)
	if err != nil {
		return User{}, fmt.Errorf("show user: %w", err)
	}
	for _, m := range memberships {
		out.Organizations = append(out.Organizations, apply.Membership{Slug: m.Slug, Roles: m.Roles})
	}
	return out, nil
}
