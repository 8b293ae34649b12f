// Package redis shares volatile state between replicas through Redis.
package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/extra/redisotel/v9"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/trace"

	"github.com/signet-idp/signet/storage/volatile"
)

// DefaultTimeout bounds a command when Options.Timeout is zero: a limit is not
// worth more waiting.
const DefaultTimeout = 250 * time.Millisecond

// breakFor is how long commands fail at once after one could not reach the
// server, so that an outage costs one request in a while a wait, not all.
const breakFor = time.Second

// prefix keeps our keys and channels apart in a shared Redis.
const prefix = "signet:"

// Options say which server and how to use it.
type Options struct {
	URL string // redis:// or rediss://
	// Timeout bounds every command; 0: DefaultTimeout.
	Timeout time.Duration
	// TracerProvider, when set, gets a span for every command.
	TracerProvider trace.TracerProvider
}

// Client implements volatile.Counters and volatile.Fanout over one Redis.
type Client struct {
	rdb     *redis.Client
	count   *redis.Script
	timeout time.Duration
	breaker breaker
}

var (
	_ volatile.Counters = (*Client)(nil)
	_ volatile.Fanout   = (*Client)(nil)
)

// Open makes a client. It does not wait for the server.
func Open(o Options) (*Client, error) {
	opts, err := redis.ParseURL(o.URL)
	if err != nil {
		return nil, errors.New("redis: open: the URL is not one of a Redis") // its text may hold a password
	}
	t := o.Timeout
	if t <= 0 {
		t = DefaultTimeout
	}
	opts.DialTimeout, opts.ReadTimeout, opts.WriteTimeout, opts.PoolTimeout = t, t, t, t
	opts.MaxRetries, opts.DialerRetries = 1, 1 // the breaker and the next command are the retry
	opts.ContextTimeoutEnabled = true
	opts.DisableIdentity = true
	rdb := redis.NewClient(opts)
	if o.TracerProvider != nil {
		// Arguments hold account names, so no statements in spans.
		err := redisotel.InstrumentTracing(rdb, redisotel.WithTracerProvider(o.TracerProvider), redisotel.WithDBStatement(false))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("redis: open: %w", err), rdb.Close())
		}
	}
	return &Client{rdb: rdb, count: redis.NewScript(countScript), timeout: t}, nil
}

// Close gives the connections up.
func (c *Client) Close() error { return c.rdb.Close() }

// Ping says whether the server answers.
func (c *Client) Ping(ctx context.Context) error { return opErr("ping", c.rdb.Ping(ctx).Err()) }

func opErr(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("redis: %s: %w", op, err)
}

// countScript adds and reads in one step on the server. A counter without an
// expiry (left by nothing known) gets one, so that no lock is for ever.
const countScript = `
local n, window = tonumber(ARGV[1]), tonumber(ARGV[2])
if n == 0 then
  local total = redis.call('GET', KEYS[1])
  if not total then return {0, 0} end
  return {tonumber(total), math.max(redis.call('PTTL', KEYS[1]), 0)}
end
local total = redis.call('INCRBY', KEYS[1], n)
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], window)
  left = window
end
return {total, left}`

// Add implements volatile.Counters in milliseconds.
func (c *Client) Add(ctx context.Context, key string, n int64, window time.Duration) (total int64, reset time.Duration, err error) {
	err = c.breaker.do(func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.timeout)
		defer cancel()
		v, err := c.count.Run(ctx, c.rdb, []string{prefix + "count:" + key}, n, max(window.Milliseconds(), 1)).Int64Slice()
		if err != nil {
			return err
		}
		total, reset = v[0], time.Duration(v[1])*time.Millisecond
		return nil
	})
	return total, reset, opErr("add to counter", err)
}

// Reset implements volatile.Counters.
func (c *Client) Reset(ctx context.Context, key string) error {
	return opErr("reset counter", c.breaker.do(func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.timeout)
		defer cancel()
		return c.rdb.Del(ctx, prefix+"count:"+key).Err()
	}))
}

// errOpen is what commands get while the breaker is open.
var errOpen = errors.New("server was away a moment ago")

// breaker fails at once for a while after the server could not be reached. It
// measures with timers, not with a clock that tests or operators may shift.
type breaker struct {
	mu   sync.Mutex
	open bool
}

func (b *breaker) do(f func() error) error {
	b.mu.Lock()
	open := b.open
	b.mu.Unlock()
	if open {
		return errOpen
	}
	err := f()
	if err != nil && !isReply(err) {
		b.trip()
	}
	return err
}

func (b *breaker) trip() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open {
		return
	}
	b.open = true
	time.AfterFunc(breakFor, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.open = false
	})
}

// isReply tells the server's own errors from not reaching it. A server that is
// loading, out of memory or read-only answers, but is of no use.
func isReply(err error) bool {
	var re redis.Error
	if !errors.As(err, &re) {
		return false
	}
	for _, away := range []string{"LOADING", "OOM", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN"} {
		if strings.HasPrefix(re.Error(), away) {
			return false
		}
	}
	return true
}
