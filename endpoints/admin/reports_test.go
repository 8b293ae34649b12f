package admin_test

import (
	"context"
	"encoding/csv"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/signet-idp/signet/provider/report"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// text is an answer that is no JSON.
func (w *world) text(path, token, contentType string) string {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.ctx, http.MethodGet, w.URL+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := w.HTTP.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != contentType+"; charset=utf-8" ||
		resp.Header.Get("Cache-Control") != "no-store" || !strings.HasPrefix(resp.Header.Get("Content-Disposition"), "attachment; ") {
		w.t.Errorf("%s: %d %v %.300s", path, resp.StatusCode, resp.Header, raw)
	}
	return string(raw)
}

// section finds a section's rows of a report.
func section(w *world, doc object, id string) []object {
	w.t.Helper()
	for _, one := range doc["sections"].([]any) {
		s, _ := one.(object)
		if s["id"] != id {
			continue
		}
		var rows []object
		for _, r := range s["rows"].([]any) {
			rows = append(rows, r.(object))
		}
		return rows
	}
	w.t.Fatalf("no section %s in %v", id, doc)
	return nil
}

func TestAccessReview(t *testing.T) {
	t.Parallel()
	engines(t, func(w *world) {
		t := w.t
		w.admin(200, "PATCH", "/users/"+w.bob.ID, object{"email": "=cmd@acme.test"})
		all, _ := w.admin(200, "GET", "/reports/access-review", nil)
		got := map[string]bool{}
		for _, row := range section(w, all, "roles") {
			organization, _ := row["organization_id"].(string)
			got[row["email"].(string)+" "+organization+" "+row["role"].(string)] = true
			if row["assigned_at"] == nil || row["second_factors"] != 0.0 || row["status"] != "active" {
				t.Errorf("%v", row)
			}
		}
		for _, want := range []string{
			"root@signet.test  admin", "root@signet.test  user", "manager@signet.test  manager", "=cmd@acme.test  user",
			"alice@acme.test  user", "alice@acme.test " + w.acme.ID + " owner",
		} {
			if !got[want] {
				t.Errorf("%q is missing in %v", want, got)
			}
		}
		if len(got) != 7 {
			t.Errorf("%d roles: %v", len(got), got)
		}
		ofAcme, _ := w.admin(200, "GET", "/reports/access-review?organization_id=acme", nil)
		if rows := section(w, ofAcme, "roles"); len(rows) != 1 || rows[0]["user_id"] != w.alice.ID {
			t.Errorf("of acme: %v", rows)
		}
		table, err := csv.NewReader(strings.NewReader(w.text("/admin/v1/reports/access-review.csv", w.rootToken, "text/csv"))).ReadAll()
		if err != nil || len(table) != 8 || table[0][2] != "email" {
			t.Fatalf("%v %v", table, err)
		}
		if !slices.ContainsFunc(table, func(row []string) bool { return row[2] == "'=cmd@acme.test" }) {
			t.Errorf("a formula: %v", table)
		}
		page := w.text("/admin/v1/reports/access-review.html", w.rootToken, "text/html")
		if _, err := html.Parse(strings.NewReader(page)); err != nil || !strings.Contains(page, "<td>alice@acme.test</td>") || !strings.Contains(page, `<th scope="col">last login at</th>`) {
			t.Errorf("%v %s", err, page)
		}
		w.admin(404, "GET", "/reports/access-review?organization_id=nowhere", nil)
		w.admin(404, "GET", "/reports/pci", nil)
		w.call(403, "GET", "/admin/v1/reports/access-review", w.aliceToken, nil)
	})
}

// Every figure of the evidence equals a count of the raw record.
func TestEvidence(t *testing.T) {
	t.Parallel()
	engines(t, func(w *world) {
		t := w.t
		w.admin(200, "PATCH", "/users/"+w.bob.ID+"/status", object{"status": "suspended", "reason": "test"})
		for range 3 {
			w.call(401, "POST", "/auth/login", "", object{"email": "alice@acme.test", "password": "a wrong one, surely", "client_id": "json"})
		}
		w.admin(200, "POST", "/keys/rotate", object{"alg": "ES256"})
		w.followed()
		var record []storage.Event
		for {
			page, err := w.Store.EventsAfter(t.Context(), int64(len(record)), 500)
			if err != nil {
				t.Fatal(err)
			}
			if record = append(record, page...); len(page) == 0 {
				break
			}
		}
		for _, framework := range []string{report.SOC2, report.HIPAA} {
			doc, _ := w.admin(200, "GET", "/reports/"+framework, nil)
			sections, sum := doc["sections"].([]any), 0
			if len(sections) != len(report.Controls(framework)) || len(sections) < 8 {
				t.Errorf("%s: %d sections", framework, len(sections))
			}
			for _, one := range sections {
				for _, r := range one.(object)["rows"].([]any) {
					row, _ := r.(object)
					n := 0
					for _, e := range record {
						if slices.Contains(strings.Fields(row["event_types"].(string)), e.Type) {
							n++
						}
					}
					if row["events"] != float64(n) {
						t.Errorf("%s %v: counted again %d", framework, row, n)
					}
					sum += n
				}
			}
			if sum < 10 {
				t.Errorf("%s shows %d events", framework, sum)
			}
			past, _ := w.admin(200, "GET", "/reports/"+framework+"?from=2020-01-01&to=2020-12-31", nil)
			for _, row := range section(w, past, report.Controls(framework)[0].ID) {
				if row["events"] != 0.0 {
					t.Errorf("%s of 2020: %v", framework, row)
				}
			}
			if table, err := csv.NewReader(strings.NewReader(w.text("/admin/v1/reports/"+framework+".csv", w.rootToken, "text/csv"))).ReadAll(); err != nil ||
				!slices.Equal(table[0], []string{"section", "evidence", "events", "event_types"}) {
				t.Errorf("%v %v", table, err)
			}
			w.text("/admin/v1/reports/"+framework+".html", w.rootToken, "text/html")
			w.admin(422, "GET", "/reports/"+framework+"?from=2026-02-01&to=2026-01-01", nil)
			w.admin(422, "GET", "/reports/"+framework+"?from=soon", nil)
			w.call(200, "GET", "/admin/v1/reports/"+framework, w.managerToken, nil)
			w.call(403, "GET", "/admin/v1/reports/"+framework, w.aliceToken, nil)
		}
	})
}

// A person takes home all that is known of them, and nobody else does but
// administrators; that it was handed out is on record.
func TestPersonExport(t *testing.T) {
	t.Parallel()
	engines(t, func(w *world) {
		t := w.t
		w.call(200, "PATCH", "/users/me/preferences", w.aliceToken, object{"theme": "dark"})
		w.call(401, "POST", "/auth/login", "", object{"email": "alice@acme.test", "password": "a wrong one, surely", "client_id": "json"})
		w.followed()
		doc, h := w.call(200, "GET", "/users/me/export", w.aliceToken, nil)
		if h.Get("Cache-Control") != "no-store" || doc["user_id"] != w.alice.ID || doc["report"] != "person" {
			t.Errorf("%v %v", h, doc)
		}
		has := func(id, column string, want any) {
			t.Helper()
			if !slices.ContainsFunc(section(w, doc, id), func(row object) bool { return row[column] == want }) {
				t.Errorf("%s has no %s %v: %v", id, column, want, section(w, doc, id))
			}
		}
		has("account", "value", "alice@acme.test")
		has("memberships", "organization_id", w.acme.ID)
		has("memberships", "roles", "owner")
		has("system_roles", "role", "user")
		has("events", "type", "user.login_failed")
		has("events", "type", "user.profile_updated")
		for _, row := range section(w, doc, "events") {
			if row["type"] == "user.login_failed" && !strings.Contains(row["personal"].(string), "127.0.0.1") {
				t.Errorf("what is personal does not open for its person: %v", row)
			}
		}
		stored, err := w.Store.UserByID(t.Context(), w.alice.ID)
		if err != nil {
			t.Fatal(err)
		}
		table := w.text("/users/me/export.csv", w.aliceToken, "text/csv")
		page := w.text("/users/me/export.html", w.aliceToken, "text/html")
		for _, text := range []string{table, page} {
			if !strings.Contains(text, "alice@acme.test") || strings.Contains(text, stored.PasswordHash) || strings.Contains(text, "argon2") {
				t.Errorf("%.500s", text)
			}
		}
		w.call(200, "GET", "/users/"+w.alice.ID+"/export", w.rootToken, nil)
		w.call(404, "GET", "/users/"+w.root.ID+"/export", w.aliceToken, nil)
		w.call(404, "GET", "/users/"+storage.NewID()+"/export", w.rootToken, nil)

		w.followed()
		list, err := w.Store.QueryEvents(t.Context(), storage.EventQuery{Subject: w.alice.ID, Types: []string{"user.exported"}, Limit: 10})
		if err != nil || len(list) != 4 || !strings.Contains(string(list[0].Data), "admin") || !strings.Contains(string(list[3].Data), "self") {
			t.Errorf("%v %v", list, err)
		}
	})
}

func TestProofOfErasure(t *testing.T) {
	t.Parallel()
	engines(t, func(w *world) {
		t := w.t
		w.call(401, "POST", "/auth/login", "", object{"email": "bob@acme.test", "password": "a wrong one, surely", "client_id": "json"})
		left := func() (open int, doc object) {
			doc, _ = w.admin(200, "GET", "/reports/erasure?user_id="+w.bob.ID, nil)
			for _, row := range section(w, doc, "checks") {
				if row["erased"] != true {
					open++
				}
			}
			return open, doc
		}
		if n, doc := left(); n < 3 {
			t.Errorf("before the erasure %d places hold something: %v", n, doc)
		}
		w.admin(204, "DELETE", "/users/"+w.bob.ID, nil)
		u, err := w.Store.UserByID(t.Context(), w.bob.ID)
		if err != nil {
			t.Fatal(err)
		}
		u.EraseAt = time.Now().Add(-time.Minute) // the time of grace is over
		if err := w.Store.UpdateUser(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Accounts.EraseDue(context.Background()); err != nil {
			t.Fatal(err)
		}
		w.followed()
		n, doc := left()
		if n != 0 {
			t.Errorf("left: %v", doc)
		}
		var types []string
		for _, row := range section(w, doc, "record") {
			types = append(types, row["type"].(string))
		}
		if !slices.Equal(types, []string{"user.erased", "user.deleted"}) {
			t.Errorf("the record: %v", types)
		}
		w.text("/admin/v1/reports/erasure.csv?user_id="+w.bob.ID, w.rootToken, "text/csv")
		w.text("/admin/v1/reports/erasure.html?user_id="+w.bob.ID, w.rootToken, "text/html")
		w.admin(422, "GET", "/reports/erasure?user_id=bob", nil)
		w.admin(404, "GET", "/reports/erasure?user_id="+storage.NewID(), nil)
		w.call(404, "GET", "/users/"+w.bob.ID+"/export", w.rootToken, nil)
	})
}

func TestReportsKeepToTheirScope(t *testing.T) {
	t.Parallel()
	w := start(t, harness.Options{})
	token := w.AccessToken(t, w.root.ID, "app", "openid account")
	w.call(403, "GET", "/admin/v1/reports/soc2", token, nil)
}
