package account

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/notify"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/storage"
)

// Of the codes in text messages.
const (
	codeDigits   = 6
	codeSpace    = 1_000_000
	codeLife     = 10 * time.Minute
	codeAttempts = 5
)

// RequestPhone sends a code to a new number, which VerifyPhone makes the
// caller's. Errors: fault.StepUpRequired, fault.Invalid, fault.RateLimited,
// fault.Unavailable.
func (s *Service) RequestPhone(ctx context.Context, c Caller, field, number string) error {
	if err := s.recent(ctx, c); err != nil {
		return err
	}
	if err := s.Messages.Check(notify.SMS); err != nil {
		return err
	}
	number, err := user.Phone(number)
	if err != nil {
		return fault.Field(field, "write an international number such as +33 1 23 45 67 89")
	}
	u, err := s.Users.Get(ctx, c.UserID)
	if err != nil {
		return err
	}
	for _, whose := range []string{number, u.ID} {
		if err := s.limit(ctx, "phone", whose); err != nil {
			return err
		}
	}
	return s.Change.Do(ctx, "account: request phone change", func(ctx context.Context, ch *change.Change) error {
		n, err := rand.Int(s.Rand, big.NewInt(codeSpace))
		if err != nil {
			return fmt.Errorf("account: code: %w", err)
		}
		code, until := fmt.Sprintf("%0*d", codeDigits, n), ch.Now.Add(codeLife)
		l := storage.Link{ID: storage.NewID(), Purpose: purposePhone, UserID: u.ID, Expiry: until}
		l.Hash = s.Key.Hash(codeData(l.ID, code))
		if err := s.putLink(ctx, ch, l, content{Phone: number}); err != nil {
			return err
		}
		return s.Messages.Queue(ctx, notify.Message{
			Channel: notify.SMS, Kind: notify.ConfirmPhone, To: number, Locale: localeOf(u, c.Locale), UserID: u.ID,
			Values: notify.Values{Code: code, Until: until},
		})
	})
}

// VerifyPhone makes the number that a code was sent to the caller's, and tells
// them by mail. Errors: fault.LinkInvalid for a wrong, old or used code,
// fault.TooManyAttempts when the code was guessed at too often and is dead.
func (s *Service) VerifyPhone(ctx context.Context, c Caller, code string) (storage.User, error) {
	row, err := s.Store.OpenLink(ctx, c.UserID, purposePhone, s.Clock.Now())
	if errors.Is(err, storage.ErrNotFound) {
		return storage.User{}, wrongCode()
	}
	if err != nil {
		return storage.User{}, err
	}
	allowed, err := s.Store.TryLink(ctx, row.ID, codeAttempts)
	if err != nil {
		return storage.User{}, err
	}
	if !allowed {
		return storage.User{}, fault.New(fault.TooManyAttempts, "too many wrong codes; ask for a new one")
	}
	if !s.Key.VerifyHash(row.Hash, codeData(row.ID, strings.TrimSpace(code))) {
		return storage.User{}, wrongCode()
	}
	l, err := s.opened(row)
	if err != nil {
		return storage.User{}, err
	}
	var u storage.User
	err = s.Change.Do(ctx, "account: verify phone", func(ctx context.Context, ch *change.Change) error {
		if err := s.use(ctx, ch, l); err != nil {
			return err
		}
		var err error
		if u, err = s.Users.SetPhone(ctx, c.UserID, l.content.Phone, true, "change"); err != nil {
			return err
		}
		return s.mail(ctx, u, c.Locale, notify.PhoneChanged, notify.Values{Phone: l.content.Phone})
	})
	return u, err
}

func wrongCode() error {
	return fault.New(fault.LinkInvalid, "the code is wrong, has expired, or was used before")
}
