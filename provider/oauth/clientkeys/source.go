// Package clientkeys finds the public keys that clients have registered, inline
// (jwks) or by reference (jwks_uri). Source.Keys gives a client's keys; Parse
// checks a key set at registration.
//
// A set behind a jwks_uri is kept for at most a minute, and read again early if
// a token names a key that is not in it, but not more than once in five
// seconds: tokens come from strangers.
package clientkeys

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"

	"github.com/signet-idp/signet/internal/clock"
)

// ErrNoKeys means: the client has registered neither jwks nor jwks_uri.
var ErrNoKeys = errors.New("client has registered no keys")

// Registration is what a client has registered: one of the two.
type Registration struct {
	JWKS    []byte // jwks as JSON
	JWKSURI string // jwks_uri
}

// Registry gives a client's registration.
type Registry interface {
	ClientKeys(ctx context.Context, clientID string) (Registration, error)
}

// Fetcher reads a document from the network within its own bounds of time and
// size; safehttp.Client is one.
type Fetcher interface {
	Get(ctx context.Context, url, accept string) (body []byte, header http.Header, err error)
}

// Defaults and bounds of the cache.
const (
	DefaultMaxAge   = time.Minute
	DefaultInterval = 5 * time.Second
	maxEntries      = 1024
)

// Config of a Source.
type Config struct {
	Registry Registry
	Fetcher  Fetcher
	Clock    clock.Clock
	// MaxAge is how long a fetched set is used; default and upper bound
	// DefaultMaxAge.
	MaxAge time.Duration
	// Interval is the least time between two fetches of one URI; default
	// DefaultInterval.
	Interval time.Duration
}

// Source gives clients' keys. It is safe for concurrent use.
type Source struct {
	config  Config
	flights singleflight.Group

	mu      sync.Mutex
	inline  map[string]inline  // by client
	fetched map[string]fetched // by URI
}

type inline struct {
	raw  []byte
	keys jose.JSONWebKeySet
}

// fetched is the last good set behind a URI and how the last attempt went.
type fetched struct {
	keys    jose.JSONWebKeySet
	at      time.Time // of keys; zero if there never were any
	tried   time.Time
	problem error // of the last attempt
}

// New returns a Source.
func New(c Config) *Source {
	if c.MaxAge <= 0 || c.MaxAge > DefaultMaxAge {
		c.MaxAge = DefaultMaxAge
	}
	if c.Interval <= 0 {
		c.Interval = DefaultInterval
	}
	c.Interval = min(c.Interval, c.MaxAge)
	return &Source{config: c, inline: map[string]inline{}, fetched: map[string]fetched{}}
}

// Keys gives the public keys of the client. kid is the one wanted; it decides
// nothing, since the caller knows better which keys fit. forceRefresh reads a
// jwks_uri again unless that was just done. The set is shared: don't change it.
func (s *Source) Keys(ctx context.Context, clientID, _ string, forceRefresh bool) (jose.JSONWebKeySet, error) {
	registration, err := s.config.Registry.ClientKeys(ctx, clientID)
	if err != nil {
		return jose.JSONWebKeySet{}, fmt.Errorf("client keys: %w", err)
	}
	switch {
	case len(registration.JWKS) > 0:
		return s.parsed(clientID, registration.JWKS)
	case registration.JWKSURI != "":
		return s.remote(ctx, registration.JWKSURI, forceRefresh)
	default:
		return jose.JSONWebKeySet{}, ErrNoKeys
	}
}

// parsed gives an inline set, parsing it only when it has changed.
func (s *Source) parsed(clientID string, raw []byte) (jose.JSONWebKeySet, error) {
	s.mu.Lock()
	known, ok := s.inline[clientID]
	s.mu.Unlock()
	if ok && bytes.Equal(known.raw, raw) {
		return known.keys, nil
	}
	keys, err := Parse(raw)
	if err != nil {
		return jose.JSONWebKeySet{}, fmt.Errorf("client keys: jwks: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	makeRoom(s.inline)
	s.inline[clientID] = inline{raw: bytes.Clone(raw), keys: keys}
	return keys, nil
}

// remote gives the set behind a URI.
func (s *Source) remote(ctx context.Context, uri string, force bool) (jose.JSONWebKeySet, error) {
	if keys, done, err := s.cached(uri, force); done {
		return keys, err
	}
	// Callers that come meanwhile share the fetch, so it must not end with the
	// first one's request; the fetcher bounds its time.
	flight := s.flights.DoChan(uri, func() (any, error) {
		return s.fetch(context.WithoutCancel(ctx), uri)
	})
	select {
	case landed := <-flight:
		keys, _ := landed.Val.(jose.JSONWebKeySet)
		return keys, landed.Err
	case <-ctx.Done():
		return jose.JSONWebKeySet{}, fmt.Errorf("client keys: jwks_uri: %w", ctx.Err())
	}
}

// cached answers from memory; done is false if the URI has to be read.
func (s *Source) cached(uri string, force bool) (keys jose.JSONWebKeySet, done bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entry, known := s.fetched[uri]
	if !known {
		return keys, false, nil
	}
	return s.answer(entry, force)
}

// answer says what an entry is good for now.
func (s *Source) answer(entry fetched, force bool) (keys jose.JSONWebKeySet, done bool, err error) {
	now := s.config.Clock.Now()
	fresh := !entry.at.IsZero() && now.Sub(entry.at) < s.config.MaxAge
	recent := now.Sub(entry.tried) < s.config.Interval
	switch {
	case fresh && (!force || recent):
		return entry.keys, true, nil
	case recent:
		return keys, true, fmt.Errorf("client keys: jwks_uri: %w", entry.problem)
	default:
		return keys, false, nil
	}
}

// fetch reads the URI, remembers how it went and gives the set, which after a
// failure is the last one as long as that may be used.
func (s *Source) fetch(ctx context.Context, uri string) (jose.JSONWebKeySet, error) {
	if keys, done, err := s.cached(uri, true); done {
		return keys, err // another flight has just landed
	}
	body, _, err := s.config.Fetcher.Get(ctx, uri, "application/jwk-set+json, application/json")
	var keys jose.JSONWebKeySet
	if err == nil {
		keys, err = Parse(body)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	entry, known := s.fetched[uri]
	if !known {
		makeRoom(s.fetched)
	}
	entry.tried, entry.problem = s.config.Clock.Now(), err
	if err == nil {
		entry.keys, entry.at = keys, entry.tried
	}
	s.fetched[uri] = entry
	keys, _, err = s.answer(entry, false)
	return keys, err
}

// makeRoom drops any one entry from a full cache. Which one hardly matters: a
// thousand clients with keys within a minute is more than most ever see, and
// the price is one fetch.
func makeRoom[V any](cache map[string]V) {
	if len(cache) < maxEntries {
		return
	}
	for key := range cache {
		delete(cache, key)
		return
	}
}
