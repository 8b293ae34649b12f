package admin

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/figures"
)

func (h *Handler) analytics() []web.Route {
	tags := []string{"Operators: analytics"}
	var out []web.Route
	for _, one := range shape.Figures() {
		out = append(out, h.route("read:system:metrics", h.figure(one.Name), web.Route{
			Name: "adminAnalytics" + one.Title, Summary: one.Summary, Tags: tags,
			Methods: []string{http.MethodGet}, Path: "/admin/v1/analytics/" + one.Name,
			Query: web.TypeOf[AnalyticsQuery](), Response: web.TypeOf[shape.Analytics](), Errors: []string{"REQ_001", "ORG_001"},
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
	shape.AnalyticsQuery
	OrganizationID string `json:"organization_id" doc:"Only what happened in this organization (id or slug)."`
}

func (h *Handler) figure(name string) act {
	return func(w http.ResponseWriter, r *http.Request, _ access.Holder) error {
		q, err := shape.ReadQuestion(name, r.URL.Query())
		if err != nil {
			return err
		}
		if q.Organization, err = h.organizationOfQuery(r); err != nil {
			return err
		}
		out, err := shape.AnalyticsOf(r.Context(), h.Figures, q)
		if err != nil {
			return err
		}
		return web.WriteJSON(w, http.StatusOK, out)
	}
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
	if out.From, err = shape.ReadDay(v, "from"); err != nil {
		return out, err
	}
	if out.To, err = shape.ReadDay(v, "to"); err != nil {
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
