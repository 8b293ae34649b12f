package limit_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/endpoints/web/limit"
	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/storage/volatile/inproc"
)

func TestLimits(t *testing.T) {
	c := fakeclock.New(time.Unix(1_800_000_000, 0))
	l := &limit.Limiter{Counters: inproc.NewCounters(c, 0), Rules: map[string]limit.Rule{"login": {PerAddress: 2}, "read": {PerSubject: 1}}}
	take := func(class, addr string) bool {
		return !l.Take(t.Context(), class, netip.MustParseAddr(addr)).Denied
	}
	steps := []struct {
		name, class, addr string
		allowed           bool
	}{
		{"first", "login", "192.0.2.1", true},
		{"second", "login", "192.0.2.1", true},
		{"one too many", "login", "192.0.2.1", false},
		{"the same, mapped", "login", "::ffff:192.0.2.1", false},
		{"another address", "login", "192.0.2.2", true},
		{"IPv6", "login", "2001:db8::1", true},
		{"the same /64", "login", "2001:db8::ffff:1", true},
		{"one too many of the /64", "login", "2001:db8:0:0:1::", false},
		{"another /64", "login", "2001:db8:0:1::1", true},
		{"a class without a limit for addresses", "read", "192.0.2.1", true},
		{"no class", "other", "192.0.2.1", true},
	}
	for _, s := range steps {
		if got := take(s.class, s.addr); got != s.allowed {
			t.Errorf("%s: allowed %v", s.name, got)
		}
	}
	if d := l.Take(t.Context(), "login", netip.MustParseAddr("192.0.2.1")); d.Limit != 2 || d.Remaining != 0 || d.RetryAfter != time.Minute || d.Reset != time.Minute {
		t.Errorf("%+v", d)
	}
	c.Advance(time.Minute)
	if d := l.Take(t.Context(), "login", netip.MustParseAddr("192.0.2.1")); d.Denied || d.Remaining != 1 {
		t.Errorf("the next window: %+v", d)
	}
	if d := l.TakeSubject(t.Context(), "read", "a"); d.Denied {
		t.Errorf("%+v", d)
	}
	if d := l.TakeSubject(t.Context(), "read", "a"); !d.Denied {
		t.Errorf("%+v", d)
	}
	if d := l.TakeSubject(t.Context(), "read", "b"); d.Denied {
		t.Errorf("another subject: %+v", d)
	}
	// Nobody knows where it came from: one bucket for all of them.
	if d := l.Take(t.Context(), "login", netip.Addr{}); d.Denied || d.Limit != 2 {
		t.Errorf("%+v", d)
	}
}

type away struct{ keys []string }

func (a *away) Add(_ context.Context, key string, _ int64, _ time.Duration) (int64, time.Duration, error) {
	a.keys = append(a.keys, key)
	return 0, 0, errors.New("away")
}
func (*away) Reset(context.Context, string) error { return nil }

func TestCountersAway(t *testing.T) {
	a := &away{}
	l := &limit.Limiter{Counters: a, Rules: map[string]limit.Rule{"login": {PerAddress: 1}}}
	if d := l.Take(t.Context(), "login", netip.MustParseAddr("192.0.2.1")); d.Denied || d.Limit != 0 {
		t.Errorf("%+v", d)
	}
	if len(a.keys) != 1 || !strings.Contains(a.keys[0], "login") {
		t.Errorf("%q", a.keys)
	}
}
