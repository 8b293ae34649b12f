package kafka_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/internal/testkit/teststore"
	"github.com/signet-idp/signet/keys/keytest"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/event/kafka"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore"
)

var origin = event.Origin{Source: "https://id.example.test", Service: "auth-service"}

// record is what events go through before a relay sees them.
type record struct {
	tb        testing.TB
	store     *sqlstore.Store
	clock     clock.Clock
	recorder  *event.Recorder
	sequencer *event.Sequencer
}

func newRecord(tb testing.TB, store *sqlstore.Store, clk clock.Clock) *record {
	tb.Helper()
	purpose, err := keytest.DataKeyring(tb, clk).Purpose(tb.Context(), "person")
	if err != nil {
		tb.Fatal(err)
	}
	r := &record{tb: tb, store: store, clock: clk}
	if r.sequencer, err = event.NewSequencer(event.SequencerConfig{Store: store, Clock: clk, Holder: "sequencer"}); err != nil {
		tb.Fatal(err)
	}
	if r.recorder, err = event.NewRecorder(event.Config{
		Store: store, Sealer: purpose, Clock: clk, Random: rand.Reader, Notify: r.sequencer.Kick,
	}); err != nil {
		tb.Fatal(err)
	}
	return r
}

// onSQLite is a record whose clock is turned by hand.
func onSQLite(tb testing.TB) (*record, *fakeclock.Clock) {
	tb.Helper()
	clk := fakeclock.New(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	return newRecord(tb, teststore.New(tb), clk), clk
}

// add records events and sequences them.
func (r *record) add(events ...event.Event) {
	r.tb.Helper()
	for batch := range slices.Chunk(events, event.MaxBatch) {
		if err := r.recorder.Record(r.tb.Context(), batch...); err != nil {
			r.tb.Fatal(err)
		}
	}
	r.sequence()
}

func (r *record) sequence() {
	r.tb.Helper()
	for {
		n, err := r.sequencer.Tick(context.WithoutCancel(r.tb.Context()))
		if err != nil {
			r.tb.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

// all reads the record.
func (r *record) all() (events []storage.Event) {
	r.tb.Helper()
	for after := int64(0); ; after = events[len(events)-1].Seq {
		page, err := r.store.EventsAfter(context.WithoutCancel(r.tb.Context()), after, 500)
		if err != nil {
			r.tb.Fatal(err)
		}
		if len(page) == 0 {
			return events
		}
		events = append(events, page...)
	}
}

func (r *record) cursor() int64 {
	r.tb.Helper()
	seq, err := r.store.EventCursor(context.WithoutCancel(r.tb.Context()), kafka.Follower)
	if err != nil {
		r.tb.Fatal(err)
	}
	return seq
}

func (r *record) parked() (list []storage.ParkedEvent) {
	r.tb.Helper()
	list, err := r.store.ParkedEventsAfter(r.tb.Context(), kafka.Follower, 0, 500)
	if err != nil {
		r.tb.Fatal(err)
	}
	return list
}

// relay is a relay as one process has it.
type relay struct {
	*event.Follower
	*kafka.Relay
}

// relay makes the relay of a process of that name.
func (r *record) relay(holder string, sender kafka.Sender, change ...func(*event.FollowerConfig)) relay {
	r.tb.Helper()
	k, err := kafka.NewRelay(kafka.RelayConfig{Store: r.store, Sender: sender, Clock: r.clock, Origin: origin})
	if err != nil {
		r.tb.Fatal(err)
	}
	c := event.FollowerConfig{
		Name: kafka.Follower, Store: r.store, Clock: r.clock, Holder: holder, Tend: k.Tend, Deliver: k.Deliver, Apply: k.Apply,
		Poll: 20 * time.Millisecond, Pause: time.Second,
	}
	for _, f := range change {
		f(&c)
	}
	f, err := event.NewFollower(c)
	if err != nil {
		r.tb.Fatal(err)
	}
	return relay{f, k}
}

// drain ticks until everything was looked at.
func (r relay) drain(tb testing.TB) {
	tb.Helper()
	for {
		n, err := r.Tick(tb.Context())
		if err != nil {
			tb.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

func publisher(tb testing.TB, c kafka.Config) *kafka.Publisher {
	tb.Helper()
	p, err := kafka.NewPublisher(c, nil)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(p.Close)
	return p
}

// cluster is a Kafka in memory.
func cluster(tb testing.TB, opts ...kfake.Opt) (*kfake.Cluster, kafka.Config) {
	tb.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	return c, kafka.Config{
		Brokers: c.ListenAddrs(), CreateTopics: true, Partitions: 2, Replication: 1, Timeout: 5 * time.Second,
	}
}

// arrived is a record as a reader finds it.
type arrived struct {
	topic, key, id string
	partition      int32
	seq            int64
	value          string
	header         string
}

// read reads topics from the beginning until the wanted ids are there, and then
// what is there besides.
func read(tb testing.TB, c kafka.Config, want []storage.Event, opts ...kgo.Opt) []arrived {
	tb.Helper()
	prefix := ""
	if c.Prefix != "" {
		prefix = c.Prefix + "."
	}
	var topics []string
	for _, name := range kafka.Topics() {
		topics = append(topics, prefix+name)
	}
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(c.Brokers...), kgo.ConsumeTopics(topics...), kgo.FetchMaxWait(250 * time.Millisecond),
	}, opts...)...)
	if err != nil {
		tb.Fatal(err)
	}
	defer client.Close()
	missing := map[string]bool{}
	for _, e := range want {
		missing[e.ID] = true
	}
	var got []arrived
	poll := func(wait time.Duration) int {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), wait)
		defer cancel()
		records := client.PollFetches(ctx).Records()
		for _, r := range records {
			var e event.Envelope
			if err := json.Unmarshal(r.Value, &e); err != nil {
				tb.Fatalf("%s: %v", r.Value, err)
			}
			got = append(got, arrived{r.Topic[len(prefix):], string(r.Key), e.ID, r.Partition, e.Seq, string(r.Value), header(r)})
			delete(missing, e.ID)
		}
		return len(records)
	}
	for len(missing) > 0 {
		if poll(30*time.Second) == 0 {
			tb.Fatalf("%d of %d events did not arrive", len(missing), len(want))
		}
	}
	for poll(time.Second) > 0 {
	}
	return got
}

func header(r *kgo.Record) string {
	if len(r.Headers) != 1 {
		return fmt.Sprint(r.Headers)
	}
	return r.Headers[0].Key + ": " + string(r.Headers[0].Value)
}

// check holds what arrived against the record: nothing else arrived, under its
// key, and what is about one subject appeared first, in each topic, in the order
// of seq. It returns how many were doubles.
func check(tb testing.TB, want []storage.Event, got []arrived) (doubles int) {
	tb.Helper()
	recorded := map[string]storage.Event{}
	for _, e := range want {
		recorded[e.ID] = e
	}
	type lane struct{ topic, key string }
	seen, last, partition := map[string]string{}, map[lane]int64{}, map[lane]int32{}
	for _, a := range got {
		e, ok := recorded[a.id]
		if !ok {
			tb.Errorf("%s arrived and is not in the record", a.value)
			continue
		}
		if a.key != e.Subject || a.seq != e.Seq {
			tb.Errorf("event %d of %q arrived as %d of %q", e.Seq, e.Subject, a.seq, a.key)
		}
		l := lane{a.topic, a.key}
		if p, ok := partition[l]; ok && p != a.partition && a.key != "" {
			tb.Errorf("%v lies in partitions %d and %d", l, p, a.partition)
		}
		partition[l] = a.partition
		name := a.topic + " " + a.id
		if before, ok := seen[name]; ok {
			doubles++
			if before != a.value {
				tb.Errorf("a double differs:\n%s\n%s", before, a.value)
			}
			continue
		}
		seen[name] = a.value
		if a.key != "" && a.seq <= last[l] {
			tb.Errorf("%v: %d appeared behind %d", l, a.seq, last[l])
		}
		last[l] = a.seq
	}
	return doubles
}

// logins is n logins of some people, in turn.
func logins(n, people int) []event.Event {
	out := make([]event.Event, n)
	for i := range out {
		out[i] = event.Event{Type: event.UserLogin, Subject: fmt.Sprint("user-", i%people), Data: map[string]any{"client_id": "web"}}
	}
	return out
}
