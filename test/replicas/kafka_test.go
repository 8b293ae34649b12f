package replicas_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/event/kafka"
	"github.com/signet-idp/signet/test/harness"
)

// What happens on either of two replicas is published once, by one of them.
func TestReplicasPublish(t *testing.T) {
	t.Parallel()
	brokers, prefix := servers.Kafka(t)
	w := setup(t, 2, harness.Options{DatabaseURL: servers.Postgres(t), Env: []string{
		"SIGNET_KAFKA_BROKERS=" + strings.Join(brokers, ","), "SIGNET_KAFKA_TOPIC_PREFIX=" + prefix,
		"SIGNET_KAFKA_PARTITIONS=1", "SIGNET_KAFKA_REPLICATION=1",
	}})
	for i := range 6 {
		w.login(t, w.at(i), w.person.ID, scopes, nil)
	}
	const topic = ".grant.created"
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(prefix+topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	var got []event.Envelope
	for len(got) < 6 {
		for _, r := range client.PollFetches(t.Context()).Records() {
			var e event.Envelope
			if err := json.Unmarshal(r.Value, &e); err != nil {
				t.Fatal(err)
			}
			if string(r.Key) != w.person.ID || e.Subject != w.person.ID || e.Source != w.at(0).Issuer || e.Request == "" {
				t.Errorf("key %s: %s", r.Key, r.Value)
			}
			got = append(got, e)
		}
	}
	if !slices.IsSortedFunc(got, func(a, b event.Envelope) int { return int(a.Seq - b.Seq) }) {
		t.Errorf("out of order: %+v", got)
	}
	harness.Eventually(t, 10*time.Second, "the cursor at the head", func() bool {
		last, err := w.at(0).Store.LastEvent(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		cursor, err := w.at(0).Store.EventCursor(t.Context(), kafka.Follower)
		return err == nil && cursor == last.Seq
	})
	for _, in := range w.all {
		_, health, _ := in.JSON(t, http.MethodGet, "/health", "", nil)
		if health["status"] != "healthy" || health["dependencies"].(map[string]any)["kafka"] != "connected" {
			t.Errorf("health: %v", health)
		}
	}
}

// Without Kafka all goes on: requests, readiness and the record.
func TestKafkaAway(t *testing.T) {
	t.Parallel()
	w := setup(t, 1, harness.Options{Env: []string{"SIGNET_KAFKA_BROKERS=127.0.0.1:1"}})
	w.login(t, w.at(0), w.person.ID, scopes, nil)
	if a := newCaller(t, 1).get(t.Context(), w.at(0).URL+"/readyz"); a.status != http.StatusOK {
		t.Errorf("readiness: %d %s", a.status, a.body)
	}
	status, health, _ := w.at(0).JSON(t, http.MethodGet, "/health", "", nil)
	if status != http.StatusOK || health["status"] != "degraded" || health["dependencies"].(map[string]any)["kafka"] == "connected" {
		t.Errorf("health: %d %v", status, health)
	}
	harness.Eventually(t, 10*time.Second, "the events in the record", func() bool {
		last, err := w.at(0).Store.LastEvent(t.Context())
		return err == nil && last.Seq > 3
	})
}
