package keysync

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// issuer shows a key set that the test changes.
type issuer struct {
	*httptest.Server
	keys   []jose.JSONWebKey
	claims string // the issuer it says it is; empty: the right one
	age    string
	status int
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{age: "public, max-age=300", status: http.StatusOK}
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", i.age)
		w.WriteHeader(i.status)
		if strings.HasSuffix(r.URL.Path, "openid-configuration") {
			name := i.URL
			if i.claims != "" {
				name = i.claims
			}
			_ = json.NewEncoder(w).Encode(map[string]string{"issuer": name, "jwks_uri": i.URL + "/keys"})
			return
		}
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: i.keys})
	}))
	t.Cleanup(i.Close)
	return i
}

func key(t *testing.T, kid, alg string) jose.JSONWebKey {
	t.Helper()
	if alg == "EdDSA" {
		public, _, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return jose.JSONWebKey{Key: public, KeyID: kid, Algorithm: alg, Use: "sig"}
	}
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: &k.PublicKey, KeyID: kid, Algorithm: alg, Use: "sig"}
}

func kids(keys []Key) string {
	var out []string
	for _, k := range keys {
		out = append(out, k.KID)
	}
	return strings.Join(out, " ")
}

func TestFetch(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	encryption := key(t, "enc", "ES256")
	encryption.Use = "enc"
	i.keys = []jose.JSONWebKey{
		key(t, "b", "ES256"), key(t, "a", "EdDSA"), encryption,
		key(t, "../../etc/passwd", "ES256"), key(t, "a b", "ES256"), key(t, "", "ES256"), key(t, "none", ""),
		{Key: private, KeyID: "private", Algorithm: "ES256", Use: "sig"},
		{Key: []byte("secret"), KeyID: "hmac", Algorithm: "HS256"},
	}
	set, err := Source{i.URL, i.Client()}.Fetch(t.Context())
	if err != nil || kids(set.Keys) != "a b" || set.MaxAge != 5*time.Minute {
		t.Errorf("%q, %v, %v", kids(set.Keys), set.MaxAge, err)
	}
	i.claims = "https://other.example"
	if _, err := (Source{i.URL, i.Client()}).Fetch(t.Context()); !errors.Is(err, ErrIssuer) {
		t.Errorf("another's discovery: %v", err)
	}
	i.claims, i.status = "", http.StatusServiceUnavailable
	if _, err := (Source{i.URL, i.Client()}).Fetch(t.Context()); err == nil {
		t.Error("503 is taken for a key set")
	}
}

// steps is a Sync to HAProxy's folder, with a hook that may fail.
type steps struct {
	*issuer
	Sync
	dir   string
	hooks int
	fails error
}

func newSteps(t *testing.T) *steps {
	t.Helper()
	s := &steps{issuer: newIssuer(t), dir: t.TempDir()}
	s.Sync = Sync{
		Source: Source{s.URL, s.Client()}, Target: HAProxy{s.dir}, Pending: FileMark(filepath.Join(s.dir, ".pending")),
		Changed: func(context.Context) error { s.hooks++; return s.fails },
	}
	return s
}

func (s *steps) files(t *testing.T) string {
	t.Helper()
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return strings.Join(out, " ")
}

func TestHAProxyFolder(t *testing.T) {
	t.Parallel()
	s := newSteps(t)
	look := func(want string, hooks int) {
		t.Helper()
		if _, err := s.Once(t.Context()); err != nil {
			t.Errorf("once: %v", err)
		}
		if got := s.files(t); got != want || s.hooks != hooks {
			t.Errorf("there are %q after %d hooks, not %q after %d", got, s.hooks, want, hooks)
		}
	}
	s.keys = []jose.JSONWebKey{key(t, "one", "ES256"), key(t, "two", "ES256"), key(t, "ed", "EdDSA")}
	look("keys.cfg one.pem two.pem", 1)
	look("keys.cfg one.pem two.pem", 1) // the same again
	s.keys = s.keys[1:]
	s.keys = append(s.keys, key(t, "three", "ES256"))
	look("keys.cfg three.pem two.pem", 2)
	config, err := os.ReadFile(filepath.Join(s.dir, HAProxyConfig))
	if err != nil || !strings.Contains(string(config), s.dir+"/three.pem") || strings.Contains(string(config), "one.pem") {
		t.Errorf("%v: %s", err, config)
	}
	info, err := os.Stat(filepath.Join(s.dir, "two.pem"))
	if err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("a key that HAProxy cannot read: %v, %v", info, err)
	}
}

// Whatever goes wrong, the keys that are there stay.
func TestKeysStay(t *testing.T) {
	t.Parallel()
	s := newSteps(t)
	s.keys = []jose.JSONWebKey{key(t, "one", "ES256")}
	if _, err := s.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(){
		"no keys":                 func() { s.keys = nil },
		"none for HAProxy":        func() { s.keys = []jose.JSONWebKey{key(t, "ed", "EdDSA")} },
		"the server is away":      func() { s.status = http.StatusBadGateway },
		"another server is there": func() { s.claims, s.status = "https://other.example", http.StatusOK },
	} {
		spoil()
		if _, err := s.Once(t.Context()); err == nil {
			t.Errorf("%s: no error", name)
		}
		if got := s.files(t); got != "keys.cfg one.pem" {
			t.Errorf("%s: there are %q", name, got)
		}
	}
}

// A hook that failed is called again, by another process too, until it succeeds.
func TestHookIsRepeated(t *testing.T) {
	t.Parallel()
	s := newSteps(t)
	s.keys = []jose.JSONWebKey{key(t, "one", "ES256")}
	s.fails = errors.New("reload failed")
	for range 2 {
		if _, err := s.Once(t.Context()); !errors.Is(err, s.fails) {
			t.Errorf("error %v", err)
		}
	}
	s.fails = nil
	for range 2 {
		if _, err := s.Once(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if s.hooks != 3 {
		t.Errorf("%d calls of the hook, not 3", s.hooks)
	}
}

// The pause is the interval, and no longer than the key set may be cached.
func TestPauses(t *testing.T) {
	t.Parallel()
	s := newSteps(t)
	s.keys = []jose.JSONWebKey{key(t, "one", "ES256")}
	s.Every = 10 * time.Minute
	s.Tell = func(Result) {}
	var pauses []time.Duration
	ctx, cancel := context.WithCancel(t.Context())
	s.Wait = func(_ context.Context, d time.Duration) {
		pauses = append(pauses, d)
		switch len(pauses) {
		case 1:
			s.age = "public, max-age=90"
		case 2:
			s.age = "public, max-age=0" // cut off from its database
		case 3:
			s.status = http.StatusServiceUnavailable
		default:
			cancel()
		}
	}
	failures := 0
	s.Run(ctx, func(error) { failures++ })
	want := []time.Duration{5 * time.Minute, 90 * time.Second, 5 * time.Second, 5 * time.Second}
	if !slices.Equal(pauses, want) || failures != 1 {
		t.Errorf("%v and %d failures, not %v and 1", pauses, failures, want)
	}
}
