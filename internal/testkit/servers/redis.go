package servers

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/signet-idp/signet/internal/testkit/servers/launch"
)

// claimTTL is how long a killed test process can keep a Redis database to
// itself; longer than a test binary may run (go test's ten minutes).
const claimTTL = 20 * time.Minute

// redisURL finds or starts this test process's Redis; see postgresURL.
var redisURL = sync.OnceValues(func() (string, error) {
	if u := os.Getenv("SIGNET_TEST_REDIS_URL"); u != "" {
		return u, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stepTimeout)
	defer cancel()
	s, err := launch.Redis(ctx)
	if err != nil {
		return "", fmt.Errorf("%w\ninstall Redis (Debian: apt-get install redis-server), "+
			"or set SIGNET_TEST_REDIS_URL to one that holds nothing of value", err)
	}
	return s.URL, nil
})

// Redis returns the URL (redis://user:password@host:port/N) of an empty
// database N that no other test uses, in this process or another. It is
// emptied and given back when the test ends.
//
// Channels of PUBLISH and SUBSCRIBE know no databases: a test that counts
// messages puts something of its own into the channel's name.
func Redis(tb testing.TB) string {
	tb.Helper()
	server, err := redisURL()
	if err != nil {
		tb.Fatalf("servers.Redis: %v", err)
	}
	u, err := url.Parse(server)
	if err != nil {
		tb.Fatal("servers.Redis: SIGNET_TEST_REDIS_URL is no URL") // its text may hold a password
	}
	u.Path = "/0"
	ctx, cancel := context.WithTimeout(context.Background(), stepTimeout)
	defer cancel()
	n, err := claimRedis(ctx, u.String())
	if err != nil {
		tb.Fatalf("servers.Redis: %v", err)
	}
	claimed := *u
	claimed.Path = "/" + strconv.Itoa(n)
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stepTimeout)
		defer cancel()
		if err := errors.Join(flush(ctx, claimed.String()), release(ctx, u.String(), n)); err != nil {
			tb.Errorf("servers.Redis: give back database %d: %v", n, err)
		}
	})
	if err := flush(ctx, claimed.String()); err != nil {
		tb.Fatalf("servers.Redis: %v", err)
	}
	return claimed.String()
}

// claimRedis marks a free database as taken, in database 0, where all test
// processes see it. It waits while all are taken.
func claimRedis(ctx context.Context, server string) (int, error) {
	c, err := connect(server)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	databases, err := countDatabases(ctx, c)
	if err != nil {
		return 0, err
	}
	for {
		for n := 1; n < databases; n++ {
			won, err := c.SetNX(ctx, claimKey(n), os.Getpid(), claimTTL).Result()
			if err != nil {
				return 0, fmt.Errorf("claim: %w", err)
			}
			if won {
				return n, nil
			}
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("all %d databases are taken: %w", databases-1, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// countDatabases asks the server; managed ones that hide CONFIG have Redis's
// default of 16.
func countDatabases(ctx context.Context, c *redis.Client) (int, error) {
	conf, err := c.ConfigGet(ctx, "databases").Result()
	var refused redis.Error
	if errors.As(err, &refused) {
		return 16, nil
	}
	if err != nil {
		return 0, fmt.Errorf("config get databases: %w", err)
	}
	n, err := strconv.Atoi(conf["databases"])
	if err != nil {
		return 0, fmt.Errorf("config get databases: %w", err)
	}
	return n, nil
}

func claimKey(n int) string { return fmt.Sprintf("signet:test:database:%d", n) }

func flush(ctx context.Context, database string) error {
	c, err := connect(database)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.FlushDB(ctx).Err(); err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	return nil
}

func release(ctx context.Context, server string, n int) error {
	c, err := connect(server)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Del(ctx, claimKey(n)).Err(); err != nil {
		return fmt.Errorf("release: %w", err)
	}
	return nil
}

func connect(rawURL string) (*redis.Client, error) {
	opts, err := redis.ParseURL(rawURL)
	if err != nil {
		return nil, errors.New("not a redis:// URL") // its text may hold a password
	}
	return redis.NewClient(opts), nil
}
