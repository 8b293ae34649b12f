package mfa

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/notify"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/storage"
)

// Bounds of what one person keeps.
const (
	maxFactors = 20
	maxName    = 64 // characters of a factor's name
)

// Request asks for a new factor.
type Request struct {
	Type string
	Name string
	// Destination is the address or number that codes go to; empty: the
	// account's own, if it is proven.
	Destination string
	// Fields name Type and Destination in the request that is answered.
	TypeField, DestinationField string
}

// Enrolment is a factor that waits for its first right answer.
type Enrolment struct {
	Method    Method
	Challenge Challenge
	// Secret and URI are an authenticator app's (base 32; Key Uri Format).
	Secret, URI string
}

// Setup begins to set a factor up. It counts for nothing until the challenge
// has been answered. Whoever asks must have authenticated recently, or be in a
// login that demands a factor. Errors: fault.Invalid, fault.Forbidden when a
// policy does not allow the kind, fault.Conflict when there are too many,
// fault.RateLimited, fault.Unavailable.
func (s *Service) Setup(ctx context.Context, h Holder, r Request) (Enrolment, error) {
	u, err := s.Store.UserByID(ctx, h.UserID)
	if err != nil {
		return Enrolment{}, notFound(err)
	}
	policy, err := s.Effective(ctx, u)
	if err != nil {
		return Enrolment{}, err
	}
	if !Kind(r.Type) || r.Type == TypeBackupCodes {
		return Enrolment{}, fault.Field(r.TypeField, "write one of email, sms, totp, webauthn")
	}
	if !policy.Allows(r.Type) {
		return Enrolment{}, fault.New(fault.Forbidden, "this kind of factor is not allowed here")
	}
	f := storage.Factor{ID: storage.NewID(), UserID: u.ID, Type: r.Type, Name: cut(r.Name, maxName), CreatedAt: s.Clock.Now()}
	var out Enrolment
	if err := s.fill(&f, &out, u, r); err != nil {
		return Enrolment{}, err
	}
	err = s.Change.Do(ctx, "mfa: set up", func(ctx context.Context, c *change.Change) error {
		if err := s.Store.LockUser(ctx, u.ID); err != nil {
			return notFound(err)
		}
		if err := s.room(ctx, u.ID, r.Type); err != nil {
			return err
		}
		if err := s.Store.InsertFactor(ctx, f); err != nil {
			return err
		}
		var err error
		out.Challenge, err = s.begin(ctx, h, u, f)
		return err
	})
	if err != nil {
		return Enrolment{}, err
	}
	out.Method = s.method(f)
	return out, nil
}

// fill gives a new factor what proves it.
func (s *Service) fill(f *storage.Factor, out *Enrolment, u storage.User, r Request) error {
	var plain string
	switch r.Type {
	case storage.FactorTOTP:
		secret, err := s.newSecret()
		if err != nil {
			return err
		}
		plain, out.Secret, out.URI = secret, secret, keyURI(s.Settings.Issuer, u.Email, secret)
	case storage.FactorEmail:
		plain = r.Destination
		if plain == "" && u.EmailVerified {
			plain = u.Email
		}
		if _, err := user.Canonical(plain); err != nil {
			return fault.Field(r.DestinationField, "write an e-mail address")
		}
		plain = strings.TrimSpace(plain)
	case storage.FactorSMS:
		plain = r.Destination
		if verified, _ := u.Profile["phone_number_verified"].(bool); plain == "" && verified {
			plain, _ = u.Profile["phone_number"].(string)
		}
		number, err := user.Phone(plain)
		if err != nil {
			return fault.Field(r.DestinationField, "write an international number such as +33 1 23 45 67 89")
		}
		plain = number
	case storage.FactorWebAuthn:
		if s.Passkeys == nil {
			return noPasskeys()
		}
	}
	f.Sealed = s.Key.Seal(binding(f.ID), []byte(plain))
	return nil
}

// room drops earlier attempts to set the same kind up, and refuses when there
// are too many factors.
func (s *Service) room(ctx context.Context, userID, kind string) error {
	factors, err := s.Store.FactorsOf(ctx, userID)
	if err != nil {
		return err
	}
	n := 0
	for _, f := range factors {
		if f.VerifiedAt.IsZero() && f.Type == kind {
			if _, err := s.Store.DeleteFactor(ctx, userID, f.ID); err != nil {
				return err
			}
			continue
		}
		n++
	}
	if n >= maxFactors {
		return fault.Newf(fault.Conflict, "at most %d factors; remove one first", maxFactors)
	}
	return nil
}

// Kind says whether there is such a kind of factor.
func Kind(kind string) bool {
	switch kind {
	case storage.FactorTOTP, storage.FactorEmail, storage.FactorSMS, storage.FactorWebAuthn, TypeBackupCodes:
		return true
	}
	return false
}

// Methods lists a person's factors.
func (s *Service) Methods(ctx context.Context, userID string) (Methods, error) {
	factors, err := s.Store.FactorsOf(ctx, userID)
	if err != nil {
		return Methods{}, err
	}
	out := Methods{All: make([]Method, 0, len(factors))}
	primary := false
	for _, f := range factors {
		m := s.method(f)
		m.Primary = !primary && !f.VerifiedAt.IsZero()
		primary = primary || m.Primary
		out.All = append(out.All, m)
	}
	out.BackupCodes, err = s.Store.CountBackupCodes(ctx, userID)
	return out, err
}

// method is a factor as its person sees it.
func (s *Service) method(f storage.Factor) Method {
	m := Method{ID: f.ID, Type: f.Type, Name: f.Name, CreatedAt: f.CreatedAt, VerifiedAt: f.VerifiedAt, LastUsedAt: f.LastUsedAt}
	switch f.Type {
	case storage.FactorEmail, storage.FactorSMS:
		if to, err := s.open(f); err == nil {
			m.Destination = mask(f.Type, string(to))
		}
	case storage.FactorWebAuthn:
		if c, err := s.credential(f); err == nil {
			m.Synced = c.BackupState
		}
	}
	return m
}

// Remove removes one of a person's factors. With the last one go the backup
// codes and the trust in devices. Errors: fault.NotFound, fault.LastFactor when
// a policy requires one.
func (s *Service) Remove(ctx context.Context, userID, id, reason, locale string) error {
	return s.Change.Do(ctx, "mfa: remove", func(ctx context.Context, c *change.Change) error {
		if err := s.Store.LockUser(ctx, userID); err != nil {
			return notFound(err)
		}
		f, err := s.Store.FactorByID(ctx, userID, id)
		if errors.Is(err, storage.ErrNotFound) {
			return fault.New(fault.NotFound, "there is no such method")
		}
		if err != nil {
			return err
		}
		if _, err := s.Store.DeleteFactor(ctx, userID, id); err != nil {
			return err
		}
		if f.VerifiedAt.IsZero() {
			return nil
		}
		left, err := s.Store.CountFactors(ctx, userID)
		if err != nil {
			return err
		}
		if left == 0 {
			if err := s.emptied(ctx, c, userID, reason); err != nil {
				return err
			}
		}
		c.Record(removed(f, reason))
		return s.tell(ctx, userID, locale, notify.FactorRemoved, notify.Values{Factor: f.Type})
	})
}

func removed(f storage.Factor, reason string) event.Event {
	return event.Event{Type: event.MFAMethodRemoved, Subject: f.UserID, Data: map[string]any{
		"method_id": f.ID, "method_type": change.Enum(f.Type), "reason": change.Enum(reason),
	}}
}

// Why a factor goes.
const (
	ReasonPerson = "person"
	ReasonReset  = "admin_reset" // by an operator who has made sure who asks
)

func (s *Service) emptied(ctx context.Context, c *change.Change, userID, reason string) error {
	if reason == ReasonPerson {
		u, err := s.Store.UserByID(ctx, userID)
		if err != nil {
			return err
		}
		policy, err := s.Effective(ctx, u)
		if err != nil {
			return err
		}
		if policy.Requirement == Required {
			return fault.New(fault.LastFactor, "a second factor is required here; set another one up first")
		}
	}
	if err := s.Store.ReplaceBackupCodes(ctx, userID, nil); err != nil {
		return err
	}
	_, err := s.Store.DistrustDevices(ctx, userID, c.Now)
	return err
}

// Reset removes every factor of a person, their backup codes and the trust in
// their devices, for an operator who has made sure who asks. The record has
// their reason; empty: ReasonReset. It returns how many factors counted.
func (s *Service) Reset(ctx context.Context, userID, reason string) (n int, err error) {
	if reason == "" {
		reason = ReasonReset
	}
	err = s.Change.Do(ctx, "mfa: reset", func(ctx context.Context, c *change.Change) error {
		n = 0
		if err := s.Store.LockUser(ctx, userID); err != nil {
			return notFound(err)
		}
		factors, err := s.Store.FactorsOf(ctx, userID)
		if err != nil {
			return err
		}
		for _, f := range factors {
			if _, err := s.Store.DeleteFactor(ctx, userID, f.ID); err != nil {
				return err
			}
			if !f.VerifiedAt.IsZero() {
				n++
				c.Record(removed(f, reason))
			}
		}
		if err := s.emptied(ctx, c, userID, ReasonReset); err != nil || n == 0 {
			return err
		}
		return s.tell(ctx, userID, "", notify.FactorsReset, notify.Values{})
	})
	return n, err
}

// Rename gives a factor another name; fault.NotFound.
func (s *Service) Rename(ctx context.Context, userID, id, name string) error {
	f, err := s.Store.FactorByID(ctx, userID, id)
	if errors.Is(err, storage.ErrNotFound) {
		return fault.New(fault.NotFound, "there is no such method")
	}
	if err != nil {
		return err
	}
	f.Name = cut(name, maxName)
	won, err := s.Store.UpdateFactor(ctx, f, f.Position)
	if err == nil && !won {
		err = fault.New(fault.Conflict, "it was used at the same time; try again")
	}
	return err
}

// RegenerateBackupCodes makes new backup codes, shown once; the old ones die.
// fault.MFANotSetUp without a factor that they could stand in for.
func (s *Service) RegenerateBackupCodes(ctx context.Context, userID, locale string) (codes []string, err error) {
	err = s.Change.Do(ctx, "mfa: backup codes", func(ctx context.Context, c *change.Change) error {
		if err := s.Store.LockUser(ctx, userID); err != nil {
			return notFound(err)
		}
		n, err := s.Store.CountFactors(ctx, userID)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.MFANotSetUp, "set a second factor up first")
		}
		if codes, err = s.replaceBackupCodes(ctx, c, userID); err != nil {
			return err
		}
		return s.tell(ctx, userID, locale, notify.BackupCodesReplaced, notify.Values{})
	})
	return codes, err
}

func (s *Service) replaceBackupCodes(ctx context.Context, c *change.Change, userID string) ([]string, error) {
	codes, err := s.newBackupCodes()
	if err != nil {
		return nil, err
	}
	hashes := make([][]byte, len(codes))
	for i, code := range codes {
		hashes[i] = s.Key.Hash(backupData(userID, backupTyped(code)))
	}
	c.Record(event.Event{Type: event.MFABackupCodesRegenerated, Subject: userID, Data: map[string]any{"count": len(codes)}})
	return codes, s.Store.ReplaceBackupCodes(ctx, userID, hashes)
}

// tell queues a notice to a person.
func (s *Service) tell(ctx context.Context, userID, locale string, kind notify.Kind, v notify.Values) error {
	u, err := s.Store.UserByID(ctx, userID)
	if err != nil || u.Email == "" {
		return err
	}
	return s.Messages.Queue(ctx, notify.Message{
		Channel: notify.Email, Kind: kind, To: u.Email, Locale: localeOf(u, locale), UserID: userID, Values: v,
	})
}

// mask hides most of an address or number.
func mask(kind, to string) string {
	if kind == storage.FactorEmail {
		return notify.MaskEmail(to)
	}
	return notify.MaskPhone(to)
}

// cut keeps the first n characters.
func cut(text string, n int) string {
	text = strings.TrimSpace(text)
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n])
}

// CountFactors counts a person's confirmed factors.
func (s *Service) CountFactors(ctx context.Context, userID string) (int, error) {
	return s.Store.CountFactors(ctx, userID)
}
