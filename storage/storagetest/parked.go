package storagetest

import (
	"testing"
	"time"

	"github.com/signet-idp/signet/storage"
)

func testParkedEvents(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	const consumer = "kafka"
	parked := func(seq int64, subject, reason string, due time.Duration) storage.ParkedEvent {
		return storage.ParkedEvent{
			Consumer: consumer, Seq: seq, ID: storage.NewID(), Type: "user.login", Subject: subject, Reason: reason,
			Attempts: 1, ParkedAt: epoch, DueAt: epoch.Add(due),
		}
	}
	first, behind := parked(3, "a", "too_large", time.Minute), parked(5, "a", "", 0)
	other, nobody, nobodyToo := parked(4, "b", "invalid", 2*time.Minute), parked(7, "", "invalid", time.Hour), parked(8, "", "invalid", 0)
	elsewhere := parked(2, "b", "invalid", 0)
	elsewhere.Consumer = "webhooks"
	noError(t, s.ParkEvents(ctx))
	noError(t, s.ParkEvents(ctx, behind, first, other, nobody, nobodyToo, elsewhere))
	again := first
	again.Reason = "other"
	noError(t, s.ParkEvents(ctx, again)) // it stays as it was

	equal(t, must(s.ParkedEventsAfter(ctx, consumer, 0, 10))(t), []storage.ParkedEvent{first, other, behind, nobody, nobodyToo})
	equal(t, must(s.ParkedEventsAfter(ctx, consumer, 3, 1))(t), []storage.ParkedEvent{other})
	equal(t, must(s.ParkedEventsAfter(ctx, "none", 0, 10))(t), []storage.ParkedEvent(nil))
	equal(t, must(s.CountParkedEvents(ctx, consumer))(t), int64(5))
	equal(t, must(s.CountParkedEvents(ctx, "none"))(t), int64(0))
	for subject, want := range map[string]bool{"a": true, "b": true, "c": false} {
		equal(t, must(s.SubjectParked(ctx, consumer, subject))(t), want)
	}
	equal(t, must(s.SubjectParked(ctx, "webhooks", "a"))(t), false)

	// What waits behind another is due only when it is the first.
	due := func(at time.Duration) []storage.ParkedEvent {
		t.Helper()
		return must(s.DueParkedEvents(ctx, consumer, epoch.Add(at), 10))(t)
	}
	equal(t, due(0), []storage.ParkedEvent{nobodyToo})
	equal(t, due(time.Minute), []storage.ParkedEvent{first, nobodyToo})
	equal(t, due(2*time.Hour), []storage.ParkedEvent{first, other, nobody, nobodyToo})
	equal(t, must(s.DueParkedEvents(ctx, consumer, epoch.Add(time.Hour), 1))(t), []storage.ParkedEvent{first})

	first.Reason, first.Attempts, first.DueAt = "invalid", 2, epoch.Add(time.Hour)
	noError(t, s.PutOffParkedEvent(ctx, first))
	equal(t, due(time.Minute), []storage.ParkedEvent{nobodyToo})
	equal(t, must(s.HastenParkedEvents(ctx, consumer, 3, epoch))(t), int64(1))
	equal(t, must(s.HastenParkedEvents(ctx, consumer, 99, epoch))(t), int64(0))
	first.DueAt = epoch
	equal(t, due(0), []storage.ParkedEvent{first, nobodyToo})

	equal(t, must(s.UnparkEvent(ctx, consumer, 3))(t), true)
	equal(t, must(s.UnparkEvent(ctx, consumer, 3))(t), false)
	wantError(t, s.PutOffParkedEvent(ctx, first), storage.ErrNotFound)
	equal(t, due(0), []storage.ParkedEvent{behind, nobodyToo})
	equal(t, must(s.HastenParkedEvents(ctx, consumer, 0, epoch))(t), int64(4))
	equal(t, len(due(0)), 4)
	equal(t, must(s.ParkedEventsAfter(ctx, "webhooks", 0, 10))(t), []storage.ParkedEvent{elsewhere})
}
