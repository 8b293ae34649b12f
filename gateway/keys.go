package gateway

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
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
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil || len(set.Keys) > maxKeys {
		return fmt.Errorf("gateway: key set: not one, or of too many keys")
	}
	keys := make(map[string]jose.JSONWebKey, len(set.Keys))
	for _, raw := range set.Keys {
		var k jose.JSONWebKey
		// One of a kind we do not know must not make the others useless
		// (RFC 7517 §5).
		if json.Unmarshal(raw, &k) == nil && k.KeyID != "" && k.Valid() && k.IsPublic() && (k.Use == "" || k.Use == "sig") {
			keys[k.KeyID] = k
		}
	}
	s.current.Store(&keys)
	s.mu.Lock()
	s.tag, s.maxAge = resp.Header.Get("ETag"), age
	s.mu.Unlock()
	return nil
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

// header is what the protected header of a JWS of ours may hold (RFC 7515 §4).
type header struct {
	Alg  string          `json:"alg"`
	KID  string          `json:"kid"`
	Typ  string          `json:"typ"`
	Crit json.RawMessage `json:"crit"`
	B64  json.RawMessage `json:"b64"`
	JWK  json.RawMessage `json:"jwk"`
	JKU  json.RawMessage `json:"jku"`
	X5U  json.RawMessage `json:"x5u"`
	X5C  json.RawMessage `json:"x5c"`
	Zip  json.RawMessage `json:"zip"`
}

// verifyJWS checks a compact JWS and returns its payload and the key's id. It
// is stricter than a JOSE library has to be: the type is known, the algorithm
// is the key's, no key comes with the token, nothing is an extension, and there
// is one way to write it.
func (s *keySet) verifyJWS(ctx context.Context, raw, typ string, algorithms []jose.SignatureAlgorithm) ([]byte, string, error) {
	parts := strings.SplitN(raw, ".", 4)
	if len(parts) != 3 {
		return nil, "", ErrMalformed
	}
	var h header
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
		if i == 0 && json.Unmarshal(b, &h) != nil {
			return nil, "", ErrMalformed
		}
	}
	for _, extension := range []json.RawMessage{h.Crit, h.B64, h.JWK, h.JKU, h.X5U, h.X5C, h.Zip} {
		if extension != nil {
			return nil, "", ErrMalformed
		}
	}
	if t := strings.ToLower(h.Typ); t != typ && t != "application/"+typ {
		return nil, "", ErrMalformed
	}
	if !slices.Contains(algorithms, jose.SignatureAlgorithm(h.Alg)) {
		return nil, "", ErrMalformed
	}
	k, ok := s.key(ctx, h.KID)
	if !ok {
		return nil, "", ErrUnknownKey
	}
	if k.Algorithm != "" && k.Algorithm != h.Alg {
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
	return payload, h.KID, nil
}
