package conformance_test

import (
	"net/http"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// The lifetimes that the model is built from: shorter than those of design §3,
// so that a few steps reach every end.
const (
	refreshGrace = 30 * time.Second
	refreshIdle  = 40 * time.Minute
	refreshMax   = 100 * time.Minute
	sessionIdle  = 30 * time.Minute
	sessionMax   = 90 * time.Minute
	touchEvery   = 5 * time.Minute
)

// family is what a refresh family ought to be: small enough to be read at once.
type family struct {
	generation int
	tokens     []string // by generation; 0 is none
	stepped    time.Time
	expiry     time.Time // sliding
	end        time.Time // absolute
	dead       bool      // revoked: reuse, or its session ended

	offline    bool
	organized  string // the grant's organization
	touched    time.Time
	idle, last time.Time // the browser session's expiry, by idleness and at all
}

// refresh says what comes of presenting generation k at now: dead (invalid_grant),
// or the generation of the refresh token that is given.
func (f *family) refresh(k int, now time.Time, organization string) (given int, ok bool) {
	repeat := k == f.generation-1 && now.Before(f.stepped.Add(refreshGrace))
	switch {
	case f.dead:
		return 0, false
	case k < f.generation && !repeat:
		f.dead = true // reuse
		return 0, false
	case !now.Before(f.expiry), !now.Before(f.end), !f.live(now):
		return 0, false
	case organization == "foreign":
		return 0, false
	case repeat:
		return f.generation, true
	}
	f.generation++
	f.stepped, f.expiry = now, now.Add(refreshIdle)
	if f.end.Before(f.expiry) {
		f.expiry = f.end
	}
	if organization != "" {
		f.organized = organization
	}
	if !f.offline && now.Sub(f.touched) >= touchEvery {
		f.touched, f.idle = now, now.Add(sessionIdle)
	}
	return f.generation, true
}

func (f *family) live(now time.Time) bool {
	return f.offline || now.Before(f.idle) && now.Before(f.last)
}

// waits are pauses between two steps: mostly none, else just before, at and
// after what has a meaning.
func waits() []time.Duration {
	const s, m = time.Second, time.Minute
	return []time.Duration{
		0, 0, 0, 0, 0, 0, 0, 0, s, 15 * s, refreshGrace - s, refreshGrace - s, refreshGrace, refreshGrace, refreshGrace + s,
		touchEvery - s, touchEvery, 20 * m, 20 * m, 25 * m, 25 * m, sessionIdle - touchEvery, sessionIdle - s, sessionIdle,
		refreshIdle - s, refreshIdle - s, refreshIdle,
	}
}

// moves are the steps, the likely ones several times.
func moves() []string {
	return []string{
		"current", "current", "current", "current", "current", "predecessor", "predecessor", "predecessor", "older",
		"switch", "switch by predecessor", "stranger", "damaged", "logout",
	}
}

func TestRefreshFamilyModel(t *testing.T) {
	t.Parallel()
	s := start(t, "SIGNET_KEYS_ALGORITHMS=ES256,RS256", "SIGNET_LIFETIMES_REFRESH_IDLE="+refreshIdle.String(),
		"SIGNET_LIFETIMES_REFRESH_MAX="+refreshMax.String(), "SIGNET_LIFETIMES_SESSION_IDLE="+sessionIdle.String(),
		"SIGNET_LIFETIMES_SESSION_MAX="+sessionMax.String(), "SIGNET_LIFETIMES_REFRESH_REMEMBER="+refreshMax.String())
	s.Organization(t, "acme", s.alice.ID)
	s.Organization(t, "globex", s.alice.ID)
	s.Organization(t, "foreign", s.bob.ID)
	s.public(t, "app", storage.ClientMetadata{})
	s.public(t, "stranger", storage.ClientMetadata{})

	rapid.Check(t, func(r *rapid.T) {
		b, _ := s.SignedIn(t, s.alice.ID)
		began := s.clock.Now()
		f := &family{
			tokens: []string{""}, generation: 1, stepped: began, expiry: began.Add(refreshIdle), end: began.Add(refreshMax),
			offline: rapid.Bool().Draw(r, "offline"), organized: "acme", touched: began, idle: began.Add(sessionIdle), last: began.Add(sessionMax),
		}
		scope := "profile"
		if f.offline {
			scope = "profile offline_access"
		}
		first := s.tokens(t, b, "app", "", scope, with("organization", "acme"))
		f.tokens = append(f.tokens, first.RefreshToken)
		access := first.AccessToken

		present := func(k int, organization string) {
			if f.generation < k || k < 1 {
				return
			}
			old, before := f.generation, f.dead
			var more map[string]string
			if organization != "" {
				more = with("organization", organization)
			}
			given, ok := f.refresh(k, s.clock.Now(), organization)
			got := s.Refresh(t, "app", "", f.tokens[k], more)
			if !ok {
				if got.Status != http.StatusBadRequest || got.Error != "invalid_grant" || got.AccessToken != "" || got.RefreshToken != "" {
					r.Fatalf("token %d of %d: %+v, want invalid_grant", k, old, got)
				}
				if f.dead && !before && s.alive(t, access) {
					r.Fatal("an access token outlived the reuse")
				}
				return
			}
			if given < len(f.tokens) && organization != "" && organization != f.organized {
				// The step was made already, into the family's organization.
				if got.Status != http.StatusBadRequest || got.Error != "invalid_request" || got.RefreshToken != "" {
					r.Fatalf("token %d of %d switched again: %+v, want invalid_request", k, old, got)
				}
				return
			}
			if got.Status != http.StatusOK || got.RefreshToken == "" {
				r.Fatalf("token %d of %d: %+v, want token %d", k, old, got, given)
			}
			if given == len(f.tokens) {
				for i, earlier := range f.tokens {
					if got.RefreshToken == earlier {
						r.Fatalf("token %d is token %d again", given, i)
					}
				}
				f.tokens = append(f.tokens, got.RefreshToken)
			} else if got.RefreshToken != f.tokens[given] {
				r.Fatal("two live successors")
			}
			want := f.organized
			if organization != "" {
				want = organization
			}
			if c := harness.Claims(t, got.AccessToken); c["org_slug"] != want {
				r.Fatalf("organization %v, want %s", c["org_slug"], want)
			}
			access = got.AccessToken
		}

		for range rapid.IntRange(1, 24).Draw(r, "steps") {
			if d := rapid.SampledFrom(waits()).Draw(r, "wait"); d > 0 {
				s.pass(t, d)
			}
			switch rapid.SampledFrom(moves()).Draw(r, "move") {
			case "current":
				present(f.generation, "")
			case "predecessor":
				present(f.generation-1, "")
			case "older":
				present(rapid.IntRange(1, f.generation).Draw(r, "k"), "")
			case "switch":
				present(f.generation, rapid.SampledFrom([]string{"acme", "globex", "foreign"}).Draw(r, "to"))
			case "switch by predecessor":
				present(f.generation-1, "globex")
			case "stranger":
				k := rapid.IntRange(1, f.generation).Draw(r, "k")
				if got := s.Refresh(t, "stranger", "", f.tokens[k], nil); got.Error != "invalid_grant" {
					r.Fatalf("another client: %+v", got)
				}
			case "damaged":
				text := []byte(f.tokens[f.generation])
				text[rapid.IntRange(4, len(text)-2).Draw(r, "at")] ^= 1 << rapid.IntRange(0, 1).Draw(r, "bit")
				if got := s.Refresh(t, "app", "", string(text), nil); got.Error != "invalid_grant" && got.Error != "invalid_request" {
					r.Fatalf("damaged: %+v", got)
				}
			case "logout":
				if p := b.Get("/oauth2/logout"); p.Has("logout-page") {
					b.Submit(p, with("action", "confirm"))
					f.dead = f.dead || !f.offline
				}
			}
		}
	})
}

// The absolute end holds however often a family is refreshed, and in its last
// grace as well.
func TestRefreshAbsoluteEnd(t *testing.T) {
	t.Parallel()
	s := start(t, "SIGNET_KEYS_ALGORITHMS=ES256,RS256")
	s.public(t, "app", storage.ClientMetadata{})
	got := s.tokens(t, s.signIn(t, s.alice), "app", "", "profile offline_access", nil)
	const end = 90 * 24 * time.Hour // design §3
	began := s.clock.Now()
	for s.clock.Now().Before(began.Add(end - 5*24*time.Hour)) {
		s.pass(t, 5*24*time.Hour)
		if got = s.Refresh(t, "app", "", got.RefreshToken, nil); got.Status != http.StatusOK {
			t.Fatalf("after %v: %+v", s.clock.Now().Sub(began), got)
		}
	}
	s.pass(t, began.Add(end-10*time.Second).Sub(s.clock.Now()))
	last := got
	if got = s.Refresh(t, "app", "", last.RefreshToken, nil); got.Status != http.StatusOK {
		t.Fatalf("ten seconds before the end: %+v", got)
	}
	s.pass(t, 10*time.Second)
	for name, token := range map[string]string{"current": got.RefreshToken, "predecessor within its grace": last.RefreshToken} {
		if r := s.Refresh(t, "app", "", token, nil); r.Error != "invalid_grant" {
			t.Errorf("%s, at the end: %+v", name, r)
		}
	}
}
