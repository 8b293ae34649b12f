// Package keysync keeps gateways that read no JWKS supplied with the keys that
// verify access tokens: a Source reads the key set, a Target writes it in the
// gateway's own form, and Sync brings the one to the other again and again.
//
// A key is in the set for longer than the set may be cached before it signs, so
// a gateway that is brought up to date within that time never meets an unknown
// key. Whatever goes wrong leaves the gateway with the keys it has.
package keysync

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Key is a public key in the form that gateways take.
type Key struct {
	KID, Algorithm string
	PEM            string // SubjectPublicKeyInfo (RFC 7468 §13)
}

// Set is what a key set held, and how soon it should be looked at again.
type Set struct {
	Keys   []Key
	MaxAge time.Duration
}

// Target is a gateway's own store of keys.
type Target interface {
	// Put makes the target hold exactly these keys, of which there is at least
	// one, and says whether it had to change anything.
	Put(ctx context.Context, keys []Key) (changed bool, err error)
	// Takes says whether the gateway can verify with an algorithm.
	Takes(algorithm string) bool
}

// Errors of a Source.
var (
	ErrNoKeys = errors.New("keysync: the key set holds no key that this gateway can use")
	ErrIssuer = errors.New("keysync: not the issuer's own discovery document")
)

// Source is the key set of an issuer.
type Source struct {
	Issuer string
	HTTP   *http.Client
}

const (
	maxDocument = 1 << 20 // bytes
	maxKeys     = 200
	defaultAge  = 5 * time.Minute
)

// A kid becomes the name of a file and part of a configuration.
var plainKID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// Fetch reads discovery and the key set. Keys that are not for signatures, or
// cannot be written down, are left out.
func (s Source) Fetch(ctx context.Context) (Set, error) {
	var discovery struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if _, err := s.get(ctx, strings.TrimSuffix(s.Issuer, "/")+"/.well-known/openid-configuration", &discovery); err != nil {
		return Set{}, err
	}
	// OpenID Connect Discovery 1.0 §4.3: byte for byte.
	if discovery.Issuer != s.Issuer {
		return Set{}, fmt.Errorf("%w: it is that of %q, and --issuer says %q", ErrIssuer, discovery.Issuer, s.Issuer)
	}
	if u, err := url.Parse(discovery.JWKSURI); err != nil || strings.HasPrefix(s.Issuer, "https:") && u.Scheme != "https" {
		return Set{}, fmt.Errorf("%w: jwks_uri %q", ErrIssuer, discovery.JWKSURI)
	}
	var document struct {
		Keys []json.RawMessage `json:"keys"`
	}
	header, err := s.get(ctx, discovery.JWKSURI, &document)
	if err != nil {
		return Set{}, err
	}
	set := Set{MaxAge: maxAge(header)}
	for _, raw := range document.Keys[:min(len(document.Keys), maxKeys)] {
		if k, ok := parse(raw); ok {
			set.Keys = append(set.Keys, k)
		}
	}
	slices.SortFunc(set.Keys, func(a, b Key) int { return strings.Compare(a.KID, b.KID) })
	set.Keys = slices.CompactFunc(set.Keys, func(a, b Key) bool { return a.KID == b.KID })
	return set, nil
}

// parse passes over a kind of key that is not known, as RFC 7517 §5 wants.
func parse(raw json.RawMessage) (Key, bool) {
	var k jose.JSONWebKey
	if k.UnmarshalJSON(raw) != nil || !k.IsPublic() || k.Use == "enc" || k.Algorithm == "" || !plainKID.MatchString(k.KeyID) {
		return Key{}, false
	}
	der, err := x509.MarshalPKIXPublicKey(k.Key)
	if err != nil {
		return Key{}, false
	}
	return Key{k.KeyID, k.Algorithm, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}, true
}

func (s Source) get(ctx context.Context, address string, into any) (http.Header, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("keysync: %w", err)
	}
	resp, err := s.HTTP.Do(r)
	if err != nil {
		return nil, fmt.Errorf("keysync: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("keysync: %s answers %d", address, resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument))
	if err != nil {
		return nil, fmt.Errorf("keysync: read %s: %w", address, err)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return nil, fmt.Errorf("keysync: %s is no JSON document: %w", address, err)
	}
	return resp.Header, nil
}

func maxAge(h http.Header) time.Duration {
	for part := range strings.SplitSeq(h.Get("Cache-Control"), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if n, err := strconv.ParseUint(value, 10, 31); err == nil && strings.EqualFold(name, "max-age") {
			return time.Duration(n) * time.Second
		}
	}
	return defaultAge
}

// Sync brings keys from an issuer to a gateway.
type Sync struct {
	Source Source
	Target Target
	// Changed is called after a change, and again until it succeeds: it makes
	// the gateway take the new keys. nil: nothing has to be done.
	Changed func(ctx context.Context) error
	// Pending remembers a change whose call has not succeeded, over restarts of
	// this process too.
	Pending Mark
	// Every is the pause between looks; shorter where the key set says so.
	Every time.Duration
	// Wait pauses; it returns early when ctx ends.
	Wait func(ctx context.Context, d time.Duration)
	// Tell is told what each look came to.
	Tell func(Result)
}

// Mark is a fact that outlives the process.
type Mark interface {
	Set() error
	Clear() error
	IsSet() bool
}

// Result is what one look came to.
type Result struct {
	Keys    []Key
	Changed bool
	MaxAge  time.Duration
}

// Once looks once.
func (s *Sync) Once(ctx context.Context) (Result, error) {
	set, err := s.Source.Fetch(ctx)
	if err != nil {
		return Result{}, err
	}
	usable := slices.DeleteFunc(set.Keys, func(k Key) bool { return !s.Target.Takes(k.Algorithm) })
	out := Result{Keys: usable, MaxAge: set.MaxAge}
	if len(usable) == 0 {
		return out, ErrNoKeys
	}
	// Marked before the change: one that is cut short is made known next time.
	pending := s.Pending.IsSet()
	if !pending {
		if err := s.Pending.Set(); err != nil {
			return out, err
		}
	}
	if out.Changed, err = s.Target.Put(ctx, usable); err != nil {
		return out, err
	}
	if s.Changed != nil && (out.Changed || pending) {
		if err := s.Changed(ctx); err != nil {
			return out, fmt.Errorf("the keys are written, and the gateway has not taken them: %w", err)
		}
	}
	return out, s.Pending.Clear()
}

// least is the shortest pause between looks.
const least = 5 * time.Second

// Run looks until ctx ends. What fails is told and tried again: the gateway
// goes on with the keys it has.
func (s *Sync) Run(ctx context.Context, failed func(error)) {
	for ctx.Err() == nil {
		pause := s.Every
		r, err := s.Once(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			failed(err)
			pause = min(pause, least)
		default:
			s.Tell(r)
			pause = max(min(pause, r.MaxAge), min(least, s.Every))
		}
		s.Wait(ctx, pause)
	}
}
