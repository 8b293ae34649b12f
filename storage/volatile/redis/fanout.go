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

// quiet is how long a subscription hears nothing before it asks whether the
// server is there; after as much again it connects anew.
const quiet = 2 * time.Second

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
	out := make(chan []byte, backlog)
	var done sync.WaitGroup
	done.Go(func() {
		defer close(out)
		for ctx.Err() == nil {
			c.listen(ctx, topic, out)
			select {
			case <-time.After(reconnectEvery):
			case <-ctx.Done():
			}
		}
	})
	return out, func() {
		cancel()
		done.Wait()
	}
}

// listen subscribes and hands messages on until ctx ends or the connection is
// of no more use. Every attempt has a subscription of its own: one that
// go-redis connects anew takes a successful write for a sign of life, and so
// waits for ever on a connection that swallows what it is sent.
func (c *Client) listen(ctx context.Context, topic string, out chan<- []byte) {
	ps := c.rdb.Subscribe(ctx, prefix+topic)
	// Receiving blocks on the connection; closing it is what ends that.
	unhook := context.AfterFunc(ctx, func() { _ = ps.Close() })
	defer func() {
		if unhook() {
			_ = ps.Close()
		}
	}()
	deliver := func(payload []byte) {
		select {
		case out <- payload:
		default: // too slow; it has enough to look at
		}
	}
	asked := false // a ping is out and nothing has come since
	for {
		msg, err := ps.ReceiveTimeout(ctx, quiet)
		if err != nil {
			if !isTimeout(err) || asked || ps.Ping(ctx) != nil {
				return
			}
			asked = true
			continue
		}
		asked = false
		switch m := msg.(type) {
		case *redis.Message:
			deliver([]byte(m.Payload))
		case *redis.Subscription:
			deliver(nil)
		}
	}
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}
