package figures

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/provider/activity"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// The figures.
const (
	Logins   = "logins"
	Users    = "users"
	MFA      = "mfa"
	Tokens   = "tokens"
	Security = "security"
)

// breakdown is one way to tell the counts of a figure apart.
type breakdown struct {
	by, dimension string
	// measures: of these only, in this order; the others are not told.
	measures []string
	// flip makes the measure the key: logins by result are the counts by method
	// with the methods added up.
	flip bool
	// wide: there may be one row a day for every client.
	wide bool
}

// breakdowns lists, for every figure, what it can be told apart by; the first
// is also what stands behind its sums.
func breakdowns(figure string) []breakdown {
	switch figure {
	case Logins:
		return []breakdown{
			{by: "method", dimension: loginsByMethod, measures: []string{measureSucceeded, measureFailed}},
			{by: "result", dimension: loginsByMethod, measures: []string{measureSucceeded, measureFailed}, flip: true},
			{by: "reason", dimension: loginsByReason, measures: []string{measureFailed}},
			{by: "client", dimension: loginsByClient, measures: []string{measureSucceeded, measureFailed}, wide: true},
		}
	case Users:
		return []breakdown{{by: "source", dimension: usersBySource, measures: []string{measureCreated, measureDeleted}}}
	case MFA:
		return []breakdown{
			{by: "method", dimension: factorsByMethod, measures: []string{measureSucceeded, measureFailed, measureSetUp, measureRemoved}},
			{by: "reason", dimension: factorsByReason, measures: []string{measureFailed}},
		}
	case Tokens:
		return []breakdown{
			{by: "grant", dimension: tokensByGrant, measures: []string{measureIssued, measureRefused}},
			{by: "client", dimension: tokensByClient, measures: []string{measureIssued, measureRefused}, wide: true},
		}
	case Security:
		return []breakdown{
			{by: "severity", dimension: securityByDegree, measures: []string{measureEvents}},
			{by: "type", dimension: securityByType, measures: []string{measureEvents}},
		}
	}
	return nil
}

// Bounds of a question, in days.
const (
	maxDays     = 1100 // three years
	maxWideDays = 92
	// maxKeys is how many clients are told apart; the others are one, Other.
	maxKeys = 100
	// usual is how far back a question goes that does not say.
	usual = 30
)

// Other is the key of all those that are too many to be told apart.
const Other = "other"

// Question asks for a figure.
type Question struct {
	Figure string
	// Organization: only what happened in it, if not empty.
	Organization string
	// From and To are the first and the last day, zero for 30 days that end
	// today; the hours do not matter.
	From, To time.Time
	// By is what the counts are told apart by; empty: they are added up.
	By string
	// Interval is how long a row is: day (if empty), week, month. The first and
	// last row hold only what lies between From and To.
	Interval string
}

// Row is the counts of one key in one interval, or over all of them.
type Row struct {
	Start  string // YYYY-MM-DD; empty over all intervals
	Key    string // empty where nothing is told apart
	Values map[string]int64
}

// Answer is a figure.
type Answer struct {
	Question
	// Rows are in the order of time, then of the key; intervals in which nothing
	// happened have none.
	Rows []Row
	// Totals are over the whole range, the largest first. People who were active
	// cannot be added up, and stand in Rows only.
	Totals []Row
}

// Reader is what the service reads.
type Reader interface {
	RollupsOf(ctx context.Context, dimension, subject string, fromDay, toDay int64) ([]storage.Rollup, error)
	CountUsers(ctx context.Context, q storage.UserQuery) (int64, error)
	CountMembers(ctx context.Context, q storage.MemberQuery) (int64, error)
	MembersWithFactor(ctx context.Context, organizationID string) (int64, error)
	QueryEvents(ctx context.Context, q storage.EventQuery) ([]storage.Event, error)
}

// Service answers figures. It is safe for concurrent use.
type Service struct {
	store Reader
	clock clock.Clock
	now   *otter.Cache[string, Present]
}

// New makes a Service.
func New(store Reader, c clock.Clock) (*Service, error) {
	now, err := otter.New(&otter.Options[string, Present]{MaximumSize: 10_000})
	if err != nil {
		return nil, fmt.Errorf("figures: cache: %w", err)
	}
	return &Service{store: store, clock: c, now: now}, nil
}

// Ask answers a question. What is wrong with it is a fault.Invalid.
func (s *Service) Ask(ctx context.Context, q Question) (Answer, error) {
	q, b, from, to, err := s.check(q)
	if err != nil {
		return Answer{}, err
	}
	rollups, err := s.store.RollupsOf(ctx, b.dimension, q.Organization, from, to)
	if err != nil {
		return Answer{}, fmt.Errorf("figures: %s: %w", q.Figure, err)
	}
	rows, totals := map[place]map[string]int64{}, map[string]map[string]int64{}
	tell := largest(rollups, b, q.By)
	for _, r := range rollups {
		if !slices.Contains(b.measures, r.Outcome) {
			continue
		}
		key, measure := tell(r)
		start := max(begins(q.Interval, r.Day), from)
		sum(rows, place{start, key}, measure, r.Total)
		sum(totals, key, measure, r.Total)
	}
	if q.Figure == Users && q.By == "" {
		if err := s.active(ctx, q, from, to, rows); err != nil {
			return Answer{}, err
		}
	}
	return Answer{Question: q, Rows: inTime(rows), Totals: bySize(totals)}, nil
}

// place is where a row stands.
type place struct {
	start int64
	key   string
}

func sum[K comparable](m map[K]map[string]int64, k K, measure string, n int64) {
	if m[k] == nil {
		m[k] = map[string]int64{}
	}
	m[k][measure] += n
}

// active adds who was active in each whole interval of the range; of one that
// From or To cuts, the people of all of it.
func (s *Service) active(ctx context.Context, q Question, from, to int64, rows map[place]map[string]int64) error {
	rollups, err := s.store.RollupsOf(ctx, usersActive, q.Organization, begins(q.Interval, from), to)
	if err != nil {
		return fmt.Errorf("figures: active: %w", err)
	}
	known := map[int64]int64{}
	for _, r := range rollups { // kept comes behind active
		if r.Type == q.Interval {
			known[max(r.Day, from)] = r.Total
		}
	}
	for day, n := range known {
		sum(rows, place{day, ""}, measureActive, n)
	}
	return nil
}

// largest returns what tells the key and the measure of a row: of many clients
// only those with the highest counts keep theirs.
func largest(rollups []storage.Rollup, b breakdown, by string) func(storage.Rollup) (key, measure string) {
	switch {
	case by == "":
		return func(r storage.Rollup) (string, string) { return "", r.Outcome }
	case b.flip:
		return func(r storage.Rollup) (string, string) { return r.Outcome, measureEvents }
	case !b.wide:
		return func(r storage.Rollup) (string, string) { return r.Type, r.Outcome }
	}
	totals := map[string]map[string]int64{}
	for _, r := range rollups {
		sum(totals, r.Type, measureEvents, r.Total)
	}
	kept := map[string]bool{}
	for i, r := range bySize(totals) {
		kept[r.Key] = i < maxKeys
	}
	return func(r storage.Rollup) (string, string) {
		if kept[r.Type] {
			return r.Type, r.Outcome
		}
		return Other, r.Outcome
	}
}

func inTime(rows map[place]map[string]int64) []Row {
	places := make([]place, 0, len(rows))
	for p := range rows {
		places = append(places, p)
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.key, b.key)) })
	out := make([]Row, len(places))
	for i, p := range places {
		out[i] = Row{Start: dayText(p.start), Key: p.key, Values: rows[p]}
	}
	return out
}

func bySize(totals map[string]map[string]int64) []Row {
	all := func(r Row) (n int64) {
		for _, v := range r.Values {
			n += v
		}
		return n
	}
	out := make([]Row, 0, len(totals))
	for key, values := range totals {
		out = append(out, Row{Key: key, Values: values})
	}
	slices.SortFunc(out, func(a, b Row) int { return cmp.Or(cmp.Compare(all(b), all(a)), cmp.Compare(a.Key, b.Key)) })
	return out
}

// check completes a question and finds the counts that answer it.
func (s *Service) check(q Question) (_ Question, b breakdown, from, to int64, err error) {
	all := breakdowns(q.Figure)
	if len(all) == 0 {
		return q, b, 0, 0, fault.New(fault.NotFound, "there is no such figure")
	}
	b = all[0]
	if q.By != "" {
		i := slices.IndexFunc(all, func(one breakdown) bool { return one.by == q.By })
		if i < 0 {
			names := make([]string, len(all))
			for i, one := range all {
				names[i] = one.by
			}
			return q, b, 0, 0, fault.Field("query.by", fmt.Sprintf("%s are told apart by one of %q", q.Figure, names))
		}
		b = all[i]
	}
	q.Interval = cmp.Or(q.Interval, ByDay)
	if !slices.Contains(periods(), q.Interval) {
		return q, b, 0, 0, fault.Field("query.interval", fmt.Sprintf("write one of %q", periods()))
	}
	if q.To.IsZero() {
		q.To = s.clock.Now()
	}
	if q.From.IsZero() {
		q.From = q.To.AddDate(0, 0, 1-usual)
	}
	from, to = activity.Day(q.From), activity.Day(q.To)
	most := int64(maxDays)
	if b.wide {
		most = maxWideDays
	}
	switch {
	case from < 1 || to < from:
		return q, b, 0, 0, fault.Field("query.from", "from is a day before to")
	case to-from >= most:
		return q, b, 0, 0, fault.Field("query.from", "ask for at most "+strconv.FormatInt(most, 10)+" days at once")
	}
	q.From, q.To = activity.Date(from), activity.Date(to)
	return q, b, from, to, nil
}

// fresh is how long what is counted now is remembered: counting asks for a row
// of every person.
const fresh = 30 * time.Second

// Present is what there is now.
type Present struct {
	Users      int64 // accounts that are not deleted, or members
	WithFactor int64 // who have confirmed a second factor
	At         time.Time
}

// Adoption is the part of the people who have a second factor, 0 to 1; ok is
// false where there is nobody.
func (p Present) Adoption() (part float64, ok bool) {
	if p.Users == 0 {
		return 0, false
	}
	return float64(p.WithFactor) / float64(p.Users), true
}

// Now counts the people of an organization, or of the whole system; the answer
// may be half a minute old.
func (s *Service) Now(ctx context.Context, organization string) (Present, error) {
	now := s.clock.Now()
	if p, ok := s.now.GetIfPresent(organization); ok && now.Sub(p.At).Abs() < fresh {
		return p, nil
	}
	p := Present{At: now}
	var err error
	if organization == "" {
		p.Users, err = s.store.CountUsers(ctx, storage.UserQuery{})
	} else {
		p.Users, err = s.store.CountMembers(ctx, storage.MemberQuery{OrganizationID: organization})
	}
	if err == nil {
		p.WithFactor, err = s.store.MembersWithFactor(ctx, organization)
	}
	if err != nil {
		return p, fmt.Errorf("figures: now: %w", err)
	}
	s.now.Set(organization, p)
	return p, nil
}

// Alert is a security event.
type Alert struct {
	storage.Event
	Severity event.Severity
}

// Watch asks for security events, newest first.
type Watch struct {
	Least                 event.Severity
	Organization, Subject string
	From, To              time.Time // zero: no bound
	Before                int64     // seq below which to begin; 0: from the newest
	Limit                 int       // 1 to 500
}

// looks bounds how many stretches of the record one answer reads.
const looks = 4

// Alerts lists security events and says below which seq to go on; 0: there are
// no more. An answer may hold fewer than asked for and still have more behind.
func (s *Service) Alerts(ctx context.Context, w Watch) (alerts []Alert, before int64, err error) {
	types := event.SecurityTypes(w.Least)
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = string(t)
	}
	q := storage.EventQuery{Subject: w.Subject, Organization: w.Organization, Types: names, From: w.From, To: w.To, Before: w.Before, Limit: w.Limit}
	for range looks {
		events, err := s.store.QueryEvents(ctx, q)
		if err != nil {
			return nil, 0, fmt.Errorf("figures: security events: %w", err)
		}
		for _, e := range events {
			if severity := event.SeverityOf(e.Type, e.Data); severity.AtLeast(w.Least) {
				alerts = append(alerts, Alert{e, severity})
			}
			if q.Before = e.Seq; len(alerts) == w.Limit {
				return alerts, q.Before, nil
			}
		}
		if len(events) < w.Limit {
			return alerts, 0, nil
		}
	}
	return alerts, q.Before, nil
}
