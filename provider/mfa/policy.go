package mfa

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// How much a policy asks for.
const (
	Disabled    = "disabled"
	Optional    = "optional"
	Recommended = "recommended"
	Required    = "required"
)

// What a policy is for.
const (
	ForLogin     = "login"
	ForSensitive = "sensitive_operations"
)

// Requirements are those values, each asking for more than the one before.
func Requirements() []string { return []string{Disabled, Optional, Recommended, Required} }

// Enforcements are what a policy can be for.
func Enforcements() []string { return []string{ForLogin, ForSensitive} }

// Kinds are the kinds of factor that a policy can allow.
func Kinds() []string {
	return []string{storage.FactorEmail, storage.FactorSMS, storage.FactorTOTP, storage.FactorWebAuthn, TypeBackupCodes}
}

// Effective is what the policies ask of one person together.
type Effective struct {
	storage.MFAPolicy
	// Source is the scope of the policy that decided: default when there is none.
	Source string
	// GraceEnds is until when Required does not bind yet.
	GraceEnds time.Time
}

// SourceDefault is the source where no policy is set.
const SourceDefault = "default"

// Allows says whether a kind of factor may be set up. Backup codes stand in for
// any.
func (e Effective) Allows(kind string) bool {
	if e.Requirement == Disabled {
		return false
	}
	return kind == TypeBackupCodes || e.Methods == nil || slices.Contains(e.Methods, kind)
}

// Binds says whether a factor has to be set up now.
func (e Effective) Binds(now time.Time) bool {
	return e.Requirement == Required && slices.Contains(e.Enforcement, ForLogin) && !now.Before(e.GraceEnds)
}

// unset is what holds where nothing is.
func unset() storage.MFAPolicy {
	return storage.MFAPolicy{Scope: storage.PolicySystem, Requirement: Optional, Enforcement: Enforcements()}
}

// Effective works out what is asked of a person: the most that the system,
// their organizations and they themselves ask for, and only kinds that all of
// them allow. Their own policy may ask for less where a system administrator
// said so.
func (s *Service) Effective(ctx context.Context, u storage.User) (Effective, error) {
	all, err := s.Store.MFAPoliciesOf(ctx, u.ID)
	if err != nil {
		return Effective{}, err
	}
	return combine(all, u), nil
}

// order is from the widest to the most specific.
func order(scope string) int {
	return slices.Index([]string{storage.PolicySystem, storage.PolicyOrganization, storage.PolicyUser}, scope)
}

func combine(all []storage.MFAPolicy, u storage.User) Effective {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b storage.MFAPolicy) int { return order(a.Scope) - order(b.Scope) })
	out := Effective{MFAPolicy: unset(), Source: SourceDefault}
	first := true
	for _, p := range all {
		if slices.Contains(p.Exceptions, u.ID) {
			continue
		}
		switch {
		case first || p.Relaxes:
			out.MFAPolicy, out.Source = p, p.Scope
		default:
			out.join(p)
		}
		first = false
	}
	out.GraceEnds = out.Since
	if u.CreatedAt.After(out.GraceEnds) {
		out.GraceEnds = u.CreatedAt
	}
	out.GraceEnds = out.GraceEnds.Add(time.Duration(out.GraceDays) * 24 * time.Hour)
	return out
}

// join adds what a more specific policy asks for.
func (e *Effective) join(p storage.MFAPolicy) {
	switch more := level(p.Requirement) - level(e.Requirement); {
	case more > 0:
		e.Requirement, e.Since, e.GraceDays, e.Source = p.Requirement, p.Since, p.GraceDays, p.Scope
	case more == 0 && p.Since.AddDate(0, 0, int(p.GraceDays)).Before(e.Since.AddDate(0, 0, int(e.GraceDays))):
		e.Since, e.GraceDays, e.Source = p.Since, p.GraceDays, p.Scope
	}
	for _, f := range p.Enforcement {
		if !slices.Contains(e.Enforcement, f) {
			e.Enforcement = append(slices.Clone(e.Enforcement), f)
		}
	}
	switch {
	case p.Methods == nil:
	case e.Methods == nil:
		e.Methods = p.Methods
	default:
		both := []string{} // not nil: nothing is allowed
		for _, m := range e.Methods {
			if slices.Contains(p.Methods, m) {
				both = append(both, m)
			}
		}
		e.Methods = both
	}
}

func level(requirement string) int { return slices.Index(Requirements(), requirement) }

// Policy returns the policy of a scope and subject, or what holds without one.
func (s *Service) Policy(ctx context.Context, scope, subject string) (p storage.MFAPolicy, set bool, err error) {
	p, err = s.Store.MFAPolicy(ctx, scope, subject)
	if errors.Is(err, storage.ErrNotFound) {
		p = unset()
		p.Scope, p.Subject = scope, subject
		return p, false, nil
	}
	return p, err == nil, err
}

// above combines what stands above an organization's or a user's policy.
func (s *Service) above(ctx context.Context, p storage.MFAPolicy) (Effective, error) {
	if p.Scope == storage.PolicyUser {
		u, err := s.Store.UserByID(ctx, p.Subject)
		if err != nil {
			return Effective{}, notFound(err)
		}
		all, err := s.Store.MFAPoliciesOf(ctx, u.ID)
		if err != nil {
			return Effective{}, err
		}
		return combine(slices.DeleteFunc(all, func(o storage.MFAPolicy) bool { return o.Scope == storage.PolicyUser }), u), nil
	}
	system, _, err := s.Policy(ctx, storage.PolicySystem, "")
	return combine([]storage.MFAPolicy{system}, storage.User{}), err
}

// SetPolicy writes a policy. Whether the caller may, and whether p may relax
// what stands above, the caller has settled; without that it may only ask for
// more. Errors: fault.Invalid, fault.Forbidden for less.
func (s *Service) SetPolicy(ctx context.Context, p storage.MFAPolicy) (storage.MFAPolicy, error) {
	if err := checkPolicy(p); err != nil {
		return p, err
	}
	err := s.Change.Do(ctx, "mfa: policy", func(ctx context.Context, c *change.Change) error {
		if p.Scope != storage.PolicySystem && !p.Relaxes {
			above, err := s.above(ctx, p)
			if err != nil {
				return err
			}
			if level(p.Requirement) < level(above.Requirement) && above.Source != SourceDefault {
				return fault.Newf(fault.Forbidden, "the %s policy asks for %s; this one may not ask for less", above.Source, above.Requirement)
			}
		}
		old, set, err := s.Policy(ctx, p.Scope, p.Subject)
		if err != nil {
			return err
		}
		p.Since, p.UpdatedAt = old.Since, c.Now
		if !set || level(p.Requirement) > level(old.Requirement) {
			p.Since = c.Now
		}
		if err := s.Store.PutMFAPolicy(ctx, p); err != nil {
			return err
		}
		c.Record(policyChanged(p, "set", "requirement_level", "allowed_methods", "grace_period_days", "enforcement_scopes", "exceptions"))
		return nil
	})
	return p, err
}

// DeletePolicy removes a policy; fault.NotFound.
func (s *Service) DeletePolicy(ctx context.Context, scope, subject string) error {
	return s.Change.Do(ctx, "mfa: policy", func(ctx context.Context, c *change.Change) error {
		err := s.Store.DeleteMFAPolicy(ctx, scope, subject)
		if errors.Is(err, storage.ErrNotFound) {
			return fault.New(fault.NotFound, "there is no such policy")
		}
		if err != nil {
			return err
		}
		p := unset()
		p.Scope, p.Subject = scope, subject
		c.Record(policyChanged(p, "deleted"))
		return nil
	})
}

func policyChanged(p storage.MFAPolicy, how string, fields ...string) event.Event {
	e := event.Event{Type: event.PolicyChanged, Subject: "mfa:" + p.Scope, Data: map[string]any{
		"policy": "mfa", "change": change.Enum(how), "fields": change.List(fields),
	}}
	if p.Subject != "" {
		e.Subject += ":" + p.Subject
	}
	switch p.Scope {
	case storage.PolicyOrganization:
		e.Organization = p.Subject
	case storage.PolicyUser:
		e.Data["user_id"] = p.Subject
	}
	return e
}

// Bounds of a policy.
const (
	maxGraceDays  = 365
	maxExceptions = 500
)

func checkPolicy(p storage.MFAPolicy) error {
	var errs []error
	if level(p.Requirement) < 0 {
		errs = append(errs, fault.Field("requirement_level", "write one of disabled, optional, recommended, required"))
	}
	for _, e := range p.Enforcement {
		if !slices.Contains(Enforcements(), e) {
			errs = append(errs, fault.Field("enforcement_scopes", "write any of login, sensitive_operations"))
			break
		}
	}
	for _, m := range p.Methods {
		if !Kind(m) {
			errs = append(errs, fault.Field("allowed_methods", "write any of email, sms, totp, webauthn, backup_codes"))
			break
		}
	}
	if p.GraceDays < 0 || p.GraceDays > maxGraceDays {
		errs = append(errs, fault.Field("grace_period_days", "write 0 to 365"))
	}
	if len(p.Exceptions) > maxExceptions {
		errs = append(errs, fault.Field("exceptions", "write at most 500 user ids"))
	}
	return fault.All(errs...)
}
