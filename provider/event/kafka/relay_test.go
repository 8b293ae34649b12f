package kafka_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/event/kafka"
	"github.com/signet-idp/signet/storage"
)

func profile(subject string) event.Event {
	return event.Event{Type: event.UserProfileUpdated, Subject: subject, Data: map[string]any{"fields": []string{"name"}}}
}

func login(subject string) event.Event {
	return event.Event{Type: event.UserLogin, Subject: subject, Data: map[string]any{"client_id": "web"}}
}

func TestWhatArrives(t *testing.T) {
	t.Parallel()
	r, _ := onSQLite(t)
	_, c := cluster(t)
	c.Prefix = "acme"
	ctx := event.WithRequest(event.WithActor(t.Context(), event.Actor{ID: "admin-1", Kind: event.ActorUser}), "req-1")
	if err := r.recorder.Record(ctx, event.Event{
		ID: "0195b2c4-0000-7000-8000-000000000001", Type: event.OrganizationUserAdded, Subject: "org-1", Organization: "org-1",
		Data:       map[string]any{"user_id": "user-1", "roles": []string{"member"}},
		PersonalOf: "user-1", Personal: map[string]string{"email": "alice@acme.test"},
	}); err != nil {
		t.Fatal(err)
	}
	r.add(event.Event{ID: "0195b2c4-0000-7000-8000-000000000002", Type: event.UserLoginFailed, Data: map[string]any{"reason": "unknown"}})
	r.relay("one", publisher(t, c)).drain(t)
	byTopic := map[string]arrived{}
	for _, a := range read(t, c, r.all()) {
		byTopic[a.topic] = a
	}
	const head = "content-type: application/cloudevents+json; charset=UTF-8"
	want := map[string]arrived{
		"organization.user_added": {
			topic: "organization.user_added", key: "org-1", id: "0195b2c4-0000-7000-8000-000000000001", seq: 1, header: head,
			value: `{"id":"0195b2c4-0000-7000-8000-000000000001","type":"organization.user_added","data":{"roles":["member"],"user_id":"user-1"},` +
				`"timestamp":"2026-03-01T12:00:00.000000Z","service":"auth-service","version":"1.0","specversion":"1.0",` +
				`"source":"https://id.example.test","subject":"org-1","organization_id":"org-1","actor":{"id":"admin-1","kind":"user"},` +
				`"request_id":"req-1","seq":1}`,
		},
	}
	// An alias is a topic of its own, with the same id.
	for _, topic := range []string{"user.login_failed", "auth.login_failed"} {
		want[topic] = arrived{
			topic: topic, id: "0195b2c4-0000-7000-8000-000000000002", seq: 2, header: head,
			value: `{"id":"0195b2c4-0000-7000-8000-000000000002","type":"` + topic + `","data":{"reason":"unknown"},` +
				`"timestamp":"2026-03-01T12:00:00.000000Z","service":"auth-service","version":"1.0","specversion":"1.0",` +
				`"source":"https://id.example.test","actor":{"id":"system","kind":"system"},"seq":2}`,
		}
	}
	for topic, a := range byTopic { // which partition is the client's choice
		a.partition = 0
		byTopic[topic] = a
	}
	if diff := cmp.Diff(want, byTopic, cmp.AllowUnexported(arrived{})); diff != "" {
		t.Error(diff)
	}
}

// What is refused is parked, and what follows about its subject waits behind
// it; everything else arrives. Tried again, all of it arrives in order.
func TestRefusedEventsPark(t *testing.T) {
	t.Parallel()
	r, clk := onSQLite(t)
	fake, c := cluster(t)
	refuse := fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "user.profile_updated", Err: kerr.InvalidRecord, Count: -1})
	r.add(login("a"), profile("a"), login("b"), login("a"), login("b"), profile("a"))
	relay := r.relay("one", publisher(t, c))
	relay.drain(t)
	if r.cursor() != 6 || relay.Parked() != 2 {
		t.Fatalf("the cursor stands at %d, %d are parked", r.cursor(), relay.Parked())
	}
	// The login at 4 went with the same batch, to another topic.
	r.add(login("b"), login("a"))
	relay.drain(t)
	var parked []int64
	var reasons []string
	for _, p := range r.parked() {
		parked, reasons = append(parked, p.Seq), append(reasons, p.Reason)
	}
	if diff := cmp.Diff([]int64{2, 6, 8}, parked); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"invalid_record", "", ""}, reasons); diff != "" {
		t.Error(diff)
	}
	// It is refused again, and waits longer.
	clk.Advance(time.Minute)
	relay.drain(t)
	if p := r.parked()[0]; p.Attempts != 2 || !p.DueAt.Equal(clk.Now().Add(2*time.Minute)) {
		t.Errorf("after a second try: %+v", p)
	}
	refuse.Remove()
	relay.drain(t)
	if len(r.parked()) != 3 {
		t.Error("tried before it is due")
	}
	if n, err := r.store.HastenParkedEvents(t.Context(), kafka.Follower, 0, clk.Now()); err != nil || n != 3 {
		t.Fatal(n, err)
	}
	relay.drain(t)
	if n := len(r.parked()); n != 0 || relay.Parked() != 0 {
		t.Errorf("%d are still parked", n)
	}
	check(t, r.all(), read(t, c, r.all()))
}

// Only the topics that the operator named get what is personal, and nobody gets
// anything of a person who was erased.
func TestPersonalByTopic(t *testing.T) {
	t.Parallel()
	r, _ := onSQLite(t)
	_, c := cluster(t)
	person := func(user string) event.Event {
		return event.Event{
			Type: event.UserCreated, Subject: user, PersonalOf: user, Personal: map[string]string{"email": user + "@acme.test"},
			Data: map[string]any{"source": "register"},
		}
	}
	other := event.Event{Type: event.UserLogin, Subject: "alice", PersonalOf: "alice", Personal: map[string]string{"ip_address": "192.0.2.7"}}
	r.add(person("alice"), person("bob"), other)
	if err := r.recorder.Erase(t.Context(), "bob"); err != nil {
		t.Fatal(err)
	}
	published := func(topics ...string) map[string]map[string]string {
		t.Helper()
		c.Prefix = "p" + storage.NewID()
		relay, err := kafka.NewRelay(kafka.RelayConfig{
			Store: r.store, Sender: publisher(t, c), Clock: r.clock, Origin: origin, Personal: &kafka.Personal{Opener: r.recorder, Types: topics},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := relay.Deliver(t.Context(), r.all()); err != nil {
			t.Fatal(err)
		}
		out := map[string]map[string]string{}
		for _, one := range read(t, c, r.all()) {
			var e event.Envelope
			if err := json.Unmarshal([]byte(one.value), &e); err != nil {
				t.Fatal(err)
			}
			out[e.Type+" "+e.Subject] = e.Personal
		}
		return out
	}
	if _, err := kafka.NewRelay(kafka.RelayConfig{
		Store: r.store, Sender: publisher(t, c), Clock: r.clock, Personal: &kafka.Personal{Opener: r.recorder, Types: []string{"user.creatd"}},
	}); err == nil {
		t.Error("a type that there is not")
	}
	email, address := map[string]string{"email": "alice@acme.test"}, map[string]string{"ip_address": "192.0.2.7"}
	for _, tt := range []struct {
		topics []string
		want   map[string]map[string]string
	}{
		{nil, map[string]map[string]string{"user.created alice": nil, "user.created bob": nil, "user.login alice": nil}},
		{[]string{"user.created"}, map[string]map[string]string{"user.created alice": email, "user.created bob": nil, "user.login alice": nil}},
		{[]string{"*"}, map[string]map[string]string{"user.created alice": email, "user.created bob": nil, "user.login alice": address}},
	} {
		if diff := cmp.Diff(tt.want, published(tt.topics...)); diff != "" {
			t.Errorf("%v (-want +got)\n%s", tt.topics, diff)
		}
	}
}

// The brokers refuse a batch as a whole: the innocent in it arrive all the same.
func TestOneRefusalDoesNotTakeOthersAlong(t *testing.T) {
	t.Parallel()
	r, _ := onSQLite(t)
	fake, c := cluster(t)
	c.Partitions = 1
	fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "user.login", Err: kerr.MessageTooLarge, Count: 1})
	r.add(logins(50, 7)...)
	r.relay("one", publisher(t, c)).drain(t)
	if len(r.parked()) != 0 {
		t.Errorf("parked: %+v", r.parked())
	}
	if doubles := check(t, r.all(), read(t, c, r.all())); doubles != 0 {
		t.Errorf("%d doubles", doubles)
	}
}

func TestTooLargeParks(t *testing.T) {
	t.Parallel()
	r, _ := onSQLite(t)
	_, c := cluster(t)
	c.MaxBytes = 2 << 10
	large := profile("a")
	large.Data = map[string]any{"fields": make([]string, 0)}
	var fields []string
	for range 100 {
		fields = append(fields, strings.Repeat("f", 60))
	}
	large.Data["fields"] = fields
	r.add(login("a"), large, login("b"), login("a"))
	r.relay("one", publisher(t, c)).drain(t)
	p := r.parked()
	if len(p) != 2 || p[0].Seq != 2 || p[0].Reason != "message_too_large" || p[1].Seq != 4 || p[1].Reason != "" {
		t.Errorf("parked: %+v", p)
	}
	events := r.all()
	check(t, events, read(t, c, []storage.Event{events[0], events[2]}))
}

// Who makes the topics finds out that one is missing, and nothing else waits.
func TestMissingTopicParks(t *testing.T) {
	t.Parallel()
	r, clk := onSQLite(t)
	_, c := cluster(t, kfake.SeedTopics(1, "user.login"))
	c.CreateTopics = false
	r.add(profile("a"), login("b"))
	relay := r.relay("one", publisher(t, c))
	relay.drain(t)
	if p := r.parked(); len(p) != 1 || p[0].Reason != "unknown_topic_or_partition" {
		t.Fatalf("parked: %+v", p)
	}
	c.CreateTopics = true
	if _, err := publisher(t, c).Publish(t.Context(), nil); err != nil { // makes them
		t.Fatal(err)
	}
	clk.Advance(time.Minute)
	again := r.relay("one", publisher(t, c))
	again.drain(t)
	if len(r.parked()) != 0 {
		t.Errorf("parked: %+v", r.parked())
	}
	check(t, r.all(), read(t, c, r.all()))
}

func TestLostConnections(t *testing.T) {
	t.Parallel()
	r, _ := onSQLite(t)
	fake, c := cluster(t)
	lost := 0
	fake.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		if lost++; lost%2 == 1 && lost < 10 {
			fake.KeepControl()
			return nil, errors.New("the connection breaks"), true
		}
		fake.KeepControl()
		return nil, nil, false
	})
	r.add(logins(100, 5)...)
	r.relay("one", publisher(t, c), func(c *event.FollowerConfig) { c.Batch = 20 }).drain(t)
	if lost < 9 {
		t.Errorf("only %d requests", lost)
	}
	// The producer is idempotent: what was sent twice is there once.
	if doubles := check(t, r.all(), read(t, c, r.all())); doubles != 0 {
		t.Errorf("%d doubles", doubles)
	}
}

// Brokers that take their time: nothing moves, nothing is lost, and who waits
// is only the relay.
func TestSlowAnswers(t *testing.T) {
	t.Parallel()
	r, _ := onSQLite(t)
	fake, c := cluster(t)
	c.Timeout = 300 * time.Millisecond
	p := publisher(t, c)
	r.add(login("a"))
	relay := r.relay("one", p)
	relay.drain(t)
	held := make(chan struct{})
	fake.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		fake.SleepControl(func() { <-held })
		return nil, nil, false
	})
	r.add(logins(10, 3)...)
	if _, err := relay.Tick(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a broker that does not answer: %v", err)
	}
	if r.cursor() != 1 || relay.Backlog() != 10 {
		t.Errorf("the cursor stands at %d, the backlog is %d", r.cursor(), relay.Backlog())
	}
	close(held)
	for range 20 {
		if n, err := relay.Tick(t.Context()); err == nil && n > 0 {
			break
		}
	}
	if r.cursor() != 11 {
		t.Fatalf("the cursor stands at %d", r.cursor())
	}
	if doubles := check(t, r.all(), read(t, c, r.all())); doubles > 10 {
		t.Errorf("%d doubles of a batch of 10", doubles)
	}
}

func TestTopicsAreMade(t *testing.T) {
	t.Parallel()
	fake, c := cluster(t)
	c.Prefix, c.Partitions = "p", 5
	if _, err := publisher(t, c).Publish(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if id := fake.LeaderFor("p.auth.login_failed", 4); id < 0 {
		t.Error("the alias's topic has no fifth partition")
	}
	if id := fake.LeaderFor("p.user.login", 5); id >= 0 {
		t.Error("there is a sixth partition")
	}
	// Another process finds them.
	if _, err := publisher(t, c).Publish(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	c.Prefix, c.Replication = "q", 7
	if _, err := publisher(t, c).Publish(t.Context(), nil); !errors.Is(err, kerr.InvalidReplicationFactor) {
		t.Errorf("more replicas than brokers: %v", err)
	}
}

func TestTLSAndSASL(t *testing.T) {
	t.Parallel()
	server, roots := certificate(t)
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			t.Parallel()
			_, c := cluster(t, kfake.TLS(server), kfake.EnableSASL(), kfake.Superuser(mechanism, "signet", "s3cret"))
			c.TLS = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
			c.Timeout = 2 * time.Second
			c.SASL = kafka.SASL{Mechanism: mechanism, User: "signet", Password: "s3cret"}
			p := publisher(t, c)
			if errs, err := p.Publish(t.Context(), []kafka.Message{{Topic: "user.login", Value: []byte("{}")}}); err != nil || errs[0] != nil {
				t.Errorf("published: %v, %v", errs, err)
			}
			if err := p.Ping(t.Context()); err != nil {
				t.Errorf("ping: %v", err)
			}
			for name, change := range map[string]func(*kafka.Config){
				"a wrong password":         func(c *kafka.Config) { c.SASL.Password = "guess" },
				"no password":              func(c *kafka.Config) { c.SASL = kafka.SASL{} },
				"an unknown authority":     func(c *kafka.Config) { c.TLS = &tls.Config{MinVersion: tls.VersionTLS12} },
				"a connection without TLS": func(c *kafka.Config) { c.TLS = nil },
			} {
				other := c
				change(&other)
				_, err := publisher(t, other).Publish(t.Context(), nil)
				if err == nil {
					t.Errorf("%s connects", name)
				} else if strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "guess") {
					t.Errorf("%s: the error tells the password: %v", name, err)
				}
			}
		})
	}
}

func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}, roots
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	good := kafka.Config{Brokers: []string{"localhost:9092"}}
	for name, change := range map[string]func(*kafka.Config){
		"no brokers":          func(c *kafka.Config) { c.Brokers = nil },
		"negative partitions": func(c *kafka.Config) { c.Partitions = -1 },
		"many replicas":       func(c *kafka.Config) { c.Replication = 1000 },
		"tiny messages":       func(c *kafka.Config) { c.MaxBytes = 10 },
		"another mechanism":   func(c *kafka.Config) { c.SASL.Mechanism = "GSSAPI" },
	} {
		c := good
		change(&c)
		if _, err := kafka.NewPublisher(c, nil); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if _, err := kafka.NewRelay(kafka.RelayConfig{}); err == nil {
		t.Error("a relay of nothing is made")
	}
}

func TestReplay(t *testing.T) {
	t.Parallel()
	r, _ := onSQLite(t)
	fake, c := cluster(t)
	refuse := fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "user.profile_updated", Err: kerr.InvalidRecord, Count: -1})
	r.add(logins(600, 10)...)
	r.add(profile("user-3"))
	p := publisher(t, c)
	r.relay("one", p).drain(t)
	refuse.Remove()
	r.add(login("later"))
	again := kafka.Replay{Store: r.store, Sender: p, Origin: origin}
	for _, step := range []struct{ after, to, last, published int64 }{
		{0, 0, 601, 600},    // all that was published; what is parked is left out
		{0, 9999, 601, 600}, // never ahead of the relay
		{597, 599, 599, 2},
		{600, 601, 601, 0},
	} {
		to, err := again.Begin(t.Context(), step.to)
		if err != nil {
			t.Fatal(err)
		}
		after, total := step.after, int64(0)
		for after < to {
			last, n, err := again.Advance(t.Context(), after, to)
			if err != nil {
				t.Fatal(err)
			}
			after, total = last, total+int64(n)
		}
		if after != step.last || total != step.published {
			t.Errorf("%+v: ended at %d with %d events", step, after, total)
		}
	}
	events := r.all()
	if doubles := check(t, events, read(t, c, events[:600])); doubles != 1202 {
		t.Errorf("%d doubles", doubles)
	}
}
