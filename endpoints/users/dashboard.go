package users

import (
	"errors"
	"math"
	"net/http"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/activity"
	"github.com/signet-idp/signet/provider/dashboard"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// ActivitySummary counts activities; days, weeks from Monday and months of UTC.
type ActivitySummary struct {
	Total     int64            `json:"total"`
	Today     int64            `json:"today"`
	ThisWeek  int64            `json:"this_week"`
	ThisMonth int64            `json:"this_month"`
	ByType    map[string]int64 `json:"by_type"`
	ByDay     map[string]int64 `json:"by_day"`
}

func summaryOf(t activity.Totals) ActivitySummary {
	return ActivitySummary{Total: t.All, Today: t.Today, ThisWeek: t.Week, ThisMonth: t.Month, ByType: t.ByType, ByDay: t.ByDay}
}

// Dashboard is a person's.
type Dashboard struct {
	User             shape.User          `json:"user"`
	Organization     *shape.Organization `json:"organization"`
	Profile          Profile             `json:"profile"`
	ActivitySummary  ActivitySummary     `json:"activity_summary"`
	RecentActivity   []ActivityItem      `json:"recent_activity"`
	RecentActivities []ActivityItem      `json:"recent_activities"`
	Statistics       Statistics          `json:"statistics"`
	SessionCount     int64               `json:"session_count"`
	MFAMethods       []shape.Method      `json:"mfa_methods"`
	Preferences      map[string]any      `json:"preferences"`
}

// Statistics are a person's figures.
type Statistics struct {
	TotalLogins        int64 `json:"total_logins"`
	OrganizationsCount int   `json:"organizations_count"`
	MFAMethods         int   `json:"mfa_methods"`
}

// dashboard is GET /users/{user_id}/dashboard.
func (h *Handler) dashboard(w http.ResponseWriter, r *http.Request) error {
	u, err := h.fully(r)
	if err != nil {
		return err
	}
	d, err := h.Dashboards.Person(r.Context(), u.ID)
	if err != nil {
		return err
	}
	factors, err := h.Factors.Methods(r.Context(), u.ID)
	if err != nil {
		return err
	}
	user, recent := h.Shapes.UserOf(d.Account), h.items(d.Recent)
	preferences := shape.Object(d.Account.User.Profile, "preferences")
	out := Dashboard{
		User: user, Profile: Profile{User: user, Preferences: preferences}, ActivitySummary: summaryOf(d.Totals),
		RecentActivity: recent, RecentActivities: recent,
		Statistics:   Statistics{TotalLogins: d.Logins, OrganizationsCount: len(d.Account.Memberships), MFAMethods: d.Account.Factors},
		SessionCount: d.Sessions, MFAMethods: h.Shapes.MethodsOf(factors).Methods, Preferences: preferences,
	}
	if o := d.Account.Organization; o != nil {
		organization := h.Shapes.OrganizationOf(*o, d.Members)
		out.Organization = &organization
	}
	return web.WriteJSON(w, http.StatusOK, out)
}

// OrganizationDashboard is an organization's.
type OrganizationDashboard struct {
	Organization     shape.Organization `json:"organization"`
	MemberCount      int64              `json:"member_count"`
	UserCount        int64              `json:"user_count"`
	Stats            OrganizationStats  `json:"stats"`
	RecentUsers      []shape.Member     `json:"recent_users"`
	RecentActivities []MemberActivity   `json:"recent_activities"`
	ActivitySummary  ActivitySummary    `json:"activity_summary"`
	UsageStats       UsageStats         `json:"usage_stats"`
	SubscriptionInfo SubscriptionInfo   `json:"subscription_info"`
	Settings         map[string]any     `json:"settings"`
}

// OrganizationStats are an organization's figures.
type OrganizationStats struct {
	TotalUsers       int64   `json:"total_users"`
	ActiveUsers      int64   `json:"active_users"` // signed in within 30 days
	PendingInvites   int64   `json:"pending_invites"`
	MFAAdoption      float64 `json:"mfa_adoption"` // part of the members, 0 to 1
	Logins7d         int64   `json:"logins_7d"`
	SubscriptionTier *string `json:"subscription_tier"`
}

// UsageStats count use.
type UsageStats struct {
	Members         int64 `json:"members"`
	ActiveUsers     int64 `json:"active_users"`
	LoginsToday     int64 `json:"logins_today"`
	Logins7d        int64 `json:"logins_7d"`
	Logins30d       int64 `json:"logins_30d"`
	FailedLogins30d int64 `json:"failed_logins_30d"`
	Activities30d   int64 `json:"activities_30d"`
}

// SubscriptionInfo is what the organization's record says of its subscription.
type SubscriptionInfo struct {
	Tier             *string `json:"tier"`
	SubscriptionTier *string `json:"subscription_tier"`
	Status           string  `json:"status"`
	TrialEndsAt      *string `json:"trial_ends_at"`
}

// MemberActivity is what somebody did in an organization.
type MemberActivity struct {
	ActivityItem
	UserID  *string `json:"user_id"`
	ActorID *string `json:"actor_id"`
}

// organizationDashboard is GET /organizations/{org_id}/dashboard. Who may not
// see the activity of others sees what happened to the organization.
func (h *Handler) organizationDashboard(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	o, holder, err := h.Directory.Organization(ctx, shape.CallerOf(ctx), r.PathValue("org_id"), "read:dashboard")
	if err != nil {
		return err
	}
	people, err := h.Directory.May(ctx, holder, "read:activity")
	if err != nil {
		return err
	}
	full, err := h.Directory.May(ctx, holder, "write:members")
	if err != nil {
		return err
	}
	d, err := h.Dashboards.Organization(ctx, o.ID, people)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, h.organizationDashboardOf(o, d, full))
}

func (h *Handler) organizationDashboardOf(o storage.Organization, d dashboard.Organization, full bool) OrganizationDashboard {
	organization := h.Shapes.OrganizationOf(o, d.Members)
	out := OrganizationDashboard{
		Organization: organization, MemberCount: d.Members, UserCount: d.Members,
		Stats: OrganizationStats{
			TotalUsers: d.Members, ActiveUsers: d.Active, PendingInvites: d.Invitations, Logins7d: d.Logins7,
			SubscriptionTier: organization.SubscriptionTier,
		},
		RecentUsers: make([]shape.Member, 0, len(d.Newest)), RecentActivities: make([]MemberActivity, 0, len(d.Recent)),
		ActivitySummary: summaryOf(d.Totals),
		UsageStats: UsageStats{
			Members: d.Members, ActiveUsers: d.Active, LoginsToday: d.LoginsToday, Logins7d: d.Logins7, Logins30d: d.Logins30,
			FailedLogins30d: d.Refused30, Activities30d: d.Totals.LastAll(30),
		},
		SubscriptionInfo: SubscriptionInfo{
			Tier: organization.SubscriptionTier, SubscriptionTier: organization.SubscriptionTier,
			Status: organization.Status, TrialEndsAt: organization.TrialEndsAt,
		},
		Settings: organization.Settings,
	}
	if d.Members > 0 {
		out.Stats.MFAAdoption = math.Round(float64(d.WithFactor)/float64(d.Members)*10_000) / 10_000
	}
	for _, m := range d.Newest {
		out.RecentUsers = append(out.RecentUsers, h.Shapes.MemberOf(m, full))
	}
	items := h.items(d.Recent)
	for i, a := range d.Recent {
		out.RecentActivities = append(out.RecentActivities, MemberActivity{
			ActivityItem: items[i], UserID: optional(a.UserID), ActorID: optional(a.ActorID),
		})
	}
	return out
}

// detail is what an error says of one of several.
func detail(err error) string {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return "cannot be read"
	}
	if len(f.Fields) > 0 && f.Fields[0].Field != "" {
		return f.Fields[0].Field + ": " + f.Fields[0].Message
	}
	return f.Message
}
