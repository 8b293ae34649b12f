package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// Config says where the brokers are and how topics are made.
type Config struct {
	Brokers []string // host:port; required
	// Prefix is put before each topic, with a dot; empty: none.
	Prefix string
	TLS    *tls.Config // nil: plain connections
	SASL   SASL
	// CreateTopics makes the topics that are missing, with so many partitions
	// and replicas (0: what the brokers have as their default).
	CreateTopics bool
	Partitions   int
	Replication  int
	// MaxBytes is the largest message (0: 1,000,012, the default of brokers).
	MaxBytes int
	// Timeout is the longest wait for the brokers (0: 10 s).
	Timeout time.Duration
}

// SASL authenticates to the brokers.
type SASL struct {
	Mechanism string // PLAIN, SCRAM-SHA-256, SCRAM-SHA-512; empty: none
	User      string
	Password  string
}

// Bounds of a Config.
const (
	maxPartitions  = 10_000
	maxReplication = 100
	minMaxBytes    = 1 << 10
	maxMaxBytes    = 100 << 20
)

func (c Config) check() error {
	switch {
	case len(c.Brokers) == 0:
		return errors.New("kafka: brokers are required")
	case c.Partitions < 0 || c.Partitions > maxPartitions || c.Replication < 0 || c.Replication > maxReplication:
		return errors.New("kafka: partitions or replication out of bounds")
	case c.MaxBytes != 0 && (c.MaxBytes < minMaxBytes || c.MaxBytes > maxMaxBytes):
		return errors.New("kafka: the largest message is out of bounds")
	}
	_, err := c.SASL.mechanism()
	return err
}

func (s SASL) mechanism() (sasl.Mechanism, error) {
	auth := scram.Auth{User: s.User, Pass: s.Password}
	switch s.Mechanism {
	case "":
		return nil, nil
	case "PLAIN":
		return plain.Plain(func(context.Context) (plain.Auth, error) {
			return plain.Auth{User: s.User, Pass: s.Password}, nil
		}), nil
	case "SCRAM-SHA-256":
		return auth.AsSha256Mechanism(), nil
	case "SCRAM-SHA-512":
		return auth.AsSha512Mechanism(), nil
	}
	return nil, fmt.Errorf("kafka: SASL mechanism %q is none of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512", s.Mechanism)
}

// options are what every client has.
func (c Config) options() []kgo.Opt {
	opts := []kgo.Opt{
		kgo.SeedBrokers(c.Brokers...), kgo.ClientID("signet"), kgo.SoftwareNameAndVersion("signet", "1"),
		kgo.DialTimeout(5 * time.Second), kgo.DisableClientMetrics(),
	}
	if c.TLS != nil {
		opts = append(opts, kgo.DialTLSConfig(c.TLS))
	}
	if mechanism, err := c.SASL.mechanism(); err == nil && mechanism != nil {
		opts = append(opts, kgo.SASL(mechanism))
	}
	return opts
}

// topic puts the prefix before a topic.
func (c Config) topic(name string) string {
	if c.Prefix == "" {
		return name
	}
	return c.Prefix + "." + name
}

func lower(s string) string { return strings.ToLower(s) }
