package org_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/signet-idp/signet/provider/change/changetest"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/org"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/volatile/inproc"
)

// zone is a DNS that knows some TXT records.
type zone struct {
	mu      sync.Mutex
	records map[string][]string
	broken  bool
	asked   int
}

func (z *zone) LookupTXT(ctx context.Context, name string) ([]string, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.asked++
	if _, bounded := ctx.Deadline(); !bounded {
		return nil, errors.New("a look-up without a deadline")
	}
	if z.broken {
		return nil, &net.DNSError{Err: "server misbehaving", Name: name, IsTemporary: true}
	}
	if r, ok := z.records[name]; ok {
		return r, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (z *zone) put(d storage.Domain, more ...string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.records == nil {
		z.records = map[string][]string{}
	}
	z.records["_signet-challenge."+d.Domain+"."] = append(more, d.Challenge)
}

func domains(f *changetest.Fixture, z *zone) *org.Domains {
	return org.NewDomains(org.DomainDeps{
		Organizations: org.New(f.Store, f.Resolver, f.Changes), DNS: z, Counters: inproc.NewCounters(f.Clock, 0), Random: rand.Reader,
	})
}

func TestDomains(t *testing.T) {
	f, z := changetest.New(t), &zone{}
	orgs, s, ctx := org.New(f.Store, f.Resolver, f.Changes), domains(f, z), t.Context()
	acme, err := orgs.Create(ctx, org.Organization{Name: "Acme", OwnerID: person(t, f, t, "alice")})
	if err != nil {
		t.Fatal(err)
	}
	d, err := s.Add(ctx, acme.ID, "Bücher.Example.")
	if err != nil || d.Domain != "xn--bcher-kva.example" || !d.VerifiedAt.IsZero() {
		t.Fatalf("%+v %v", d, err)
	}
	if again, err := s.Add(ctx, acme.ID, "xn--bcher-kva.example"); err != nil || again.Challenge != d.Challenge {
		t.Errorf("twice: %+v %v", again, err)
	}
	for _, bad := range []string{"", "localhost", "1.2.3.4", "a b.test", "x\x00.test"} {
		if _, err := s.Add(ctx, acme.ID, bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
		if _, err := s.Verify(ctx, acme.ID, bad); !fault.Is(err, fault.NotFound) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := s.Verify(ctx, acme.ID, d.Domain); !fault.Is(err, fault.Invalid) {
		t.Errorf("no record: %v", err)
	}
	z.broken = true
	if _, err := s.Verify(ctx, acme.ID, d.Domain); !fault.Is(err, fault.Unavailable) {
		t.Errorf("no DNS: %v", err)
	}
	z.broken = false
	z.put(storage.Domain{Domain: d.Domain, Challenge: d.Challenge + "x"}, "v=spf1 -all")
	if _, err := s.Verify(ctx, acme.ID, d.Domain); !fault.Is(err, fault.Invalid) {
		t.Errorf("another record: %v", err)
	}
	z.put(d, "v=spf1 -all")
	before := f.Mark(t)
	if d, err = s.Verify(ctx, acme.ID, d.Domain); err != nil || d.VerifiedAt.IsZero() {
		t.Fatalf("%+v %v", d, err)
	}
	asked := z.asked
	if _, err = s.Verify(ctx, acme.ID, d.Domain); err != nil || z.asked != asked {
		t.Errorf("verified again: %v", err)
	}
	if events := f.Events(t, before); !slices.Equal(events, []string{"organization.domain_verified"}) {
		t.Errorf("events %v", events)
	}
	o, _ := orgs.Get(ctx, acme.ID)
	if o.Profile["verified_domain"] != d.Domain || o.Profile["domain"] != d.Domain {
		t.Errorf("%v", o.Profile)
	}
	for _, patch := range []string{`{"domain":"other.test"}`, `{"domain":null}`} {
		if _, err := orgs.Update(ctx, acme.ID, org.Update{Patch: object(t, patch)}, "api"); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", patch, err)
		}
	}
	if o, err := orgs.Update(ctx, acme.ID, org.Update{Profile: object(t, `{"industry":"steel"}`)}, "apply"); err != nil || o.Profile["verified_domain"] != d.Domain {
		t.Errorf("a declared profile took the domain away: %v %v", o.Profile, err)
	}

	// Another organization cannot have it until this one lets go.
	globex, err := orgs.Create(ctx, org.Organization{Name: "Globex", OwnerID: person(t, f, t, "bob")})
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := s.Add(ctx, globex.ID, d.Domain)
	if err != nil {
		t.Fatal(err)
	}
	z.put(theirs)
	if _, err := s.Verify(ctx, globex.ID, d.Domain); !fault.Is(err, fault.Conflict) {
		t.Errorf("a domain of another: %v", err)
	}
	if err := s.Remove(ctx, acme.ID, d.Domain); err != nil {
		t.Fatal(err)
	}
	if o, _ := orgs.Get(ctx, acme.ID); o.Profile["verified_domain"] != nil || o.Profile["domain"] != nil {
		t.Errorf("%v", o.Profile)
	}
	if err := s.Remove(ctx, acme.ID, d.Domain); !fault.Is(err, fault.NotFound) {
		t.Errorf("removed twice: %v", err)
	}
	if _, err := s.Verify(ctx, globex.ID, d.Domain); err != nil {
		t.Errorf("a free domain: %v", err)
	}
	// A deleted organization holds no domain.
	if _, err := orgs.SetStatus(ctx, globex.ID, storage.OrganizationDeleted, "test"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Store.OwnerOfDomain(ctx, d.Domain); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("held by a deleted organization: %v", err)
	}
}

func TestVerifyTries(t *testing.T) {
	f, z := changetest.New(t), &zone{}
	orgs, s, ctx := org.New(f.Store, f.Resolver, f.Changes), domains(f, z), t.Context()
	acme, err := orgs.Create(ctx, org.Organization{Name: "Acme", OwnerID: person(t, f, t, "alice")})
	if err != nil {
		t.Fatal(err)
	}
	d, err := s.Add(ctx, acme.ID, "acme.test")
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if _, err := s.Verify(ctx, acme.ID, d.Domain); !fault.Is(err, fault.Invalid) {
			t.Fatal(err)
		}
	}
	if _, err := s.Verify(ctx, acme.ID, d.Domain); !fault.Is(err, fault.RateLimited) || z.asked != 10 {
		t.Errorf("%v, %d look-ups", err, z.asked)
	}
	f.Clock.Advance(time.Hour)
	z.put(d)
	if _, err := s.Verify(ctx, acme.ID, d.Domain); err != nil {
		t.Error(err)
	}
}

// Two organizations prove the same domain in the same moment: one has it.
func TestVerifyAtOnce(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		f, z, ctx := fs[0], &zone{}, t.Context()
		orgs := org.New(f.Store, f.Resolver, f.Changes)
		errs := make([]error, 6)
		ids := make([]string, len(errs))
		all := []string{}
		for n := range errs {
			o, err := orgs.Create(ctx, org.Organization{Name: "O", OwnerID: person(t, f, t, "owner")})
			if err != nil {
				t.Fatal(err)
			}
			d, err := domains(f, z).Add(ctx, o.ID, "acme.test")
			if err != nil {
				t.Fatal(err)
			}
			ids[n], all = o.ID, append(all, d.Challenge)
		}
		z.records = map[string][]string{"_signet-challenge.acme.test.": all}
		var wg sync.WaitGroup
		for n := range errs {
			s := domains(fs[n%len(fs)], z)
			wg.Go(func() { _, errs[n] = s.Verify(ctx, ids[n], "acme.test") })
		}
		wg.Wait()
		won := 0
		for n, err := range errs {
			o, _ := orgs.Get(ctx, ids[n])
			if shown := o.Profile["verified_domain"] != nil; shown != (err == nil) {
				t.Errorf("%v, and shown %v", err, shown)
			}
			if err == nil {
				won++
			} else if !fault.Is(err, fault.Conflict) {
				t.Error(err)
			}
		}
		if won != 1 {
			t.Errorf("%d organizations have it", won)
		}
	})
}
