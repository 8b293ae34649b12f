package servers_test

import (
	"context"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/signet-idp/signet/internal/testkit/servers"
)

func query[T any](t *testing.T, dsn, q string, args ...any) T {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	var v T
	if err := conn.QueryRow(t.Context(), q, args...).Scan(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestPostgresDatabasesAreEmptyApartAndDropped(t *testing.T) {
	outer := servers.Postgres(t)
	var inner string
	t.Run("inner", func(t *testing.T) {
		inner = servers.Postgres(t)
		if inner == outer {
			t.Fatal("two tests share a database")
		}
		for _, dsn := range []string{outer, inner} {
			n := query[int](t, dsn, `SELECT count(*) FROM pg_tables WHERE schemaname = 'public'`)
			if n != 0 {
				t.Errorf("new database has %d tables", n)
			}
		}
	})
	u, err := url.Parse(inner)
	if err != nil {
		t.Fatal(err)
	}
	if n := query[int](t, outer, `SELECT count(*) FROM pg_database WHERE datname = $1`, u.Path[1:]); n != 0 {
		t.Error("the ended test's database is still there")
	}
}

func TestRedisDatabasesAreEmptyAndApart(t *testing.T) {
	client := func(dsn string) *redis.Client {
		opts, err := redis.ParseURL(dsn)
		if err != nil {
			t.Fatal(err)
		}
		c := redis.NewClient(opts)
		t.Cleanup(func() { c.Close() })
		return c
	}
	ctx := t.Context()
	outer := client(servers.Redis(t))
	if err := outer.Set(ctx, "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	var inner *redis.Client
	t.Run("inner", func(t *testing.T) {
		inner = client(servers.Redis(t))
		if n := inner.DBSize(ctx).Val(); n != 0 {
			t.Fatalf("new database holds %d keys", n)
		}
		inner.Set(ctx, "mine", "v", 0)
	})
	if n, err := inner.DBSize(ctx).Result(); err != nil || n != 0 {
		t.Errorf("ended test's database holds %d keys, %v; want 0", n, err)
	}
	if v := outer.Get(ctx, "k").Val(); v != "v" {
		t.Error("another test's end emptied this test's database")
	}
}

func TestKafkaTakesAndGives(t *testing.T) {
	brokers, prefix := servers.Kafka(t)
	_, other := servers.Kafka(t)
	if prefix == other {
		t.Fatal("two tests share a prefix")
	}
	c, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(prefix+".t"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	create := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = prefix+".t", 1, 1
	create.Topics = append(create.Topics, topic)
	made, err := create.RequestWith(t.Context(), c)
	if err != nil || made.Topics[0].ErrorCode != 0 {
		t.Fatalf("create topic: %+v, %v", made, err)
	}
	if err := c.ProduceSync(t.Context(), &kgo.Record{Topic: prefix + ".t", Value: []byte("v")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	got := c.PollFetches(t.Context()).Records()
	if len(got) != 1 || string(got[0].Value) != "v" {
		t.Errorf("got %v", got)
	}
}
