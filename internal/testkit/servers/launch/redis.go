package launch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os/exec"
	"strings"

	"github.com/redis/go-redis/v9"
)

// redisDatabases is how many numbered databases a started Redis has; every
// test takes one.
const redisDatabases = 1024

// Redis starts an empty Redis (or Valkey) that keeps nothing on disk and
// returns when it answers. [ErrNotInstalled] is returned if PATH has neither.
func Redis(ctx context.Context) (*Server, error) {
	bin, err := redisBin()
	if err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		s, err := startRedis(ctx, bin)
		// A stranger may take the free port first: try another one.
		if err == nil || attempt == 3 || ctx.Err() != nil {
			return s, err
		}
	}
}

func redisBin() (string, error) {
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("launch: Redis (redis-server): %w", ErrNotInstalled)
}

func startRedis(ctx context.Context, bin string) (*Server, error) {
	h, err := newHome("redis", "redis")
	if err != nil {
		return nil, err
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, errors.Join(err, h.remove())
	}
	secret := password()
	conf, err := h.write("redis.conf", strings.Join([]string{
		"bind 127.0.0.1",
		fmt.Sprintf("port %d", port),
		"requirepass " + secret,
		fmt.Sprintf("databases %d", redisDatabases),
		`save ""`,
		"appendonly no",
		"dir " + h.dir,
	}, "\n"))
	if err != nil {
		return nil, errors.Join(err, h.remove())
	}
	u := url.URL{
		Scheme: "redis", User: url.UserPassword("default", secret),
		Host: fmt.Sprintf("127.0.0.1:%d", port), Path: "/0",
	}
	ready := func(ctx context.Context) error { return PingRedis(ctx, u.String()) }
	return h.serve(ctx, u.String(), "KILL", ready, bin, conf)
}

// PingRedis asks the Redis at a redis:// URL for one answer.
func PingRedis(ctx context.Context, rawURL string) error {
	opts, err := redis.ParseURL(rawURL)
	if err != nil {
		return fmt.Errorf("launch: redis URL: %w", err)
	}
	// The client logs each dial that fails, and many fail while a server
	// starts: knock first.
	var d net.Dialer
	knock, err := d.DialContext(ctx, opts.Network, opts.Addr)
	if err != nil {
		return fmt.Errorf("launch: redis: %w", err)
	}
	if err := knock.Close(); err != nil {
		return fmt.Errorf("launch: redis: %w", err)
	}
	c := redis.NewClient(opts)
	defer c.Close()
	if err := c.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("launch: redis ping: %w", err)
	}
	return nil
}
