package activity_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-idp/signet/provider/activity"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage/sqlstore"
)

func login(subject, organization string) event.Event {
	return event.Event{
		Type: event.UserLogin, Subject: subject, Organization: organization, Data: map[string]any{"session_id": "s-1", "method": "password"},
		PersonalOf: subject, Personal: map[string]string{"ip_address": "192.0.2.7", "user_agent": "Mozilla/5.0"},
	}
}

func (f *fixture) of(v activity.View, fl activity.Filter, p activity.Page) ([]string, int64) {
	f.tb.Helper()
	if p.Limit == 0 {
		p.Limit = 50
	}
	list, err := f.did.Of(f.tb.Context(), v, fl, p)
	if err != nil {
		f.tb.Fatal(err)
	}
	actions := []string{}
	for _, a := range list.Activities {
		actions = append(actions, a.Action)
	}
	return actions, list.Total
}

func (f *fixture) report(organization, user string, reports ...activity.Report) {
	f.tb.Helper()
	for _, r := range reports {
		if err := f.did.Check(r); err != nil {
			f.tb.Fatal(err)
		}
	}
	if _, err := f.did.Record(f.tb.Context(), activity.Source{ClientID: "crm", OrganizationID: organization}, user, reports); err != nil {
		f.tb.Fatal(err)
	}
	f.count()
}

func TestActivitiesOfAPerson(t *testing.T) {
	engines(t, func(t *testing.T, store *sqlstore.Store) {
		f := newFixture(t, store)
		f.record(login("alice", "acme"), login("bob", "acme"), login("alice", "globex"),
			event.Event{Type: event.SessionCreated, Subject: "alice"},
			event.Event{Type: event.UserLoginFailed, Subject: "alice"})
		f.clock.Advance(24 * time.Hour) // Friday the 2nd
		f.report("acme", "alice",
			activity.Report{Action: "document.opened", Resource: "document", ResourceID: "d-1", Metadata: map[string]any{"title": "Plan", "pages": 3.0}},
			activity.Report{Action: "document.closed", OccurredAt: f.clock.Now().Add(-time.Hour)})

		view := activity.View{UserID: "alice", Personal: true}
		list, err := f.did.Of(t.Context(), view, activity.Filter{}, activity.Page{Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		if got, total := f.of(view, activity.Filter{}, activity.Page{}); total != 5 || strings.Join(got, " ") !=
			"document.closed document.opened user.login_failed user.login user.login" {
			t.Errorf("%d: %v", total, got)
		}
		opened, in := list.Activities[1], list.Activities[3]
		if opened.Resource != "document" || opened.ResourceID != "d-1" || opened.Metadata["title"] != "Plan" || !opened.Success || opened.ActorID != "system" {
			t.Errorf("reported: %+v", opened)
		}
		if closed := list.Activities[0]; !closed.Time.Equal(f.clock.Now().Add(-time.Hour)) || !closed.RecordedAt.Equal(f.clock.Now()) {
			t.Errorf("happened %s, recorded %s", closed.Time, closed.RecordedAt)
		}
		if in.IPAddress != "192.0.2.7" || in.UserAgent != "Mozilla/5.0" || in.Resource != "user" || in.ResourceID != "s-1" || in.Metadata["method"] != "password" {
			t.Errorf("login: %+v", in)
		}
		if list.Activities[2].Success {
			t.Error("a refused login succeeded")
		}

		// In one organization, for its administrators: nothing of elsewhere and nothing personal.
		inside := activity.View{UserID: "alice", OrganizationID: "acme"}
		list, err = f.did.Of(t.Context(), inside, activity.Filter{}, activity.Page{Limit: 10})
		if err != nil || list.Total != 3 {
			t.Fatalf("%+v, %v", list, err)
		}
		for _, a := range list.Activities {
			if a.IPAddress != "" || a.UserAgent != "" || a.Metadata["title"] != nil {
				t.Errorf("personal: %+v", a)
			}
		}
		totals, err := f.did.TotalsOf(t.Context(), inside)
		if err != nil || totals.All != 3 || totals.ByType["user.login"] != 1 {
			t.Errorf("totals inside %+v, %v", totals, err)
		}

		totals, err = f.did.TotalsOf(t.Context(), view)
		if err != nil {
			t.Fatal(err)
		}
		if totals.All != 5 || totals.Today != 2 || totals.Week != 5 || totals.Month != 5 || totals.Last(7, event.UserLogin) != 2 || totals.Last(1, event.UserLogin) != 0 {
			t.Errorf("totals %+v", totals)
		}
		if rate, ok := totals.SuccessRate(); !ok || rate != 0.8 {
			t.Errorf("success rate %v", rate)
		}
		if diff := cmp.Diff(map[string]int64{"user.login": 2, "user.login_failed": 1, "document.opened": 1, "document.closed": 1}, totals.ByType); diff != "" {
			t.Error(diff)
		}
		if len(totals.ByDay) != 30 || totals.ByDay["2026-10-01"] != 3 || totals.ByDay["2026-10-02"] != 2 || totals.ByDay["2026-09-03"] != 0 {
			t.Errorf("by day %v", totals.ByDay)
		}

		// After the erasure the list stands and says nothing personal.
		if err := f.rec.Erase(t.Context(), "alice"); err != nil {
			t.Fatal(err)
		}
		list, err = f.did.Of(t.Context(), view, activity.Filter{}, activity.Page{Limit: 10})
		if err != nil || len(list.Activities) != 5 || list.Activities[1].Metadata["title"] != nil || list.Activities[3].IPAddress != "" {
			t.Errorf("after the erasure: %+v, %v", list, err)
		}
	})
}

func TestFilters(t *testing.T) {
	engines(t, func(t *testing.T, store *sqlstore.Store) {
		f := newFixture(t, store)
		view := activity.View{UserID: "alice", Personal: true}
		for i := range 6 {
			f.record(login("alice", ""))
			f.report("", "alice", activity.Report{Action: []string{"opened", "closed"}[i%2]})
			f.clock.Advance(24 * time.Hour)
		}
		day := func(n int) time.Time { return start().Truncate(24*time.Hour).AddDate(0, 0, n) }
		tests := []struct {
			name   string
			filter activity.Filter
			page   activity.Page
			want   string
			total  int64
		}{
			{"a type", activity.Filter{Action: "user.login"}, activity.Page{Limit: 2}, "user.login user.login", 6},
			{"a type's short name", activity.Filter{Action: "login"}, activity.Page{Limit: 1}, "user.login", 6},
			{"reported", activity.Filter{Action: "opened"}, activity.Page{}, "opened opened opened", 3},
			{"reported, a page", activity.Filter{Action: "opened"}, activity.Page{Offset: 2, Limit: 2}, "opened", 3},
			{"nothing", activity.Filter{Action: "printed"}, activity.Page{}, "", 0},
			{"a day", activity.Filter{From: day(1), To: day(2)}, activity.Page{}, "closed user.login", 2},
			{"reported that day", activity.Filter{From: day(1), To: day(2), Action: "closed"}, activity.Page{}, "closed", 1},
			{"from", activity.Filter{From: day(4)}, activity.Page{}, "closed user.login opened user.login", 4},
			{"a page", activity.Filter{}, activity.Page{Offset: 10, Limit: 5}, "opened user.login", 12},
			{"behind the end", activity.Filter{}, activity.Page{Offset: 12, Limit: 5}, "", 12},
		}
		for _, tt := range tests {
			got, total := f.of(view, tt.filter, tt.page)
			if strings.Join(got, " ") != tt.want || total != tt.total {
				t.Errorf("%s: %v of %d, want %s of %d", tt.name, got, total, tt.want, tt.total)
			}
		}
	})
}

func TestInAnOrganization(t *testing.T) {
	engines(t, func(t *testing.T, store *sqlstore.Store) {
		f := newFixture(t, store)
		added := event.Event{Type: event.OrganizationUserAdded, Subject: "acme", Organization: "acme", Data: map[string]any{"user_id": "bob"}}
		f.record(login("alice", "acme"), added, login("bob", "globex"))
		for _, tt := range []struct {
			people bool
			want   string
		}{{true, "organization.user_added user.login"}, {false, "organization.user_added"}} {
			list, err := f.did.In(t.Context(), "acme", tt.people, activity.Page{Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			got := []string{}
			for _, a := range list.Activities {
				if got = append(got, a.Action); a.IPAddress != "" {
					t.Errorf("an address: %+v", a)
				}
			}
			if strings.Join(got, " ") != tt.want || list.Activities[0].ResourceID != "bob" || list.Activities[0].UserID != "" {
				t.Errorf("people %v: %v", tt.people, got)
			}
		}
		totals, err := f.did.TotalsIn(t.Context(), "acme")
		if err != nil || totals.All != 2 || totals.LastAll(30) != 2 {
			t.Errorf("%+v, %v", totals, err)
		}
	})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	now := f.clock.Now()
	ok := activity.Report{Action: "document.opened"}
	for _, tt := range []struct {
		name  string
		edit  func(r *activity.Report)
		field string
	}{
		{"the least", func(*activity.Report) {}, ""},
		{"everything", func(r *activity.Report) {
			r.Resource, r.ResourceID, r.Metadata, r.OccurredAt = "document", "D/1", map[string]any{"a": "b"}, now.Add(-29*24*time.Hour)
		}, ""},
		{"a clock ahead", func(r *activity.Report) { r.OccurredAt = now.Add(4 * time.Minute) }, ""},
		{"no action", func(r *activity.Report) { r.Action = "" }, "action"},
		{"free text", func(r *activity.Report) { r.Action = "Opened the document" }, "action"},
		{"long", func(r *activity.Report) { r.Action = strings.Repeat("a", 65) }, "action"},
		{"upper case", func(r *activity.Report) { r.Resource = "Document" }, "resource"},
		{"an address", func(r *activity.Report) { r.ResourceID = "bob@acme.test" }, "resource_id"},
		{"too much", func(r *activity.Report) { r.Metadata = map[string]any{"a": strings.Repeat("b", 4096)} }, "metadata"},
		{"old", func(r *activity.Report) { r.OccurredAt = now.Add(-31 * 24 * time.Hour) }, "occurred_at"},
		{"to come", func(r *activity.Report) { r.OccurredAt = now.Add(6 * time.Minute) }, "occurred_at"},
	} {
		r := ok
		tt.edit(&r)
		err := f.did.Check(r)
		got := ""
		if e, coded := errors.AsType[*fault.Error](err); coded && e.Code == fault.Invalid {
			got = e.Fields[0].Field
		}
		if got != tt.field || (err == nil) != (tt.field == "") {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestTooManyReports(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	if _, err := f.did.Record(t.Context(), activity.Source{}, "alice", make([]activity.Report, activity.MaxReports+1)); !fault.Is(err, fault.TooLarge) {
		t.Errorf("%v", err)
	}
}
