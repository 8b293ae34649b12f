package redis

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// backlog is how many messages a subscriber may be behind.
const backlog = 16

// reconnectEvery is the pause between attempts to reach the server again.
const reconnectEvery = 250 * time.Millisecond

// Publish implements volatile.Fanout.
func (c *Client) Publish(ctx context.Context, topic string, payload []byte) error {
	return opErr("publish", c.breaker.do(func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.timeout)
		defer cancel()
		return c.rdb.Publish(ctx, prefix+topic, payload).Err()
	}))
}

// Subscribe implements volatile.Fanout.
func (c *Client) Subscribe(ctx context.Context, topic string) (<-chan []byte, func()) {
	ctx, cancel := context.WithCancel(ctx)
	ps := c.rdb.Subscribe(ctx, prefix+topic)
	out := make(chan []byte, backlog)
	var done sync.WaitGroup
	done.Go(func() {
		defer close(out)
		receive(ctx, ps, out)
	})
	// Receive blocks on the connection; closing it is what ends it.
	unhook := context.AfterFunc(ctx, func() { _ = ps.Close() })
	return out, func() {
		cancel()
		if unhook() {
			_ = ps.Close()
		}
		done.Wait()
	}
}

// receive hands messages on until ctx ends. go-redis subscribes again by
// itself on the next Receive after an error; the server confirms it.
func receive(ctx context.Context, ps *redis.PubSub, out chan<- []byte) {
	deliver := func(payload []byte) {
		select {
		case out <- payload:
		default: // too slow; it has enough to look at
		}
	}
	for ctx.Err() == nil {
		// A ping while nothing comes finds a connection that died silently.
		msg, err := ps.ReceiveTimeout(ctx, 5*time.Second)
		switch m := msg.(type) {
		case *redis.Message:
			deliver([]byte(m.Payload))
		case *redis.Subscription:
			deliver(nil)
		}
		if err == nil {
			continue
		}
		if isTimeout(err) && ps.Ping(ctx) == nil {
			continue
		}
		select {
		case <-time.After(reconnectEvery):
		case <-ctx.Done():
		}
	}
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}
