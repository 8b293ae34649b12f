package keys_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/keys"
)

// skewed is a replica's clock: wrong by a constant.
type skewed struct {
	*fakeclock.Clock
	by time.Duration
}

func (s skewed) Now() time.Time { return s.Clock.Now().Add(s.by) }

// world is an installation with replicas that rotate, lose the database, and
// have clocks that differ, and verifiers that cache the JWKS.
type world struct {
	house    *house
	replicas []*replica
	caches   map[int]*cache // of verifiers
	tokens   []issued
}

type replica struct {
	*keys.Manager
	cutOff bool
	ticked time.Time
}

type cache struct {
	body  string
	until time.Time
}

type issued struct {
	text, kid string
	until     time.Time
}

// TestTheWorldNeverMeetsAnUnknownKey is the promise of the package: whatever
// the replicas do, short of a revocation,
//   - each replica that is in touch has exactly one active key in its ring, and
//     a next one (two, while its clock is behind that of one which rotated);
//   - a verifier which keeps the JWKS no longer than it may, whichever replica
//     it came from, knows the key of every token whichever replica signed it;
//   - a token verifies for as long as it lives.
func TestTheWorldNeverMeetsAnUnknownKey(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{house: newHouse(t), caches: make(map[int]*cache)}
		const half = 30 * time.Second // of the default skew
		for range 3 {
			by := time.Duration(rapid.Int64Range(int64(-half), int64(half)).Draw(rt, "skew")).Truncate(time.Microsecond)
			m := w.house.replica(t, func(o *keys.Options) { o.Clock = skewed{w.house.clock, by} })
			if err := m.Load(t.Context()); err != nil {
				rt.Fatal(err)
			}
			w.replicas = append(w.replicas, &replica{Manager: m, ticked: w.house.clock.Now()})
		}
		anyReplica := rapid.IntRange(0, len(w.replicas)-1)
		config := w.replicas[0].Config()
		steps := []time.Duration{
			time.Second, 4 * time.Second, config.JWKSMaxAge / 2, config.JWKSMaxAge - time.Second, config.JWKSMaxAge,
			config.PublishLead - time.Second, config.PublishLead, config.MaxTokenLifetime / 2,
			config.MaxTokenLifetime - time.Second, 29 * day, 30 * day,
		}
		rt.Repeat(map[string]func(*rapid.T){
			"advance": func(rt *rapid.T) {
				w.house.clock.Advance(rapid.SampledFrom(steps).Draw(rt, "by"))
				for _, r := range w.replicas {
					if !r.cutOff && w.house.clock.Now().Sub(r.ticked) > config.SyncEvery {
						w.tick(rt, t, r)
					}
				}
			},
			"tick": func(rt *rapid.T) {
				if r := w.replicas[anyReplica.Draw(rt, "replica")]; !r.cutOff {
					w.tick(rt, t, r)
				}
			},
			"cut off or back": func(rt *rapid.T) {
				r := w.replicas[anyReplica.Draw(rt, "replica")]
				if r.cutOff = !r.cutOff; !r.cutOff {
					w.tick(rt, t, r)
				}
			},
			"rotate": func(rt *rapid.T) {
				if r := w.replicas[anyReplica.Draw(rt, "replica")]; !r.cutOff {
					if _, err := r.Rotate(t.Context(), keys.ES256); err != nil {
						rt.Fatal(err)
					}
				}
			},
			"fetch": func(rt *rapid.T) {
				r := w.replicas[anyReplica.Draw(rt, "replica")]
				w.caches[rapid.IntRange(0, 3).Draw(rt, "verifier")] = w.fetch(rt, r)
			},
			"sign": func(rt *rapid.T) { w.sign(rt, w.replicas[anyReplica.Draw(rt, "replica")], config) },
			"":     w.check,
		})
	})
}

func (w *world) tick(rt *rapid.T, t *testing.T, r *replica) {
	if err := r.Tick(t.Context()); err != nil {
		rt.Fatal(err)
	}
	r.ticked = w.house.clock.Now()
}

func (w *world) fetch(rt *rapid.T, r *replica) *cache {
	set := r.Snapshot().JWKS()
	var age int
	if _, err := fmt.Sscanf(set.CacheControl, "public, max-age=%d", &age); err != nil {
		rt.Fatal(err)
	}
	return &cache{string(set.Body), w.house.clock.Now().Add(time.Duration(age) * time.Second)}
}

func (w *world) sign(rt *rapid.T, r *replica, config keys.Config) {
	s, err := r.Snapshot().Signer(keys.ES256)
	if err != nil {
		if !r.cutOff {
			rt.Fatalf("in touch, but: %v", err)
		}
		return
	}
	text, err := s.Sign("at+jwt", []byte("{}"))
	if err != nil {
		rt.Fatal(err)
	}
	w.tokens = append(w.tokens, issued{text, s.KID(), w.house.clock.Now().Add(config.MaxTokenLifetime)})
}

// check holds after every step.
func (w *world) check(rt *rapid.T) {
	now := w.house.clock.Now()
	live := w.tokens[:0]
	for _, token := range w.tokens {
		if token.until.After(now) {
			live = append(live, token)
		}
	}
	w.tokens = live
	for i, r := range w.replicas {
		if r.cutOff {
			continue
		}
		fresh := w.fetch(rt, r)
		states := states(r.Manager)
		if strings.Count(states, "active") != 1 || strings.Count(states, "next") < 1 {
			rt.Fatalf("replica %d has %q", i, states)
		}
		for _, token := range w.tokens {
			if w.house.clock.Now().Sub(r.ticked) == 0 && !strings.Contains(fresh.body, token.kid) {
				rt.Fatalf("replica %d does not show the key of a live token", i)
			}
			if _, err := r.Snapshot().Verify(token.text, "at+jwt"); err != nil && now.Equal(r.ticked) {
				rt.Fatalf("replica %d refuses a live token: %v", i, err)
			}
		}
	}
	for v, c := range w.caches {
		if !c.until.After(now) {
			continue
		}
		for _, token := range w.tokens {
			if !strings.Contains(c.body, token.kid) {
				rt.Fatalf("verifier %d, cache good until %v, meets a kid unknown to it at %v", v, c.until, now)
			}
		}
	}
}
