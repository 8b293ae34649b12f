package mfa

import (
	"context"

	"github.com/signet-idp/signet/provider/notify"
	"github.com/signet-idp/signet/storage"
)

// MailedCode is the method id of a code that is mailed to the account's own
// address, for a login that looks odd of somebody who has set no factor up.
const MailedCode = "account_email"

// Asked is why a login may take more than policies and devices say.
type Asked struct {
	// Wanted: a client asks for a second factor.
	Wanted bool
	// Suspicious: the login looks odd. What follows is the policy's.
	Suspicious bool
}

// Need is what a login still takes after its first factor.
type Need struct {
	// Factor: one of Methods, or a backup code, has to be proven.
	Factor  bool
	Methods Methods
	// Suspicious: it is asked for because the login looks odd.
	Suspicious bool
	// Mailed: no factor is set up; the method is MailedCode.
	Mailed bool
	// Enrol: a factor has to be set up now; Allowed are the kinds.
	Enrol   bool
	Allowed []string
	Policy  Effective
}

// Need says what a login of a person takes. device is the one they sign in
// with, or nil.
func (s *Service) Need(ctx context.Context, u storage.User, device *storage.Device, asked Asked) (Need, error) {
	policy, err := s.Effective(ctx, u)
	if err != nil {
		return Need{}, err
	}
	n := Need{Policy: policy}
	if n.Methods, err = s.Methods(ctx, u.ID); err != nil {
		return Need{}, err
	}
	for _, kind := range Kinds() {
		if kind != TypeBackupCodes && policy.Allows(kind) && s.offers(kind) {
			n.Allowed = append(n.Allowed, kind)
		}
	}
	now := s.Clock.Now()
	suspicious := asked.Suspicious && policy.Suspects()
	switch {
	case policy.Requirement == Disabled && !asked.Wanted:
	case len(n.Methods.Verified()) > 0:
		trusted := device != nil && now.Before(device.TrustedUntil)
		n.Factor = asked.Wanted || suspicious || !trusted
		n.Suspicious = suspicious
	case policy.Binds(now):
		n.Enrol = true
	case suspicious && s.reaches(u):
		n.Factor, n.Suspicious, n.Mailed = true, true, true
		n.Methods = Methods{All: []Method{{
			ID: MailedCode, Type: storage.FactorEmail, Destination: mask(storage.FactorEmail, u.Email), Primary: true, VerifiedAt: now,
		}}}
	}
	return n, nil
}

// reaches says whether a mail can be sent to a proven address of the person.
func (s *Service) reaches(u storage.User) bool {
	return u.Email != "" && u.EmailVerified && s.Messages.Check(notify.Email) == nil
}

// offers says whether a kind can be used in this installation.
func (s *Service) offers(kind string) bool {
	switch kind {
	case storage.FactorEmail:
		return s.Messages.Check(notify.Email) == nil
	case storage.FactorSMS:
		return s.Messages.Check(notify.SMS) == nil
	case storage.FactorWebAuthn:
		return s.Passkeys != nil
	}
	return true
}
