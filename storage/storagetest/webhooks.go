package storagetest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/signet-idp/signet/storage"
)

func webhook(organizationID string) storage.Webhook {
	return storage.Webhook{
		ID: storage.NewID(), OrganizationID: organizationID, URL: "https://hooks.acme.test/in?x=1", Events: []string{"user.*", "organization.created"},
		Description: "To the CRM", Status: storage.WebhookEnabled, Reason: "", Secret: []byte("sealed\x00"), OldSecret: []byte("old\xff"),
		OldUntil: epoch.Add(24 * time.Hour), StartSeq: 7, FailingSince: epoch.Add(-time.Hour), PausedUntil: epoch.Add(time.Minute),
		ManagedBy: "apply", Version: 1, CreatedAt: epoch, UpdatedAt: epoch,
	}
}

func testWebhooks(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	acme, globex, suspended := insertOrganization(t, ctx, s), insertOrganization(t, ctx, s),
		insertOrganization(t, ctx, s, func(o *storage.Organization) { o.Status = storage.OrganizationSuspended })
	system, own, second, other, off, asleep := webhook(""), webhook(acme.ID), webhook(acme.ID), webhook(globex.ID), webhook(acme.ID), webhook(suspended.ID)
	own.OldSecret, own.OldUntil, own.FailingSince, own.PausedUntil = nil, time.Time{}, time.Time{}, time.Time{}
	off.Status, off.Reason = storage.WebhookDisabled, "gone"
	all := []storage.Webhook{system, own, second, other, off, asleep}
	for _, w := range all {
		noError(t, s.InsertWebhook(ctx, w))
	}
	wantError(t, s.InsertWebhook(ctx, own), storage.ErrConflict)
	for _, s := range r {
		for _, w := range all {
			equal(t, must(s.WebhookByID(ctx, w.ID))(t), w)
		}
		equal(t, must(s.WebhooksOf(ctx, "", "", 10))(t), []storage.Webhook{system})
		equal(t, must(s.WebhooksOf(ctx, acme.ID, "", 10))(t), []storage.Webhook{own, second, off})
		equal(t, must(s.WebhooksOf(ctx, acme.ID, own.ID, 1))(t), []storage.Webhook{second})
		equal(t, must(s.WebhooksFor(ctx, nil))(t), []storage.Webhook{system})
		equal(t, must(s.WebhooksFor(ctx, []string{acme.ID, suspended.ID}))(t), []storage.Webhook{system, own, second})
		equal(t, must(s.WebhooksFor(ctx, []string{globex.ID, storage.NewID(), acme.ID}))(t), []storage.Webhook{system, own, second, other})
	}
	_, err := s.WebhookByID(ctx, storage.NewID())
	wantError(t, err, storage.ErrNotFound)

	changed := own
	changed.URL, changed.Events, changed.Description, changed.Status, changed.Reason = "https://b.test/", []string{"*"}, "", storage.WebhookDisabled, "failing"
	changed.Secret, changed.OldSecret, changed.OldUntil, changed.UpdatedAt = []byte("new"), own.Secret, epoch.Add(time.Hour), epoch.Add(time.Second)
	changed.FailingSince, changed.PausedUntil, changed.StartSeq = epoch, epoch, 99 // not written
	noError(t, s.UpdateWebhook(ctx, changed))
	wantError(t, s.UpdateWebhook(ctx, changed), storage.ErrVersion)
	changed.Version, changed.FailingSince, changed.PausedUntil, changed.StartSeq = 2, time.Time{}, time.Time{}, own.StartSeq
	equal(t, must(s.WebhookByID(ctx, own.ID))(t), changed)
	noError(t, s.NoteWebhook(ctx, own.ID, epoch, epoch.Add(time.Minute)))
	changed.FailingSince, changed.PausedUntil = epoch, epoch.Add(time.Minute)
	equal(t, must(s.WebhookByID(ctx, own.ID))(t), changed)
	noError(t, s.NoteWebhook(ctx, storage.NewID(), epoch, epoch))

	noError(t, s.InsertWebhookDeliveries(ctx, delivery(own.ID, 1), delivery(second.ID, 1)))
	noError(t, s.DeleteWebhook(ctx, own.ID))
	wantError(t, s.DeleteWebhook(ctx, own.ID), storage.ErrNotFound)
	wantError(t, s.UpdateWebhook(ctx, changed), storage.ErrVersion)
	equal(t, must(s.QueryWebhookDeliveries(ctx, storage.DeliveryQuery{WebhookID: own.ID, Limit: 10}))(t), []storage.WebhookDelivery(nil))
	equal(t, len(must(s.QueryWebhookDeliveries(ctx, storage.DeliveryQuery{WebhookID: second.ID, Limit: 10}))(t)), 1)
}

func delivery(webhookID string, seq int64) storage.WebhookDelivery {
	return storage.WebhookDelivery{
		WebhookID: webhookID, Seq: seq, EventID: storage.NewID(), Type: "user.created", State: storage.DeliveryPending,
		Attempts: 2, Status: 503, Error: "HTTP 503", BegunAt: epoch.Add(-time.Minute), DueAt: epoch, Expiry: epoch.Add(time.Hour),
	}
}

func testWebhookDeliveries(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	o := insertOrganization(t, ctx, s)
	a, b, paused, off := webhook(""), webhook(o.ID), webhook(""), webhook("")
	a.PausedUntil, b.PausedUntil, off.Status = time.Time{}, epoch, storage.WebhookDisabled
	for _, w := range []storage.Webhook{a, b, paused, off} {
		noError(t, s.InsertWebhook(ctx, w))
	}
	one, two, three, later := delivery(a.ID, 1), delivery(a.ID, 2), delivery(a.ID, 3), delivery(a.ID, 4)
	one.DueAt, later.DueAt = epoch.Add(-time.Second), epoch.Add(time.Second)
	others := delivery(b.ID, 1)
	noError(t, s.InsertWebhookDeliveries(ctx))
	noError(t, s.InsertWebhookDeliveries(ctx, three, one, two, later, others, delivery(paused.ID, 1), delivery(off.ID, 1)))
	again := one
	again.Attempts = 99
	noError(t, s.InsertWebhookDeliveries(ctx, again)) // it stays as it was
	noError(t, s.ReopenWebhookDeliveries(ctx, again)) // for it is pending

	list := func(state storage.DeliveryState, before int64, limit int) []storage.WebhookDelivery {
		t.Helper()
		return must(s.QueryWebhookDeliveries(ctx, storage.DeliveryQuery{WebhookID: a.ID, State: state, Before: before, Limit: limit}))(t)
	}
	equal(t, list("", 0, 10), []storage.WebhookDelivery{later, three, two, one})
	equal(t, list(storage.DeliveryPending, 4, 2), []storage.WebhookDelivery{three, two})
	equal(t, list(storage.DeliveryDead, 0, 10), []storage.WebhookDelivery(nil))

	due := func(at time.Duration, after string, limit int) []string {
		t.Helper()
		return must(s.DueWebhooks(ctx, epoch.Add(at), after, limit))(t)
	}
	equal(t, due(-time.Second, "", 10), []string{a.ID})
	equal(t, due(0, "", 10), []string{a.ID, b.ID})
	equal(t, due(0, "", 1), []string{a.ID})
	equal(t, due(0, a.ID, 10), []string{b.ID})
	equal(t, due(time.Minute, "", 10), []string{a.ID, b.ID, paused.ID})
	backlogs := []storage.WebhookBacklog{
		{WebhookID: a.ID, Pending: 4, Oldest: one.BegunAt},
		{WebhookID: b.ID, Pending: 1, Oldest: one.BegunAt},
		{WebhookID: paused.ID, Pending: 1, Oldest: one.BegunAt},
		{WebhookID: off.ID, Pending: 1, Oldest: one.BegunAt},
	}
	equal(t, must(s.WebhookBacklogs(ctx))(t), backlogs)
	suspend := o
	suspend.Status = storage.OrganizationSuspended
	noError(t, s.UpdateOrganization(ctx, suspend))
	equal(t, due(0, a.ID, 10), []string(nil))

	until := epoch.Add(time.Minute)
	taken := must(s.TakeWebhookDeliveries(ctx, a.ID, epoch, until, 2))(t)
	one.DueAt, two.DueAt = until, until
	equal(t, taken, []storage.WebhookDelivery{one, two})
	taken = must(s.TakeWebhookDeliveries(ctx, a.ID, epoch, until, 10))(t)
	three.DueAt = until
	equal(t, taken, []storage.WebhookDelivery{three})
	equal(t, must(s.TakeWebhookDeliveries(ctx, a.ID, epoch, until, 10))(t), []storage.WebhookDelivery(nil))
	equal(t, due(0, "", 10), []string(nil))

	one.State, one.Attempts, one.Status, one.Error, one.DueAt, one.SettledAt, one.Expiry = storage.DeliveryDelivered, 3, 204, "", time.Time{}, epoch, until
	noError(t, s.SettleWebhookDelivery(ctx, one))
	late := one
	late.State, late.Error = storage.DeliveryDead, "timeout"
	noError(t, s.SettleWebhookDelivery(ctx, late)) // it is settled
	two.State, two.Error, two.SettledAt = storage.DeliveryDead, "timeout", epoch
	noError(t, s.SettleWebhookDelivery(ctx, two))
	three.Attempts, three.DueAt = 3, epoch.Add(5*time.Second)
	noError(t, s.SettleWebhookDelivery(ctx, three)) // to be tried again
	noError(t, s.SettleWebhookDelivery(ctx, delivery(a.ID, 99)))
	equal(t, list("", 0, 10), []storage.WebhookDelivery{later, three, two, one})
	equal(t, list(storage.DeliveryDead, 0, 10), []storage.WebhookDelivery{two})

	fresh := delivery(a.ID, 2)
	fresh.EventID = two.EventID
	noError(t, s.ReopenWebhookDeliveries(ctx, fresh, delivery(a.ID, 5)))
	equal(t, list(storage.DeliveryPending, 3, 10), []storage.WebhookDelivery{fresh})
	equal(t, len(list("", 0, 10)), 5)

	events := []storage.Event{{ID: fresh.EventID, Type: "user.created"}, {ID: storage.NewID(), Type: "user.login"}, {ID: storage.NewID(), Type: "user.logout"}}
	noError(t, s.InsertEvents(ctx, events...))
	equal(t, must(s.EventsBySeq(ctx, []int64{1, 2}))(t), []storage.Event(nil))
	waiting := must(s.UnsequencedEvents(ctx, 10))(t)
	for i := range waiting {
		waiting[i].Seq, waiting[i].Hash = int64(i+1), []byte{byte(i)}
	}
	waiting[0].Seq, waiting[1].Seq = 2, 1
	noError(t, s.SequenceEvents(ctx, waiting))
	got := must(s.EventsBySeq(ctx, []int64{3, 99, 2}))(t)
	equal(t, []string{got[0].ID, got[1].ID}, []string{fresh.EventID, events[2].ID})
	equal(t, len(got), 2)
	equal(t, must(s.EventsBySeq(ctx, nil))(t), []storage.Event(nil))
	equal(t, must(s.WebhookDelivery(ctx, a.ID, fresh.EventID))(t), fresh)
	for _, of := range [][2]string{{b.ID, fresh.EventID}, {a.ID, storage.NewID()}} {
		_, err := s.WebhookDelivery(ctx, of[0], of[1])
		wantError(t, err, storage.ErrNotFound)
	}
}

// testWebhookDeliveriesTaken: replicas that share the work each get other rows.
func testWebhookDeliveriesTaken(t *testing.T, r []Store) {
	ctx := t.Context()
	const runners, each = 8, 50
	w := webhook("")
	noError(t, r[0].InsertWebhook(ctx, w))
	var list []storage.WebhookDelivery
	for i := range runners * each {
		list = append(list, delivery(w.ID, int64(i+1)))
	}
	noError(t, r[0].InsertWebhookDeliveries(ctx, list...))
	var mu sync.Mutex
	var all []int64
	var done sync.WaitGroup
	for i := range runners {
		done.Go(func() {
			for {
				taken, err := r[i%len(r)].TakeWebhookDeliveries(ctx, w.ID, epoch, epoch.Add(time.Minute), 7)
				mu.Lock()
				for _, d := range taken {
					all = append(all, d.Seq)
				}
				complete := len(all) >= runners*each
				mu.Unlock()
				if err != nil {
					t.Error(err)
					return
				}
				if complete {
					return
				}
			}
		})
	}
	done.Wait()
	slices.Sort(all)
	if len(all) != runners*each || len(slices.Compact(all)) != runners*each {
		t.Errorf("%d deliveries were taken, of %d", len(all), runners*each)
	}
}
