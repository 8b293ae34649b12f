package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// typeAccessToken is the typ of access tokens (RFC 9068 §2.1).
const typeAccessToken = "at+jwt"

// maxToken bounds what is looked at, in bytes.
const maxToken = 16 << 10

// Verifier verifies access tokens. It is safe for concurrent use.
type Verifier struct {
	config     Config
	algorithms []jose.SignatureAlgorithm
	http       fetcher
	at         endpoints
	keys       *keySet
	feed       *follower // nil: NoFeed
	seen       *cache

	stop context.CancelFunc
	done sync.WaitGroup
}

// New makes a Verifier and returns once it knows the issuer's keys and, unless
// NoFeed, what is revoked and that this is fresh; it fails when the server is
// out of reach, or ctx ends first. The Verifier then lives until Close.
func New(ctx context.Context, config Config) (*Verifier, error) {
	c, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	v := &Verifier{config: c, algorithms: algorithms(c), http: fetcher{c.HTTPClient}, seen: newCache(c.Cache)}
	if v.at, err = discover(ctx, v.http, c.Issuer); err != nil {
		return nil, err
	}
	v.keys = newKeySet(v.at.jwks, v.http)
	if err := v.keys.fetch(ctx); err != nil {
		return nil, err
	}
	var background context.Context
	background, v.stop = context.WithCancel(context.WithoutCancel(ctx))
	v.done.Go(func() { v.keys.refresh(background, v.trouble) })
	if c.NoFeed {
		return v, nil
	}
	if err := v.follow(ctx, background); err != nil {
		v.Close()
		return nil, err
	}
	return v, nil
}

// algorithms are those that the configuration accepts, in the library's terms.
func algorithms(c Config) (out []jose.SignatureAlgorithm) {
	for _, alg := range c.Algorithms {
		out = append(out, jose.SignatureAlgorithm(alg))
	}
	return out
}

func (v *Verifier) trouble(err error) {
	v.config.Log.Warn("gateway: keys cannot be refreshed", slog.Any("error", err))
}

// follow begins to follow the feed and waits for its first heartbeat.
func (v *Verifier) follow(ctx, background context.Context) error {
	c := v.config
	v.feed = &follower{
		issuer: c.Issuer, http: v.http, at: v.at, keys: newKeySet(v.at.feedKeys, v.http),
		credential: &credential{http: v.http, endpoint: v.at.token, issuer: c.Issuer, id: c.ClientID, secret: c.ClientSecret},
		skew:       c.Skew, now: c.Now, log: c.Log, observer: c.Observer,
	}
	if err := v.feed.keys.fetch(ctx); err != nil {
		return err
	}
	// The first reading here, so that its error is the caller's to see.
	if err := v.feed.load(ctx); err != nil {
		return err
	}
	v.done.Go(func() { v.feed.keys.refresh(background, v.trouble) })
	v.done.Go(func() { v.feed.run(background) })
	for v.feed.fresh.Load() == nil {
		if !sleep(ctx, 5*time.Millisecond) {
			return fmt.Errorf("gateway: no heartbeat from the revocation feed: %w", ctx.Err())
		}
	}
	return nil
}

// Close ends what runs in the background. Verify goes on, by what is known, and
// counts as stale soon.
func (v *Verifier) Close() {
	v.stop()
	v.done.Wait()
}

// Staleness is how old the news of revocations can be at most; without a feed,
// or while its state is not certain, a very long time.
func (v *Verifier) Staleness() time.Duration {
	if v.feed == nil {
		return forever
	}
	return v.feed.staleness()
}

// Position is how far the revocation feed is applied here.
func (v *Verifier) Position() int64 {
	if v.feed == nil {
		return 0
	}
	return v.feed.list.Load().head
}

// Verify returns the claims of a good token, or why it is refused: one of the
// errors of this package, wrapped. The caller decides by the claims what the
// token opens; Middleware does both.
func (v *Verifier) Verify(ctx context.Context, raw string) (*Claims, error) {
	return v.verify(ctx, raw, freshEnough{v.config.MaxStale, v.config.OnStale}, nil)
}

// freshEnough is how old the news may be, and what happens beyond.
type freshEnough struct {
	max    time.Duration
	policy StalePolicy
}

func (v *Verifier) verify(ctx context.Context, raw string, bound freshEnough, permissions []string) (*Claims, error) {
	begin := instant()
	c, err := v.judge(ctx, raw, bound, permissions)
	v.config.Observer.Verified(Reason(err), instant().Sub(begin))
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (v *Verifier) judge(ctx context.Context, raw string, bound freshEnough, permissions []string) (*Claims, error) {
	t, err := v.parse(ctx, raw)
	if err != nil {
		return nil, err
	}
	c, now := t.claims, v.config.Now()
	switch {
	case !now.Before(c.Expiry.Add(v.config.Skew)):
		return nil, ErrExpired
	case now.Add(v.config.Skew).Before(c.IssuedAt):
		return nil, ErrNotYet
	}
	stale := true
	if v.feed != nil {
		// The age is read first: what is checked after is at least as new.
		stale = v.feed.staleness() > bound.max
		// What is known to be revoked is, however old the news.
		if err := v.feed.list.Load().check(c.FeedPosition, t.refs); err != nil {
			return nil, err
		}
	}
	missing := slices.ContainsFunc(permissions, func(p string) bool { return !c.HasPermission(p) })
	switch {
	case missing && c.Permissions == nil:
		// The token does not tell permissions: the server knows what its roles give.
		return c, v.ask(ctx, raw, permissions)
	case missing:
		return c, errInsufficient
	case !stale || bound.policy == Accept:
		return c, nil
	case bound.policy == Ask:
		return c, v.ask(ctx, raw, nil)
	}
	return nil, ErrUnknown
}

// parse checks what does not change: signature, type, issuer, audience.
func (v *Verifier) parse(ctx context.Context, raw string) (*token, error) {
	if len(raw) > maxToken {
		return nil, ErrMalformed
	}
	key := sum(raw)
	if t := v.seen.get(key); t != nil {
		return t, nil
	}
	payload, id, err := v.keys.verifyJWS(ctx, raw, typeAccessToken, v.algorithms)
	if err != nil {
		return nil, err
	}
	c, err := parseClaims(payload, id)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	case c.Issuer != v.config.Issuer:
		return nil, ErrWrongIssuer
	case !slices.Contains(c.Audience, v.config.Audience):
		return nil, ErrWrongAudience
	}
	t := &token{claims: c, refs: refs(c)}
	v.seen.put(key, t)
	return t, nil
}

// sum is SHA-256 of a token, without a copy on the heap for those of usual size.
func sum(raw string) [sha256.Size]byte {
	var buf [2 << 10]byte
	if len(raw) > len(buf) {
		return sha256.Sum256([]byte(raw))
	}
	return sha256.Sum256(buf[:copy(buf[:], raw)])
}

const askTimeout = 2 * time.Second

// ask has the server judge the token.
func (v *Verifier) ask(ctx context.Context, raw string, permissions []string) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	question, err := json.Marshal(map[string]any{"token": raw, "audience": v.config.Audience, "required_permissions": permissions})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	header := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}
	resp, err := v.http.do(ctx, http.MethodPost, v.at.validate, header, bytes.NewReader(question))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	defer resp.Body.Close()
	body, err := readAll(resp, maxDocument)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	var verdict struct {
		Valid  *bool  `json:"valid"`
		Reason string `json:"reason"`
	}
	if err := json.Unmarshal(body, &verdict); err != nil || verdict.Valid == nil {
		return fmt.Errorf("%w: the server's verdict is none", ErrUnknown)
	}
	if *verdict.Valid {
		return nil
	}
	for word, err := range map[string]error{
		"expired": ErrExpired, "session_ended": ErrSessionEnded, "stale_permissions": ErrStale,
		"unknown_key": ErrUnknownKey, "wrong_issuer": ErrWrongIssuer, "insufficient": errInsufficient, "malformed": ErrMalformed,
	} {
		if verdict.Reason == word {
			return err
		}
	}
	return ErrRevoked
}
