package storagetest

import (
	"errors"
	"testing"
	"time"

	"github.com/signet-idp/signet/storage"
)

func testAudit(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	var all []storage.Event
	for i := range 6 {
		e := storage.Event{ID: storage.NewID(), Type: "user.login", Actor: "a", Subject: "s", Time: epoch.Add(time.Duration(i) * time.Minute)}
		if i%2 == 1 {
			e.Type, e.Actor = "user.logout", "b"
		}
		noError(t, s.InsertEvents(ctx, e))
	}
	all = must(s.UnsequencedEvents(ctx, 10))(t)
	for i := range all {
		all[i].Seq, all[i].Hash = int64(i+1), []byte{byte(i)}
	}
	noError(t, s.SequenceEvents(ctx, all))

	// By actor and type, oldest first, from a position on.
	q := func(q storage.EventQuery) []storage.Event { q.Limit = 10; return must(s.QueryEvents(ctx, q))(t) }
	equal(t, q(storage.EventQuery{Actor: "b", OldestFirst: true}), []storage.Event{all[1], all[3], all[5]})
	equal(t, q(storage.EventQuery{Types: []string{"user.login"}, After: 1, OldestFirst: true}), []storage.Event{all[2], all[4]})
	equal(t, q(storage.EventQuery{Types: []string{"user.logout"}, Actor: "a"}), []storage.Event(nil))
	equal(t, q(storage.EventQuery{Subject: "s", Actor: "a", After: 3}), []storage.Event{all[4]})

	// What is pruned leaves its place, once.
	noError(t, s.PruneEvents(ctx, "p", nil))
	noError(t, s.PruneEvents(ctx, "p", []storage.Event{all[1], all[2]}))
	wantError(t, s.PruneEvents(ctx, "p", []storage.Event{all[3], {Seq: 99, Hash: []byte{1}}}), storage.ErrVersion)
	equal(t, must(s.EventsAfter(ctx, 0, 10))(t), []storage.Event{all[0], all[3], all[4], all[5]})
	places := []storage.PrunedEvent{{Seq: 2, Hash: all[1].Hash, Prune: "p"}, {Seq: 3, Hash: all[2].Hash, Prune: "p"}}
	equal(t, must(s.PrunedEventsAfter(ctx, 0, 10))(t), places)
	equal(t, must(s.PrunedEventsAfter(ctx, 2, 1))(t), places[1:])
	// Times are found beside rows that are gone.
	equal(t, q(storage.EventQuery{From: epoch.Add(4 * time.Minute), OldestFirst: true}), all[4:])
	equal(t, q(storage.EventQuery{To: epoch.Add(3 * time.Minute)}), []storage.Event{all[0]})

	equal(t, must(s.EventReach(ctx))(t), int64(0))
	equal(t, must(s.OldestWaitingEvent(ctx))(t), int64(0))
	equal(t, must(s.MoveEventCursor(ctx, "x", 0, 4, epoch))(t), true)
	equal(t, must(s.MoveEventCursor(ctx, "y", 0, 5, epoch))(t), true)
	noError(t, s.ParkEvents(ctx, storage.ParkedEvent{Consumer: "x", Seq: 4}, storage.ParkedEvent{Consumer: "y", Seq: 1}))
	equal(t, must(s.EventReach(ctx))(t), int64(5))
	equal(t, must(s.OldestWaitingEvent(ctx))(t), int64(1))

	noError(t, s.GuardHolds(ctx))
	equal(t, must(s.Holds(ctx))(t), []storage.Hold(nil))
	holds := []storage.Hold{
		{ID: "1", Kind: storage.HoldAll, Reason: "case-1", CreatedBy: "a", CreatedAt: epoch},
		{ID: "2", Kind: storage.HoldSubject, Value: "s", CreatedBy: "a", CreatedAt: epoch},
	}
	for _, h := range holds {
		noError(t, s.InsertHold(ctx, h))
	}
	wantError(t, s.InsertHold(ctx, holds[0]), storage.ErrConflict)
	equal(t, must(s.Holds(ctx))(t), holds)
	equal(t, must(s.DeleteHold(ctx, "1"))(t), holds[0])
	if _, err := s.DeleteHold(ctx, "1"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("a hold that is gone: %v", err)
	}
	equal(t, must(s.Holds(ctx))(t), holds[1:])
}
