package gateway

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"
)

// frozen is a verifier that refuses when its news is older than a moment.
func frozen(c *Config) { c.MaxStale, c.OnStale = 300*time.Millisecond, Refuse }

func (f *fake) fresh(v *Verifier) func() bool {
	return func() bool { f.tick(); return v.Staleness() < time.Second }
}

func TestStalePolicies(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	ask := f.verifier(func(c *Config) { c.MaxStale = 200 * time.Millisecond })
	refuse := f.verifier(frozen)
	accept := f.verifier(func(c *Config) { c.MaxStale, c.OnStale = 200*time.Millisecond, Accept })
	raw := f.token(nil)
	f.hangUp(true)
	until(t, "stale", func() bool { return refuse.Staleness() > time.Second && ask.Staleness() > time.Second })
	if _, err := accept.Verify(t.Context(), raw); err != nil {
		t.Error("accept:", err)
	}
	if _, err := refuse.Verify(t.Context(), raw); !errors.Is(err, ErrUnknown) {
		t.Error("refuse:", err)
	}
	for verdict, want := range map[string]error{
		"": nil, "503": ErrUnknown, "revoked": ErrRevoked, "session_ended": ErrSessionEnded, "stale_permissions": ErrStale,
	} {
		f.set(func() { f.verdict = verdict })
		if _, err := ask.Verify(t.Context(), raw); !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("ask, %q: %v", verdict, err)
		}
	}
	f.set(func() { f.cut = false })
	until(t, "fresh again", f.fresh(refuse))
	if _, err := refuse.Verify(t.Context(), raw); err != nil {
		t.Error("back:", err)
	}
}

// A replica that is cut off from its database goes on sending heartbeats.
func TestHeartbeatsOfAReplicaThatIsCutOff(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	v := f.verifier(frozen)
	f.set(func() { f.muteAsOf, f.began = true, time.Now() })
	until(t, "stale in spite of heartbeats", func() bool { f.tick(); return v.Staleness() > 500*time.Millisecond })
	if _, err := v.Verify(t.Context(), f.token(nil)); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
}

// TestHostileFeed: nothing that is wrong with a stream makes a revocation go
// unnoticed while the verifier calls itself fresh.
func TestHostileFeed(t *testing.T) {
	t.Parallel()
	stranger := newKey(t, "f1")
	for _, tt := range []struct {
		name   string
		do     func(t *testing.T, f *fake, v *Verifier)
		killed bool // the token was revoked by what was kept from the verifier
	}{
		{"a forged heartbeat", func(t *testing.T, f *fake, _ *Verifier) {
			f.say(f.event("heartbeat", 9, stranger.sign(t, typeHeartbeat, f.beat())))
		}, false},
		{"a heartbeat by a key for tokens", func(t *testing.T, f *fake, _ *Verifier) {
			f.say(f.event("heartbeat", 9, f.tokenKey.sign(t, typeHeartbeat, f.beat())))
		}, false},
		{"a token for a heartbeat", func(t *testing.T, f *fake, _ *Verifier) {
			f.say(f.event("heartbeat", 9, f.feedKey.sign(t, typeAccessToken, f.beat())))
		}, false},
		{"entries withheld, heartbeats passed on", func(t *testing.T, f *fake, v *Verifier) {
			f.add(kindSub, "ada")
			for range patience {
				f.tick()
				time.Sleep(2 * time.Millisecond)
			}
		}, true},
		{"entries with a gap before", func(t *testing.T, f *fake, _ *Verifier) {
			f.add(kindSub, "ada")
			f.revoke(kindSub, "bob")
		}, true},
		{"an old heartbeat again", func(t *testing.T, f *fake, v *Verifier) {
			beat := f.event("heartbeat", 0, f.feedKey.sign(t, typeHeartbeat, f.beat()))
			f.say(beat)
			f.say(beat)
		}, false},
		{"a heartbeat of an hour ago", func(t *testing.T, f *fake, _ *Verifier) {
			b := f.beat()
			b["sent"] = time.Now().Add(-time.Hour).UnixMilli()
			b["as_of"] = b["sent"]
			f.say(f.event("heartbeat", 9, f.feedKey.sign(t, typeHeartbeat, b)))
		}, false},
		{"another feed", func(t *testing.T, f *fake, _ *Verifier) {
			f.set(func() { f.feedID, f.head, f.entries = "restored", 0, nil })
			f.add("all", "")
			f.tick()
		}, true},
		{"entries out of order", func(t *testing.T, f *fake, _ *Verifier) {
			a, b := f.add(kindSub, "x"), f.add(kindSub, "y")
			f.say(f.event("entries", 2, f.feedKey.sign(t, typeRevocations, f.payload(0, 2, []map[string]any{b, a}))))
		}, false},
		{"the issuer of others", func(t *testing.T, f *fake, _ *Verifier) {
			b := f.beat()
			b["iss"] = "https://other.test"
			f.say(f.event("heartbeat", 9, f.feedKey.sign(t, typeHeartbeat, b)))
		}, false},
		{"a line without an end", func(_ *testing.T, f *fake, _ *Verifier) {
			long := make([]byte, maxLine+1<<10)
			for i := range long {
				long[i] = 'x'
			}
			f.say(string(long))
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			v := f.verifier(frozen)
			f.set(func() { f.mute = true }) // reconnecting alone makes nobody fresh
			raw := f.token(nil)
			tt.do(t, f, v)
			until(t, "noticed", func() bool { return v.Staleness() > time.Second })
			if _, err := v.Verify(t.Context(), raw); err == nil {
				t.Error("accepted while stale")
			}
			// Right again: it recovers by itself, and knows what it missed.
			f.set(func() { f.mute = false })
			f.hangUp(false)
			until(t, "fresh again", f.fresh(v))
			f.set(func() {
				if v.Position() != f.head {
					t.Errorf("at %d of %d", v.Position(), f.head)
				}
			})
			if _, err := v.Verify(t.Context(), raw); tt.killed != errors.Is(err, ErrRevoked) {
				t.Error("in the end:", err)
			}
		})
	}
}

// A proxy may hand a stream on when it ends, which it never does.
func TestHeldBackStreamsArePolled(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.heldBack = true
	v := f.verifier(nil) // waits for a heartbeat
	raw := f.token(nil)
	f.add(kindSID, "s1")
	until(t, "applied", func() bool { return v.Position() == 1 })
	if _, err := v.Verify(t.Context(), raw); !errors.Is(err, ErrSessionEnded) {
		t.Error(err)
	}
	f.set(func() {
		if f.polls == 0 {
			t.Error("never polled")
		}
	})
}

// A known revocation stands however old the news is.
func TestRevokedStaysRevoked(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	v := f.verifier(func(c *Config) { c.OnStale = Accept })
	raw := f.token(nil)
	f.revoke(kindSID, "s1")
	until(t, "applied", func() bool { return v.Position() == 1 })
	f.hangUp(true)
	until(t, "stale", func() bool { return v.Staleness() > defaultMaxStale/5 })
	if _, err := v.Verify(t.Context(), raw); !errors.Is(err, ErrSessionEnded) {
		t.Error(err)
	}
}

func TestNewFailsWithoutAFeed(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.set(func() { f.cut = true })
	if _, err := New(t.Context(), Config{Issuer: f.http.URL, Audience: audience}); err == nil {
		t.Error("no error without a snapshot")
	}
	f.set(func() { f.cut, f.mute = false, true })
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := New(ctx, Config{Issuer: f.http.URL, Audience: audience}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error("without a heartbeat:", err)
	}
	v, err := New(t.Context(), Config{Issuer: f.http.URL, Audience: audience, NoFeed: true})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if _, err := v.Verify(t.Context(), f.token(nil)); err != nil {
		t.Error("asking:", err)
	}
	f.set(func() {
		if f.asked != 1 {
			t.Errorf("asked %d times", f.asked)
		}
	})
}

func TestFreshnessIsBounded(t *testing.T) {
	t.Parallel()
	began := time.Now()
	for _, tt := range []struct {
		name              string
		arrived           time.Duration // after began
		first, sent, asOf int64
		now               time.Duration
		want              time.Duration
	}{
		{"at once", 10 * time.Millisecond, 1000, 1000, 1000, 10 * time.Millisecond, 10 * time.Millisecond},
		{"read by the server some time before", 10 * time.Millisecond, 1000, 1000, 900, 10 * time.Millisecond, 110 * time.Millisecond},
		{"a second later", 10 * time.Millisecond, 1000, 1000, 1000, 1010 * time.Millisecond, 1010 * time.Millisecond},
		{"the second one, in time", 1010 * time.Millisecond, 1000, 2000, 2000, 1010 * time.Millisecond, 10 * time.Millisecond},
		// It lay in a buffer for nine seconds, as when this process was stopped.
		{"the second one, late", 10 * time.Second, 1000, 2000, 2000, 10 * time.Second, 9 * time.Second},
		// The server's clock was set back: never less than since the arrival.
		{"a clock set forward", 1010 * time.Millisecond, 1000, 99_000, 99_000, 1510 * time.Millisecond, 500 * time.Millisecond},
	} {
		f := freshness{arrived: began.Add(tt.arrived), began: began, first: tt.first, sent: tt.sent, asOf: tt.asOf}
		if got := f.age(began.Add(tt.now)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	other := newFake(t)
	mux := http.NewServeMux()
	mux.Handle("/", http.RedirectHandler(other.http.URL, http.StatusFound))
	f.http.Config.Handler = mux
	if _, err := New(t.Context(), Config{Issuer: f.http.URL, Audience: audience}); err == nil {
		t.Error("followed a redirect")
	}
}
