package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/signet-idp/signet/provider/event"
)

// Topics names the topics of all events, the aliases' too, without a prefix.
func Topics() []string {
	var names []string
	for _, e := range event.Catalogue() {
		names = append(append(names, e.Topic), e.Aliases...)
	}
	return names
}

// createTimeoutMillis is how long the brokers may take to make topics.
const createTimeoutMillis = 8000

// ensureTopics makes the topics that are missing, if it is to. Without the right
// to make topics it goes on: they may be there.
func (p *Publisher) ensureTopics(ctx context.Context) error {
	if !p.c.CreateTopics {
		return nil
	}
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = createTimeoutMillis
	for _, name := range Topics() {
		t := kmsg.NewCreateTopicsRequestTopic()
		t.Topic, t.NumPartitions, t.ReplicationFactor = p.c.topic(name), orDefault[int32](p.c.Partitions), orDefault[int16](p.c.Replication)
		req.Topics = append(req.Topics, t)
	}
	answer, err := req.RequestWith(ctx, p.client)
	if err != nil {
		return fmt.Errorf("kafka: create topics: %w", err)
	}
	created := 0
	for _, t := range answer.Topics {
		err := kerr.ErrorForCode(t.ErrorCode)
		switch {
		case err == nil:
			created++
		case errors.Is(err, kerr.TopicAlreadyExists):
		case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
			p.log.WarnContext(ctx, "kafka: topics cannot be made: give the right to create topics, or make them and set kafka.create_topics to false",
				slog.String("topic", t.Topic))
			return nil
		default:
			return fmt.Errorf("kafka: create topic %s: %w", t.Topic, err)
		}
	}
	if created > 0 {
		p.log.InfoContext(ctx, "kafka: topics were made", slog.Int("topics", created))
	}
	return nil
}

// orDefault leaves what is not set to the brokers.
func orDefault[T int16 | int32](n int) T {
	if n == 0 {
		return -1
	}
	return T(n)
}
