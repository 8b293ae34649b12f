package org

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"time"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/storage"
)

// Bounds of domains.
const (
	maxDomains     = 20 // of one organization
	maxTries       = 10 // look-ups of one domain an hour
	lookupTime     = 5 * time.Second
	maxRecords     = 64
	challengeBytes = 20
	challengeMark  = "signet-domain-verification="
	challengeLabel = "_signet-challenge."
)

// DNS finds TXT records (*net.Resolver).
type DNS interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// DomainDeps are what Domains is made of; all are required.
type DomainDeps struct {
	Organizations *Service
	DNS           DNS
	Counters      Counter
	Random        io.Reader
}

// Domains keeps which DNS domains are an organization's own. Saying so is free;
// it counts once a TXT record holds the challenge (ChallengeName), which
// only who runs the domain can bring about. One domain is verified for one
// organization. It is safe for concurrent use.
type Domains struct{ DomainDeps }

// NewDomains makes the service.
func NewDomains(d DomainDeps) *Domains { return &Domains{d} }

// ChallengeName is where the TXT record with the challenge belongs.
func ChallengeName(domain string) string { return challengeLabel + domain }

// Add notes that an organization says a domain is its own and makes the
// challenge. One that it has already is returned as it is. fault.Invalid,
// fault.Conflict when there are too many.
func (s *Domains) Add(ctx context.Context, organizationID, name string) (storage.Domain, error) {
	domain, err := user.CanonicalDomain(name)
	if err != nil {
		return storage.Domain{}, fmt.Errorf("org: add domain: %w", fault.Field("domain", "write a domain such as example.com"))
	}
	secret := make([]byte, challengeBytes)
	if _, err := io.ReadFull(s.Random, secret); err != nil {
		return storage.Domain{}, fmt.Errorf("org: add domain: random: %w", err)
	}
	var out storage.Domain
	err = s.Organizations.changes.Do(ctx, "org: add domain", func(ctx context.Context, c *change.Change) error {
		if err := s.Organizations.guard(ctx, organizationID, nil); err != nil {
			return err
		}
		have, err := s.Organizations.store.DomainsOf(ctx, organizationID)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(have, func(d storage.Domain) bool { return d.Domain == domain }); i >= 0 {
			out = have[i]
			return nil
		}
		if len(have) >= maxDomains {
			return fault.Newf(fault.Conflict, "there are %d domains already; remove some first", len(have))
		}
		out = storage.Domain{
			OrganizationID: organizationID, Domain: domain, CreatedAt: c.Now,
			Challenge: challengeMark + base64.RawURLEncoding.EncodeToString(secret),
		}
		if err := s.Organizations.store.InsertDomain(ctx, out); err != nil {
			return err
		}
		c.Record(domainEvent(event.OrganizationDomainAdded, out))
		return nil
	})
	return out, err
}

// List lists the domains of an organization by name.
func (s *Domains) List(ctx context.Context, organizationID string) ([]storage.Domain, error) {
	list, err := s.Organizations.store.DomainsOf(ctx, organizationID)
	if err != nil {
		return nil, fmt.Errorf("org: domains: %w", err)
	}
	return list, nil
}

// Verify looks for the challenge in the DNS and, when it is there, marks the
// domain verified; the first one becomes the organization's domain. One that is
// verified already stays so without another look. fault.NotFound, fault.Invalid
// when the record is not there, fault.Unavailable when the DNS does not answer,
// fault.Conflict when another organization has it, fault.RateLimited.
func (s *Domains) Verify(ctx context.Context, organizationID, name string) (storage.Domain, error) {
	d, err := s.get(ctx, organizationID, name)
	if err != nil {
		return d, fmt.Errorf("org: verify domain: %w", err)
	}
	if !d.VerifiedAt.IsZero() {
		return d, nil
	}
	if err := limit(ctx, s.Counters, "domain:"+organizationID+":"+d.Domain, maxTries, time.Hour); err != nil {
		return d, fmt.Errorf("org: verify domain: %w", err)
	}
	if err := s.prove(ctx, d); err != nil {
		return d, fmt.Errorf("org: verify domain: %w", err)
	}
	err = s.Organizations.changes.Do(ctx, "org: verify domain", func(ctx context.Context, c *change.Change) error {
		o, err := s.Organizations.alive(ctx, organizationID)
		if err != nil {
			return err
		}
		// The challenge that was found must still be the one asked for.
		now, err := s.get(ctx, organizationID, d.Domain)
		if err != nil {
			return err
		}
		if now.Challenge != d.Challenge {
			return notProven(d)
		}
		d = now
		if !d.VerifiedAt.IsZero() {
			return nil
		}
		switch other, err := s.Organizations.store.OwnerOfDomain(ctx, d.Domain); {
		case err == nil && other != organizationID:
			return takenDomain(nil)
		case err != nil && !errors.Is(err, storage.ErrNotFound):
			return err
		}
		if err := s.Organizations.store.VerifyDomain(ctx, organizationID, d.Domain, c.Now); err != nil {
			if errors.Is(err, storage.ErrConflict) { // in the same moment
				return takenDomain(err)
			}
			return err
		}
		d.VerifiedAt = c.Now
		if o.Profile[memberVerified] == nil {
			if err := s.show(ctx, c, o, d.Domain); err != nil {
				return err
			}
		} else if err := s.Organizations.store.GuardOrganization(ctx, organizationID); err != nil {
			return err
		}
		c.Record(domainEvent(event.OrganizationDomainVerified, d))
		return nil
	})
	return d, err
}

// Remove gives a domain up. When it was the one shown, another verified one
// takes its place, or none. fault.NotFound.
func (s *Domains) Remove(ctx context.Context, organizationID, name string) error {
	return s.Organizations.changes.Do(ctx, "org: remove domain", func(ctx context.Context, c *change.Change) error {
		o, err := s.Organizations.alive(ctx, organizationID)
		if err != nil {
			return err
		}
		d, err := s.get(ctx, organizationID, name)
		if err != nil {
			return err
		}
		if err := s.Organizations.store.DeleteDomain(ctx, organizationID, d.Domain); err != nil {
			return err
		}
		if o.Profile[memberVerified] == d.Domain {
			have, err := s.Organizations.store.DomainsOf(ctx, organizationID)
			if err != nil {
				return err
			}
			next := ""
			if i := slices.IndexFunc(have, func(d storage.Domain) bool { return !d.VerifiedAt.IsZero() }); i >= 0 {
				next = have[i].Domain
			}
			if err := s.show(ctx, c, o, next); err != nil {
				return err
			}
		} else if err := s.Organizations.store.GuardOrganization(ctx, organizationID); err != nil {
			return err
		}
		e := domainEvent(event.OrganizationDomainRemoved, d)
		e.Data["verified"] = !d.VerifiedAt.IsZero()
		c.Record(e)
		return nil
	})
}

// show makes a domain the one that the organization is known by; empty: none.
func (s *Domains) show(ctx context.Context, c *change.Change, o storage.Organization, domain string) error {
	o.Profile = maps.Clone(o.Profile)
	if o.Profile == nil {
		o.Profile = map[string]any{}
	}
	if domain == "" {
		delete(o.Profile, memberVerified)
		delete(o.Profile, "domain")
	} else {
		o.Profile[memberVerified], o.Profile["domain"] = domain, domain
	}
	return s.Organizations.write(ctx, c, &o)
}

func (s *Domains) get(ctx context.Context, organizationID, name string) (storage.Domain, error) {
	domain, err := user.CanonicalDomain(name)
	if err != nil {
		return storage.Domain{}, fault.New(fault.NotFound, "there is no such domain")
	}
	d, err := s.Organizations.store.Domain(ctx, organizationID, domain)
	if errors.Is(err, storage.ErrNotFound) {
		return d, fault.Wrap(err, fault.NotFound, "there is no such domain")
	}
	return d, err
}

// prove looks the challenge up.
func (s *Domains) prove(ctx context.Context, d storage.Domain) error {
	within, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	// The dot ends the name: no search domain of this machine is tried.
	records, err := s.DNS.LookupTXT(within, ChallengeName(d.Domain)+".")
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if e, ok := errors.AsType[*net.DNSError](err); ok && e.IsNotFound {
			return notProven(d)
		}
		return fault.Wrap(err, fault.Unavailable, "the DNS gives no answer now; try again")
	}
	for _, r := range records[:min(len(records), maxRecords)] {
		if subtle.ConstantTimeCompare([]byte(r), []byte(d.Challenge)) == 1 {
			return nil
		}
	}
	return notProven(d)
}

func notProven(d storage.Domain) error {
	return fault.Field("path.domain", "there is no TXT record at "+ChallengeName(d.Domain)+" with the challenge yet")
}

func takenDomain(err error) error {
	return fault.Wrap(err, fault.Conflict, "another organization has verified this domain")
}

func domainEvent(t event.Type, d storage.Domain) event.Event {
	return event.Event{Type: t, Subject: d.OrganizationID, Organization: d.OrganizationID, Data: map[string]any{"domain": d.Domain}}
}
