package mfa

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/signet-idp/signet/storage"
)

var someTime = time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)

// policies draws what may be stored: at most one policy of the system and one of
// the person, which may relax, and some of organizations.
func policies(t *rapid.T, relaxes bool) []storage.MFAPolicy {
	var out []storage.MFAPolicy
	draw := func(scope, subject string) {
		p := storage.MFAPolicy{
			Scope: scope, Subject: subject, Requirement: rapid.SampledFrom(Requirements()).Draw(t, "requirement"),
			Enforcement: rapid.SliceOfDistinct(rapid.SampledFrom(Enforcements()), rapid.ID[string]).Draw(t, "enforcement"),
			GraceDays:   rapid.Int64Range(0, 60).Draw(t, "grace"),
			Since:       someTime.AddDate(0, 0, rapid.IntRange(-90, 0).Draw(t, "since")),
		}
		if rapid.Bool().Draw(t, "some methods") {
			p.Methods = rapid.SliceOfNDistinct(rapid.SampledFrom(Kinds()), 1, 5, rapid.ID[string]).Draw(t, "methods")
			if !usable(p.Methods) {
				p.Methods = append(p.Methods, storage.FactorTOTP) // as SetPolicy demands
			}
		}
		if rapid.IntRange(0, 4).Draw(t, "excepted") == 0 {
			p.Exceptions = []string{"u"}
		}
		if scope == storage.PolicyUser && relaxes {
			p.Relaxes = rapid.Bool().Draw(t, "relaxes")
		}
		out = append(out, p)
	}
	if rapid.Bool().Draw(t, "system") {
		draw(storage.PolicySystem, "")
	}
	for n := range rapid.IntRange(0, 3).Draw(t, "organizations") {
		draw(storage.PolicyOrganization, string(rune('a'+n)))
	}
	if rapid.Bool().Draw(t, "user") {
		draw(storage.PolicyUser, "u")
	}
	return out
}

func person(t *rapid.T) storage.User {
	return storage.User{ID: "u", CreatedAt: someTime.AddDate(0, 0, rapid.IntRange(-120, 0).Draw(t, "created"))}
}

// asksNoLess says whether more asks for at least what e does.
func asksNoLess(t *rapid.T, e, more Effective) {
	if level(more.Requirement) < level(e.Requirement) {
		t.Fatalf("%s became %s", e.Requirement, more.Requirement)
	}
	for _, f := range e.Enforcement {
		if !slices.Contains(more.Enforcement, f) {
			t.Fatalf("%s is not enforced any more", f)
		}
	}
	for _, kind := range Kinds() {
		if e.Requirement != Disabled && more.Allows(kind) && !e.Allows(kind) {
			t.Fatalf("%s became allowed", kind)
		}
	}
	if more.Requirement == e.Requirement && more.GraceEnds.After(e.GraceEnds) {
		t.Fatalf("the grace grew from %s to %s", e.GraceEnds, more.GraceEnds)
	}
	for now := someTime.AddDate(0, -4, 0); now.Before(someTime.AddDate(0, 4, 0)); now = now.AddDate(0, 0, 5) {
		if e.Binds(now) && !more.Binds(now) {
			t.Fatalf("at %s nothing binds any more", now)
		}
	}
}

// TestNobodyRelaxes: adding a policy of an organization or a person asks for no
// less of anybody.
func TestNobodyRelaxes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all, u := policies(t, false), person(t)
		for i, p := range all {
			if p.Scope == storage.PolicySystem {
				continue
			}
			without := slices.Concat(all[:i], all[i+1:])
			if p.Scope == storage.PolicyOrganization && len(without) > 0 && narrows(without, p) {
				continue // kinds that nobody could set up are not narrowed to
			}
			asksNoLess(t, combine(without, u), combine(all, u))
		}
	})
}

// narrows says whether the kinds that p allows leave nothing usable with some
// other policy: which of the two stands then depends on which is wider.
func narrows(others []storage.MFAPolicy, p storage.MFAPolicy) bool {
	both := append(slices.Clone(others), p)
	left := Kinds()
	for _, o := range both {
		if o.Methods != nil {
			left = slices.DeleteFunc(left, func(k string) bool { return !slices.Contains(o.Methods, k) })
		}
	}
	return !usable(left)
}

// TestAlwaysAWayIn: whatever the policies are, a factor that is required can be
// set up.
func TestAlwaysAWayIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := combine(policies(t, true), person(t))
		if e.Requirement == Disabled {
			return
		}
		if !slices.ContainsFunc(Kinds(), func(kind string) bool { return kind != TypeBackupCodes && e.Allows(kind) }) {
			t.Fatalf("nothing is allowed: %+v", e)
		}
	})
}

// TestOrderDoesNotMatter: of two policies of one scope none is before the other.
func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all, u := policies(t, true), person(t)
		other := rapid.Permutation(all).Draw(t, "order")
		a, b := combine(all, u), combine(other, u)
		if a.Requirement != b.Requirement || !a.GraceEnds.Equal(b.GraceEnds) {
			t.Fatalf("%+v\n%+v", a, b)
		}
	})
}

// TestSystemAdministratorsRelax: what relaxes stands alone.
func TestSystemAdministratorsRelax(t *testing.T) {
	all := []storage.MFAPolicy{
		{Scope: storage.PolicyUser, Subject: "u", Requirement: Optional, Relaxes: true},
		{Scope: storage.PolicySystem, Requirement: Required, Enforcement: Enforcements()},
	}
	if e := combine(all, storage.User{ID: "u"}); e.Requirement != Optional || e.Source != storage.PolicyUser {
		t.Fatalf("%+v", e)
	}
	all[0].Relaxes = false
	if e := combine(all, storage.User{ID: "u"}); e.Requirement != Required || e.Source != storage.PolicySystem {
		t.Fatalf("%+v", e)
	}
}
