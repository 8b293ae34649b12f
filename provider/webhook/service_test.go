package webhook_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/signet-idp/signet/internal/safehttp"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/webhook"
	"github.com/signet-idp/signet/storage"
)

const hookURL = "https://hooks.acme.test/in"

func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	r := onSQLite(t)
	strict, err := safehttp.New(safehttp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r.service.Client = strict
	events := []string{"user.created"}
	for name, c := range map[string]struct {
		in    webhook.Registration
		field string
	}{
		"no URL":                {webhook.Registration{Events: events}, "url"},
		"http":                  {webhook.Registration{URL: "http://hooks.acme.test/", Events: events}, "url"},
		"a user name":           {webhook.Registration{URL: "https://u:p@hooks.acme.test/", Events: events}, "url"},
		"a fragment":            {webhook.Registration{URL: "https://hooks.acme.test/#x", Events: events}, "url"},
		"this machine":          {webhook.Registration{URL: "https://localhost/", Events: events}, "url"},
		"this machine, written": {webhook.Registration{URL: "https://hooks.LOCALHOST.:8443/", Events: events}, "url"},
		"loopback":              {webhook.Registration{URL: "https://127.0.0.1/", Events: events}, "url"},
		"a private address":     {webhook.Registration{URL: "https://10.1.2.3/", Events: events}, "url"},
		"cloud metadata":        {webhook.Registration{URL: "https://169.254.169.254/", Events: events}, "url"},
		"a long URL":            {webhook.Registration{URL: hookURL + strings.Repeat("x", 2048), Events: events}, "url"},
		"no events":             {webhook.Registration{URL: hookURL}, "events"},
		"too many":              {webhook.Registration{URL: hookURL, Events: slices.Repeat(events, 101)}, "events"},
		"an unknown type":       {webhook.Registration{URL: hookURL, Events: []string{"user.created", "user.vanished"}}, "events.1"},
		"an unknown noun":       {webhook.Registration{URL: hookURL, Events: []string{"wizard.*"}}, "events.0"},
		"half a wildcard":       {webhook.Registration{URL: hookURL, Events: []string{"user.cre*"}}, "events.0"},
		"a dot and a star":      {webhook.Registration{URL: hookURL, Events: []string{".*"}}, "events.0"},
		"an empty filter":       {webhook.Registration{URL: hookURL, Events: []string{""}}, "events.0"},
		"a long description":    {webhook.Registration{URL: hookURL, Events: events, Description: strings.Repeat("x", 501)}, "description"},
		"two lines":             {webhook.Registration{URL: hookURL, Events: events, Description: "a\nb"}, "description"},
	} {
		_, _, err := r.service.Create(t.Context(), "", c.in)
		var fields []string
		if e := asFault(err); e != nil {
			for _, f := range e.Fields {
				fields = append(fields, f.Field)
			}
		}
		if !fault.Is(err, fault.Invalid) || !slices.Equal(fields, []string{c.field}) {
			t.Errorf("%s: %v, fields %v, want %s", name, err, fields, c.field)
		}
	}
	if _, _, err := r.service.Create(t.Context(), storage.NewID(), webhook.Registration{URL: hookURL, Events: events}); !fault.Is(err, fault.OrganizationNotFound) {
		t.Errorf("of no organization: %v", err)
	}
	organization := r.organization()
	for range webhook.MaxPerOrganization {
		r.create(organization, hookURL, "*")
	}
	if _, _, err := r.service.Create(t.Context(), organization, webhook.Registration{URL: hookURL, Events: events}); !fault.Is(err, fault.Conflict) {
		t.Errorf("one too many: %v", err)
	}
	r.create(r.organization(), hookURL, "auth.login_failed", "user.*", "user.*")
}

func asFault(err error) *fault.Error {
	for err != nil {
		if e, ok := err.(*fault.Error); ok { //nolint:errorlint // this walks the chain
			return e
		}
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			return nil
		}
		err = u.Unwrap()
	}
	return nil
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	r := onSQLite(t)
	w, secret := r.create("", hookURL, "user.*")
	if w.Version != 1 || !strings.HasPrefix(secret, "whsec_") {
		t.Fatalf("%+v", w)
	}
	url, events, text, off, on := "https://other.test/", []string{"*"}, "Text", false, true
	got, err := r.service.Update(t.Context(), "", w.ID, webhook.Patch{Version: 1, URL: &url, Events: &events, Description: &text})
	if err != nil || got.URL != url || !slices.Equal(got.Events, events) || got.Description != text || got.Version != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	if again := r.get(w); again.Version != 2 || again.URL != url {
		t.Errorf("kept: %+v", again)
	}
	if _, err := r.service.Update(t.Context(), "", w.ID, webhook.Patch{Version: 1, URL: &url}); !fault.Is(err, fault.Outdated) {
		t.Errorf("outdated: %v", err)
	}
	bad := "http://user@x/"
	if _, err := r.service.Update(t.Context(), "", w.ID, webhook.Patch{URL: &bad}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a bad URL: %v", err)
	}
	if got, err := r.service.Update(t.Context(), "", w.ID, webhook.Patch{Enabled: &on}); err != nil || got.Version != 2 {
		t.Errorf("nothing to change: %+v, %v", got, err)
	}
	if got, err = r.service.Update(t.Context(), "", w.ID, webhook.Patch{Enabled: &off}); err != nil || got.Status != storage.WebhookDisabled || got.Reason != "operator" {
		t.Errorf("%+v, %v", got, err)
	}
	if err := r.store.NoteWebhook(t.Context(), w.ID, r.clock.Now(), r.clock.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err = r.service.Update(t.Context(), "", w.ID, webhook.Patch{Enabled: &on}); err != nil {
		t.Fatal(err)
	}
	if got = r.get(w); got.Status != storage.WebhookEnabled || got.Reason != "" || !got.FailingSince.IsZero() || !got.PausedUntil.IsZero() {
		t.Errorf("enabled again: %+v", got)
	}
	if err := r.service.Delete(t.Context(), "", w.ID, "not needed any more!"); err != nil {
		t.Fatal(err)
	}
	for want, n := range map[event.Type]int{event.WebhookCreated: 1, event.WebhookUpdated: 2, event.WebhookDisabled: 1, event.WebhookDeleted: 1} {
		if got := r.types()[string(want)]; got != n {
			t.Errorf("%s: %d, want %d", want, got, n)
		}
	}
}

// Another organization's webhook is none at all, whatever is asked of it.
func TestOthersAreNotFound(t *testing.T) {
	t.Parallel()
	r := onSQLite(t)
	acme, globex := r.organization(), r.organization()
	own, _ := r.create(acme, hookURL, "*")
	system, _ := r.create("", hookURL, "*")
	ids := r.record(added(acme))
	r.fan()
	ctx := t.Context()
	for _, as := range []struct{ organization, id string }{{globex, own.ID}, {"", own.ID}, {acme, system.ID}, {acme, storage.NewID()}} {
		for name, err := range map[string]error{
			"get":        errOf(r.service.Get(ctx, as.organization, as.id)),
			"update":     errOf(r.service.Update(ctx, as.organization, as.id, webhook.Patch{})),
			"delete":     r.service.Delete(ctx, as.organization, as.id, ""),
			"rotate":     errOf2(r.service.Rotate(ctx, as.organization, as.id, 0)),
			"test":       errOf(r.service.Test(ctx, as.organization, as.id)),
			"deliveries": errOf(r.service.Deliveries(ctx, as.organization, as.id, storage.DeliveryQuery{})),
			"retry":      errOf(r.service.Retry(ctx, as.organization, as.id, ids[0])),
			"replay":     errOf(r.service.Replay(ctx, as.organization, as.id, webhook.Range{From: 1})),
		} {
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("%s of another's: %v", name, err)
			}
		}
	}
	for organization, want := range map[string]int{acme: 1, globex: 0, "": 1} {
		if list, err := r.service.List(ctx, organization); err != nil || len(list) != want {
			t.Errorf("%d webhooks, %v", len(list), err)
		}
	}
}

func errOf[T any](_ T, err error) error          { return err }
func errOf2[T, U any](_ T, _ U, err error) error { return err }

// Whatever webhooks there are and whatever happens: a webhook has the events of
// its own organization that it asked for and no other, by fan-out and by replay.
func TestTenantsAreKeptApart(t *testing.T) {
	t.Parallel()
	r := onSQLite(t)
	organizations := []string{"", r.organization(), r.organization(), r.organization()}
	filters := []string{"*", "user.*", "organization.*", "organization.user_added", "user.login", "key.*", "webhook.*"}
	names := rapid.SliceOfNDistinct(rapid.SampledFrom(filters), 1, 3, rapid.ID)
	rapid.Check(t, func(t *rapid.T) {
		var hooks []storage.Webhook
		for range rapid.IntRange(1, 4).Draw(t, "webhooks") {
			w, _ := r.create(rapid.SampledFrom(organizations).Draw(t, "of"), hookURL, names.Draw(t, "events")...)
			hooks = append(hooks, w)
		}
		var events []event.Event
		for range rapid.IntRange(1, 12).Draw(t, "events") {
			o := rapid.SampledFrom(organizations).Draw(t, "in")
			if o != "" && rapid.Bool().Draw(t, "a member") {
				events = append(events, added(o))
				continue
			}
			e := logins(1)[0]
			e.Organization = o
			events = append(events, e)
		}
		r.record(events...)
		replayed := rapid.Bool().Draw(t, "replayed")
		r.fan()
		if replayed {
			for _, w := range hooks {
				if _, err := r.service.Replay(t.Context(), w.OrganizationID, w.ID, webhook.Range{From: 1}); err != nil {
					t.Fatal(err)
				}
			}
			r.fan()
		}
		record := r.byID()
		for _, w := range hooks {
			have := map[string]bool{}
			for before := int64(0); ; {
				page, err := r.store.QueryWebhookDeliveries(t.Context(), storage.DeliveryQuery{WebhookID: w.ID, Before: before, Limit: 500})
				if err != nil {
					t.Fatal(err)
				}
				if len(page) == 0 {
					break
				}
				for _, d := range page {
					have[d.EventID] = true
					before = d.Seq
				}
			}
			for id, e := range record {
				want := (w.OrganizationID == "" || e.Organization == w.OrganizationID) && (replayed || e.Seq > w.StartSeq) && wanted(w.Events, e.Type)
				if have[id] != want {
					t.Fatalf("webhook of %q, %v: has %s of %q seq %d: %t", w.OrganizationID, w.Events, e.Type, e.Organization, e.Seq, have[id])
				}
			}
			if err := r.service.Delete(t.Context(), w.OrganizationID, w.ID, "test"); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// wanted says in another way than the product what a filter lets through.
func wanted(filters []string, kind string) bool {
	noun := kind[:strings.IndexByte(kind, '.')]
	return slices.Contains(filters, kind) || slices.Contains(filters, noun+".*") || slices.Contains(filters, "*")
}

func (r *replica) byID() map[string]storage.Event {
	r.tb.Helper()
	out := map[string]storage.Event{}
	for after := int64(0); ; {
		page, err := r.store.EventsAfter(r.tb.Context(), after, 500)
		if err != nil {
			r.tb.Fatal(err)
		}
		if len(page) == 0 {
			return out
		}
		for _, e := range page {
			out[e.ID], after = e, e.Seq
		}
	}
}

// An organization that is suspended is told nothing until it is active again.
func TestSuspendedOrganizationIsToldNothing(t *testing.T) {
	t.Parallel()
	r := onSQLite(t)
	in := newReceiver(t, nil)
	acme := r.organization()
	r.create(acme, in.URL, "organization.*")
	r.record(added(acme))
	r.fan()
	set := func(status storage.OrganizationStatus) {
		t.Helper()
		o, err := r.store.OrganizationByID(t.Context(), acme)
		if err != nil {
			t.Fatal(err)
		}
		o.Status = status
		if err := r.store.UpdateOrganization(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	set(storage.OrganizationSuspended)
	r.send()
	if len(in.messages()) != 0 {
		t.Error("a suspended organization is told")
	}
	set(storage.OrganizationActive)
	r.send()
	if len(in.messages()) != 1 {
		t.Errorf("active again: %d messages", len(in.messages()))
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	r := onSQLite(t)
	in := newReceiver(t, nil)
	w, first := r.create("", in.URL, "user.login")
	next := func(what string, good, bad []string) {
		t.Helper()
		r.record(logins(1)...)
		r.fan()
		r.send()
		all := in.messages()
		last := all[len(all)-1]
		for _, secret := range good {
			if err := verifyWhenever(t, secret, last); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		for _, secret := range bad {
			if verifyWhenever(t, secret, last) == nil {
				t.Errorf("%s: a secret that has ended signs", what)
			}
		}
		if n := len(strings.Fields(last.header.Get("Webhook-Signature"))); n != len(good) {
			t.Errorf("%s: %d signatures", what, n)
		}
	}
	rotate := func(overlap time.Duration) string {
		t.Helper()
		_, secret, err := r.service.Rotate(t.Context(), "", w.ID, overlap)
		if err != nil {
			t.Fatal(err)
		}
		return secret
	}
	next("before", []string{first}, nil)
	second := rotate(webhook.DefaultOverlap)
	next("after", []string{first, second}, nil)
	r.clock.Advance(webhook.DefaultOverlap - time.Second)
	next("just before the end", []string{first, second}, nil)
	r.clock.Advance(time.Second)
	next("at the end", []string{second}, []string{first})
	third := rotate(time.Hour)
	fourth := rotate(time.Hour)
	next("twice", []string{third, fourth}, []string{first, second})
	fifth := rotate(0)
	next("at once", []string{fifth}, []string{third, fourth})
	for _, overlap := range []time.Duration{-time.Second, webhook.MaxOverlap + time.Second} {
		if _, _, err := r.service.Rotate(t.Context(), "", w.ID, overlap); !fault.Is(err, fault.Invalid) {
			t.Errorf("an overlap of %s: %v", overlap, err)
		}
	}
	// The rows hold no secret that could be read.
	raw, err := json.Marshal(r.get(w))
	if err != nil || strings.Contains(string(raw), fifth[6:]) {
		t.Errorf("a secret lies open: %v", err)
	}
}

func TestRetryAndReplay(t *testing.T) {
	t.Parallel()
	r := onSQLite(t)
	in := newReceiver(t, nil)
	acme := r.organization()
	before := r.record(added(acme), added(r.organization()), added(acme))
	w, _ := r.create(acme, in.URL, "organization.user_added")
	ids := r.record(added(acme), added(acme))
	r.fan()
	r.send()
	retry := func() {
		t.Helper()
		if d, err := r.service.Retry(t.Context(), acme, w.ID, ids[0]); err != nil || d.State != storage.DeliveryPending || !d.DueAt.Equal(r.clock.Now()) {
			t.Fatalf("%+v, %v", d, err)
		}
		r.send()
	}
	retry() // what was delivered
	if got := in.ids(); got[ids[0]] != 2 || got[ids[1]] != 1 {
		t.Errorf("%v", got)
	}
	in.set(status(500))
	retry()
	in.set(nil)
	retry() // what waits for its next attempt
	if d := r.deliveries(w, storage.DeliveryDelivered); len(d) != 2 {
		t.Errorf("%+v", d)
	}
	if _, err := r.service.Retry(t.Context(), acme, w.ID, before[0]); !fault.Is(err, fault.NotFound) {
		t.Errorf("what it was never told: %v", err)
	}

	replay := func(from, to int64) webhook.Replayed {
		t.Helper()
		done, err := r.service.Replay(t.Context(), acme, w.ID, webhook.Range{From: from, To: to})
		if err != nil {
			t.Fatal(err)
		}
		r.send()
		return done
	}
	if done := replay(1, 0); done.Deliveries != 4 || done.More || done.From != 1 || done.To < 5 {
		t.Errorf("%+v", done)
	}
	got := in.ids()
	if got[before[0]] != 1 || got[before[1]] != 0 || got[before[2]] != 1 || got[ids[1]] != 2 {
		t.Errorf("after a replay: %v", got)
	}
	if done := replay(2, 3); done.Deliveries != 1 || done.To != 3 {
		t.Errorf("of a part: %+v", done)
	}
	if done := replay(1_000_000, 0); done.Deliveries != 0 {
		t.Errorf("of what is not there yet: %+v", done)
	}
	for _, bad := range []webhook.Range{{}, {From: -1}, {From: 3, To: 2}, {From: 1, To: -1}} {
		if _, err := r.service.Replay(t.Context(), acme, w.ID, bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if n := r.types()["webhook.replayed"]; n != 3 {
		t.Errorf("%d replays are on record", n)
	}
	off := false
	if _, err := r.service.Update(t.Context(), acme, w.ID, webhook.Patch{Enabled: &off}); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"retry":  errOf(r.service.Retry(t.Context(), acme, w.ID, ids[0])),
		"replay": errOf(r.service.Replay(t.Context(), acme, w.ID, webhook.Range{From: 1})),
	} {
		if !fault.Is(err, fault.Conflict) {
			t.Errorf("%s of a disabled one: %v", name, err)
		}
	}
}

// A replay of a long record goes on where one call ended.
func TestLongReplay(t *testing.T) {
	t.Parallel()
	r := onSQLite(t)
	w, _ := r.create("", hookURL, "user.login")
	r.record(logins(10_500)...)
	r.fan()
	var total int64
	from := int64(1)
	for calls := 1; ; calls++ {
		done, err := r.service.Replay(t.Context(), "", w.ID, webhook.Range{From: from})
		if err != nil || calls > 3 {
			t.Fatal(calls, err)
		}
		total, from = total+done.Deliveries, done.To+1
		if !done.More {
			break
		}
	}
	if total != 10_500 {
		t.Errorf("%d of 10500", total)
	}
}

func TestTest(t *testing.T) {
	t.Parallel()
	r := onSQLite(t)
	in := newReceiver(t, nil)
	w, secret := r.create("", in.URL, "user.login")
	before := r.types()
	got, err := r.service.Test(t.Context(), "", w.ID)
	if err != nil || !got.Delivered || got.Status != 204 || got.Problem != "" {
		t.Fatalf("%+v, %v", got, err)
	}
	m := in.messages()[0]
	if err := verify(t, secret, m); err != nil {
		t.Error(err)
	}
	if e := decode(t, m); e.Type != webhook.TestType || e.ID != got.ID || m.id != got.ID || string(e.Data) != fmt.Sprintf(`{"webhook_id":%q}`, w.ID) {
		t.Errorf("%s", m.body)
	}
	in.set(status(500))
	if got, err := r.service.Test(t.Context(), "", w.ID); err != nil || got.Delivered || got.Status != 500 || got.Problem != "HTTP 500" {
		t.Errorf("%+v, %v", got, err)
	}
	in.Close()
	if got, err := r.service.Test(t.Context(), "", w.ID); err != nil || got.Delivered || got.Status != 0 || got.Problem != "the connection failed" {
		t.Errorf("%+v, %v", got, err)
	}
	if after := r.types(); len(after) != len(before) || len(r.deliveries(w, "")) != 0 || !r.get(w).FailingSince.IsZero() {
		t.Error("a test leaves traces")
	}
}

// However many are made at once, at however many replicas, there are never more
// than there may be, and as many.
func TestLimitsHoldInParallel(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) []*replica{
		"SQLite":     func(t *testing.T) []*replica { return []*replica{onSQLite(t)} },
		"PostgreSQL": func(t *testing.T) []*replica { return onPostgres(t, 2) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := open(t)
			for organization, limit := range map[string]int{"": webhook.MaxOfSystem, all[0].organization(): webhook.MaxPerOrganization} {
				var making sync.WaitGroup
				var made, refused atomic.Int64
				for i := range limit + 30 {
					making.Go(func() {
						_, _, err := all[i%len(all)].service.Create(t.Context(), organization, webhook.Registration{URL: hookURL, Events: []string{"*"}})
						switch {
						case err == nil:
							made.Add(1)
						case fault.Is(err, fault.Conflict):
							refused.Add(1)
						default:
							t.Error(err)
						}
					})
				}
				making.Wait()
				list, err := all[0].service.List(t.Context(), organization)
				if err != nil || len(list) != limit || made.Load() != int64(limit) || refused.Load() != 30 {
					t.Errorf("%q: %d there, %d made, %d refused, %v", organization, len(list), made.Load(), refused.Load(), err)
				}
			}
		})
	}
}

// TestRetryAfterRetention: what was sent, or given up, and is no longer in the record
// cannot be sent again, and the answer says so; it stays in the list.
func TestRetryAfterRetention(t *testing.T) {
	t.Parallel()
	r := onSQLite(t)
	in := newReceiver(t, nil)
	acme := r.organization()
	w, _ := r.create(acme, in.URL, "organization.user_added")
	ids := r.record(added(acme), added(acme))
	r.fan()
	r.send()
	prune := r.byID()[ids[0]]
	if err := r.store.PruneEvents(t.Context(), storage.NewID(), []storage.Event{prune}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.service.Retry(t.Context(), acme, w.ID, ids[0]); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "no longer in the record") {
		t.Errorf("%v", err)
	}
	if _, err := r.service.Retry(t.Context(), acme, w.ID, ids[1]); err != nil {
		t.Error(err)
	}
	if d := r.deliveries(w, ""); len(d) != 2 || d[1].EventID != ids[0] || d[1].State != storage.DeliveryDelivered {
		t.Errorf("%+v", d)
	}
}
