package account_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/provider/event/kafka"
)

// topics are the topics of one installation on a real broker.
type topics struct {
	brokers []string
	prefix  string
}

func newTopics(t *testing.T) *topics {
	t.Helper()
	brokers, prefix := servers.Kafka(t)
	return &topics{brokers, prefix}
}

func (k *topics) env() []string {
	return []string{"SIGNET_KAFKA_BROKERS=" + strings.Join(k.brokers, ","), "SIGNET_KAFKA_TOPIC_PREFIX=" + k.prefix}
}

// search reads the topics until all that is on record has arrived, and says
// what of the texts is in them.
func (k *topics) search(w *world, texts []string) (found []string) {
	w.t.Helper()
	missing := map[string]bool{}
	for after := int64(0); ; {
		events, err := w.Store.EventsAfter(w.t.Context(), after, 500)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(events) == 0 {
			break
		}
		for _, e := range events {
			missing[e.ID], after = true, e.Seq
		}
	}
	var names []string
	for _, name := range kafka.Topics() {
		names = append(names, k.prefix+"."+name)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(k.brokers...), kgo.ConsumeTopics(names...), kgo.FetchMaxWait(250*time.Millisecond))
	if err != nil {
		w.t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	for len(missing) > 0 {
		records := client.PollFetches(ctx).Records()
		if ctx.Err() != nil {
			w.t.Fatalf("%d events did not arrive", len(missing))
		}
		for _, r := range records {
			var e struct {
				ID string `json:"id"`
			}
			if err := json.Unmarshal(r.Value, &e); err != nil {
				w.t.Fatal(err)
			}
			delete(missing, e.ID)
			message := fmt.Sprintf("%s %s %s %v", r.Topic, r.Key, r.Value, r.Headers)
			for _, text := range texts {
				for _, form := range encodings(text) {
					if strings.Contains(message, string(form)) {
						found = append(found, r.Topic+" holds "+text)
						break
					}
				}
			}
		}
	}
	return found
}
