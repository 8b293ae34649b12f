package mfa

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/guard"
	"github.com/signet-idp/signet/provider/mfa/passkey"
	"github.com/signet-idp/signet/provider/notify"
	"github.com/signet-idp/signet/provider/risk"
	"github.com/signet-idp/signet/storage"
)

// WrongError is a wrong answer to a challenge that takes more; fault.BadCode is
// in its chain.
type WrongError struct {
	Remaining int64 // tries left
	cause     error
}

// Error implements error.
func (e *WrongError) Error() string { return "mfa: wrong answer" }

// Unwrap gives errors.As the fault.
func (e *WrongError) Unwrap() error { return e.cause }

// Judged is a right answer that has not been used up yet.
type Judged struct {
	MethodID string
	Type     string
	// AMR is what it proves (RFC 8176).
	AMR []string
	// Confirms: this is the first right answer of a factor that is being set up.
	Confirms bool
	// BackupCodes are the new ones that came with the first factor, once
	// Consume has returned. They are shown once.
	BackupCodes []string

	service   *Service
	holder    Holder
	challenge challenge
	factor    storage.Factor
	from      int64    // position that it must still have
	hashes    [][]byte // of the backup code
	once      string   // of a passkey that named its person itself
	replayed  bool     // the code was used before
	second    bool     // Consume found that another used the code in the same moment
}

// wrongCode is the reason of a failure that needs no explanation.
const wrongCode = "wrong_code"

// Values of amr (RFC 8176 §2).
const (
	amrOTP = "otp"
	amrSMS = "sms"
	amrMFA = "mfa"
)

// Judge looks at an answer. The try is counted before it is judged, for the
// challenge and for the account. Errors: fault.NotFound (another's challenge or
// method), fault.ChallengeExpired, fault.TooManyAttempts, fault.Malformed (an
// answer of a passkey that cannot be right, with the reason), *WrongError,
// *guard.LockedError, *guard.LimitedError.
func (s *Service) Judge(ctx context.Context, h Holder, a Answer) (*Judged, error) {
	c, err := s.find(ctx, h, a)
	if err != nil {
		return nil, err
	}
	u, err := s.Store.UserByID(ctx, h.UserID)
	if err != nil {
		return nil, notFound(err)
	}
	j := &Judged{MethodID: c.Method, Type: c.Type, service: s, holder: h, challenge: c}
	if j.standsIn() && c.Method == MailedCode && !h.Mailed {
		return nil, expired() // a factor was set up meanwhile
	}
	if !j.standsIn() {
		if j.factor, err = s.Store.FactorByID(ctx, u.ID, c.Method); errors.Is(err, storage.ErrNotFound) {
			return nil, expired() // removed meanwhile
		} else if err != nil {
			return nil, err
		}
		j.from, j.Confirms = j.factor.Position, j.factor.VerifiedAt.IsZero()
	}
	who := guard.Who{Identifier: u.EmailCanonical, Known: h.Known, Address: h.Device.IPAddress}
	if err := s.Guard.Check(ctx, who); err != nil {
		return nil, s.locked(ctx, h, u, err)
	}
	allowed, err := s.Store.TryLink(ctx, c.ID, s.Settings.Tries)
	if err != nil {
		return nil, err
	}
	if !allowed {
		return nil, s.burnt(ctx, j)
	}
	right, err := s.right(ctx, j, u, a)
	if err != nil {
		return nil, s.refused(ctx, j, err)
	}
	if !right {
		return nil, s.wrong(ctx, j, wrongCode)
	}
	return j, s.Guard.Succeeded(ctx, who)
}

// standsIn says of an answer that it is no factor's of its own: a backup code,
// or the code that was mailed for want of one.
func (j *Judged) standsIn() bool { return j.Type == TypeBackupCodes || j.MethodID == MailedCode }

// right judges the answer itself, and notes what it uses up.
func (s *Service) right(ctx context.Context, j *Judged, u storage.User, a Answer) (bool, error) {
	switch j.Type {
	case storage.FactorTOTP:
		secret, err := s.open(j.factor)
		if err != nil {
			return false, err
		}
		n, ok, replayed := acceptedStep(string(secret), typed(a.Code), j.factor.Position, s.Clock.Now())
		j.factor.Position, j.AMR, j.replayed = n, []string{amrOTP}, replayed
		return ok, nil
	case storage.FactorEmail, storage.FactorSMS:
		j.AMR = []string{amrOTP}
		if j.Type == storage.FactorSMS {
			j.AMR = []string{amrSMS}
		}
		return s.Key.VerifyHash(j.challenge.Code, codeData(j.challenge.ID, typed(a.Code))), nil
	case TypeBackupCodes:
		j.AMR, j.hashes = []string{amrOTP}, s.Key.HashAll(backupData(u.ID, backupTyped(a.Code)))
		return s.standing(ctx, u.ID, j.hashes)
	case storage.FactorWebAuthn:
		return s.passkeyRight(ctx, j, u, a)
	}
	return false, fmt.Errorf("mfa: factor of kind %q", j.Type)
}

// standing says whether one of the hashes is that of a backup code that is
// left; by using it in a transaction that is given up.
func (s *Service) standing(ctx context.Context, userID string, hashes [][]byte) (bool, error) {
	won := false
	errUndone := errors.New("mfa: only looked")
	err := s.Store.InTx(ctx, func(ctx context.Context) error {
		won = false
		for _, h := range hashes {
			used, err := s.Store.UseBackupCode(ctx, userID, h)
			if err != nil {
				return err
			}
			won = won || used
		}
		return errUndone
	})
	if err != nil && !errors.Is(err, errUndone) {
		return false, err
	}
	return won, nil
}

// Consume uses the answer up, as part of the change that it lets happen, and
// confirms a factor that was being set up. fault.ChallengeExpired when another
// used it up at the same time.
func (j *Judged) Consume(ctx context.Context, c *change.Change, sessionID string) error {
	s, u := j.service, j.holder.UserID
	if err := s.Store.LockUser(ctx, u); err != nil {
		return notFound(err)
	}
	won, err := j.use(ctx, c)
	if err != nil {
		return err
	}
	if !won {
		return expired()
	}
	e := event.Event{Type: event.MFAVerificationCompleted, Subject: u, Data: map[string]any{
		"method_id": j.MethodID, "method_type": change.Enum(j.Type), "session_id": sessionID, "purpose": change.Enum(j.holder.Purpose),
	}}
	if j.standsIn() {
		if j.Type == TypeBackupCodes {
			if e.Data["remaining"], err = j.spend(ctx); err != nil {
				return err
			}
		}
		c.Record(e)
		return nil
	}
	j.factor.LastUsedAt = c.Now
	if j.Confirms {
		j.factor.VerifiedAt = c.Now
	}
	won, err = s.Store.UpdateFactor(ctx, j.factor, j.from)
	if errors.Is(err, storage.ErrConflict) {
		// WebAuthn §7.1 step 26. Who holds it, is nobody's business.
		return fault.Wrap(err, fault.Conflict, "this passkey is in use already")
	}
	if err != nil {
		return err
	}
	if !won {
		j.second = j.Type == storage.FactorTOTP
		return expired()
	}
	c.Record(e)
	if j.Confirms {
		return j.confirm(ctx, c)
	}
	return nil
}

// Settle puts on record that a code was used twice at once, when err, that of
// the change which Consume was part of, says so; it returns err.
func (j *Judged) Settle(ctx context.Context, err error) error {
	if err == nil || !j.second {
		return err
	}
	j.replayed = true
	if failed := j.service.record(ctx, j, wrongCode); failed != nil {
		return errors.Join(err, failed)
	}
	return err
}

// use uses the challenge up and says whether this call was the one that did.
func (j *Judged) use(ctx context.Context, c *change.Change) (bool, error) {
	if j.once != "" {
		return j.service.Store.UseOnce(ctx, "passkey", j.once, c.Now.Add(passkey.Timeout))
	}
	return j.service.Store.UseLink(ctx, j.challenge.ID, c.Now)
}

func (j *Judged) spend(ctx context.Context) (left int, err error) {
	s := j.service
	won := false
	for _, h := range j.hashes {
		used, err := s.Store.UseBackupCode(ctx, j.holder.UserID, h)
		if err != nil {
			return 0, err
		}
		won = won || used
	}
	if !won {
		j.second = true
		return 0, expired()
	}
	if left, err = s.Store.CountBackupCodes(ctx, j.holder.UserID); err != nil {
		return 0, err
	}
	return left, s.tell(ctx, j.holder.UserID, j.holder.Locale, notify.BackupCodeUsed, notify.Values{Count: left})
}

// confirm follows the first right answer of a factor: it counts from now on,
// and its person is told. With the first one come the backup codes.
func (j *Judged) confirm(ctx context.Context, c *change.Change) error {
	s, u := j.service, j.holder.UserID
	n, err := s.Store.CountFactors(ctx, u)
	if err != nil {
		return err
	}
	// Two logins may set one up at once, and whoever knows only the password
	// must not add theirs to what the other has proven.
	if n > 1 && j.holder.Purpose == PurposeLogin {
		return expired()
	}
	c.Record(event.Event{Type: event.MFAMethodSetup, Subject: u, Data: map[string]any{
		"method_id": j.MethodID, "method_type": change.Enum(j.Type), "primary": n == 1,
	}})
	if n == 1 {
		if j.BackupCodes, err = s.replaceBackupCodes(ctx, c, u); err != nil {
			return err
		}
	}
	return s.tell(ctx, u, j.holder.Locale, notify.FactorAdded, notify.Values{Factor: j.Type})
}

// refused is an answer that could not be judged: a passkey's that is malformed,
// made for somewhere else, or maybe a copy's, is told with its reason.
func (s *Service) refused(ctx context.Context, j *Judged, err error) error {
	var p *passkey.Error
	if !errors.As(err, &p) {
		return err
	}
	if werr := s.wrong(ctx, j, passkeyFailure(p)); !isWrong(werr) {
		return werr
	}
	return notAccepted(p)
}

func isWrong(err error) bool {
	_, ok := errors.AsType[*WrongError](err)
	return ok || fault.Is(err, fault.TooManyAttempts)
}

// wrong records a wrong answer and says how many tries are left.
func (s *Service) wrong(ctx context.Context, j *Judged, reason string) error {
	if err := s.record(ctx, j, reason); err != nil {
		return err
	}
	s.Observer.MFAChallenge(j.Type, "failure")
	row, err := s.Store.LinkByID(ctx, j.challenge.ID)
	if err != nil {
		return err
	}
	left := max(s.Settings.Tries-row.Attempts, 0)
	return &WrongError{Remaining: left, cause: fault.New(fault.BadCode, "the code is wrong")}
}

func (s *Service) burnt(ctx context.Context, j *Judged) error {
	s.Observer.MFAChallenge(j.Type, "exhausted")
	if err := s.record(ctx, j, "exhausted"); err != nil {
		return err
	}
	return fault.New(fault.TooManyAttempts, "too many wrong codes; begin again")
}

func (s *Service) record(ctx context.Context, j *Judged, reason string) error {
	personal := map[string]string{"ip_address": j.holder.Device.IPAddress, "user_agent": j.holder.Device.UserAgent}
	return s.Change.Do(ctx, "mfa: failed", func(_ context.Context, c *change.Change) error {
		c.Record(event.Event{
			Type: event.MFAVerificationFailed, Subject: j.holder.UserID,
			Data: map[string]any{
				"method_id": j.MethodID, "method_type": change.Enum(j.Type), "purpose": change.Enum(j.holder.Purpose), "reason": change.Enum(reason),
			},
			PersonalOf: j.holder.UserID, Personal: personal,
		})
		if j.replayed {
			c.Record(event.Event{
				Type: event.AuthSuspiciousActivity, Subject: j.holder.UserID, Data: risk.Signal{Kind: risk.CodeReplay}.Data(),
				PersonalOf: j.holder.UserID, Personal: personal,
			})
		}
		return nil
	})
}

// locked notes that this attempt has locked the account.
func (s *Service) locked(ctx context.Context, h Holder, u storage.User, refusal error) error {
	locked, ok := errors.AsType[*guard.LockedError](refusal)
	if !ok || !locked.Fresh {
		return refusal
	}
	err := s.Change.Do(ctx, "mfa: locked", func(_ context.Context, c *change.Change) error {
		c.Record(event.Event{Type: event.AuthAccountLocked, Subject: u.ID, Data: map[string]any{
			"reason": "failures", "until": c.Now.Add(locked.RetryAfter).Unix(),
		}})
		return nil
	})
	if err != nil {
		return err
	}
	if s.Unlocking != nil {
		s.Unlocking.OfferUnlock(ctx, u.EmailCanonical, h.Locale, locked.RetryAfter)
	}
	return refusal
}

// Union is what two proofs prove together, with "mfa" (RFC 8176 §2).
func Union(first, second []string) []string {
	out := slices.Clone(first)
	for _, m := range append(slices.Clone(second), amrMFA) {
		if !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	return out
}

// passkeyOptions are those to set a passkey up, or to prove one of them.
func (s *Service) passkeyOptions(ctx context.Context, u storage.User, f storage.Factor) (json.RawMessage, []byte, error) {
	if s.Passkeys == nil {
		return nil, nil, noPasskeys()
	}
	p, err := s.person(ctx, u)
	if err != nil {
		return nil, nil, err
	}
	if f.VerifiedAt.IsZero() {
		return s.Passkeys.Register(ctx, p)
	}
	return s.Passkeys.Assert(ctx, p)
}

func noPasskeys() error {
	return fault.New(fault.Invalid, "passkeys need an issuer that is a host name, with https or on localhost")
}
