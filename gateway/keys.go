package gateway

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"
	exact "github.com/go-jose/go-jose/v4/json"
)

const (
	maxKeySet = 1 << 20 // bytes
	maxKeys   = 200
	// refetchEvery bounds how often unknown key ids make us fetch.
	refetchEvery = 5 * time.Second
	fetchTimeout = 5 * time.Second
	minKeyAge    = 15 * time.Second
	maxKeyAge    = time.Hour
	defaultAge   = 5 * time.Minute
)

// keySet is a JWKS kept up to date.
type keySet struct {
	url  string
	http fetcher

	current atomic.Pointer[map[string]jose.JSONWebKey]

	fetching chan struct{} // held by the one fetch under way
	mu       sync.Mutex
	tried    time.Time
	tag      string
	maxAge   time.Duration
}

func newKeySet(url string, f fetcher) *keySet {
	return &keySet{url: url, http: f, fetching: make(chan struct{}, 1), maxAge: defaultAge}
}

// key returns a key; one that is not known makes the set be fetched again, not
// more often than every refetchEvery.
func (s *keySet) key(ctx context.Context, id string) (jose.JSONWebKey, bool) {
	if k, ok := s.find(id); ok {
		return k, true
	}
	select {
	case s.fetching <- struct{}{}:
		defer func() { <-s.fetching }()
	case <-ctx.Done():
		return jose.JSONWebKey{}, false
	}
	if k, ok := s.find(id); ok { // somebody has fetched meanwhile
		return k, true
	}
	s.mu.Lock()
	early := !s.tried.IsZero() && instant().Sub(s.tried) < refetchEvery
	s.mu.Unlock()
	if early || s.fetch(ctx) != nil {
		return jose.JSONWebKey{}, false
	}
	return s.find(id)
}

func (s *keySet) find(id string) (jose.JSONWebKey, bool) {
	m := s.current.Load()
	if m == nil || id == "" {
		return jose.JSONWebKey{}, false
	}
	k, ok := (*m)[id]
	return k, ok
}

// fetch reads the set. After an error the keys read before stay in use.
func (s *keySet) fetch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	s.mu.Lock()
	s.tried = instant()
	tag := s.tag
	s.mu.Unlock()
	header := http.Header{"Accept": {"application/jwk-set+json, application/json"}}
	if tag != "" {
		header.Set("If-None-Match", tag)
	}
	resp, err := s.http.do(ctx, http.MethodGet, s.url, header, nil)
	if err != nil {
		return fmt.Errorf("gateway: key set: %w", err)
	}
	defer resp.Body.Close()
	age := maxAge(resp.Header.Get("Cache-Control"))
	if resp.StatusCode == http.StatusNotModified && tag != "" {
		s.mu.Lock()
		s.maxAge = age
		s.mu.Unlock()
		return nil
	}
	body, err := readAll(resp, maxKeySet)
	if err != nil {
		return fmt.Errorf("gateway: key set: %w", err)
	}
	keys, err := readKeys(body)
	if err != nil {
		return err
	}
	s.current.Store(&keys)
	s.mu.Lock()
	s.tag, s.maxAge = resp.Header.Get("ETag"), age
	s.mu.Unlock()
	return nil
}

// readKeys reads a JWKS (RFC 7517 §5).
func readKeys(body []byte) (map[string]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil || len(set.Keys) > maxKeys {
		return nil, errors.New("gateway: key set: not one, or of too many keys")
	}
	keys := make(map[string]jose.JSONWebKey, len(set.Keys))
	for _, raw := range set.Keys {
		var k jose.JSONWebKey
		// One of a kind we do not know must not make the others useless.
		if json.Unmarshal(raw, &k) == nil && k.KeyID != "" && k.Valid() && k.IsPublic() && (k.Use == "" || k.Use == "sig") {
			keys[k.KeyID] = k
		}
	}
	return keys, nil
}

// refresh fetches the set in time, until ctx ends.
func (s *keySet) refresh(ctx context.Context, failed func(error)) {
	for {
		s.mu.Lock()
		wait := min(max(s.maxAge*4/5, minKeyAge), maxKeyAge)
		s.mu.Unlock()
		if !sleep(ctx, wait) {
			return
		}
		s.fetching <- struct{}{}
		err := s.fetch(ctx)
		<-s.fetching
		if err != nil && ctx.Err() == nil {
			failed(err)
			s.mu.Lock()
			s.maxAge = minKeyAge
			s.mu.Unlock()
		}
	}
}

// maxAge reads Cache-Control (RFC 9111 §5.2.2.1).
func maxAge(header string) time.Duration {
	for part := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if strings.EqualFold(name, "max-age") {
			if n, err := strconv.ParseInt(strings.Trim(value, `"`), 10, 32); err == nil && n >= 0 {
				return time.Duration(n) * time.Second
			}
		}
	}
	return defaultAge
}

// extensions are members of a protected header that ours never have (RFC 7515
// §4): keys and certificates that come with the token, and what would change
// how it is to be read.
var extensions = []string{"crit", "b64", "jwk", "jku", "x5u", "x5c", "zip"}

// verifyJWS checks a compact JWS and returns its payload and the key's id. It
// is stricter than a JOSE library has to be: the type is known, the algorithm
// is the key's, no key comes with the token, nothing is an extension, no member
// is there twice, and there is one way to write it.
func (s *keySet) verifyJWS(ctx context.Context, raw, typ string, algorithms []jose.SignatureAlgorithm) ([]byte, string, error) {
	parts := strings.SplitN(raw, ".", 4)
	if len(parts) != 3 {
		return nil, "", ErrMalformed
	}
	var h map[string]any
	for i, p := range parts {
		// The decoder skips line breaks, and would take a token with one for
		// another token.
		if strings.ContainsAny(p, "\r\n") {
			return nil, "", ErrMalformed
		}
		b, err := base64.RawURLEncoding.Strict().DecodeString(p)
		if err != nil || len(b) == 0 {
			return nil, "", ErrMalformed
		}
		if i == 0 && (!utf8.Valid(b) || exact.Unmarshal(b, &h) != nil) {
			return nil, "", ErrMalformed
		}
	}
	for _, name := range extensions {
		if _, there := h[name]; there {
			return nil, "", ErrMalformed
		}
	}
	said, _ := h["typ"].(string)
	alg, _ := h["alg"].(string)
	kid, _ := h["kid"].(string)
	if said = strings.ToLower(said); said != typ && said != "application/"+typ {
		return nil, "", ErrMalformed
	}
	if !slices.Contains(algorithms, jose.SignatureAlgorithm(alg)) {
		return nil, "", ErrMalformed
	}
	k, ok := s.key(ctx, kid)
	if !ok {
		return nil, "", ErrUnknownKey
	}
	if k.Algorithm != "" && k.Algorithm != alg {
		return nil, "", ErrMalformed
	}
	jws, err := jose.ParseSignedCompact(raw, algorithms)
	if err != nil {
		return nil, "", ErrMalformed
	}
	payload, err := jws.Verify(k.Key)
	if err != nil {
		return nil, "", ErrMalformed
	}
	return payload, kid, nil
}
