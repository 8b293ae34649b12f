package storagetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/signet-idp/signet/storage"
)

func testIdempotentRequests(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	begin := func(v storage.IdempotentRequest) (storage.IdempotentRequest, bool) {
		t.Helper()
		stands, won, err := s.BeginIdempotent(ctx, v)
		noError(t, err)
		return stands, won
	}
	first := storage.IdempotentRequest{ID: "a", Fingerprint: []byte("f"), CreatedAt: epoch, Expiry: epoch.Add(time.Hour)}
	_, won := begin(first)
	equal(t, won, true)
	second := first
	second.Fingerprint, second.CreatedAt, second.Expiry = []byte("g"), epoch.Add(time.Hour-1000), epoch.Add(2*time.Hour)
	stands, won := begin(second)
	equal(t, won, false)
	equal(t, stands, first)

	other := second // that did not begin
	other.Status = 500
	wantError(t, s.FinishIdempotent(ctx, other), storage.ErrNotFound)
	noError(t, s.DropIdempotent(ctx, "a", other.CreatedAt))
	first.Status, first.Answer, first.Expiry = 201, []byte("sealed"), epoch.Add(3*time.Hour)
	noError(t, s.FinishIdempotent(ctx, first))
	wantError(t, s.FinishIdempotent(ctx, first), storage.ErrNotFound)
	noError(t, s.DropIdempotent(ctx, "a", first.CreatedAt))
	stands, won = begin(second)
	equal(t, won, false)
	equal(t, stands, first)

	// An expired one is replaced, its answer with it.
	second.CreatedAt, second.Expiry = first.Expiry, first.Expiry.Add(time.Hour)
	_, won = begin(second)
	equal(t, won, true)
	stands, won = begin(second)
	equal(t, won, false)
	equal(t, stands, second)

	// Who was slow does not answer for who took over.
	wantError(t, s.FinishIdempotent(ctx, first), storage.ErrNotFound)
	noError(t, s.DropIdempotent(ctx, "a", second.CreatedAt))
	noError(t, s.DropIdempotent(ctx, "a", second.CreatedAt))
	first.Status, first.Answer = 0, nil
	_, won = begin(first)
	equal(t, won, true)
}

func testRollups(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	row := func(subject string, day int64, kind, outcome string, total int64) storage.Rollup {
		return storage.Rollup{Dimension: "user", Subject: subject, Day: day, Type: kind, Outcome: outcome, Total: total}
	}
	noError(t, s.AddRollups(ctx))
	noError(t, s.AddRollups(ctx, row("u", 20001, "login", "success", 2), row("u", 20000, "login", "success", 1),
		row("u", 20001, "login", "failure", 1), row("u", 20001, "login", "success", 3), row("v", 20001, "login", "success", 9)))
	noError(t, s.AddRollups(ctx, row("u", 20001, "login", "success", 1), row("u", 20001, "alter", "success", 1)))
	equal(t, must(s.RollupsOf(ctx, "user", "u", 20001, 20001))(t), []storage.Rollup{
		row("u", 20001, "alter", "success", 1), row("u", 20001, "login", "failure", 1), row("u", 20001, "login", "success", 6),
	})
	equal(t, len(must(s.RollupsOf(ctx, "user", "u", 0, 1<<40))(t)), 4)
	equal(t, must(s.RollupsOf(ctx, "user", "u", 20002, 20009))(t), []storage.Rollup(nil))
	equal(t, must(s.RollupsOf(ctx, "system", "u", 0, 1<<40))(t), []storage.Rollup(nil))

	// Many who add to the same rows in different orders lose nothing.
	const adders, rows = 16, 8
	var all sync.WaitGroup
	for i := range adders {
		all.Go(func() {
			var add []storage.Rollup
			for n := range rows {
				add = append(add, row("many", int64((n+i)%rows), "login", "success", 1))
			}
			if err := r[i%len(r)].AddRollups(ctx, add...); err != nil {
				t.Errorf("adder %d: %v", i, err)
			}
		})
	}
	all.Wait()
	for _, v := range must(s.RollupsOf(ctx, "user", "many", 0, rows))(t) {
		equal(t, v.Total, int64(adders))
	}

	noError(t, s.AddRollups(ctx, storage.Rollup{Dimension: "other", Day: 20001, Total: 1}))
	noError(t, s.AddRollups(ctx, row("old", 20000, "login", "success", 1), row("old", 20001, "login", "success", 2), row("older", 20000, "login", "success", 3)))
	for range 2 { // what was copied stays
		noError(t, s.CopyRollups(ctx, row("", 20000, "login", "success", 0), "kept"))
		noError(t, s.AddRollups(ctx, row("old", 20000, "login", "success", 4)))
	}
	noError(t, s.ClearRollups(ctx, 20001, "user", "none"))
	equal(t, must(s.RollupsOf(ctx, "user", "old", 0, 1<<40))(t), []storage.Rollup{row("old", 20000, "login", "kept", 1), row("old", 20000, "login", "success", 9)})
	equal(t, must(s.RollupsOf(ctx, "user", "older", 0, 1<<40))(t), []storage.Rollup{row("older", 20000, "login", "kept", 3), row("older", 20000, "login", "success", 3)})
	noError(t, s.ClearRollups(ctx, 0, "user", "none"))
	equal(t, len(must(s.RollupsOf(ctx, "other", "", 0, 1<<40))(t)), 1)
	for _, subject := range []string{"u", "v", "many"} {
		equal(t, must(s.RollupsOf(ctx, "user", subject, 0, 1<<40))(t), []storage.Rollup(nil))
	}
}

// testPresences: everybody is new once a period and place, also of many at
// once and of many who say the same.
func testPresences(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	mark := func(list ...storage.Presence) []storage.Presence {
		t.Helper()
		return must(s.MarkPresent(ctx, list...))(t)
	}
	at := func(period string, day int64, organization, user string) storage.Presence {
		return storage.Presence{Period: period, Day: day, Organization: organization, UserID: user}
	}
	equal(t, len(mark()), 0)
	one := at("day", 20001, "", "u")
	equal(t, mark(one, one), []storage.Presence{one})
	equal(t, len(mark(one)), 0)
	equal(t, len(mark(one, at("day", 20001, "o", "u"), at("day", 20002, "", "u"), at("week", 20001, "", "u"), at("day", 20001, "", "v"))), 4)
	many := make([]storage.Presence, 600)
	for i := range many {
		many[i] = at("month", 20000, "", fmt.Sprint("u", i%599))
	}
	equal(t, len(mark(many...)), 599)

	noError(t, s.ForgetPresences(ctx, "day", 20002))
	equal(t, len(mark(one)), 1)                        // forgotten
	equal(t, len(mark(at("day", 20002, "", "u"))), 0)  // not before that day
	equal(t, len(mark(at("week", 20001, "", "u"))), 0) // another period

	noError(t, s.ClearPresences(ctx, 20001))
	equal(t, len(mark(at("day", 20002, "", "u"), at("week", 20001, "", "u"), at("month", 20000, "", "u0"))), 2) // the month began before

	const at16, people = 16, 40
	var (
		all   sync.WaitGroup
		fresh atomic.Int64
	)
	for i := range at16 {
		all.Go(func() {
			list := make([]storage.Presence, people)
			for n := range people {
				list[n] = at("day", 20005, "", fmt.Sprint("p", n))
			}
			got, err := r[i%len(r)].MarkPresent(ctx, list...)
			if err != nil {
				t.Errorf("marker %d: %v", i, err)
			}
			fresh.Add(int64(len(got)))
		})
	}
	all.Wait()
	equal(t, fresh.Load(), int64(people))
}

func testEventCursors(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	move := func(from, to int64) bool {
		t.Helper()
		return must(s.MoveEventCursor(ctx, "rollups", from, to, epoch))(t)
	}
	equal(t, must(s.EventCursor(ctx, "rollups"))(t), int64(0))
	equal(t, move(5, 9), false) // it stands at 0
	equal(t, must(s.EventCursor(ctx, "rollups"))(t), int64(0))
	equal(t, move(0, 5), true)
	equal(t, move(0, 7), false)
	equal(t, move(4, 7), false)
	equal(t, move(5, 7), true)
	equal(t, must(s.EventCursor(ctx, "rollups"))(t), int64(7))
	equal(t, must(s.EventCursor(ctx, "other"))(t), int64(0))
	equal(t, move(7, 0), true) // from the beginning
	equal(t, move(0, 3), true)

	// What was counted and how far it was counted stand or fall together.
	undo := fmt.Errorf("undo")
	wantError(t, s.InTx(ctx, func(ctx context.Context) error {
		equal(t, must(s.MoveEventCursor(ctx, "rollups", 3, 9, epoch))(t), true)
		noError(t, s.AddRollups(ctx, storage.Rollup{Dimension: "system", Total: 1}))
		return undo
	}), undo)
	equal(t, must(s.EventCursor(ctx, "rollups"))(t), int64(3))
	equal(t, must(s.RollupsOf(ctx, "system", "", 0, 0))(t), []storage.Rollup(nil))
}

// testEventQueries compares every question with a walk over a list. The times
// are out of order by as much as clocks and transactions could make them.
func testEventQueries(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	const sequenced, waiting = 60, 5
	events := make([]storage.Event, sequenced+waiting)
	for i := range events {
		events[i] = storage.Event{
			ID: storage.NewID(), Type: fmt.Sprint("type.", i%5), Time: epoch.Add(time.Duration(i*10-i%3*25) * time.Minute), Actor: "a",
			ActorKind: "user", Subject: fmt.Sprint("subject-", i*7%4), Organization: fmt.Sprint("organization-", i*5%3),
			Request: "r", Data: []byte(`{}`), Personal: []byte{1}, PersonalOf: "s",
		}
	}
	noError(t, s.InsertEvents(ctx, events...))
	list := must(s.UnsequencedEvents(ctx, sequenced))(t)
	for i := range list {
		list[i].Seq, list[i].Hash = int64(i+1), []byte{byte(i)}
	}
	noError(t, s.SequenceEvents(ctx, list))
	var ofOne []storage.Event
	for _, e := range list {
		if e.Organization == "organization-1" {
			ofOne = append(ofOne, e)
		}
	}
	equal(t, must(s.OrganizationEventsAfter(ctx, "organization-1", 0, 500))(t), ofOne)
	equal(t, must(s.OrganizationEventsAfter(ctx, "organization-1", ofOne[2].Seq, 2))(t), ofOne[3:5])
	equal(t, must(s.OrganizationEventsAfter(ctx, "organization-9", 0, 500))(t), []storage.Event(nil))
	slices.Reverse(list)

	match := func(q storage.EventQuery, e storage.Event) bool {
		return (q.Subject == "" || q.Subject == e.Subject) && (q.Organization == "" || q.Organization == e.Organization) &&
			(len(q.Types) == 0 || slices.Contains(q.Types, e.Type)) && (q.From.IsZero() || !e.Time.Before(q.From)) &&
			(q.To.IsZero() || e.Time.Before(q.To)) && (q.Before == 0 || e.Seq < q.Before)
	}
	name := func(t *rapid.T, prefix string, n int) string {
		if i := rapid.IntRange(-n, n).Draw(t, prefix); i >= 0 {
			return fmt.Sprint(prefix, "-", i)
		}
		return ""
	}
	moment := func(t *rapid.T, label string) time.Time {
		if i := rapid.IntRange(-70, 70).Draw(t, label); i >= 0 {
			return epoch.Add(time.Duration(i*10-25) * time.Minute)
		}
		return time.Time{}
	}
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		q := storage.EventQuery{
			Subject: name(t, "subject", 4), Organization: name(t, "organization", 3), From: moment(t, "from"), To: moment(t, "to"),
			Types:  rapid.SliceOfN(rapid.StringMatching(`type\.[0-5]`), 0, 5).Draw(t, "types"),
			Before: max(0, rapid.Int64Range(-60, 70).Draw(t, "before")), Limit: rapid.IntRange(1, 80).Draw(t, "limit"),
		}
		var want []storage.Event
		for _, e := range list {
			if match(q, e) {
				want = append(want, e)
			}
		}
		if q.Subject == "" && q.Before == 0 && len(q.Types) == 0 {
			counts := map[string]int64{}
			for _, c := range must(s.CountEventTypes(ctx, q.Organization, q.From, q.To))(t) {
				counts[c.Type] = c.Count
			}
			byType := map[string]int64{}
			for _, e := range want {
				byType[e.Type]++
			}
			equal(t, counts, byType)
		}
		bound := rapid.IntRange(0, 80).Draw(t, "bound")
		equal(t, must(s.CountEvents(ctx, q, bound))(t), int64(min(bound, len(want))))
		q.Offset = rapid.IntRange(0, 5).Draw(t, "offset")
		rest := want[min(q.Offset, len(want)):]
		equal(t, append([]storage.Event{}, must(s.QueryEvents(ctx, q))(t)...), append([]storage.Event{}, rest[:min(q.Limit, len(rest))]...))

		var walked []storage.Event
		for q.Offset = 0; ; q.Before = walked[len(walked)-1].Seq {
			page := must(s.QueryEvents(ctx, q))(t)
			walked = append(walked, page...)
			if len(page) < q.Limit {
				break
			}
		}
		equal(t, walked, want)
	})

	tooMany := storage.EventQuery{Types: make([]string, storage.MaxEventTypes+1), Limit: 10}
	if _, err := s.QueryEvents(ctx, tooMany); err == nil {
		t.Error("too many types were asked for")
	}
	if _, err := s.CountEvents(ctx, tooMany, 10); err == nil {
		t.Error("too many types were counted")
	}
	tooMany.Types = tooMany.Types[1:]
	equal(t, len(must(s.QueryEvents(ctx, tooMany))(t)), 0)
}
