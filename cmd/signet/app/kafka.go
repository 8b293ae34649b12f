package app

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"time"

	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/event/kafka"
)

// relayPause is the longest that the relay waits for brokers that are away.
const relayPause = 5 * time.Second

// Origin is what every event says about this installation.
func (c *Core) Origin() event.Origin {
	return event.Origin{Source: c.Config.Issuer, Service: c.Config.Server.ServiceName}
}

// Publisher makes what speaks with the configured brokers. Its user closes it.
func (c *Core) Publisher() (*kafka.Publisher, error) {
	k := c.Config.Kafka
	secure, err := brokerTLS(k.TLS, k.TLSCA, k.TLSCert, k.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("app: kafka: %w", err)
	}
	p, err := kafka.NewPublisher(kafka.Config{
		Brokers: k.Brokers, Prefix: k.TopicPrefix, TLS: secure,
		SASL:         kafka.SASL{Mechanism: k.SASL, User: k.SASLUser, Password: k.SASLPassword.Reveal()},
		CreateTopics: k.CreateTopics, Partitions: k.Partitions, Replication: k.Replication, MaxBytes: k.MaxBytes,
	}, c.Log)
	if err != nil {
		return nil, fmt.Errorf("app: %w", err)
	}
	return p, nil
}

// Published is what of people the operator lets out to Kafka; nil: nothing.
func (c *Core) Published() *kafka.Personal {
	if len(c.Config.Kafka.PersonalTopics) == 0 {
		return nil
	}
	return &kafka.Personal{Opener: c.Recorder, Types: c.Config.Kafka.PersonalTopics}
}

func brokerTLS(on bool, ca, cert, key string) (*tls.Config, error) {
	if !on {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, err
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no PEM certificate", ca)
		}
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// relay makes the follower that publishes the record; nil without brokers.
func (s *Server) relay() (*event.FollowerConfig, error) {
	if len(s.Config.Kafka.Brokers) == 0 {
		return nil, nil
	}
	var err error
	if s.publisher, err = s.Publisher(); err != nil {
		return nil, err
	}
	if s.published, err = kafka.NewRelay(kafka.RelayConfig{
		Store: s.Store, Sender: s.publisher, Clock: s.Clock, Origin: s.Origin(), Personal: s.Published(), Log: s.Log,
	}); err != nil {
		return nil, fmt.Errorf("app: %w", err)
	}
	return &event.FollowerConfig{
		Name: kafka.Follower, Tend: s.published.Tend, Deliver: s.published.Deliver, Apply: s.published.Apply, Pause: relayPause,
	}, nil
}

// observeRelay registers the relay's figures, which only the replica that does
// the work has.
func (s *Server) observeRelay(f *event.Follower) {
	working := func(figure func() int64) func() float64 {
		return func() float64 {
			if !f.Working() {
				return 0
			}
			return float64(figure())
		}
	}
	s.Telemetry.Metrics.KafkaRelay(working(s.published.Backlog), working(s.published.Parked), func() float64 {
		return float64(s.published.Published())
	})
}
