package audit_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/signet-idp/signet/provider/audit"
)

// Every combination of filters answers what a look at each row answers, page by
// page.
func TestQuery(t *testing.T) {
	onEngines(t, func(t *testing.T, r *record) {
		r.happen(t, 60)
		all, err := audit.Query(t.Context(), r.store, audit.Filter{})
		if err != nil || len(all) != 60 {
			t.Fatal(len(all), err)
		}
		rapid.Check(t, func(t *rapid.T) {
			some := func(name string, values ...string) string {
				return rapid.SampledFrom(append(values, "")).Draw(t, name)
			}
			f := audit.Filter{
				Type: some("type", "user.login", "grant.created", "user.logout"), Actor: some("actor", "user-1", "user-2", "nobody"),
				Subject: some("subject", "user-1", "user-3"), Organization: some("organization", "org-1", "org-2"),
				Limit: rapid.IntRange(1, 7).Draw(t, "limit"),
			}
			epoch := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
			if n := rapid.IntRange(-1, 60).Draw(t, "from"); n >= 0 {
				f.From = epoch.Add(time.Duration(n) * time.Second)
			}
			if n := rapid.IntRange(-1, 60).Draw(t, "to"); n >= 0 {
				f.To = epoch.Add(time.Duration(n) * time.Second)
			}
			var want, got []string
			for _, e := range all {
				at, _ := time.Parse(time.RFC3339, e.Time)
				if (f.Type == "" || f.Type == e.Type) && (f.Actor == "" || f.Actor == e.Actor) && (f.Subject == "" || f.Subject == e.Subject) &&
					(f.Organization == "" || f.Organization == e.Organization) && !at.Before(f.From) && (f.To.IsZero() || at.Before(f.To)) {
					want = append(want, e.ID)
				}
			}
			for {
				page, err := audit.Query(r.ctx, r.store, f)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range page {
					got = append(got, e.ID)
					f.After = e.Seq
				}
				if len(page) < f.Limit {
					break
				}
			}
			if strings.Join(got, " ") != strings.Join(want, " ") {
				t.Fatalf("%+v: %d entries, want %d", f, len(got), len(want))
			}
		})
	})
}

func TestExport(t *testing.T) {
	t.Parallel()
	entries := []audit.Entry{{
		Seq: 1, ID: "i", Type: "user.login", Time: "2026-03-01T12:00:00.000000Z", Actor: "=cmd|' /C calc'!A0", ActorKind: "user",
		Subject: "-1", Request: "@x", Data: json.RawMessage(`{"client_id":"a,\"b"}`),
	}}
	var b bytes.Buffer
	w, err := audit.NewWriter(&b, audit.CSV)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(entries); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(rows) != 2 || len(rows[0]) != 11 {
		t.Fatalf("%q, %v", rows, err)
	}
	for i, want := range []string{"1", "i", "user.login", "2026-03-01T12:00:00.000000Z", "'=cmd|' /C calc'!A0", "user", "'-1", "", "'@x", `{"client_id":"a,\"b"}`, ""} {
		if rows[1][i] != want {
			t.Errorf("%s = %q, want %q", rows[0][i], rows[1][i], want)
		}
	}
	b.Reset()
	if w, err = audit.NewWriter(&b, audit.JSONLines); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(append(entries, entries...)); err != nil || bytes.Count(b.Bytes(), []byte("\n")) != 2 {
		t.Errorf("%q, %v", &b, err)
	}
	if _, err := audit.NewWriter(&b, "xlsx"); err == nil {
		t.Error("a format that does not exist")
	}
}
