package user

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
)

// SetPassword stores the encoded hash of a new password (made outside any
// transaction), or with an empty one takes the password away. Every other
// session of the person ends, offline ones too, with its grants and tokens;
// keep names the session that goes on (empty: none). source says how: change,
// reset, admin, apply.
func (s *Service) SetPassword(ctx context.Context, id, hash, keep, source string) (storage.User, error) {
	var u storage.User
	err := s.changes.Do(ctx, "user: set password", func(ctx context.Context, c *change.Change) error {
		var err error
		if u, err = s.alive(ctx, id); err != nil {
			return err
		}
		u.PasswordHash, u.PasswordChangedAt = hash, c.Now
		if err := s.write(ctx, c, &u); err != nil {
			return err
		}
		sessions, grants, err := s.sessions.EndAll(ctx, id, keep, "password_changed", c.Now)
		if err != nil {
			return err
		}
		if keep == "" {
			c.Revoke(storage.RevokeSub, id)
		} else {
			for _, sid := range sessions {
				c.Revoke(storage.RevokeSID, sid)
			}
		}
		c.Record(event.Event{Type: event.UserPasswordChanged, Subject: id, Data: map[string]any{
			"source": change.Enum(source), "sessions_ended": len(sessions), "grants_ended": grants,
		}})
		return nil
	})
	return u, err
}

// SetEmail makes another address the account's. fault.EmailTaken when it is in use.
func (s *Service) SetEmail(ctx context.Context, id, email string, verified bool, source string) (storage.User, error) {
	canonical, err := Canonical(email)
	if err != nil {
		return storage.User{}, fmt.Errorf("user: set e-mail: %w", emailFault())
	}
	email = strings.TrimSpace(email)
	var u storage.User
	err = s.changes.Do(ctx, "user: set e-mail", func(ctx context.Context, c *change.Change) error {
		var err error
		if u, err = s.alive(ctx, id); err != nil {
			return err
		}
		if u.Email == email && u.EmailVerified == verified {
			return nil
		}
		previous, verifiedNow := u.Email, verified && !u.EmailVerified
		moved := u.EmailCanonical != canonical
		u.Email, u.EmailCanonical, u.EmailVerified = email, canonical, verified
		if err := s.writeNames(ctx, c, &u); err != nil {
			return err
		}
		if moved {
			c.Record(event.Event{
				Type: event.UserEmailChanged, Subject: id, Data: map[string]any{"source": change.Enum(source)},
				PersonalOf: id, Personal: map[string]string{"email": email, "previous_email": previous},
			})
		} else if !verifiedNow {
			c.Record(event.Event{Type: event.UserUpdated, Subject: id, Data: map[string]any{"fields": []string{"email"}, "source": change.Enum(source)}})
		}
		if verifiedNow || moved && verified {
			c.Record(event.Event{Type: event.UserEmailVerified, Subject: id, Data: map[string]any{"source": change.Enum(source)}})
		}
		return nil
	})
	return u, err
}

// VerifyEmail notes that the account's address was proven, if it still is the
// one that was proven; otherwise, and when it was proven before, it changes
// nothing.
func (s *Service) VerifyEmail(ctx context.Context, id, canonical, source string) (storage.User, error) {
	var u storage.User
	err := s.changes.Do(ctx, "user: verify e-mail", func(ctx context.Context, c *change.Change) error {
		var err error
		if u, err = s.alive(ctx, id); err != nil || u.EmailVerified || u.EmailCanonical != canonical {
			return err
		}
		u.EmailVerified = true
		if err := s.write(ctx, c, &u); err != nil {
			return err
		}
		c.Record(event.Event{Type: event.UserEmailVerified, Subject: id, Data: map[string]any{"source": change.Enum(source)}})
		return nil
	})
	return u, err
}

// SetPhone makes another telephone number the account's (E.164).
func (s *Service) SetPhone(ctx context.Context, id, number string, verified bool, source string) (storage.User, error) {
	normal, err := Phone(number)
	if err != nil {
		return storage.User{}, fmt.Errorf("user: set phone: %w", err)
	}
	var u storage.User
	err = s.changes.Do(ctx, "user: set phone", func(ctx context.Context, c *change.Change) error {
		var err error
		if u, err = s.alive(ctx, id); err != nil {
			return err
		}
		previous, _ := u.Profile["phone_number"].(string)
		was, _ := u.Profile["phone_number_verified"].(bool)
		if previous == normal && was == verified {
			return nil
		}
		profile := maps.Clone(u.Profile)
		if profile == nil {
			profile = map[string]any{}
		}
		profile["phone_number"], profile["phone_number_verified"] = normal, verified
		if u.Profile, err = NormalizeProfile(profile); err != nil {
			return err
		}
		if err := s.write(ctx, c, &u); err != nil {
			return err
		}
		personal := map[string]string{"phone_number": normal}
		if previous != "" {
			personal["previous_phone_number"] = previous
		}
		c.Record(event.Event{
			Type: event.UserPhoneChanged, Subject: id, Data: map[string]any{"source": change.Enum(source)}, PersonalOf: id, Personal: personal,
		})
		return nil
	})
	return u, err
}
