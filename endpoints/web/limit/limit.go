// Package limit counts requests in fixed windows, by class and client address
// and, where a token names one, by subject. [Limiter] implements web.Limiter on
// the same counters that lock identifiers, so that one mechanism, shared by all
// replicas and with one fallback, does both. A window is not the smoothest of
// limits (two windows' worth can come around its end), but these are bounds
// against abuse, not a schedule; throttled/v2 would be smoother and would bring
// a second Redis client and no fallback.
package limit

import (
	"context"
	"net/netip"
	"time"

	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/storage/volatile"
)

// Window is the length of a window.
const Window = time.Minute

// Rule is how many requests of a class are allowed in a Window; 0: any number.
type Rule struct{ PerAddress, PerSubject int }

// Limiter implements web.Limiter.
type Limiter struct {
	// Counters are best blinded: their keys hold addresses and user ids.
	Counters volatile.Counters
	Rules    map[string]Rule // by class
}

var _ web.Limiter = (*Limiter)(nil)

// Take implements web.Limiter. An IPv6 client is its /64: one subscriber has
// all of it.
func (l *Limiter) Take(ctx context.Context, class string, addr netip.Addr) web.Decision {
	return l.take(ctx, l.Rules[class].PerAddress, "rate "+class+" address "+network(addr))
}

// TakeSubject implements web.Limiter.
func (l *Limiter) TakeSubject(ctx context.Context, class, subject string) web.Decision {
	return l.take(ctx, l.Rules[class].PerSubject, "rate "+class+" subject "+subject)
}

func (l *Limiter) take(ctx context.Context, limit int, key string) web.Decision {
	if limit <= 0 {
		return web.Decision{}
	}
	total, reset, err := l.Counters.Add(ctx, key, 1, Window)
	if err != nil {
		return web.Decision{} // counters may be lost; the service goes on
	}
	d := web.Decision{Limit: limit, Remaining: max(0, limit-int(min(total, int64(limit)))), Reset: reset}
	if total > int64(limit) {
		d.Denied, d.RetryAfter = true, reset
	}
	return d
}

func network(addr netip.Addr) string {
	addr = addr.Unmap()
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return p.String()
		}
	}
	return addr.String()
}
