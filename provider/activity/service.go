package activity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
)

// Store is what the service reads.
type Store interface {
	storage.EventQueries
	RollupsOf(ctx context.Context, dimension, subject string, fromDay, toDay int64) ([]storage.Rollup, error)
}

// Opener opens what is personal in an event (*event.Recorder).
type Opener interface {
	Open(ctx context.Context, e storage.Event) (map[string]string, error)
}

// Service answers what people did. It is safe for concurrent use.
type Service struct {
	Store   Store
	Opener  Opener
	Changes change.Runner
	Clock   clock.Clock
}

// Activity is one thing that happened.
type Activity struct {
	ID string
	// Action is the event's type or, for what a service reports, its action.
	Action     string
	Resource   string
	ResourceID string
	UserID     string    // whose activity it is; empty for an organization's own
	ActorID    string    // who did it
	Time       time.Time // when it happened
	RecordedAt time.Time // when it was written down
	Success    bool
	// IPAddress, UserAgent and what a service wrote in Metadata are personal:
	// empty unless they were asked for, and once the person was erased.
	IPAddress string
	UserAgent string
	Metadata  map[string]any
}

// Filter narrows a list. From and To are about when something was recorded.
type Filter struct {
	From, To time.Time // From included, To not; zero: no bound
	// Action: only of this type ("user.login", or "login") or reported action.
	Action string
}

// Page is a part of a list: Limit items after Offset.
type Page struct {
	Offset, Limit int
	// Uncounted leaves List.Total at 0: counting may cost more than the page.
	Uncounted bool
}

// Maximum is how many activities are counted for a list, and looked through for
// a reported action.
const Maximum = 10_000

// chunk is how many events are read at once when looking for an action.
const chunk = 500

// View says whose activities are shown, and how much of them.
type View struct {
	UserID string
	// OrganizationID: only what happened in it, and only counts of that.
	OrganizationID string
	// Personal: with address, user agent and what services wrote. Only for the
	// person and for those who administer the whole system.
	Personal bool
}

// List is a page of activities, newest first; Total counts all that match, up
// to Maximum.
type List struct {
	Activities []Activity
	Total      int64
}

// Of lists the activities of a person.
func (s *Service) Of(ctx context.Context, v View, f Filter, p Page) (List, error) {
	q := storage.EventQuery{Subject: v.UserID, Organization: v.OrganizationID, Types: names(personal()), From: f.From, To: f.To}
	return s.list(ctx, q, v.Personal, f.Action, p)
}

// TotalsOf are the counts of a person: with an organization, of what they did
// there only.
func (s *Service) TotalsOf(ctx context.Context, v View) (Totals, error) {
	if v.OrganizationID != "" {
		return s.totals(ctx, DimensionMember, MemberSubject(v.OrganizationID, v.UserID))
	}
	return s.totals(ctx, DimensionUser, v.UserID)
}

// In lists what happened in an organization, nothing personal in it. people:
// also what its members did themselves, not only what was done to the
// organization.
func (s *Service) In(ctx context.Context, organizationID string, people bool, p Page) (List, error) {
	// What is done to the organization has it as its subject: asked for in that
	// way, a few changes are found at once among a million logins.
	q := storage.EventQuery{Subject: organizationID, Types: names(organizational())}
	if people {
		q = storage.EventQuery{Organization: organizationID, Types: append(q.Types, names(personal())...)}
	}
	return s.list(ctx, q, false, "", p)
}

// TotalsIn are the counts of an organization.
func (s *Service) TotalsIn(ctx context.Context, organizationID string) (Totals, error) {
	return s.totals(ctx, DimensionOrganization, organizationID)
}

func (s *Service) list(ctx context.Context, q storage.EventQuery, personal bool, action string, p Page) (List, error) {
	events, total, err := s.find(ctx, q, action, p)
	if err != nil {
		return List{}, fmt.Errorf("activity: list: %w", err)
	}
	out := List{Activities: make([]Activity, 0, len(events)), Total: total}
	for _, e := range events {
		a, err := s.activity(ctx, e, personal)
		if err != nil {
			return List{}, fmt.Errorf("activity: list: %w", err)
		}
		out.Activities = append(out.Activities, a)
	}
	return out, nil
}

// find reads one page and counts the rest.
func (s *Service) find(ctx context.Context, q storage.EventQuery, action string, p Page) ([]storage.Event, int64, error) {
	if action != "" {
		known := slices.DeleteFunc(slices.Clone(q.Types), func(t string) bool { return t != action && t != "user."+action })
		if len(known) == 0 {
			return s.findReported(ctx, q, action, p)
		}
		q.Types = known
	}
	var total int64
	if !p.Uncounted {
		var err error
		if total, err = s.Store.CountEvents(ctx, q, Maximum); err != nil || int64(p.Offset) >= total {
			return nil, total, err
		}
	}
	q.Offset, q.Limit = p.Offset, p.Limit
	events, err := s.Store.QueryEvents(ctx, q)
	return events, total, err
}

// findReported looks for what services reported under a name of their own: it
// stands in the event's data, which no index knows, so the newest Maximum
// reports are looked through.
func (s *Service) findReported(ctx context.Context, q storage.EventQuery, action string, p Page) (found []storage.Event, total int64, err error) {
	q.Types, q.Limit = []string{string(event.UserActivity)}, chunk
	for range Maximum / chunk {
		events, err := s.Store.QueryEvents(ctx, q)
		if err != nil {
			return nil, 0, err
		}
		for _, e := range events {
			if decode(e.Data).text("action") != action {
				continue
			}
			if total >= int64(p.Offset) && len(found) < p.Limit {
				found = append(found, e)
			}
			total++
		}
		if len(events) < chunk {
			break
		}
		q.Before = events[len(events)-1].Seq
	}
	return found, total, nil
}

// activity is what an event looks like to people.
func (s *Service) activity(ctx context.Context, e storage.Event, withPersonal bool) (Activity, error) {
	d := decode(e.Data)
	a := Activity{
		ID: e.ID, Action: e.Type, Resource: family(e.Type), ActorID: e.Actor, Time: e.Time, RecordedAt: e.Time,
		Success: outcome(e.Type) == Success, Metadata: d,
	}
	if slices.Contains(personal(), event.Type(e.Type)) {
		a.UserID = e.Subject
	}
	for _, name := range []string{"session_id", "method_id", "connection_id", "invitation_id", "user_id", "client_id"} {
		if id := d.text(name); id != "" {
			a.ResourceID = id
			break
		}
	}
	if e.Type == string(event.UserActivity) {
		a.Action, a.Resource, a.ResourceID = d.text("action"), d.text("resource"), d.text("resource_id")
		if at := d.instant("occurred_at"); !at.IsZero() {
			a.Time = at
		}
		a.Metadata = map[string]any{}
	}
	if !withPersonal || e.PersonalOf != a.UserID {
		return a, nil
	}
	sealed, err := s.Opener.Open(ctx, e)
	switch {
	case errors.Is(err, event.ErrErased), errors.Is(err, event.ErrSealed):
		return a, nil // nothing can be shown; that it was altered, the chain's verification tells
	case err != nil:
		return a, err
	}
	a.IPAddress, a.UserAgent = sealed["ip_address"], sealed["user_agent"]
	if text := sealed["metadata"]; text != "" {
		if err := json.Unmarshal([]byte(text), &a.Metadata); err != nil || a.Metadata == nil {
			a.Metadata = map[string]any{}
		}
	}
	return a, nil
}
