package shape

import (
	"context"
	"net/url"
	"time"

	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/figures"
)

// Figure is a figure as routes name it.
type Figure struct{ Name, Title, Summary string }

// Figures lists them.
func Figures() []Figure {
	return []Figure{
		{figures.Logins, "Logins", "Logins by method, result, reason or client"},
		{figures.Users, "Users", "New, deleted and active people"},
		{figures.MFA, "MFA", "Second factors: used, refused, set up, removed"},
		{figures.Tokens, "Tokens", "Tokens issued and refused, by grant or client"},
		{figures.Security, "Security", "Security events by severity or type"},
	}
}

// AnalyticsQuery is the query of a figure.
type AnalyticsQuery struct {
	From     string `json:"from" doc:"The first day (2026-01-31, UTC); 30 days before to by default."`
	To       string `json:"to" doc:"The last day; today by default."`
	By       string `json:"by" doc:"What to tell apart: logins by method, result, reason or client; users by source; mfa by method or reason; tokens by grant or client; security by severity or type. Without it everything is added up."`
	Interval string `json:"interval" doc:"How long a row is: day (the default), week (from Monday) or month."`
}

// Analytics is a figure over a range of days.
type Analytics struct {
	Figure         string  `json:"figure"`
	From           string  `json:"from" format:"date"`
	To             string  `json:"to" format:"date"`
	By             *string `json:"by"`
	Interval       string  `json:"interval"`
	OrganizationID *string `json:"organization_id"`
	// Rows have no entry for an interval in which nothing happened.
	Rows []AnalyticsRow `json:"rows"`
	// Totals are the sums over the range, the largest first.
	Totals []AnalyticsTotal `json:"totals"`
	// Now is how many people there are, for users and mfa.
	Now *AnalyticsNow `json:"now"`
}

// AnalyticsRow is one interval, and one key where something is told apart.
type AnalyticsRow struct {
	Start  string           `json:"start" format:"date"`
	Key    *string          `json:"key"`
	Values map[string]int64 `json:"values"`
}

// AnalyticsTotal is the sum of all intervals.
type AnalyticsTotal struct {
	Key    *string          `json:"key"`
	Values map[string]int64 `json:"values"`
}

// AnalyticsNow is what there is at this moment; it may be half a minute old.
type AnalyticsNow struct {
	Users      int64    `json:"users"`
	WithFactor int64    `json:"users_with_factor"`
	Adoption   *float64 `json:"mfa_adoption"` // 0 to 1; null without people
}

// AnalyticsOf answers a question.
func AnalyticsOf(ctx context.Context, s *figures.Service, q figures.Question) (Analytics, error) {
	a, err := s.Ask(ctx, q)
	if err != nil {
		return Analytics{}, err
	}
	out := Analytics{
		Figure: a.Figure, From: a.From.Format(time.DateOnly), To: a.To.Format(time.DateOnly), By: optional(a.By),
		Interval: a.Interval, OrganizationID: optional(a.Organization), Rows: []AnalyticsRow{}, Totals: []AnalyticsTotal{},
	}
	for _, row := range a.Rows {
		out.Rows = append(out.Rows, AnalyticsRow{row.Start, optional(row.Key), row.Values})
	}
	for _, row := range a.Totals {
		out.Totals = append(out.Totals, AnalyticsTotal{optional(row.Key), row.Values})
	}
	if a.Figure != figures.Users && a.Figure != figures.MFA {
		return out, nil
	}
	p, err := s.Now(ctx, a.Organization)
	if err != nil {
		return Analytics{}, err
	}
	out.Now = &AnalyticsNow{Users: p.Users, WithFactor: p.WithFactor}
	if part, ok := p.Adoption(); ok {
		out.Now.Adoption = &part
	}
	return out, nil
}

// ReadQuestion reads the query of a figure; whose it is, the caller adds.
func ReadQuestion(figure string, v url.Values) (q figures.Question, err error) {
	q = figures.Question{Figure: figure, By: v.Get("by"), Interval: v.Get("interval")}
	if q.From, err = ReadDay(v, "from"); err == nil {
		q.To, err = ReadDay(v, "to")
	}
	return q, err
}

// ReadDay reads a date, or the day of a time (RFC 3339); zero when not given.
func ReadDay(v url.Values, name string) (time.Time, error) {
	text := v.Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339Nano} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fault.Field("query."+name, "write a date such as 2026-01-31, or a time (RFC 3339)")
}
