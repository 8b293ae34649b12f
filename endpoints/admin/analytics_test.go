package admin_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/signet-idp/signet/provider/figures"
	"github.com/signet-idp/signet/test/harness"
)

// followed waits until the figures have counted all that is on record.
func (w *world) followed() {
	w.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); <-tick.C {
		waiting, err := w.Store.UnsequencedEvents(w.ctx, 1)
		if err != nil {
			w.t.Fatal(err)
		}
		last, err := w.Store.LastEvent(w.ctx)
		if err != nil {
			w.t.Fatal(err)
		}
		at, err := w.Store.EventCursor(w.ctx, figures.Follower)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(waiting) == 0 && at == last.Seq {
			return
		}
	}
	w.t.Fatal("the figures do not follow the record")
}

// total is a value of the sums, of the key or, for "", where nothing is told apart.
func total(answer object, key, measure string) float64 {
	list, _ := answer["totals"].([]any)
	for _, one := range list {
		row, _ := one.(object)
		if k, _ := row["key"].(string); k == key {
			values, _ := row["values"].(object)
			n, _ := values[measure].(float64)
			return n
		}
	}
	return 0
}

func TestAnalytics(t *testing.T) {
	t.Parallel()
	engines(t, func(w *world) {
		t := w.t
		login := func(password string, status int) {
			t.Helper()
			w.call(status, "POST", "/auth/login", "", object{"email": "alice@acme.test", "password": password, "client_id": "json"})
		}
		login("correct horse battery", 200)
		login("correct horse battery", 200)
		login("a wrong one, surely", 401)

		// What was issued goes on record by the minute; here at once.
		if err := w.Tally.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.followed()
		for _, tt := range []struct {
			path, key, measure string
			want               float64
		}{
			{"logins", "", "succeeded", 2},
			{"logins", "", "failed", 1},
			{"logins?by=method", "password", "succeeded", 2},
			{"logins?by=method&interval=month", "password", "failed", 1},
			{"logins?by=result", "failed", "events", 1},
			{"logins?by=reason", "credentials", "failed", 1},
			{"logins?by=client", "json", "succeeded", 2},
			{"logins?organization_id=acme", "", "succeeded", 2},
			{"tokens?by=grant", "json_login", "issued", 2},
			{"tokens?by=client", "json", "issued", 2},
			{"security?by=type", "user.login_failed", "events", 1},
			{"security?by=severity", "low", "events", 1},
		} {
			got, _ := w.admin(200, "GET", "/analytics/"+tt.path, nil)
			if n := total(got, tt.key, tt.measure); n != tt.want {
				raw, _ := json.Marshal(got)
				t.Errorf("%s: %v, want %v: %s", tt.path, n, tt.want, raw)
			}
		}
		// An organization sees its own, and nobody else sees that.
		ofAcme, _ := w.call(200, "GET", "/organizations/acme/analytics/logins?by=method", w.aliceToken, nil)
		if total(ofAcme, "password", "succeeded") != 2 || ofAcme["organization_id"] != w.acme.ID {
			t.Errorf("of acme: %v", ofAcme)
		}
		bobs := w.AccessToken(t, w.bob.ID, "app", "openid account organizations")
		w.call(404, "GET", "/organizations/acme/analytics/logins", bobs, nil)
		w.call(422, "GET", "/organizations/acme/analytics/logins?by=color", w.aliceToken, nil)

		people, _ := w.admin(200, "GET", "/analytics/users?from=2020-01-01&to=2020-02-01", nil)
		golden(t, "analytics", people)
		people, _ = w.admin(200, "GET", "/analytics/users", nil)
		row, _ := people["rows"].([]any)[0].(object)
		if values, _ := row["values"].(object); values["active"] != 3.0 {
			t.Errorf("who was active: %v", row)
		}
		list, _ := w.admin(200, "GET", "/security-events?severity=low&limit=1", nil)
		one, _ := list["events"].([]any)[0].(object)
		if one["type"] != "user.login_failed" || one["severity"] != "low" {
			t.Errorf("%v", one)
		}
		if list, _ := w.admin(200, "GET", "/security-events?severity=critical", nil); len(list["events"].([]any)) != 0 || list["next_before"] != nil {
			t.Errorf("%v", list)
		}
		for _, bad := range []string{
			"/analytics/logins?by=color", "/analytics/logins?from=yesterday", "/analytics/logins?from=2026-02-01&to=2026-01-01",
			"/analytics/logins?interval=hour", "/analytics/logins?from=1999-01-01", "/security-events?severity=informational",
			"/security-events?limit=0", "/security-events?limit=501", "/security-events?before=x", "/security-events?user_id=alice",
			"/security-events?from=2026-13-01",
		} {
			w.admin(422, "GET", bad, nil)
		}
		w.admin(404, "GET", "/analytics/logins?organization_id=nowhere", nil)
		w.admin(404, "GET", "/analytics/people", nil)
	})
}

func TestAnalyticsAreTheOperators(t *testing.T) {
	t.Parallel()
	w := start(t, harness.Options{})
	for _, path := range []string{"/admin/v1/analytics/logins", "/admin/v1/security-events"} {
		w.call(403, "GET", path, w.aliceToken, nil)
	}
	w.call(403, "GET", "/admin/v1/analytics/logins", w.managerToken, nil)
	w.call(200, "GET", "/admin/v1/security-events", w.managerToken, nil)
}
