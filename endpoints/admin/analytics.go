package admin

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/figures"
)

func (h *Handler) analytics() []web.Route {
	tags := []string{"Operators: analytics"}
	var out []web.Route
	for _, one := range []struct{ figure, summary string }{
		{figures.Logins, "Logins by method, result, reason or client"},
		{figures.Users, "New, deleted and active people"},
		{figures.MFA, "Second factors: used, refused, set up, removed"},
		{figures.Tokens, "Tokens issued and refused, by grant or client"},
		{figures.Security, "Security events by severity or type"},
	} {
		out = append(out, h.route("read:system:metrics", h.figure(one.figure), web.Route{
			Name: "adminAnalytics" + strings.ToUpper(one.figure[:1]) + one.figure[1:], Summary: one.summary, Tags: tags,
			Methods: []string{http.MethodGet}, Path: "/admin/v1/analytics/" + one.figure,
			Query: web.TypeOf[AnalyticsQuery](), Response: web.TypeOf[Analytics](), Errors: []string{"REQ_001", "ORG_001"},
		}))
	}
	return append(out, h.route("read:system:events", h.securityEvents, web.Route{
		Name: "adminSecurityEvents", Summary: "What concerns security, newest first", Tags: tags,
		Methods: []string{http.MethodGet}, Path: "/admin/v1/security-events",
		Query: web.TypeOf[SecurityQuery](), Response: web.TypeOf[SecurityEvents](), Errors: []string{"REQ_001"},
	}))
}

// AnalyticsQuery is the query of a figure.
type AnalyticsQuery struct {
	From           string `json:"from" doc:"The first day (2026-01-31, UTC); 30 days before to by default."`
	To             string `json:"to" doc:"The last day; today by default."`
	By             string `json:"by" doc:"What to tell apart: logins by method, result, reason or client; users by source; mfa by method or reason; tokens by grant or client; security by severity or type. Without it everything is added up."`
	Interval       string `json:"interval" doc:"How long a row is: day (the default), week (from Monday) or month."`
	OrganizationID string `json:"organization_id" doc:"Only what happened in this organization."`
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

func (h *Handler) figure(name string) act {
	return func(w http.ResponseWriter, r *http.Request, _ access.Holder) error {
		q, err := readQuestion(name, r.URL.Query())
		if err != nil {
			return err
		}
		if q.Organization != "" {
			o, err := h.organization(r.Context(), q.Organization)
			if err != nil {
				return err
			}
			q.Organization = o.ID
		}
		a, err := h.Figures.Ask(r.Context(), q)
		if err != nil {
			return err
		}
		out := Analytics{
			Figure: name, From: a.From.Format(time.DateOnly), To: a.To.Format(time.DateOnly), By: optional(a.By),
			Interval: a.Interval, OrganizationID: optional(a.Organization), Rows: []AnalyticsRow{}, Totals: []AnalyticsTotal{},
		}
		for _, row := range a.Rows {
			out.Rows = append(out.Rows, AnalyticsRow{row.Start, optional(row.Key), row.Values})
		}
		for _, row := range a.Totals {
			out.Totals = append(out.Totals, AnalyticsTotal{optional(row.Key), row.Values})
		}
		if name == figures.Users || name == figures.MFA {
			p, err := h.Figures.Now(r.Context(), q.Organization)
			if err != nil {
				return err
			}
			out.Now = &AnalyticsNow{Users: p.Users, WithFactor: p.WithFactor}
			if part, ok := p.Adoption(); ok {
				out.Now.Adoption = &part
			}
		}
		return web.WriteJSON(w, http.StatusOK, out)
	}
}

func readQuestion(name string, v url.Values) (q figures.Question, err error) {
	q = figures.Question{Figure: name, By: v.Get("by"), Interval: v.Get("interval"), Organization: v.Get("organization_id")}
	if q.From, err = readDay(v, "from"); err == nil {
		q.To, err = readDay(v, "to")
	}
	return q, err
}

// readDay reads a date, or the day of a time (RFC 3339); zero when not given.
func readDay(v url.Values, name string) (time.Time, error) {
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

// SecurityQuery is the query of GET /admin/v1/security-events.
type SecurityQuery struct {
	Severity       string `json:"severity" doc:"The least severity: low (the default), medium, high or critical."`
	OrganizationID string `json:"organization_id"`
	UserID         string `json:"user_id"`
	From           string `json:"from" doc:"The first day (2026-01-31, UTC)."`
	To             string `json:"to" doc:"The last day."`
	Before         int64  `json:"before" doc:"The next_before of the answer before."`
	Limit          int    `json:"limit" doc:"How many at most: 1 to 500, 50 by default."`
}

// SecurityEvent is an event that concerns security.
type SecurityEvent struct {
	ID             string         `json:"id"`
	Seq            int64          `json:"seq"`
	Type           string         `json:"type"`
	Severity       string         `json:"severity"`
	Timestamp      *string        `json:"timestamp" format:"date-time"`
	Subject        *string        `json:"subject"`
	Actor          *string        `json:"actor"`
	OrganizationID *string        `json:"organization_id"`
	RequestID      *string        `json:"request_id"`
	Data           map[string]any `json:"data"` // ids and enumerations, as in docs/events.md
}

// SecurityEvents is a page of them. It may be shorter than asked for and still
// have a next one.
type SecurityEvents struct {
	Events     []SecurityEvent `json:"events"`
	NextBefore *int64          `json:"next_before"` // null: there are no more
}

const (
	usualSecurityEvents = 50
	maxSecurityEvents   = 500
)

func (h *Handler) securityEvents(w http.ResponseWriter, r *http.Request, _ access.Holder) error {
	watch, err := readWatch(r.URL.Query())
	if err != nil {
		return err
	}
	alerts, before, err := h.Figures.Alerts(r.Context(), watch)
	if err != nil {
		return err
	}
	out := SecurityEvents{Events: []SecurityEvent{}}
	if before > 0 {
		out.NextBefore = &before
	}
	for _, a := range alerts {
		e := SecurityEvent{
			ID: a.ID, Seq: a.Seq, Type: a.Type, Severity: string(a.Severity), Timestamp: h.Shape.Times.Ptr(a.Time), Subject: optional(a.Subject),
			Actor: optional(a.Actor), OrganizationID: optional(a.Organization), RequestID: optional(a.Request), Data: map[string]any{},
		}
		if len(a.Data) > 0 {
			if err := json.Unmarshal(a.Data, &e.Data); err != nil {
				return err
			}
		}
		out.Events = append(out.Events, e)
	}
	return web.WriteJSON(w, http.StatusOK, out)
}

func readWatch(v url.Values) (figures.Watch, error) {
	out := figures.Watch{Least: event.SeverityLow, Organization: v.Get("organization_id"), Subject: v.Get("user_id"), Limit: usualSecurityEvents}
	if s := v.Get("severity"); s != "" {
		out.Least = event.Severity(s)
		if !slices.Contains(event.Severities()[1:], out.Least) {
			return out, fault.Field("query.severity", "write low, medium, high or critical")
		}
	}
	for _, id := range []struct{ name, value string }{{"organization_id", out.Organization}, {"user_id", out.Subject}} {
		if id.value != "" && !isID(id.value) {
			return out, fault.Field("query."+id.name, "write an id")
		}
	}
	var err error
	if out.From, err = readDay(v, "from"); err != nil {
		return out, err
	}
	if out.To, err = readDay(v, "to"); err != nil {
		return out, err
	}
	if !out.To.IsZero() {
		out.To = out.To.Truncate(24*time.Hour).AddDate(0, 0, 1)
	}
	out.From = out.From.Truncate(24 * time.Hour)
	for _, n := range []struct {
		name string
		set  func(int64)
		most int64
	}{{"before", func(n int64) { out.Before = n }, 1 << 62}, {"limit", func(n int64) { out.Limit = int(n) }, maxSecurityEvents}} {
		text := v.Get(n.name)
		if text == "" {
			continue
		}
		number, err := strconv.ParseInt(text, 10, 64)
		if err != nil || number < 1 || number > n.most {
			return out, fault.Field("query."+n.name, "write a number from 1 to "+strconv.FormatInt(n.most, 10))
		}
		n.set(number)
	}
	return out, nil
}
