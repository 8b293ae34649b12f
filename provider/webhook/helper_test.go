package webhook_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/signet-idp/signet/internal/safehttp"
	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/internal/testkit/teststore"
	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/keys/keytest"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/webhook"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore"
)

// start is when the tests play: now, since the receivers' library looks at the
// clock of the machine.
func start() time.Time { return time.Now().Truncate(time.Second).UTC() }

// replica is one process over a store.
type replica struct {
	tb       testing.TB
	store    *sqlstore.Store
	clock    *fakeclock.Clock
	service  *webhook.Service
	changes  change.Runner
	recorder *event.Recorder
	seq      *event.Sequencer
	fanout   *webhook.Fanout
	follower *event.Follower
	worker   *webhook.Worker
	key      *keys.Purpose
	log      *logs
	config   webhook.WorkerConfig
	observed *observed
}

// logs keeps what is logged.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// observed counts attempts.
type observed struct {
	mu      sync.Mutex
	results map[string]int
	dead    int
}

func (o *observed) WebhookAttempt(result string, _ time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.results[result]++
}

func (o *observed) WebhookDead() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dead++
}

func newReplica(tb testing.TB, store *sqlstore.Store, clk *fakeclock.Clock, key *keys.Purpose, change ...func(*webhook.WorkerConfig)) *replica {
	tb.Helper()
	person, err := keytest.DataKeyring(tb, clk).Purpose(tb.Context(), "person")
	if err != nil {
		tb.Fatal(err)
	}
	r := &replica{tb: tb, store: store, clock: clk, key: key, log: &logs{}, observed: &observed{results: map[string]int{}}}
	r.changes = changes(tb, store, clk, person)
	r.recorder = r.changes.Events.(*event.Recorder)
	log := slog.New(slog.NewJSONHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	client, err := safehttp.New(safehttp.Options{AllowPrivate: true, Timeout: 2 * time.Second})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(client.CloseIdleConnections)
	origin := event.Origin{Source: "https://id.example.test", Service: "auth-service"}
	r.service = webhook.New(webhook.Deps{
		Store: store, Change: r.changes, Client: client, Key: key, Clock: clk, Random: rand.Reader, Origin: origin,
	})
	if r.seq, err = event.NewSequencer(event.SequencerConfig{Store: store, Clock: clk, Holder: storage.NewID()}); err != nil {
		tb.Fatal(err)
	}
	r.fanout = webhook.NewFanout(store, r.changes, clk, log)
	r.config = webhook.WorkerConfig{
		Store: store, Change: r.changes, Client: client, Key: key, Clock: clk, Random: rand.Reader, Origin: origin,
		Poll: 20 * time.Millisecond, Log: log, Observer: r.observed,
	}
	for _, f := range change {
		f(&r.config)
	}
	if r.worker, err = webhook.NewWorker(r.config); err != nil {
		tb.Fatal(err)
	}
	if r.follower, err = event.NewFollower(event.FollowerConfig{
		Name: webhook.Follower, Store: store, Clock: clk, Holder: storage.NewID(), Batch: webhook.Batch,
		Tend: r.fanout.Tend, Apply: r.fanout.Apply, Done: r.worker.Kick,
	}); err != nil {
		tb.Fatal(err)
	}
	return r
}

func changes(tb testing.TB, store *sqlstore.Store, clk *fakeclock.Clock, key event.Sealer) change.Runner {
	tb.Helper()
	recorder, err := event.NewRecorder(event.Config{Store: store, Sealer: key, Clock: clk, Random: rand.Reader})
	if err != nil {
		tb.Fatal(err)
	}
	return change.Runner{Store: store, Events: recorder, Clock: clk, Longest: time.Hour}
}

func secretKey(tb testing.TB, clk *fakeclock.Clock) *keys.Purpose {
	tb.Helper()
	key, err := keytest.DataKeyring(tb, clk).Purpose(tb.Context(), webhook.SecretPurpose)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// onSQLite is one process on SQLite.
func onSQLite(tb testing.TB, change ...func(*webhook.WorkerConfig)) *replica {
	tb.Helper()
	clk := fakeclock.New(start())
	return newReplica(tb, teststore.New(tb), clk, secretKey(tb, clk), change...)
}

// onPostgres are some on PostgreSQL.
func onPostgres(tb testing.TB, n int) []*replica {
	tb.Helper()
	clk := fakeclock.New(start())
	key := secretKey(tb, clk)
	var all []*replica
	for _, store := range teststore.Postgres(tb, n) {
		all = append(all, newReplica(tb, store, clk, key))
	}
	return all
}

// organization makes an active one.
func (r *replica) organization() string {
	r.tb.Helper()
	id := storage.NewID()
	if err := r.store.InsertOrganization(context.Background(), storage.Organization{ID: id, Slug: id, Status: storage.OrganizationActive, Version: 1}); err != nil {
		r.tb.Fatal(err)
	}
	return id
}

// create makes a webhook.
func (r *replica) create(organizationID, url string, events ...string) (storage.Webhook, string) {
	r.tb.Helper()
	w, secret, err := r.service.Create(context.Background(), organizationID, webhook.Registration{URL: url, Events: events})
	if err != nil {
		r.tb.Fatal(err)
	}
	r.sequence()
	return w, secret
}

// record records events and returns their ids.
func (r *replica) record(events ...event.Event) []string {
	r.tb.Helper()
	var ids []string
	for i := range events {
		events[i].ID = storage.NewID()
		ids = append(ids, events[i].ID)
	}
	for len(events) > 0 {
		n := min(len(events), event.MaxBatch)
		if err := r.recorder.Record(context.Background(), events[:n]...); err != nil {
			r.tb.Fatal(err)
		}
		events = events[n:]
	}
	r.sequence()
	return ids
}

func (r *replica) sequence() {
	r.tb.Helper()
	r.drain(r.seq.Tick)
}

// fan fans out what was recorded.
func (r *replica) fan() {
	r.tb.Helper()
	r.sequence()
	r.drain(r.follower.Tick)
}

func (r *replica) drain(tick func(context.Context) (int, error)) {
	r.tb.Helper()
	for {
		n, err := tick(context.Background())
		if err != nil {
			r.tb.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

// send sends what is due.
func (r *replica) send() {
	r.tb.Helper()
	if _, err := r.worker.Tick(context.Background()); err != nil {
		r.tb.Fatal(err)
	}
}

func (r *replica) deliveries(w storage.Webhook, state storage.DeliveryState) []storage.WebhookDelivery {
	r.tb.Helper()
	list, err := r.service.Deliveries(context.Background(), w.OrganizationID, w.ID, storage.DeliveryQuery{State: state, Limit: 500})
	if err != nil {
		r.tb.Fatal(err)
	}
	return list
}

func (r *replica) get(w storage.Webhook) storage.Webhook {
	r.tb.Helper()
	got, err := r.service.Get(context.Background(), w.OrganizationID, w.ID)
	if err != nil {
		r.tb.Fatal(err)
	}
	return got
}

// types counts the types in the record.
func (r *replica) types() map[string]int {
	r.tb.Helper()
	r.sequence()
	out := map[string]int{}
	for after := int64(0); ; {
		page, err := r.store.EventsAfter(context.Background(), after, 500)
		if err != nil {
			r.tb.Fatal(err)
		}
		if len(page) == 0 {
			return out
		}
		for _, e := range page {
			out[e.Type]++
			after = e.Seq
		}
	}
}

func logins(n int) []event.Event {
	list := make([]event.Event, n)
	for i := range list {
		list[i] = event.Event{Type: event.UserLogin, Subject: storage.NewID(), Data: map[string]any{"client_id": "web"}}
	}
	return list
}

func added(organizationID string) event.Event {
	return event.Event{
		Type: event.OrganizationUserAdded, Subject: organizationID, Organization: organizationID, Data: map[string]any{"user_id": storage.NewID()},
	}
}

// message is what a receiver got.
type message struct {
	id     string
	body   []byte
	header http.Header
}

// receiver is somebody who is told.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    []message
	answer http.HandlerFunc // nil: 204
}

func newReceiver(tb testing.TB, answer http.HandlerFunc) *receiver {
	tb.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(r)
	tb.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	r.got = append(r.got, message{req.Header.Get("webhook-id"), body, req.Header.Clone()})
	answer := r.answer
	r.mu.Unlock()
	if answer == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	answer(w, req)
}

func (r *receiver) set(answer http.HandlerFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func (r *receiver) messages() []message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]message(nil), r.got...)
}

// ids counts what arrived by id.
func (r *receiver) ids() map[string]int {
	out := map[string]int{}
	for _, m := range r.messages() {
		out[m.id]++
	}
	return out
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// verify checks a message with the library of those who wrote the standard.
func verify(tb testing.TB, secret string, m message) error {
	tb.Helper()
	v, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		tb.Fatal(err)
	}
	return v.Verify(m.body, m.header)
}

// verifyWhenever does not look at the time, for tests that turn the clock far.
func verifyWhenever(tb testing.TB, secret string, m message) error {
	tb.Helper()
	v, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		tb.Fatal(err)
	}
	return v.VerifyIgnoringTimestamp(m.body, m.header)
}

func decode(tb testing.TB, m message) event.Envelope {
	tb.Helper()
	var e event.Envelope
	if err := json.Unmarshal(m.body, &e); err != nil {
		tb.Fatal(err)
	}
	return e
}

// await waits for what another goroutine does.
func await(tb testing.TB, what string, yes func() bool) {
	tb.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for !yes() {
		select {
		case <-tick.C:
		case <-deadline:
			tb.Fatalf("waited in vain for %s", what)
		}
	}
}
