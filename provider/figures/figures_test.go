package figures_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/internal/testkit/testrecord"
	"github.com/signet-idp/signet/internal/testkit/teststore"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/figures"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore"
)

// begin is a Thursday, the first of a month.
func begin() time.Time { return time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC) }

// fixture is a record with a sequencer, the follower that counts, and who asks.
type fixture struct {
	tb    testing.TB
	store *sqlstore.Store
	clock *fakeclock.Clock
	rec   *event.Recorder
	seq   *event.Sequencer
	ask   *figures.Service
}

func newFixture(tb testing.TB, store *sqlstore.Store) *fixture {
	tb.Helper()
	f := &fixture{tb: tb, store: store, clock: fakeclock.New(begin())}
	f.rec, f.seq = testrecord.New(tb, store, f.clock)
	var err error
	if f.ask, err = figures.New(store, f.clock); err != nil {
		tb.Fatal(err)
	}
	return f
}

func engines(t *testing.T, test func(t *testing.T, store *sqlstore.Store)) {
	t.Helper()
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); test(t, teststore.New(t)) })
	t.Run("postgres", func(t *testing.T) { t.Parallel(); test(t, teststore.Postgres(t, 1)[0]) })
}

func drain(tb testing.TB, tick func(context.Context) (int, error)) {
	tb.Helper()
	for {
		n, err := tick(tb.Context())
		if err != nil {
			tb.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

func (f *fixture) count() {
	f.tb.Helper()
	f.clock.Advance(time.Minute) // the lease of the one before ends
	drain(f.tb, f.seq.Tick)
	fl, err := event.NewFollower(event.FollowerConfig{
		Store: f.store, Clock: f.clock, Name: figures.Follower, Holder: storage.NewID(), Apply: figures.Count(f.store), Batch: 7,
	})
	if err != nil {
		f.tb.Fatal(err)
	}
	drain(f.tb, fl.Tick)
}

// anEvent is one that some figure counts, or none does.
func anEvent(rt *rapid.T) event.Event {
	draw := func(label string, of ...string) string { return rapid.SampledFrom(of).Draw(rt, label) }
	e := event.Event{
		Type: rapid.SampledFrom([]event.Type{
			event.UserLogin, event.UserLogin, event.UserLoginFailed, event.GrantCreated, event.UserCreated, event.UserDeleted,
			event.MFAVerificationCompleted, event.MFAVerificationFailed, event.MFAMethodSetup, event.TokenIssuedCounted,
			event.AuthSuspiciousActivity, event.UserProfileUpdated, event.KeyRevoked,
		}).Draw(rt, "type"),
		Subject: draw("subject", "alice", "bob", "carol"), Organization: draw("organization", "", "acme", "globex"), Data: map[string]any{},
	}
	method, factor := draw("method", "password", "passkey"), draw("factor", "totp", "passkey")
	switch e.Type {
	case event.UserLogin:
		e.Data["method"], e.Data["client_id"] = method, draw("client", "web", "app", "")
	case event.UserLoginFailed:
		e.Data["method"], e.Data["reason"] = method, draw("reason", "password", "locked")
		if n := rapid.IntRange(0, 5).Draw(rt, "count"); n > 0 {
			e.Data["count"] = n
		}
	case event.UserCreated:
		e.Data["source"] = draw("source", "register", "admin")
	case event.MFAVerificationCompleted, event.MFAMethodSetup:
		e.Data["method_type"] = factor
	case event.MFAVerificationFailed:
		e.Data["method_type"], e.Data["reason"] = factor, draw("reason", "code", "replayed")
	case event.TokenIssuedCounted:
		e.Subject, e.Data["grant_type"] = draw("client", "svc", "job"), draw("grant", "client_credentials", "refresh_token")
		e.Data["issued"], e.Data["refused"] = rapid.IntRange(0, 9).Draw(rt, "issued"), rapid.IntRange(0, 3).Draw(rt, "refused")
	case event.AuthSuspiciousActivity:
		e.Data["reason"] = draw("reason", "code_replayed", "new_device")
		if e.Data["reason"] == "new_device" {
			e.Data["severity"] = draw("severity", "low", "medium", "high")
		}
	}
	return e
}

// recount answers a question by walking over the whole record: it knows
// nothing of rollups.
func recount(record []storage.Event, q figures.Question) (rows map[string]int64) {
	rows = map[string]int64{}
	people := map[string]map[string]bool{}
	for _, e := range record {
		if q.Organization != "" && e.Organization != q.Organization {
			continue
		}
		// People count who were active at any time of an interval that the range
		// touches, everything else in the range only.
		kind, start := event.Type(e.Type), interval(q.Interval, e.Time)
		day := later(start, q.From).Format(time.DateOnly)
		if active := kind == event.UserLogin || kind == event.GrantCreated; active && q.Figure == "users" && q.By == "" &&
			!start.Before(interval(q.Interval, q.From)) && !start.After(q.To) {
			if people[day] == nil {
				people[day] = map[string]bool{}
			}
			people[day][e.Subject] = true
		}
		if e.Time.Before(q.From) || !e.Time.Before(q.To.AddDate(0, 0, 1)) {
			continue
		}
		var d map[string]any
		if err := json.Unmarshal(e.Data, &d); err != nil {
			panic(err)
		}
		text := func(name string) string {
			if s, _ := d[name].(string); s != "" {
				return s
			}
			return "none"
		}
		number := func(name string) int64 { n, _ := d[name].(float64); return int64(n) }
		add := func(key, measure string, n int64) {
			if q.By == "" {
				key = ""
			}
			if n > 0 {
				rows[day+" "+key+" "+measure] += n
			}
		}
		switch {
		case q.Figure == "logins" && kind == event.UserLogin:
			switch q.By {
			case "result":
				add("succeeded", "events", 1)
			case "client":
				add(text("client_id"), "succeeded", 1)
			case "method", "":
				add(text("method"), "succeeded", 1)
			}
		case q.Figure == "logins" && kind == event.UserLoginFailed:
			n := max(1, number("count"))
			switch q.By {
			case "result":
				add("failed", "events", n)
			case "client":
				add(text("client_id"), "failed", n)
			case "reason":
				add(text("reason"), "failed", n)
			default:
				add(text("method"), "failed", n)
			}
		case q.Figure == "users" && kind == event.UserCreated:
			add(text("source"), "created", 1)
		case q.Figure == "users" && kind == event.UserDeleted:
			add("none", "deleted", 1)
		case q.Figure == "mfa" && q.By != "reason" && kind == event.MFAVerificationCompleted:
			add(text("method_type"), "succeeded", 1)
		case q.Figure == "mfa" && kind == event.MFAVerificationFailed:
			key := text("method_type")
			if q.By == "reason" {
				key = text("reason")
			}
			add(key, "failed", 1)
		case q.Figure == "mfa" && q.By != "reason" && kind == event.MFAMethodSetup:
			add(text("method_type"), "set_up", 1)
		case q.Figure == "tokens" && kind == event.TokenIssuedCounted:
			key := text("grant_type")
			if q.By == "client" {
				key = e.Subject
			}
			add(key, "issued", number("issued"))
			add(key, "refused", number("refused"))
		case q.Figure == "security":
			severity, n := event.SeverityOf(e.Type, e.Data), max(1, number("count"))
			if severity == event.Informational {
				continue
			}
			if q.By == "type" {
				add(e.Type, "events", n)
			} else {
				add(string(severity), "events", n)
			}
		}
	}
	for day, who := range people {
		rows[day+"  active"] = int64(len(who))
	}
	return rows
}

// interval is the day on which the interval of a time begins.
func interval(name string, t time.Time) time.Time {
	t = t.Truncate(24 * time.Hour)
	switch name {
	case "week":
		for t.Weekday() != time.Monday {
			t = t.AddDate(0, 0, -1)
		}
	case "month":
		for t.Day() != 1 {
			t = t.AddDate(0, 0, -1)
		}
	}
	return t
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

func questions() []figures.Question {
	var out []figures.Question
	for figure, bys := range map[string][]string{
		"logins": {"", "method", "result", "reason", "client"}, "users": {"", "source"}, "mfa": {"", "method", "reason"},
		"tokens": {"", "grant", "client"}, "security": {"", "severity", "type"},
	} {
		for _, by := range bys {
			for _, interval := range []string{"day", "week", "month"} {
				for _, organization := range []string{"", "acme"} {
					out = append(out, figures.Question{Figure: figure, By: by, Interval: interval, Organization: organization})
				}
			}
		}
	}
	return out
}

// Every figure equals a recount from the raw record, also when it was counted
// anew and asked for from the middle of a week.
func TestFiguresEqualARecount(t *testing.T) {
	engines(t, func(t *testing.T, store *sqlstore.Store) {
		f := newFixture(t, store)
		var record []storage.Event
		compare := func(rt *rapid.T, from, to time.Time) {
			for _, q := range questions() {
				q.From, q.To = from, to
				a, err := f.ask.Ask(t.Context(), q)
				if err != nil {
					rt.Fatal(err)
				}
				got, sums := map[string]int64{}, map[string]int64{}
				for _, r := range a.Rows {
					for measure, n := range r.Values {
						got[r.Start+" "+r.Key+" "+measure] = n
						if measure != "active" {
							sums[r.Key+" "+measure] += n
						}
					}
				}
				if diff := cmp.Diff(recount(record, q), got); diff != "" {
					rt.Fatalf("%+v (-recounted +figure)\n%s", q, diff)
				}
				totals := map[string]int64{}
				for _, r := range a.Totals {
					for measure, n := range r.Values {
						totals[r.Key+" "+measure] = n
					}
				}
				if diff := cmp.Diff(sums, totals); diff != "" {
					rt.Fatalf("%+v (-sum of the rows +totals)\n%s", q, diff)
				}
			}
		}
		rapid.Check(t, func(rt *rapid.T) {
			for range rapid.IntRange(1, 25).Draw(rt, "events") {
				if err := f.rec.Record(t.Context(), anEvent(rt)); err != nil {
					rt.Fatal(err)
				}
				f.clock.Advance(time.Duration(rapid.IntRange(0, 20).Draw(rt, "hours")) * time.Hour)
			}
			f.count()
			for after := int64(len(record)); ; {
				page, err := store.EventsAfter(t.Context(), after, 500)
				if err != nil {
					rt.Fatal(err)
				}
				if len(page) == 0 {
					break
				}
				record, after = append(record, page...), page[len(page)-1].Seq
			}
			to := f.clock.Now().Truncate(24 * time.Hour)
			compare(rt, to.AddDate(0, 0, -rapid.IntRange(0, 91).Draw(rt, "days")), to)
		})
		f.recount()
		rapid.Check(t, func(rt *rapid.T) {
			days := int(f.clock.Now().Sub(begin()) / (24 * time.Hour))
			from := begin().Truncate(24*time.Hour).AddDate(0, 0, rapid.IntRange(0, max(1, days)).Draw(rt, "from"))
			compare(rt, from, from.AddDate(0, 0, rapid.IntRange(0, 91).Draw(rt, "days")))
		})
	})
}

// After retention has removed events, counting anew changes nothing of the days
// before and repairs the days since, also where a week and a month lie across.
func TestRecountAfterRetention(t *testing.T) {
	for name, keep := range map[string]int{"in this week": 1, "in this month": 10, "in a month that is over": 40, "all but today": 0, "long ago": 75} {
		t.Run(name, func(t *testing.T) {
			engines(t, func(t *testing.T, store *sqlstore.Store) { recountAfterRetention(t, newFixture(t, store), keep) })
		})
	}
}

func recountAfterRetention(t *testing.T, f *fixture, keep int) {
	t.Helper()
	people := []string{"alice", "bob", "carol", "dan"}
	for n := range 80 * 2 { // until Saturday, the 19th of December
		for _, e := range []event.Event{
			{Type: event.UserLogin, Subject: people[n%3], Organization: []string{"", "acme"}[n%2], Data: map[string]any{"method": "password", "client_id": "web"}},
			{Type: event.UserLoginFailed, Subject: "dan", Data: map[string]any{"method": "password", "reason": "password", "count": n%3 + 1}},
		} {
			if err := f.rec.Record(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		f.clock.Advance(12 * time.Hour)
		if n%10 == 9 {
			f.count()
		}
	}
	before := f.clock.Now().AddDate(0, 0, -keep)
	f.prune(before)
	f.count()
	answers := func() map[figures.Question]figures.Answer {
		t.Helper()
		out := map[figures.Question]figures.Answer{}
		for _, q := range questions() {
			q.From, q.To = begin().AddDate(0, 0, -3), begin().AddDate(0, 0, 88)
			a, err := f.ask.Ask(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			out[q] = a
		}
		return out
	}
	want := answers()
	day := func(at time.Time) int64 { return at.Unix() / (24 * 60 * 60) }
	wrong := func(at time.Time) storage.Rollup {
		return storage.Rollup{Dimension: "login.method", Day: day(at), Type: "password", Outcome: "succeeded", Total: 1000}
	}
	if err := f.store.AddRollups(t.Context(), wrong(before.AddDate(0, 0, 1))); err != nil { // to be repaired
		t.Fatal(err)
	}
	for range 2 {
		f.recount()
		if diff := cmp.Diff(want, answers()); diff != "" {
			t.Fatalf("-before +after\n%s", diff)
		}
	}
	// Whoever comes after is counted once in what goes on.
	for _, who := range []string{"alice", "dan", "dan"} {
		if err := f.rec.Record(t.Context(), event.Event{Type: event.UserLogin, Subject: who, Data: map[string]any{"method": "password"}}); err != nil {
			t.Fatal(err)
		}
	}
	f.count()
	a, err := f.ask.Ask(t.Context(), figures.Question{Figure: "users", Interval: "month", From: begin().AddDate(0, 2, 0)})
	if err != nil || len(a.Rows) != 1 || a.Rows[0].Values["active"] != 4 {
		t.Errorf("December: %+v, %v", a.Rows, err)
	}
}

// prune removes what is older, as retention does.
func (f *fixture) prune(before time.Time) {
	f.tb.Helper()
	list, err := f.store.QueryEvents(f.tb.Context(), storage.EventQuery{To: before, OldestFirst: true, Limit: 5000})
	if err != nil || len(list) == 0 {
		f.tb.Fatal(len(list), err)
	}
	told := event.Event{ID: storage.NewID(), Type: event.AuditPruned, Subject: event.RecordSubject, Data: map[string]any{
		"class": "usage", "before": before.Unix(), "first": list[0].Seq, "last": list[len(list)-1].Seq, "events": len(list), "digest": "00",
	}}
	if err := f.store.PruneEvents(f.tb.Context(), told.ID, list); err != nil {
		f.tb.Fatal(err)
	}
	if err := f.rec.Record(f.tb.Context(), told); err != nil {
		f.tb.Fatal(err)
	}
}

// recount counts all anew, to the end.
func (f *fixture) recount() {
	f.tb.Helper()
	again := figures.Recount(f.store, f.clock)
	total, err := again.Restart(f.tb.Context())
	if err != nil {
		f.tb.Fatal(err)
	}
	f.clock.Advance(time.Minute)
	for done := int64(0); done < total; {
		if done, err = again.Advance(f.tb.Context(), total, time.Second); err != nil {
			f.tb.Fatal(err)
		}
	}
}

func TestRefusedQuestions(t *testing.T) {
	t.Parallel()
	f := newFixture(t, teststore.New(t))
	day := func(n int) time.Time { return begin().AddDate(0, 0, n) }
	for name, q := range map[string]figures.Question{
		"no such figure":    {Figure: "people"},
		"no such by":        {Figure: "users", By: "method"},
		"no such interval":  {Figure: "users", Interval: "year"},
		"backwards":         {Figure: "users", From: day(0), To: day(-1)},
		"too long":          {Figure: "users", From: day(-1101), To: day(0)},
		"too many clients":  {Figure: "logins", By: "client", From: day(-92), To: day(0)},
		"before the epoch":  {Figure: "users", From: time.Unix(-1, 0), To: time.Unix(86400, 0)},
		"far in the future": {Figure: "users", To: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), From: day(0)},
	} {
		if _, err := f.ask.Ask(t.Context(), q); !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	a, err := f.ask.Ask(t.Context(), figures.Question{Figure: "users"})
	if err != nil || a.From.Format(time.DateOnly) != "2026-09-02" || a.To.Format(time.DateOnly) != "2026-10-01" || len(a.Rows) != 0 {
		t.Errorf("the usual question: %+v, %v", a, err)
	}
}

// Of more clients than are told apart the smallest are one, and nothing is lost.
func TestOtherClients(t *testing.T) {
	t.Parallel()
	f := newFixture(t, teststore.New(t))
	for i := range 150 {
		err := f.rec.Record(t.Context(), event.Event{Type: event.TokenIssuedCounted, Subject: fmt.Sprint("c", i), Data: map[string]any{
			"grant_type": "client_credentials", "issued": 1 + i, "refused": 0,
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	f.count()
	a, err := f.ask.Ask(t.Context(), figures.Question{Figure: "tokens", By: "client"})
	if err != nil {
		t.Fatal(err)
	}
	var all int64
	for _, r := range a.Totals {
		all += r.Values["issued"]
	}
	if all != 150*151/2 || len(a.Totals) != 101 || a.Totals[0].Key != figures.Other || a.Totals[1].Key != "c149" {
		t.Errorf("%d in %d rows, the first %+v and %+v", all, len(a.Totals), a.Totals[0], a.Totals[1])
	}
}

func TestAlerts(t *testing.T) {
	engines(t, func(t *testing.T, store *sqlstore.Store) {
		f := newFixture(t, store)
		for i := range 60 {
			e := event.Event{Type: event.UserLogin, Subject: "alice"}
			switch i % 6 {
			case 0:
				e.Type = event.UserLoginFailed
			case 1:
				e = event.Event{Type: event.AuthSuspiciousActivity, Subject: "alice", Data: map[string]any{"reason": "new_device", "severity": "low"}}
			case 2:
				e = event.Event{Type: event.AuthSuspiciousActivity, Subject: "bob", Organization: "acme", Data: map[string]any{"reason": "code_replayed"}}
			}
			if err := f.rec.Record(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		f.count()
		for _, tt := range []struct {
			watch figures.Watch
			want  int
		}{
			{figures.Watch{Least: event.SeverityLow}, 30},
			{figures.Watch{Least: event.SeverityMedium}, 10},
			{figures.Watch{Least: event.SeverityHigh}, 10},
			{figures.Watch{Least: event.SeverityCritical}, 0},
			{figures.Watch{Least: event.SeverityLow, Subject: "alice"}, 20},
			{figures.Watch{Least: event.SeverityLow, Organization: "acme"}, 10},
			{figures.Watch{Least: event.SeverityLow, From: begin().Add(24 * time.Hour)}, 0},
		} {
			for _, limit := range []int{1, 3, 500} {
				tt.watch.Limit, tt.watch.Before = limit, 0
				var got []figures.Alert
				for {
					page, before, err := f.ask.Alerts(t.Context(), tt.watch)
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, page...)
					if tt.watch.Before = before; before == 0 {
						break
					}
				}
				if len(got) != tt.want {
					t.Errorf("%+v: %d, want %d", tt.watch, len(got), tt.want)
				}
				for i, a := range got {
					if !a.Severity.AtLeast(tt.watch.Least) || i > 0 && a.Seq >= got[i-1].Seq {
						t.Errorf("%+v: %s %s at %d", tt.watch, a.Type, a.Severity, a.Seq)
					}
				}
			}
		}
	})
}

// Tokens that are counted at once by many, while counts are written and some
// writes fail, are all on record in the end, and none twice.
func TestTally(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]*sqlstore.Store{"sqlite": teststore.New(t), "postgres": teststore.Postgres(t, 1)[0]} {
		t.Run(name, func(t *testing.T) { t.Parallel(); tallyCounts(t, newFixture(t, store)) })
	}
}

func tallyCounts(t *testing.T, f *fixture) {
	t.Helper()
	var (
		mu    sync.Mutex
		calls int
	)
	tally := &figures.Tally{Clock: f.clock, Record: func(ctx context.Context, events ...event.Event) error {
		mu.Lock()
		calls++
		way := calls % 5
		mu.Unlock()
		switch way {
		case 0:
			return errors.New("the database is away")
		case 1: // it was written, but nobody hears of it
			return errors.Join(f.rec.Record(ctx, events...), errors.New("the database is away"))
		}
		return f.rec.Record(ctx, events...)
	}}
	const workers, each = 8, 500
	var all, flushing sync.WaitGroup
	stop := make(chan struct{})
	flushing.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				_ = tally.Flush(t.Context())
			}
		}
	})
	for w := range workers {
		all.Go(func() {
			for i := range each {
				tally.Add(fmt.Sprint("c", (w+i)%5), "", "client_credentials", i%10 > 0)
			}
		})
	}
	all.Wait()
	close(stop)
	flushing.Wait()
	for tally.Flush(t.Context()) != nil { // until it is written
		continue
	}
	f.count()
	a, err := f.ask.Ask(t.Context(), figures.Question{Figure: "tokens"})
	if err != nil {
		t.Fatal(err)
	}
	want := []figures.Row{{Values: map[string]int64{"issued": workers * each / 10 * 9, "refused": workers * each / 10}}}
	if diff := cmp.Diff(want, a.Totals); diff != "" {
		t.Error(diff)
	}
}

// A flood of clients is bounded: their tokens count, their names do not.
func TestTallyIsBounded(t *testing.T) {
	t.Parallel()
	var got []event.Event
	tally := &figures.Tally{Clock: fakeclock.New(begin()), Record: func(_ context.Context, events ...event.Event) error {
		got = append(got, events...)
		return nil
	}}
	for i := range 10_500 {
		tally.Add(fmt.Sprint("c", i), "", "client_credentials", true)
	}
	if err := tally.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(got) != 10_001 || got[0].Subject != "" || got[0].Data["issued"] != int64(500) {
		t.Errorf("%d events, the first %+v", len(got), got[0])
	}
}

func BenchmarkTally(b *testing.B) {
	tally := &figures.Tally{Clock: fakeclock.New(begin())}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			tally.Add("client", "", "client_credentials", true)
		}
	})
}

func BenchmarkCount(b *testing.B) {
	store := teststore.New(b)
	var batch []storage.Event
	for i := range 500 {
		batch = append(batch, storage.Event{
			Type: "user.login", Time: begin(), Subject: fmt.Sprint("user-", i), Organization: "acme", Data: []byte(`{"method":"password","client_id":"web"}`),
		})
	}
	count := figures.Count(store)
	b.ReportAllocs()
	for b.Loop() {
		if err := store.InTx(b.Context(), func(ctx context.Context) error { return count(ctx, batch) }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(batch))/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkAsk reads a year of logins by method, as a million events leave it,
// and the active people of that year.
func BenchmarkAsk(b *testing.B) {
	eachEngine(b, func(b *testing.B, store *sqlstore.Store) {
		f := newFixture(b, store)
		const events, batch = 1_000_000, 5_000
		count := figures.Count(store)
		for n := 0; n < events; n += batch {
			rows := make([]storage.Event, batch)
			for i := range rows {
				at := begin().Add(-time.Duration(events-n-i) * (365 * 24 * time.Hour / events))
				rows[i] = storage.Event{
					Type: "user.login", Time: at, Subject: fmt.Sprint("user-", (n+i)*7919%10_000), Organization: "acme",
					Data: fmt.Appendf(nil, `{"method":%q,"client_id":"client-%d"}`, []string{"password", "passkey"}[i%2], i%50),
				}
			}
			if err := store.InTx(b.Context(), func(ctx context.Context) error { return count(ctx, rows) }); err != nil {
				b.Fatal(err)
			}
		}
		for _, q := range []figures.Question{
			{Figure: "logins", By: "method", From: begin().AddDate(-1, 0, 0)},
			{Figure: "users", Interval: "month", From: begin().AddDate(-1, 0, 0)},
			{Figure: "logins", By: "client", From: begin().AddDate(0, 0, -91)},
		} {
			b.Run(q.Figure+"-"+q.By, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := f.ask.Ask(b.Context(), q); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	})
}

func eachEngine(b *testing.B, f func(b *testing.B, s *sqlstore.Store)) {
	b.Run("sqlite", func(b *testing.B) { f(b, teststore.New(b)) })
	b.Run("postgresql", func(b *testing.B) { f(b, teststore.Postgres(b, 1)[0]) })
}
