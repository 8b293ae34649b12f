package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/signet-idp/signet/provider/event"
)

// Errors of a message that was not published.
var (
	// ErrRefused: the brokers do not take the message for what it is, or where
	// it should go. A RefusedError is one.
	ErrRefused = errors.New("kafka: refused")
	// ErrBehind: an earlier message of the same subject was refused.
	ErrBehind = errors.New("kafka: waits behind one that was refused")
)

// RefusedError says why a message was refused.
type RefusedError struct{ Reason string }

func (r RefusedError) Error() string { return "kafka: refused: " + r.Reason }

// Is makes a RefusedError an ErrRefused.
func (r RefusedError) Is(target error) bool { return target == ErrRefused }

// Reasons of our own; others are the names of Kafka's errors, in lower case.
const (
	reasonTooLarge = "message_too_large"
	reasonEncoding = "encoding"
)

// defaults of a Config.
const (
	// defaultTimeout is shorter than the follower's lease, so that whoever loses
	// the brokers does not lose the lease on the way.
	defaultTimeout  = 10 * time.Second
	defaultMaxBytes = 1_000_012
	// freshTopic is how often the brokers may say that they do not know a topic
	// that was just made: they take a moment to tell each other. Timeout bounds it.
	freshTopic = 20
	// overhead is more than a record takes besides its key, value and header.
	overhead = 256
)

// Message is one event on its way.
type Message struct {
	Topic   string // without the prefix
	Subject string // the key; empty: any partition
	Value   []byte
}

// Publisher publishes messages. It is safe for concurrent use; one Publish runs
// at a time.
type Publisher struct {
	c      Config
	log    *slog.Logger
	pinger *kgo.Client

	mu     sync.Mutex // one Publish at a time
	client *kgo.Client
}

// NewPublisher makes a Publisher. It connects when it is first used.
func NewPublisher(c Config, log *slog.Logger) (*Publisher, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	c.MaxBytes, c.Timeout = cmp.Or(c.MaxBytes, defaultMaxBytes), cmp.Or(c.Timeout, defaultTimeout)
	pinger, err := kgo.NewClient(c.options()...)
	if err != nil {
		return nil, fmt.Errorf("kafka: client: %w", err)
	}
	return &Publisher{c: c, log: cmp.Or(log, slog.New(slog.DiscardHandler)), pinger: pinger}, nil
}

// Publish publishes messages and returns when the brokers have them on disk as
// their topics demand. errs says what became of each: nil, a RefusedError or
// ErrBehind. err means that it is not known: all must be published again.
func (p *Publisher) Publish(ctx context.Context, messages []Message) (errs []error, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, p.c.Timeout)
	defer cancel()
	if err := p.connect(ctx); err != nil {
		p.disconnect()
		return nil, err
	}
	b := batch{p: p, messages: messages, errs: make([]error, len(messages)), stuck: map[string]bool{}}
	if err := b.publish(ctx); err != nil {
		// What the client still holds must not be sent later, behind what comes next.
		p.disconnect()
		return nil, err
	}
	return b.errs, nil
}

// Ping asks the brokers for an answer.
func (p *Publisher) Ping(ctx context.Context) error {
	if err := p.pinger.Ping(ctx); err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	return nil
}

// Close ends the connections.
func (p *Publisher) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pinger.Close()
	p.disconnect()
}

func (p *Publisher) connect(ctx context.Context) error {
	if p.client != nil {
		return nil
	}
	unknown := 4 // the client's own default
	if p.c.CreateTopics {
		unknown = freshTopic
	}
	client, err := kgo.NewClient(append(p.c.options(), kgo.UnknownTopicRetries(unknown),
		kgo.RequiredAcks(kgo.AllISRAcks()), kgo.ManualFlushing(), kgo.MaxBufferedRecords(1<<20),
		kgo.ProducerBatchMaxBytes(int32(p.c.MaxBytes)),
		kgo.RetryBackoffFn(backoff), kgo.MetadataMinAge(100*time.Millisecond))...)
	if err != nil {
		return fmt.Errorf("kafka: client: %w", err)
	}
	p.client = client
	return p.ensureTopics(ctx)
}

func (p *Publisher) disconnect() {
	if p.client != nil {
		p.client.Close()
		p.client = nil
	}
}

// backoff is short: who waits is one relay, whose Timeout bounds it.
func backoff(failures int) time.Duration {
	return min(50*time.Millisecond<<min(failures, 5), time.Second)
}

// batch is the messages of one Publish.
type batch struct {
	p        *Publisher
	messages []Message
	errs     []error
	stuck    map[string]bool // subjects that have a refused message
}

func (b *batch) publish(ctx context.Context) error {
	all := make([]int, 0, len(b.messages))
	for i, m := range b.messages {
		if len(m.Value)+len(m.Subject)+overhead > b.p.c.MaxBytes {
			b.refuse(i, reasonTooLarge)
		}
		if b.take(i) {
			all = append(all, i)
		}
	}
	failed, err := b.send(ctx, all)
	if err != nil || len(failed) == 0 {
		return err
	}
	// With one message the brokers refuse all that lies beside it and behind it in
	// the partition. Alone, and in order, each shows what it is.
	for _, i := range all {
		if failed[i] == nil || !b.take(i) {
			continue
		}
		alone, err := b.send(ctx, []int{i})
		if err != nil {
			return err
		}
		if cause := alone[i]; cause != nil {
			b.refuse(i, reason(cause))
		}
	}
	return nil
}

// take tells whether a message may go: it was not refused, and no message of
// its subject was.
func (b *batch) take(i int) bool {
	if b.errs[i] != nil {
		return false
	}
	if subject := b.messages[i].Subject; subject != "" && b.stuck[subject] {
		b.errs[i] = ErrBehind
		return false
	}
	return true
}

func (b *batch) refuse(i int, why string) {
	b.errs[i] = RefusedError{why}
	b.stuck[b.messages[i].Subject] = true
}

// send sends these messages at once and returns the refusals. The client fails
// what is behind a refused message in its partition as well, so that no order
// is lost.
func (b *batch) send(ctx context.Context, which []int) (refused map[int]error, err error) {
	var mu sync.Mutex
	results := make(map[int]error, len(which))
	for _, i := range which {
		m := b.messages[i]
		r := &kgo.Record{
			Topic: b.p.c.topic(m.Topic), Value: m.Value,
			Headers: []kgo.RecordHeader{{Key: "content-type", Value: []byte(event.EnvelopeMediaType)}},
		}
		if m.Subject != "" {
			r.Key = []byte(m.Subject)
		}
		// Not ctx: a record that is given up on its way would leave the producer
		// unsure of its sequence. The whole client is, if it comes to that.
		b.p.client.Produce(context.WithoutCancel(ctx), r, func(_ *kgo.Record, err error) {
			mu.Lock()
			defer mu.Unlock()
			results[i] = err
		})
	}
	if err := b.p.client.Flush(ctx); err != nil {
		return nil, fmt.Errorf("kafka: no acknowledgement: %w", err)
	}
	mu.Lock()
	defer mu.Unlock()
	refused = map[int]error{}
	for i, err := range results {
		switch {
		case err == nil:
		case b.p.permanent(err):
			refused[i] = err
		default:
			return nil, fmt.Errorf("kafka: publish: %w", err)
		}
	}
	return refused, nil
}

// permanent tells whether the brokers refused a message for what it is: the
// same message would be refused again. A missing topic is one if somebody else
// makes the topics; else it is made at the next connection.
func (p *Publisher) permanent(err error) bool {
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return !p.c.CreateTopics
	}
	for _, refusal := range []error{
		kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidRecord, kerr.InvalidTimestamp, kerr.CorruptMessage,
		kerr.InvalidTopicException, kerr.TopicAuthorizationFailed, kerr.UnsupportedForMessageFormat, kerr.PolicyViolation,
	} {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}

func reason(err error) string {
	if k, ok := errors.AsType[*kerr.Error](err); ok {
		return lower(k.Message)
	}
	return "unknown"
}
