package figures

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/provider/activity"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
)

// Follower is the name of the consumer that counts.
const Follower = "figures"

// The dimensions of the counts: what is counted, by what it is told apart. The
// subject is the organization, empty for the whole system; the type is the
// value of what tells apart, and the outcome is the measure.
const (
	loginsByMethod   = "login.method"
	loginsByReason   = "login.reason"
	loginsByClient   = "login.client"
	usersBySource    = "user.source"
	usersActive      = "user.active" // type: the period, at its first day
	factorsByMethod  = "mfa.method"
	factorsByReason  = "mfa.reason"
	tokensByGrant    = "token.grant"
	tokensByClient   = "token.client"
	securityByType   = "security.type"
	securityByDegree = "security.severity"
)

func dimensions() []string {
	return []string{
		loginsByMethod, loginsByReason, loginsByClient, usersBySource, usersActive, factorsByMethod, factorsByReason,
		tokensByGrant, tokensByClient, securityByType, securityByDegree,
	}
}

// The periods in which a person counts as active once.
const (
	ByDay   = "day"
	ByWeek  = "week" // from Monday (ISO 8601)
	ByMonth = "month"
)

func periods() []string { return []string{ByDay, ByWeek, ByMonth} }

// begins is the first day of the period that a day lies in, all in days since
// 1970-01-01 UTC.
func begins(period string, day int64) int64 {
	at := activity.Date(day)
	switch period {
	case ByWeek:
		return day - int64((at.Weekday()+6)%7)
	case ByMonth:
		return day - int64(at.Day()-1)
	}
	return day
}

func dayText(day int64) string  { return activity.Date(day).Format(time.DateOnly) }
func orNone(text string) string { return cmp.Or(text, "none") }

// Store is where the counts are kept.
type Store interface {
	AddRollups(ctx context.Context, rollups ...storage.Rollup) error
	ClearRollups(ctx context.Context, from int64, dimensions ...string) error
	CopyRollups(ctx context.Context, r storage.Rollup, outcome string) error
	storage.Presences
}

// settled is how long after its end a period can still get somebody: events
// come in their order, but for the clocks of replicas and slow transactions.
const settled = 2 // days

// Count returns what the follower applies: it adds what a batch of events
// counts, in the transaction that moves the cursor past them.
func Count(store Store) func(ctx context.Context, batch []storage.Event) error {
	return func(ctx context.Context, batch []storage.Event) error {
		totals := map[storage.Rollup]int64{}
		for _, e := range batch {
			for _, r := range counted(e) {
				n := r.Total
				r.Total = 0
				totals[r] += n
			}
		}
		fresh, err := store.MarkPresent(ctx, presences(batch)...)
		if err != nil {
			return fmt.Errorf("figures: count: %w", err)
		}
		for _, p := range fresh {
			totals[storage.Rollup{Dimension: usersActive, Subject: p.Organization, Day: p.Day, Type: p.Period, Outcome: measureActive}]++
		}
		if err := store.AddRollups(ctx, listed(totals)...); err != nil {
			return fmt.Errorf("figures: count: %w", err)
		}
		if err := forget(ctx, store, batch); err != nil {
			return fmt.Errorf("figures: count: %w", err)
		}
		return nil
	}
}

// forget drops who was there in periods that are over, once a day: when a
// batch goes from one day into another.
func forget(ctx context.Context, store Store, batch []storage.Event) error {
	if len(batch) == 0 {
		return nil
	}
	first, last := activity.Day(batch[0].Time), activity.Day(batch[len(batch)-1].Time)
	if first == last {
		return nil
	}
	for _, p := range periods() {
		if err := store.ForgetPresences(ctx, p, begins(p, min(first, last)-settled)); err != nil {
			return err
		}
	}
	return nil
}

// listed are counts as rows; the store puts them in order.
func listed(totals map[storage.Rollup]int64) []storage.Rollup {
	out := make([]storage.Rollup, 0, len(totals))
	for r, n := range totals {
		r.Total = n
		out = append(out, r)
	}
	return out
}

// presences are the people whom a batch shows to be there: who signed in, and
// whose standing login let a client in.
func presences(batch []storage.Event) []storage.Presence {
	seen := map[storage.Presence]bool{}
	for _, e := range batch {
		if kind := event.Type(e.Type); kind != event.UserLogin && kind != event.GrantCreated || e.Subject == "" {
			continue
		}
		for _, period := range periods() {
			p := storage.Presence{Period: period, Day: begins(period, activity.Day(e.Time)), UserID: e.Subject}
			seen[p] = true
			if e.Organization != "" {
				p.Organization = e.Organization
				seen[p] = true
			}
		}
	}
	out := make([]storage.Presence, 0, len(seen))
	for p := range seen {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b storage.Presence) int {
		return cmp.Or(cmp.Compare(a.Period, b.Period), cmp.Compare(a.Day, b.Day),
			cmp.Compare(a.Organization, b.Organization), cmp.Compare(a.UserID, b.UserID))
	})
	return out
}

// The measures.
const (
	measureSucceeded = "succeeded"
	measureFailed    = "failed"
	measureCreated   = "created"
	measureDeleted   = "deleted"
	measureActive    = "active"
	measureKept      = "kept" // active, in a period whose people are counted in part only; see Recount
	measureSetUp     = "set_up"
	measureRemoved   = "removed"
	measureIssued    = "issued"
	measureRefused   = "refused"
	measureEvents    = "events"
)

// facts are the members of an event's data that figures tell apart by.
type facts struct {
	Method     string `json:"method"`
	MethodType string `json:"method_type"`
	Reason     string `json:"reason"`
	ClientID   string `json:"client_id"`
	Source     string `json:"source"`
	GrantType  string `json:"grant_type"`
	Count      int64  `json:"count"`
	Issued     int64  `json:"issued"`
	Refused    int64  `json:"refused"`
}

// counted lists the counts that an event adds to, each for the whole system
// and for its organization.
func counted(e storage.Event) []storage.Rollup {
	var f facts
	if json.Unmarshal(e.Data, &f) != nil {
		f = facts{}
	}
	times := max(f.Count, 1) // past the rate limit one event tells of many
	var out []storage.Rollup
	add := func(dimension, key, measure string, n int64) {
		if n <= 0 {
			return
		}
		r := storage.Rollup{Dimension: dimension, Day: activity.Day(e.Time), Type: orNone(key), Outcome: measure, Total: n}
		out = append(out, r)
		if e.Organization != "" {
			r.Subject = e.Organization
			out = append(out, r)
		}
	}
	switch event.Type(e.Type) {
	case event.UserLogin:
		add(loginsByMethod, f.Method, measureSucceeded, 1)
		add(loginsByClient, f.ClientID, measureSucceeded, 1)
	case event.UserLoginFailed:
		add(loginsByMethod, f.Method, measureFailed, times)
		add(loginsByReason, f.Reason, measureFailed, times)
		add(loginsByClient, f.ClientID, measureFailed, times)
	case event.UserCreated:
		add(usersBySource, f.Source, measureCreated, 1)
	case event.UserDeleted:
		add(usersBySource, "", measureDeleted, 1)
	case event.MFAVerificationCompleted:
		add(factorsByMethod, f.MethodType, measureSucceeded, 1)
	case event.MFAVerificationFailed:
		add(factorsByMethod, f.MethodType, measureFailed, times)
		add(factorsByReason, f.Reason, measureFailed, times)
	case event.MFAMethodSetup:
		add(factorsByMethod, f.MethodType, measureSetUp, 1)
	case event.MFAMethodRemoved:
		add(factorsByMethod, f.MethodType, measureRemoved, 1)
	case event.TokenIssuedCounted:
		for _, by := range [][2]string{{tokensByGrant, f.GrantType}, {tokensByClient, e.Subject}} {
			add(by[0], by[1], measureIssued, f.Issued)
			add(by[0], by[1], measureRefused, f.Refused)
		}
	}
	if s := event.SeverityOf(e.Type, e.Data); s != event.Informational {
		add(securityByType, e.Type, measureEvents, times)
		add(securityByDegree, string(s), measureEvents, times)
	}
	return out
}

// Recount counts the figures anew. Where retention has removed events, the first
// day of which all are there lies inside a week and a month: whoever was active
// in those is known from there on only. As long as such a period goes on, who was
// there is still known and stays so; of one that is over, the count that stands
// is kept, and what is counted anew does not replace it.
func Recount(store interface {
	event.RecountStore
	Store
}, now clock.Clock,
) event.Recount {
	return event.Recount{Store: store, Clock: now, Name: Follower, Apply: Count(store), Clear: func(ctx context.Context, from int64) error {
		today := activity.Day(now.Now())
		for _, p := range periods() {
			if began := begins(p, from); began < from && began < begins(p, today-settled) {
				r := storage.Rollup{Dimension: usersActive, Day: began, Type: p, Outcome: measureActive}
				if err := store.CopyRollups(ctx, r, measureKept); err != nil {
					return err
				}
			}
		}
		if err := store.ClearPresences(ctx, from); err != nil {
			return err
		}
		return store.ClearRollups(ctx, from, dimensions()...)
	}}
}
