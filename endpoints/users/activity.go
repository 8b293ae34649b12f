package users

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/activity"
	"github.com/signet-idp/signet/provider/directory"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
)

// ActivityItem is one thing that a person did.
type ActivityItem struct {
	ID         string         `json:"id"`
	Action     string         `json:"action"`
	Resource   *string        `json:"resource"`
	ResourceID *string        `json:"resource_id"`
	Timestamp  *string        `json:"timestamp"`  // when it happened
	CreatedAt  *string        `json:"created_at"` // when it was recorded
	Success    bool           `json:"success"`
	IPAddress  *string        `json:"ip_address"`
	UserAgent  *string        `json:"user_agent"`
	Metadata   map[string]any `json:"metadata"`
}

func (h *Handler) items(list []activity.Activity) []ActivityItem {
	out := make([]ActivityItem, 0, len(list))
	for _, a := range list {
		out = append(out, ActivityItem{
			ID: a.ID, Action: a.Action, Resource: optional(a.Resource), ResourceID: optional(a.ResourceID),
			Timestamp: h.Shapes.Times.Ptr(a.Time), CreatedAt: h.Shapes.Times.Ptr(a.RecordedAt), Success: a.Success,
			IPAddress: optional(a.IPAddress), UserAgent: optional(a.UserAgent), Metadata: a.Metadata,
		})
	}
	return out
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// ActivityQuery is the query of GET /users/{user_id}/activity.
type ActivityQuery struct {
	Page     int    `json:"page"`
	PageSize int    `json:"page_size"`
	Limit    int    `json:"limit"`
	Offset   int    `json:"offset"`
	From     string `json:"from"`
	To       string `json:"to"`
	Action   string `json:"action"`
	// OrganizationID is where an administrator looks; without it, in the
	// token's organization.
	OrganizationID string `json:"organization_id"`
}

// ActivityList is a page of activities and what they count up to.
type ActivityList struct {
	UserID              string           `json:"user_id"`
	TotalActivities     int64            `json:"total_activities"`
	ActivitiesToday     int64            `json:"activities_today"`
	ActivitiesThisWeek  int64            `json:"activities_this_week"`
	ActivitiesThisMonth int64            `json:"activities_this_month"`
	Activities          []ActivityItem   `json:"activities"`
	RecentActivities    []ActivityItem   `json:"recent_activities"`
	ActivitiesByType    map[string]int64 `json:"activities_by_type"`
	ActivitiesByDay     map[string]int64 `json:"activities_by_day"`
	SuccessRate         *float64         `json:"success_rate"` // 0 to 1; null without activities
	TotalCount          int64            `json:"total_count"`
	Page                int              `json:"page"`
	PageSize            int              `json:"page_size"`
}

// activity is GET /users/{user_id}/activity.
func (h *Handler) activity(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	u, sight, err := h.person(r, "read:activity")
	if err != nil {
		return err
	}
	view := activity.View{UserID: u.ID, Personal: sight == directory.SightFull}
	if sight != directory.SightFull {
		if view.OrganizationID, err = h.looksFrom(r, u.ID); err != nil {
			return err
		}
	}
	paging, err := web.ReadPaging(r)
	if err != nil {
		return err
	}
	filter, err := readFilter(r)
	if err != nil {
		return err
	}
	list, err := h.Activity.Of(ctx, view, filter, activity.Page{Offset: paging.Offset, Limit: paging.Size})
	if err != nil {
		return err
	}
	totals, err := h.Activity.TotalsOf(ctx, view)
	if err != nil {
		return err
	}
	items := h.items(list.Activities)
	out := ActivityList{
		UserID: u.ID, TotalActivities: totals.All, ActivitiesToday: totals.Today, ActivitiesThisWeek: totals.Week,
		ActivitiesThisMonth: totals.Month, Activities: items, RecentActivities: items,
		ActivitiesByType: totals.ByType, ActivitiesByDay: totals.ByDay,
		TotalCount: list.Total, Page: paging.Page, PageSize: paging.Size,
	}
	if rate, ok := totals.SuccessRate(); ok {
		out.SuccessRate = &rate
	}
	paging.Describe(w, r, list.Total, "")
	return web.WriteJSON(w, http.StatusOK, out)
}

// looksFrom is the organization in which somebody who does not see the whole of
// a person may see what they did there: one they both belong to.
func (h *Handler) looksFrom(r *http.Request, userID string) (string, error) {
	ctx, c := r.Context(), shape.CallerOf(r.Context())
	id := r.URL.Query().Get("organization_id")
	if id == "" {
		id = c.OrganizationID
	}
	if id == "" {
		return "", fault.New(fault.Forbidden, "name the organization: organization_id")
	}
	o, _, err := h.Directory.Organization(ctx, c, id, "read:activity")
	if err != nil {
		return "", err
	}
	if _, err := h.Store.Membership(ctx, o.ID, userID); err != nil {
		return "", fault.Wrap(err, fault.UserNotFound, "there is no such user in this organization")
	}
	return o.ID, nil
}

func readFilter(r *http.Request) (activity.Filter, error) {
	q := r.URL.Query()
	f := activity.Filter{Action: q.Get("action")}
	if !event.Enumeration(f.Action) {
		return f, fault.Field("query.action", "write an action such as user.login")
	}
	for _, bound := range []struct {
		name string
		to   *time.Time
		// A date is the whole day: as an end, up to its end.
		end bool
	}{{"from", &f.From, false}, {"to", &f.To, true}} {
		text := q.Get(bound.name)
		if text == "" {
			continue
		}
		at, ok := parseTime(text)
		if !ok {
			var err error
			if at, err = time.Parse(time.DateOnly, text); err != nil {
				return f, fault.Field("query."+bound.name, "write a time (RFC 3339) or a date, such as 2026-01-31")
			}
			if bound.end {
				at = at.AddDate(0, 0, 1)
			}
		}
		*bound.to = at
	}
	return f, nil
}

// parseTime reads RFC 3339 and, as UTC, the same without an offset: what
// Python's isoformat writes of a naive time.
func parseTime(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}

// ActivityRequest is one reported activity; the body is one, or a list of at
// most 500.
type ActivityRequest struct {
	Action     string         `json:"action"`
	Resource   string         `json:"resource"`
	ResourceID string         `json:"resource_id"`
	Metadata   map[string]any `json:"metadata"`
	OccurredAt *string        `json:"occurred_at"` // RFC 3339; now if left out
}

// report decodes one activity and checks it.
func (h *Handler) report(r *http.Request, raw []byte) (activity.Report, error) {
	var q ActivityRequest
	if err := web.DecodeBytes(r, raw, &q); err != nil {
		return activity.Report{}, err
	}
	out := activity.Report{Action: q.Action, Resource: q.Resource, ResourceID: q.ResourceID, Metadata: q.Metadata}
	if q.OccurredAt != nil && *q.OccurredAt != "" {
		var ok bool
		if out.OccurredAt, ok = parseTime(*q.OccurredAt); !ok {
			return out, fault.Field("occurred_at", "write a time (RFC 3339)")
		}
	}
	return out, h.Activity.Check(out)
}

// ActivityRecorded answers one reported activity.
type ActivityRecorded struct {
	ID         string  `json:"id"`
	ActivityID string  `json:"activity_id"`
	UserID     string  `json:"user_id"`
	Action     string  `json:"action"`
	CreatedAt  *string `json:"created_at"`
}

// ActivityBatch answers a list of them.
type ActivityBatch struct {
	Accepted    int        `json:"accepted"`
	ActivityIDs []string   `json:"activity_ids"` // in the order of those accepted
	Rejected    []Rejected `json:"rejected"`
}

// Rejected says what is wrong with one of a list.
type Rejected struct {
	Index  int    `json:"index"` // from 0
	Detail string `json:"detail"`
}

// record is POST /auth/users/{user_id}/activity.
func (h *Handler) record(w http.ResponseWriter, r *http.Request) error {
	ctx, c := r.Context(), shape.CallerOf(r.Context())
	if !c.Service {
		return fault.New(fault.Forbidden, "activities are reported by services, with a token of their own")
	}
	id := r.PathValue("user_id")
	within, err := h.Directory.Within(ctx, c, id)
	if err != nil {
		return err
	}
	if !within {
		return fault.New(fault.UserNotFound, "there is no such user")
	}
	if _, err := h.account(r, id); err != nil {
		return err
	}
	body, err := web.ReadBody(r)
	if err != nil {
		return err
	}
	from := activity.Source{ClientID: c.ID, OrganizationID: c.OrganizationID}
	if bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("[")) {
		return h.recordAll(w, r, from, id, body)
	}
	if len(body) == 0 {
		return fault.New(fault.Invalid, "a JSON body is required")
	}
	report, err := h.report(r, body)
	if err != nil {
		return err
	}
	done, err := h.Activity.Record(ctx, from, id, []activity.Report{report})
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusCreated, ActivityRecorded{
		ID: done[0].ID, ActivityID: done[0].ID, UserID: id, Action: done[0].Action, CreatedAt: h.Shapes.Times.Ptr(done[0].CreatedAt),
	})
}

func (h *Handler) recordAll(w http.ResponseWriter, r *http.Request, from activity.Source, userID string, body []byte) error {
	var list []json.RawMessage
	if err := web.DecodeBytes(r, body, &list); err != nil {
		return err
	}
	if len(list) > activity.MaxReports {
		return fault.Newf(fault.TooLarge, "report at most %d activities at once", activity.MaxReports)
	}
	out := ActivityBatch{ActivityIDs: []string{}, Rejected: []Rejected{}}
	var reports []activity.Report
	for i, raw := range list {
		report, err := h.report(r, raw)
		if err != nil {
			out.Rejected = append(out.Rejected, Rejected{Index: i, Detail: detail(err)})
			continue
		}
		reports = append(reports, report)
	}
	done, err := h.Activity.Record(r.Context(), from, userID, reports)
	if err != nil {
		return err
	}
	out.Accepted = len(done)
	for _, d := range done {
		out.ActivityIDs = append(out.ActivityIDs, d.ID)
	}
	return web.WriteJSON(w, http.StatusCreated, out)
}
