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
	// ForSuspicious asks for a factor where a login looks odd, on a trusted
	// device too.
	ForSuspicious = "suspicious_login"
)

// Requirements are those values, each asking for more than the one before.
func Requirements() []string { return []string{Disabled, Optional, Recommended, Required} }

// Enforcements are what a policy is for that does not say.
func Enforcements() []string { return []string{ForLogin, ForSensitive} }

func enforcement(what string) bool {
	return what == ForLogin || what == ForSensitive || what == ForSuspicious
}

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

// Suspects says whether a login that looks odd has to be proven by more.
func (e Effective) Suspects() bool {
	return e.Requirement != Disabled && slices.Contains(e.Enforcement, ForSuspicious)
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
	for _, p := range all {
		switch {
		case slices.Contains(p.Exceptions, u.ID):
		case p.Scope == storage.PolicySystem, p.Relaxes:
			out = Effective{MFAPolicy: p, Source: p.Scope, GraceEnds: graceEnds(p, u)}
		default:
			out.join(p, graceEnds(p, u))
		}
	}
	return out
}

// graceEnds is until when a policy does not bind a person yet: its grace runs
// from when it began to ask for so much, or from when they came.
func graceEnds(p storage.MFAPolicy, u storage.User) time.Time {
	from := p.Since
	if u.CreatedAt.After(from) {
		from = u.CreatedAt
	}
	return from.Add(time.Duration(p.GraceDays) * 24 * time.Hour)
}

// join adds what a more specific policy asks for.
func (e *Effective) join(p storage.MFAPolicy, graceEnds time.Time) {
	switch more := level(p.Requirement) - level(e.Requirement); {
	case more > 0, more == 0 && graceEnds.Before(e.GraceEnds):
		e.Requirement, e.Since, e.GraceDays, e.Source, e.GraceEnds = p.Requirement, p.Since, p.GraceDays, p.Scope, graceEnds
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
		both := slices.DeleteFunc(slices.Clone(e.Methods), func(m string) bool { return !slices.Contains(p.Methods, m) })
		// Two organizations that allow nothing in common must not lock out who
		// belongs to both: the wider policy's kinds stand.
		if usable(both) {
			e.Methods = both
		}
	}
}

// usable says whether a factor of one of the kinds can be set up.
func usable(kinds []string) bool {
	return slices.ContainsFunc(kinds, func(kind string) bool { return kind != TypeBackupCodes })
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
	system, set, err := s.Policy(ctx, storage.PolicySystem, "")
	if err != nil || !set {
		return combine(nil, storage.User{}), err
	}
	return combine([]storage.MFAPolicy{system}, storage.User{}), nil
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
			if level(p.Requirement) < level(above.Requirement) {
				return fault.Newf(fault.Forbidden, "what stands above this policy (%s) asks for %s; it may not ask for less", above.Source, above.Requirement)
			}
		}
		old, set, err := s.Policy(ctx, p.Scope, p.Subject)
		if err != nil {
			return err
		}
		if err := ownedBy(old, set, p.Scope, p.UpdatedBy, p.Subject); err != nil {
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

// ownedBy refuses that people change, or take back, what an administrator asks
// of them alone.
func ownedBy(old storage.MFAPolicy, set bool, scope, by, subject string) error {
	if set && scope == storage.PolicyUser && by == subject && old.UpdatedBy != subject {
		return fault.New(fault.Forbidden, "an administrator has set this policy; ask them to change it")
	}
	return nil
}

// DeletePolicy removes a policy; by is who does. Errors: fault.NotFound,
// fault.Forbidden for people whose policy an administrator has set.
func (s *Service) DeletePolicy(ctx context.Context, scope, subject, by string) error {
	return s.Change.Do(ctx, "mfa: policy", func(ctx context.Context, c *change.Change) error {
		old, set, err := s.Policy(ctx, scope, subject)
		if err != nil {
			return err
		}
		if err := ownedBy(old, set, scope, by, subject); err != nil {
			return err
		}
		err = s.Store.DeleteMFAPolicy(ctx, scope, subject)
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
		if !enforcement(e) {
			errs = append(errs, fault.Field("enforcement_scopes", "write any of login, sensitive_operations, suspicious_login"))
			break
		}
	}
	for _, m := range p.Methods {
		if !Kind(m) {
			errs = append(errs, fault.Field("allowed_methods", "write any of email, sms, totp, webauthn, backup_codes"))
			break
		}
	}
	if p.Methods != nil && p.Requirement != Disabled && !usable(p.Methods) {
		errs = append(errs, fault.Field("allowed_methods", "allow at least one of email, sms, totp, webauthn"))
	}
	if p.Relaxes && p.Scope != storage.PolicyUser {
		errs = append(errs, fault.Field("relaxes", "only what is set for one person can ask for less"))
	}
	if p.GraceDays < 0 || p.GraceDays > maxGraceDays {
		errs = append(errs, fault.Field("grace_period_days", "write 0 to 365"))
	}
	if len(p.Exceptions) > maxExceptions {
		errs = append(errs, fault.Field("exceptions", "write at most 500 user ids"))
	}
	return fault.All(errs...)
}
