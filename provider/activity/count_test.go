package activity_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/internal/testkit/testrecord"
	"github.com/signet-idp/signet/internal/testkit/teststore"
	"github.com/signet-idp/signet/provider/activity"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore"
)

// start is a Thursday, the first of a month.
func start() time.Time { return time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC) }

// fixture is a record with a sequencer and what reads it.
type fixture struct {
	tb    testing.TB
	store *sqlstore.Store
	clock *fakeclock.Clock
	rec   *event.Recorder
	seq   *event.Sequencer
	did   *activity.Service
}

func newFixture(tb testing.TB, store *sqlstore.Store) *fixture {
	tb.Helper()
	f := &fixture{tb: tb, store: store, clock: fakeclock.New(start())}
	f.rec, f.seq = testrecord.New(tb, store, f.clock)
	f.did = &activity.Service{
		Store: store, Opener: f.rec, Clock: f.clock,
		Changes: change.Runner{Store: store, Events: f.rec, Clock: f.clock, Longest: time.Hour},
	}
	return f
}

func engines(t *testing.T, test func(t *testing.T, store *sqlstore.Store)) {
	t.Helper()
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); test(t, teststore.New(t)) })
	t.Run("postgres", func(t *testing.T) { t.Parallel(); test(t, teststore.Postgres(t, 1)[0]) })
}

func (f *fixture) follower(holder string, store event.FollowerStore, adder activity.Adder) *event.Follower {
	f.tb.Helper()
	fl, err := event.NewFollower(event.FollowerConfig{
		Store: store, Clock: f.clock, Name: activity.Follower, Holder: holder, Apply: activity.Count(adder), Batch: 7,
	})
	if err != nil {
		f.tb.Fatal(err)
	}
	return fl
}

// record writes events, sequences and counts them.
func (f *fixture) record(events ...event.Event) {
	f.tb.Helper()
	if err := f.rec.Record(f.tb.Context(), events...); err != nil {
		f.tb.Fatal(err)
	}
	f.count()
}

func (f *fixture) count() {
	f.tb.Helper()
	f.sequence()
	f.drain(f.follower("f", f.store, f.store))
}

func (f *fixture) sequence() {
	f.tb.Helper()
	for {
		n, err := f.seq.Tick(f.tb.Context())
		if err != nil {
			f.tb.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

func (f *fixture) drain(fl *event.Follower) {
	f.tb.Helper()
	for {
		n, err := fl.Tick(f.tb.Context())
		if err != nil {
			f.tb.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

// all reads the whole record.
func (f *fixture) all() []storage.Event {
	f.tb.Helper()
	var out []storage.Event
	for after := int64(0); ; {
		page, err := f.store.EventsAfter(f.tb.Context(), after, 500)
		if err != nil {
			f.tb.Fatal(err)
		}
		if len(page) == 0 {
			return out
		}
		out, after = append(out, page...), page[len(page)-1].Seq
	}
}

var errCrash = errors.New("crash")

// crashing fails where a process may die: before the counts are written, after
// them, or after the cursor moved; or it dies once all was committed.
type crashing struct {
	*sqlstore.Store
	at *string
}

func (c crashing) AddRollups(ctx context.Context, rollups ...storage.Rollup) error {
	if *c.at == "before" {
		return errCrash
	}
	if err := c.Store.AddRollups(ctx, rollups...); err != nil {
		return err
	}
	if *c.at == "after" {
		return errCrash
	}
	return nil
}

func (c crashing) MoveEventCursor(ctx context.Context, name string, from, to int64, at time.Time) (bool, error) {
	won, err := c.Store.MoveEventCursor(ctx, name, from, to, at)
	if *c.at == "cursor" {
		return false, errCrash
	}
	return won, err
}

// What is counted is what stands in the record, whatever dies in between and
// whichever replica goes on.
func TestCountsAreExact(t *testing.T) {
	engines(t, func(t *testing.T, store *sqlstore.Store) {
		f := newFixture(t, store)
		seen := map[string]bool{} // subjects of every run: the record grows from run to run
		rapid.Check(t, func(rt *rapid.T) {
			at := ""
			replicas := []*event.Follower{}
			for i := range 2 {
				replicas = append(replicas, f.follower(fmt.Sprint("replica-", i, "-", storage.NewID()), crashing{store, &at}, crashing{store, &at}))
			}
			for range rapid.IntRange(1, 12).Draw(rt, "steps") {
				switch rapid.SampledFrom([]string{"record", "record", "sequence", "count", "crash", "wait", "recount"}).Draw(rt, "step") {
				case "record":
					for range rapid.IntRange(1, 10).Draw(rt, "events") {
						if err := f.rec.Record(t.Context(), anEvent(rt, f.clock.Now())); err != nil {
							rt.Fatal(err)
						}
					}
				case "sequence":
					f.sequence()
				case "count":
					if _, err := rapid.SampledFrom(replicas).Draw(rt, "replica").Tick(t.Context()); err != nil {
						rt.Fatal(err)
					}
				case "crash":
					at = rapid.SampledFrom([]string{"before", "after", "cursor"}).Draw(rt, "where")
					_, err := rapid.SampledFrom(replicas).Draw(rt, "replica").Tick(t.Context())
					if at = ""; err != nil && !errors.Is(err, errCrash) {
						rt.Fatal(err)
					}
				case "recount":
					garbage := storage.Rollup{Dimension: "user", Subject: "alice", Day: 1, Type: "x", Outcome: "success", Total: 7}
					if err := store.AddRollups(t.Context(), garbage); err != nil {
						rt.Fatal(err)
					}
					if _, err := activity.Recount(store, f.clock).Restart(t.Context()); err != nil {
						rt.Fatal(err)
					}
				case "wait": // leases end, and days go by
					f.clock.Advance(time.Duration(rapid.IntRange(1, 30).Draw(rt, "hours")) * time.Hour)
				}
			}
			f.clock.Advance(time.Hour)
			f.sequence()
			f.drain(replicas[0])
			compare(t, rt, store, activity.Sum(f.all()), seen)
		})
	})
}

// compare holds the rows in the store against those that the record gives.
func compare(t *testing.T, rt *rapid.T, store *sqlstore.Store, want []storage.Rollup, seen map[string]bool) {
	bySubject := map[string][]storage.Rollup{}
	for _, r := range want {
		key := r.Dimension + " " + r.Subject
		bySubject[key] = append(bySubject[key], r)
		seen[key] = true
	}
	for key := range seen {
		var dimension, subject string
		_, _ = fmt.Sscanf(key, "%s %s", &dimension, &subject)
		got, err := store.RollupsOf(t.Context(), dimension, subject, 0, 1<<40)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(bySubject[key], got); diff != "" {
			rt.Fatalf("%s (-recounted +stored):\n%s", key, diff)
		}
	}
}

// anEvent is one of some two people, two organizations and a few types, those
// that do not count among them.
func anEvent(rt *rapid.T, now time.Time) event.Event {
	e := event.Event{
		Type: rapid.SampledFrom([]event.Type{
			event.UserLogin, event.UserLoginFailed, event.UserLogout, event.UserActivity, event.SessionCreated, event.GrantCreated,
			event.OrganizationUserAdded, event.KeyCreated,
		}).Draw(rt, "type"),
		Subject:      rapid.SampledFrom([]string{"alice", "bob"}).Draw(rt, "subject"),
		Organization: rapid.SampledFrom([]string{"", "acme", "globex"}).Draw(rt, "organization"),
	}
	if e.Type == event.UserLoginFailed && rapid.Bool().Draw(rt, "nobody") {
		e.Subject = ""
	}
	if e.Type == event.UserActivity {
		e.Data = map[string]any{
			"action":      rapid.SampledFrom([]string{"document.opened", "user.login"}).Draw(rt, "action"),
			"occurred_at": now.Add(-time.Duration(rapid.IntRange(0, 72).Draw(rt, "ago")) * time.Hour).Unix(),
		}
	}
	return e
}

func TestWhatCounts(t *testing.T) {
	t.Parallel()
	at := start()
	rows := func(e storage.Event) map[string]int64 {
		out := map[string]int64{}
		for _, r := range activity.Counted(e) {
			day := "all"
			if r.Day != activity.AllTime {
				day = activity.Date(r.Day).Format(time.DateOnly)
			}
			out[fmt.Sprintf("%s/%s %s %s %s", r.Dimension, r.Subject, day, r.Type, r.Outcome)] += r.Total
		}
		return out
	}
	tests := []struct {
		name  string
		event storage.Event
		want  map[string]int64
	}{
		{"a login in an organization", storage.Event{Type: "user.login", Time: at, Subject: "alice", Organization: "acme"}, map[string]int64{
			"system/ all user.login success": 1, "system/ 2026-10-01 user.login success": 1,
			"organization/acme all user.login success": 1, "organization/acme 2026-10-01 user.login success": 1,
			"user/alice all user.login success": 1, "user/alice 2026-10-01 user.login success": 1,
			"member/acme/alice all user.login success": 1, "member/acme/alice 2026-10-01 user.login success": 1,
		}},
		{"a refused login of nobody", storage.Event{Type: "user.login_failed", Time: at}, map[string]int64{
			"system/ all user.login_failed failure": 1, "system/ 2026-10-01 user.login_failed failure": 1,
		}},
		{"a report counts on its own day, under a name no type has", storage.Event{
			Type: "user.activity", Time: at, Subject: "alice", Data: fmt.Appendf(nil, `{"action":"user.login","occurred_at":%d}`, at.Add(-48*time.Hour).Unix()),
		}, map[string]int64{
			"system/ all user.activity/user.login success": 1, "system/ 2026-09-29 user.activity/user.login success": 1,
			"user/alice all user.activity/user.login success": 1, "user/alice 2026-09-29 user.activity/user.login success": 1,
		}},
		{"machinery", storage.Event{Type: "session.created", Time: at, Subject: "alice"}, map[string]int64{}},
		{"keys", storage.Event{Type: "key.created", Time: at, Subject: "k"}, map[string]int64{}},
		{"an organization's own", storage.Event{Type: "organization.updated", Time: at, Subject: "acme", Organization: "acme"}, map[string]int64{
			"system/ all organization.updated success": 1, "system/ 2026-10-01 organization.updated success": 1,
			"organization/acme all organization.updated success": 1, "organization/acme 2026-10-01 organization.updated success": 1,
		}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, rows(tt.event)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func BenchmarkCount(b *testing.B) {
	store := teststore.New(b)
	var batch []storage.Event
	for i := range 500 {
		batch = append(batch, storage.Event{Type: "user.login", Time: start(), Subject: fmt.Sprint("user-", i), Organization: "acme"})
	}
	count := activity.Count(store)
	b.ReportAllocs()
	for b.Loop() {
		if err := store.InTx(b.Context(), func(ctx context.Context) error { return count(ctx, batch) }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(batch))/b.Elapsed().Seconds(), "events/s")
}
