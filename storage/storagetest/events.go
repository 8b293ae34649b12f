package storagetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/signet-idp/signet/storage"
)

func testEvents(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	_, err := s.LastEvent(ctx)
	wantError(t, err, storage.ErrNotFound)
	full := storage.Event{
		ID: storage.NewID(), Type: "user.created", Time: epoch, Actor: "a", ActorKind: "user", Subject: "s",
		Organization: "o", Request: "r", TraceParent: "00-1", Data: []byte(`{"role": "owner"}`), Personal: []byte{0, 1}, PersonalOf: "s",
	}
	bare := storage.Event{ID: storage.NewID()}
	noError(t, s.InsertEvents(ctx))
	noError(t, s.InsertEvents(ctx, full, bare))
	wantError(t, s.InsertEvents(ctx, bare), storage.ErrConflict)

	list := must(s.UnsequencedEvents(ctx, 10))(t)
	if len(list) != 2 || list[0].Number <= 0 || list[1].Number <= list[0].Number {
		t.Fatalf("insertion numbers do not rise: %+v", list)
	}
	full.Number, bare.Number = list[0].Number, list[1].Number
	equal(t, list, []storage.Event{full, bare})
	equal(t, must(s.UnsequencedEvents(ctx, 1))(t), []storage.Event{full})
	equal(t, must(s.EventsAfter(ctx, 0, 10))(t), []storage.Event(nil))

	full.Seq, full.Hash = 1, []byte("h1")
	bare.Seq, bare.Hash = 2, []byte("h2")
	noError(t, s.SequenceEvents(ctx, nil))
	noError(t, s.SequenceEvents(ctx, []storage.Event{full, bare}))
	equal(t, must(s.UnsequencedEvents(ctx, 10))(t), []storage.Event(nil))
	equal(t, must(s.EventsAfter(ctx, 0, 10))(t), []storage.Event{full, bare})
	equal(t, must(s.EventsAfter(ctx, 0, 1))(t), []storage.Event{full})
	equal(t, must(s.EventsAfter(ctx, 1, 10))(t), []storage.Event{bare})
	equal(t, must(s.LastEvent(ctx))(t), bare)

	// All or nothing, and never twice.
	third := storage.Event{ID: storage.NewID()}
	noError(t, s.InsertEvents(ctx, third))
	third = must(s.UnsequencedEvents(ctx, 1))(t)[0]
	third.Seq, bare.Seq = 3, 4
	wantError(t, s.SequenceEvents(ctx, []storage.Event{third, bare}), storage.ErrVersion)
	equal(t, len(must(s.UnsequencedEvents(ctx, 10))(t)), 1)
	third.Seq = 2
	wantError(t, s.SequenceEvents(ctx, []storage.Event{third}), storage.ErrConflict)

	// A transaction sees its own events, and a rollback takes them back.
	undo := fmt.Errorf("undo")
	wantError(t, s.InTx(ctx, func(ctx context.Context) error {
		noError(t, s.InsertEvents(ctx, storage.Event{ID: storage.NewID()}))
		equal(t, len(must(s.UnsequencedEvents(ctx, 10))(t)), 2)
		noError(t, s.InsertEvents(ctx, storage.Event{ID: storage.NewID()}))
		return undo
	}), undo)
	equal(t, len(must(s.UnsequencedEvents(ctx, 10))(t)), 1)
}

func testPersonKeys(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	_, err := s.PersonKey(ctx, "u")
	wantError(t, err, storage.ErrNotFound)
	equal(t, must(s.PutPersonKey(ctx, "u", []byte("first"), epoch))(t), []byte("first"))
	equal(t, must(s.PutPersonKey(ctx, "u", []byte("second"), epoch))(t), []byte("first"))
	equal(t, must(s.PersonKey(ctx, "u"))(t), []byte("first"))
	noError(t, s.DeletePersonKey(ctx, "u"))
	wantError(t, s.DeletePersonKey(ctx, "u"), storage.ErrNotFound)
	_, err = s.PersonKey(ctx, "u")
	wantError(t, err, storage.ErrNotFound)
}

func testLeases(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	acquire := func(holder string, now time.Duration) (storage.Lease, bool) {
		t.Helper()
		l, ok, err := s.AcquireLease(ctx, "sequencer", holder, epoch.Add(now), epoch.Add(now+10*time.Second))
		noError(t, err)
		return l, ok
	}
	a, ok := acquire("a", 0)
	equal(t, ok, true)
	equal(t, a, storage.Lease{Name: "sequencer", Holder: "a", Token: 1, Expiry: epoch.Add(10 * time.Second)})
	_, ok = acquire("b", 5*time.Second)
	equal(t, ok, false)
	longer, ok := acquire("a", 5*time.Second)
	equal(t, ok, true)
	equal(t, longer.Token, a.Token)
	_, ok = acquire("b", 12*time.Second)
	equal(t, ok, false)
	noError(t, s.CheckLease(ctx, a))
	b, ok := acquire("b", 15*time.Second)
	equal(t, ok, true)
	equal(t, b.Token, int64(2))
	wantError(t, s.CheckLease(ctx, longer), storage.ErrVersion)
	noError(t, s.ReleaseLease(ctx, longer)) // not a's any more
	_, ok = acquire("a", 16*time.Second)
	equal(t, ok, false)
	noError(t, s.ReleaseLease(ctx, b))
	c, ok := acquire("a", 16*time.Second)
	equal(t, ok, true)
	equal(t, c.Token, int64(3))
	// One who lost it and comes back is a new holder to the fence.
	d, ok := acquire("a", time.Hour)
	equal(t, ok, true)
	equal(t, d.Token, int64(4))
	wantError(t, s.CheckLease(ctx, storage.Lease{Name: "other", Holder: "a", Token: 1}), storage.ErrVersion)
}

func testLogoutDeliveries(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	var want []storage.LogoutDelivery
	for i := range 3 {
		d := storage.LogoutDelivery{
			ID: storage.NewID(), ClientID: "web", SessionID: "sid", UserID: "u", Attempts: int64(i),
			DueAt: epoch.Add(time.Duration(i) * time.Second), CreatedAt: epoch,
		}
		noError(t, s.InsertLogoutDelivery(ctx, d))
		want = append(want, d)
	}
	wantError(t, s.InsertLogoutDelivery(ctx, want[0]), storage.ErrConflict)
	now, again := epoch.Add(time.Second), epoch.Add(time.Minute)
	for i := range want {
		want[i].Attempts++
		want[i].DueAt = again
	}
	equal(t, must(s.TakeLogoutDeliveries(ctx, now, again, 1))(t), want[:1])
	equal(t, must(s.TakeLogoutDeliveries(ctx, now, again, 10))(t), want[1:2])
	equal(t, must(s.TakeLogoutDeliveries(ctx, now, again, 10))(t), []storage.LogoutDelivery(nil))
	noError(t, s.DeleteLogoutDelivery(ctx, want[0].ID))
	noError(t, s.DeleteLogoutDelivery(ctx, want[0].ID))
	equal(t, len(must(s.TakeLogoutDeliveries(ctx, again, again.Add(1), 10))(t)), 2)
}
