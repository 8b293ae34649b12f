package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/internal/testkit/servers/launch"
	"github.com/signet-idp/signet/internal/testkit/teststore"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/event/kafka"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore"
)

// shared is a configuration for the Kafka that tests share.
func shared(tb testing.TB) kafka.Config {
	tb.Helper()
	brokers, prefix := servers.Kafka(tb)
	return kafka.Config{Brokers: brokers, Prefix: prefix, CreateTopics: true, Partitions: 2, Replication: 1}
}

// Kafka is killed in the middle of 10,000 changes, of which some are rolled
// back, and comes back while they go on.
func TestKafkaIsKilledAndComesBack(t *testing.T) {
	t.Parallel()
	const changes, perChange = 10_000, 20
	broker := servers.OwnKafka(t)
	c := kafka.Config{Brokers: []string{broker.URL}, CreateTopics: true, Partitions: 2, Replication: 1, Timeout: 2 * time.Second}
	r := newRecord(t, teststore.New(t), clock.System{})
	failures := 0
	relay := r.relay("one", publisher(t, c), func(c *event.FollowerConfig) {
		deliver := c.Deliver
		c.Deliver = func(ctx context.Context, batch []storage.Event) error {
			err := deliver(ctx, batch)
			if err != nil {
				failures++
			}
			return err
		}
	})
	ctx, stop := context.WithCancel(t.Context())
	var background sync.WaitGroup
	background.Go(func() { _ = r.sequencer.Run(ctx) })
	background.Go(func() { _ = relay.Run(ctx) })

	undo := errors.New("undo")
	random := rand.New(rand.NewPCG(1, 2))
	committed := 0
	for i := range changes / perChange {
		switch i {
		case changes / perChange / 3:
			// In the middle of publishing, too.
			if err := broker.Kill(); err != nil {
				t.Fatal(err)
			}
		case changes / perChange * 2 / 3:
			if err := broker.Restart(); err != nil {
				t.Fatal(err)
			}
			await(t, "the broker to be back", func() bool { return launch.PingKafka(ctx, broker.URL) == nil })
		}
		fails := random.IntN(10) == 0
		err := r.store.InTx(ctx, func(ctx context.Context) error {
			if err := r.recorder.Record(ctx, logins(perChange, 1+random.IntN(30))...); err != nil {
				return err
			}
			if fails {
				return undo
			}
			return nil
		})
		if err != nil && !errors.Is(err, undo) {
			t.Fatalf("a change does not succeed, whatever Kafka does: %v", err)
		}
		if err == nil {
			committed += perChange
		}
	}
	await(t, "the relay to be done", func() bool { return r.cursor() == int64(committed) })
	stop()
	background.Wait()
	events := r.all()
	if len(events) != committed {
		t.Fatalf("%d events of %d", len(events), committed)
	}
	doubles := check(t, events, read(t, c, events))
	t.Logf("%d events, %d failed deliveries, %d doubles", len(events), failures, doubles)
	if failures == 0 {
		t.Error("nobody noticed that Kafka was away")
	}
	if doubles > failures*500 {
		t.Errorf("%d doubles after %d failed deliveries", doubles, failures)
	}
}

// A relay dies a hundred times after it published and before it could say so.
// Each next one is a new process: a client of its own, and the lease expired.
func TestRelayIsKilledBeforeItMarks(t *testing.T) {
	t.Parallel()
	const deaths, batch = 100, 10
	c := shared(t)
	r, clk := onSQLite(t)
	killed := errors.New("killed")
	for i := range deaths {
		r.add(logins(batch, 3)...)
		dying := kafkaPublisher(t, c)
		relay := r.relay(fmt.Sprint("process-", i), dying, func(c *event.FollowerConfig) {
			deliver := c.Deliver
			c.Batch = batch
			c.Deliver = func(ctx context.Context, batch []storage.Event) error {
				return errors.Join(deliver(ctx, batch), killed)
			}
		})
		if _, err := relay.Tick(t.Context()); !errors.Is(err, killed) {
			t.Fatal(err)
		}
		dying.Close()
		clk.Advance(time.Minute)
		// Every other process lives long enough to mark one batch.
		if i%2 == 0 {
			continue
		}
		living := kafkaPublisher(t, c)
		if n, err := r.relay(fmt.Sprint("living-", i), living, func(c *event.FollowerConfig) { c.Batch = batch }).Tick(t.Context()); err != nil || n != batch {
			t.Fatal(n, err)
		}
		living.Close()
		clk.Advance(time.Minute)
	}
	r.relay("last", publisher(t, c)).drain(t)
	events := r.all()
	if len(events) != deaths*batch || r.cursor() != int64(len(events)) {
		t.Fatalf("%d events, the cursor at %d", len(events), r.cursor())
	}
	doubles := check(t, events, read(t, c, events))
	if doubles > deaths*batch || doubles == 0 {
		t.Errorf("%d doubles, want at most a batch of %d for each of %d deaths", doubles, batch, deaths)
	}
	t.Logf("%d doubles", doubles)
}

func kafkaPublisher(tb testing.TB, c kafka.Config) *kafka.Publisher {
	tb.Helper()
	p, err := kafka.NewPublisher(c, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// Two replicas follow. One stops for longer than its lease in the middle of a
// delivery, again and again, while the other works; then it goes on with what
// it had, and changes nothing.
func TestTwoRelaysAtOnce(t *testing.T) {
	t.Parallel()
	c := shared(t)
	stores := teststore.Postgres(t, 2)
	clk := fakeclock.New(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	a, b := newRecord(t, stores[0], clk), newRecord(t, stores[1], clk)
	const rounds, each = 10, 30
	paused, resume := make(chan struct{}), make(chan struct{})
	slow := a.relay("slow", publisher(t, c), func(c *event.FollowerConfig) {
		deliver := c.Deliver
		c.Batch = each / 2
		c.Deliver = func(ctx context.Context, batch []storage.Event) error {
			paused <- struct{}{}
			<-resume
			return deliver(ctx, batch)
		}
	})
	other := b.relay("other", publisher(t, c))
	for range rounds {
		a.add(logins(each, 4)...)
		done := make(chan error, 1)
		go func() {
			_, err := slow.Tick(context.WithoutCancel(t.Context()))
			done <- err
		}()
		<-paused
		if n, err := other.Tick(t.Context()); n != 0 || err != nil {
			t.Fatalf("two at once: %d, %v", n, err)
		}
		clk.Advance(time.Minute) // the lease expires
		other.drain(t)
		before := a.cursor()
		resume <- struct{}{}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if slow.Working() || a.cursor() != before {
			t.Error("who lost the lease moved the cursor")
		}
		clk.Advance(time.Minute)
	}
	events := a.all()
	if a.cursor() != rounds*each {
		t.Errorf("the cursor stands at %d", a.cursor())
	}
	if doubles := check(t, events, read(t, c, events)); doubles != rounds*each/2 {
		t.Errorf("%d doubles, want the half batches of the slow one", doubles)
	}
}

// A thousand commits fail after their event was written: it is in no record and
// in no topic.
func TestFailedCommitsLeaveNoGhost(t *testing.T) {
	t.Parallel()
	c := shared(t)
	for name, open := range map[string]func(t *testing.T) *sqlstore.Store{
		"sqlite":   func(t *testing.T) *sqlstore.Store { return teststore.New(t) },
		"postgres": func(t *testing.T) *sqlstore.Store { return teststore.Postgres(t, 1)[0] },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := c
			c.Prefix += "-" + name
			r := newRecord(t, open(t), clock.System{})
			relay := r.relay("one", publisher(t, c))
			fails := errors.New("the commit fails")
			ghosts := map[string]bool{}
			for i := range 1000 {
				ghost := login("ghost")
				ghost.ID = storage.NewID()
				ghosts[ghost.ID] = true
				err := r.store.InTx(t.Context(), func(ctx context.Context) error {
					if err := r.recorder.Record(ctx, ghost); err != nil {
						return err
					}
					if i%2 == 0 { // written to the database before the end of the transaction
						if _, err := r.store.UnsequencedEvents(ctx, 1); err != nil {
							return err
						}
					}
					return fails
				})
				if !errors.Is(err, fails) {
					t.Fatal(err)
				}
				if i%10 == 0 {
					r.add(login("alice"))
					relay.drain(t)
				}
			}
			r.sequence()
			relay.drain(t)
			events := r.all()
			if len(events) != 100 {
				t.Errorf("%d events of 100", len(events))
			}
			got := read(t, c, events)
			check(t, events, got)
			for _, a := range got {
				if ghosts[a.id] {
					t.Errorf("a ghost: %s", a.value)
				}
			}
		})
	}
}

// The brokers' own refusal: a topic that takes only small messages.
func TestBrokerRefusesWhatIsTooLarge(t *testing.T) {
	t.Parallel()
	c := shared(t)
	r, clk := onSQLite(t)
	p := publisher(t, c)
	r.add(login("a"))
	r.relay("one", p).drain(t)
	limit(t, c, "user.profile_updated", "1000")
	large := profile("a")
	var fields []string
	for i := range 100 {
		fields = append(fields, fmt.Sprintf("%d-%x%x", i, rand.Uint64(), rand.Uint64())) // does not compress well
	}
	large.Data = map[string]any{"fields": fields}
	r.add(profile("b"), large, profile("a"), profile("b"), login("b"))
	relay := r.relay("one", p)
	relay.drain(t)
	if p := r.parked(); len(p) != 2 || p[0].Reason != "message_too_large" || p[0].Seq != 3 || p[1].Seq != 4 {
		t.Errorf("parked: %+v", p)
	}
	limit(t, c, "user.profile_updated", "1000000")
	clk.Advance(time.Minute)
	relay.drain(t)
	if p := r.parked(); len(p) != 0 {
		t.Errorf("parked: %+v", p)
	}
	check(t, r.all(), read(t, c, r.all()))
}

// limit sets the largest message of a topic.
func limit(t *testing.T, c kafka.Config, topic, bytes string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	resource := kmsg.NewIncrementalAlterConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, c.Prefix+"."+topic
	config := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	config.Name, config.Value = "max.message.bytes", &bytes
	resource.Configs = append(resource.Configs, config)
	req.Resources = append(req.Resources, resource)
	answer, err := req.RequestWith(t.Context(), client)
	if err != nil || answer.Resources[0].ErrorCode != 0 {
		t.Fatalf("%+v, %v", answer, err)
	}
	// The broker learns of it a moment later.
	ask := kmsg.NewPtrDescribeConfigsRequest()
	about := kmsg.NewDescribeConfigsRequestResource()
	about.ResourceType, about.ResourceName, about.ConfigNames = resource.ResourceType, resource.ResourceName, []string{config.Name}
	ask.Resources = append(ask.Resources, about)
	await(t, "the limit to hold", func() bool {
		answer, err := ask.RequestWith(t.Context(), client)
		return err == nil && *answer.Resources[0].Configs[0].Value == bytes
	})
}

// BenchmarkRelay publishes a record of 20,000 events to a real broker and marks
// it, in batches of 500.
func BenchmarkRelay(b *testing.B) {
	c := shared(b)
	const events = 20_000
	r, _ := onSQLite(b)
	r.add(logins(events, 1000)...)
	p := publisher(b, c)
	if _, err := p.Publish(b.Context(), nil); err != nil {
		b.Fatal(err)
	}
	relay := r.relay("one", p)
	for b.Loop() {
		if _, err := r.store.MoveEventCursor(b.Context(), kafka.Follower, r.cursor(), 0, r.clock.Now()); err != nil {
			b.Fatal(err)
		}
		relay.drain(b)
	}
	b.ReportMetric(float64(events*b.N)/b.Elapsed().Seconds(), "events/s")
}

func await(t *testing.T, what string, yes func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(2 * time.Minute)
	for !yes() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
