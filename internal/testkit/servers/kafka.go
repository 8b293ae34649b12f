package servers

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/signet-idp/signet/internal/testkit/servers/launch"
)

// kafkaBrokers finds or starts this test process's Kafka; see postgresURL.
var kafkaBrokers = sync.OnceValues(func() (string, error) {
	if brokers := os.Getenv("SIGNET_TEST_KAFKA_BROKERS"); brokers != "" {
		return brokers, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stepTimeout)
	defer cancel()
	s, err := launch.Kafka(ctx)
	if err != nil {
		return "", kafkaMissing(err)
	}
	return s.URL, nil
})

func kafkaMissing(err error) error {
	return fmt.Errorf("%w\nrun the tests through internal/tools/testservers -need kafka, which fetches Apache Kafka with Maven "+
		"(Debian: apt-get install default-jre-headless maven), or set SIGNET_TEST_KAFKA_BROKERS to host:port of one", err)
}

// Kafka returns the brokers of a Kafka that other tests use too, and a prefix
// that no other test's topics have.
func Kafka(tb testing.TB) (brokers []string, prefix string) {
	tb.Helper()
	list, err := kafkaBrokers()
	if err != nil {
		tb.Fatalf("servers.Kafka: %v", err)
	}
	return strings.Split(list, ","), "test-" + randomHex(8)
}

// OwnKafka returns a broker of the test's own, which it may kill and bring
// back. It ends with the test.
func OwnKafka(tb testing.TB) *launch.Broker {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), stepTimeout)
	defer cancel()
	b, err := launch.NewBroker(ctx)
	if err != nil {
		tb.Fatalf("servers.OwnKafka: %v", kafkaMissing(err))
	}
	tb.Cleanup(func() {
		if err := b.Stop(); err != nil {
			tb.Errorf("servers.OwnKafka: %v", err)
		}
	})
	return b
}
