// Package dashboard gathers the figures that a person sees about themself
// (Service.Person) and about their organization (Service.Organization). All of
// them are counts kept up to date as things happen, or reads of a few rows:
// what a dashboard costs does not grow with how much has happened.
package dashboard

import (
	"context"
	"fmt"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/provider/activity"
	"github.com/signet-idp/signet/provider/directory"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
)

// Bounds of what is shown.
const (
	recent      = 10
	maxSessions = 500
	// activeWithin is how recently an active member has signed in.
	activeWithin = 30 * 24 * time.Hour
	// recount is how long the number of active members is remembered.
	recount = 30 * time.Second
)

// Store is what the service reads.
type Store interface {
	SessionsOf(ctx context.Context, userID string, limit int) ([]storage.Session, error)
	CountMembers(ctx context.Context, q storage.MemberQuery) (int64, error)
	ActiveMembers(ctx context.Context, organizationID string, since time.Time) (int64, error)
	RecentMembers(ctx context.Context, organizationID string, limit int) ([]storage.Member, error)
	CountInvitations(ctx context.Context, organizationID string, now time.Time) (int64, error)
}

// Factors counts the members who have confirmed a second factor. nil: none has.
type Factors interface {
	MembersWithFactor(ctx context.Context, organizationID string) (int64, error)
}

// Deps are what a Service is made of; all but Factors are required.
type Deps struct {
	Store     Store
	Directory *directory.Directory
	Activity  *activity.Service
	Factors   Factors
	Clock     clock.Clock
}

// Service gathers dashboards. It is safe for concurrent use.
type Service struct {
	Deps
	active *otter.Cache[string, counted]
}

// counted is a figure that was counted at a time.
type counted struct {
	n  int64
	at time.Time
}

// New makes a Service.
func New(d Deps) (*Service, error) {
	active, err := otter.New(&otter.Options[string, counted]{MaximumSize: 10_000})
	if err != nil {
		return nil, fmt.Errorf("dashboard: cache: %w", err)
	}
	return &Service{Deps: d, active: active}, nil
}

// activeMembers counts who signed in lately. That asks for the row of every
// member (some 20 ms for 10,000), so the answer is good for half a minute.
func (s *Service) activeMembers(ctx context.Context, organizationID string, now time.Time) (int64, error) {
	if c, ok := s.active.GetIfPresent(organizationID); ok && now.Sub(c.at).Abs() < recount {
		return c.n, nil
	}
	n, err := s.Store.ActiveMembers(ctx, organizationID, now.Add(-activeWithin))
	if err == nil {
		s.active.Set(organizationID, counted{n, now})
	}
	return n, err
}

// Person is what one person's dashboard shows.
type Person struct {
	Account  directory.Account
	Members  int64 // of the account's organization
	Sessions int64 // live ones, those of offline_access not counted
	Recent   []activity.Activity
	Totals   activity.Totals
	Logins   int64 // of all time
}

// Person gathers a person's dashboard, in the organization they last used.
// Whether the caller may see it, the caller has asked the directory.
func (s *Service) Person(ctx context.Context, userID string) (Person, error) {
	var p Person
	var err error
	if p.Account, err = s.Directory.Account(ctx, userID, ""); err != nil {
		return p, fmt.Errorf("dashboard: person: %w", err)
	}
	if o := p.Account.Organization; o != nil {
		if p.Members, err = s.Store.CountMembers(ctx, storage.MemberQuery{OrganizationID: o.ID}); err != nil {
			return p, fmt.Errorf("dashboard: person: %w", err)
		}
	}
	sessions, err := s.Store.SessionsOf(ctx, userID, maxSessions)
	if err != nil {
		return p, fmt.Errorf("dashboard: person: %w", err)
	}
	now := s.Clock.Now()
	for _, one := range sessions {
		if one.Kind != storage.SessionOffline && one.Live(now) {
			p.Sessions++
		}
	}
	view := activity.View{UserID: userID, Personal: true}
	list, err := s.Activity.Of(ctx, view, activity.Filter{}, activity.Page{Limit: recent, Uncounted: true})
	if err != nil {
		return p, fmt.Errorf("dashboard: person: %w", err)
	}
	if p.Totals, err = s.Activity.TotalsOf(ctx, view); err != nil {
		return p, fmt.Errorf("dashboard: person: %w", err)
	}
	p.Recent, p.Logins = list.Activities, p.Totals.ByType[string(event.UserLogin)]
	return p, nil
}

// Organization is what an organization's dashboard shows.
type Organization struct {
	Members     int64
	Active      int64 // who signed in within 30 days
	Invitations int64 // that can be accepted
	WithFactor  int64 // who have a second factor
	Newest      []storage.Member
	Recent      []activity.Activity
	Totals      activity.Totals
	// Logins and refused logins of the last 1, 7 and 30 days, today among them.
	LoginsToday, Logins7, Logins30, Refused30 int64
}

// Organization gathers an organization's dashboard. people: whoever looks may
// see what its members did, not only what happened to the organization.
func (s *Service) Organization(ctx context.Context, organizationID string, people bool) (Organization, error) {
	var o Organization
	now := s.Clock.Now()
	var err error
	for _, read := range []func() error{
		func() error {
			o.Members, err = s.Store.CountMembers(ctx, storage.MemberQuery{OrganizationID: organizationID})
			return err
		},
		func() error {
			o.Active, err = s.activeMembers(ctx, organizationID, now)
			return err
		},
		func() error { o.Invitations, err = s.Store.CountInvitations(ctx, organizationID, now); return err },
		func() error { o.Newest, err = s.Store.RecentMembers(ctx, organizationID, recent); return err },
		func() error {
			list, err := s.Activity.In(ctx, organizationID, people, activity.Page{Limit: recent, Uncounted: true})
			o.Recent = list.Activities
			return err
		},
		func() error { o.Totals, err = s.Activity.TotalsIn(ctx, organizationID); return err },
		func() error {
			if s.Factors == nil {
				return nil
			}
			o.WithFactor, err = s.Factors.MembersWithFactor(ctx, organizationID)
			return err
		},
	} {
		if err := read(); err != nil {
			return o, fmt.Errorf("dashboard: organization: %w", err)
		}
	}
	o.LoginsToday, o.Logins7, o.Logins30 = o.Totals.Last(1, event.UserLogin), o.Totals.Last(7, event.UserLogin), o.Totals.Last(30, event.UserLogin)
	o.Refused30 = o.Totals.Last(30, event.UserLoginFailed)
	return o, nil
}
