package gateway

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// fake is a server whose feed says what a test wants, right or wrong.
type fake struct {
	tb   testing.TB
	http *httptest.Server

	mu        sync.Mutex
	tokenKey  key
	feedKey   key
	tokenKeys []jose.JSONWebKey
	feedID    string
	head      int64
	entries   []map[string]any
	streams   []chan string // of those who are connected
	cut       bool          // refuses streams and snapshots
	muteAsOf  bool          // heartbeats say the as_of of the beginning
	began     time.Time
	keyReads  int
	asked     int
	verdict   string // of /auth/validate: "" valid, "503", else the reason
	mute      bool   // no heartbeats by itself
	heldBack  bool   // as by a proxy that hands streams on when they end
	polls     int
}

type key struct {
	id      string
	private *ecdsa.PrivateKey
}

func newKey(tb testing.TB, id string) key {
	tb.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key{id, k}
}

func (k key) public() jose.JSONWebKey {
	return jose.JSONWebKey{Key: k.private.Public(), KeyID: k.id, Algorithm: "ES256", Use: "sig"}
}

func (k key) sign(tb testing.TB, typ string, payload any) string {
	tb.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: k.private, KeyID: k.id}},
		(&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		tb.Fatal(err)
	}
	b, err := json.Marshal(payload)
	if err != nil {
		tb.Fatal(err)
	}
	jws, err := s.Sign(b)
	if err != nil {
		tb.Fatal(err)
	}
	raw, err := jws.CompactSerialize()
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

func newFake(tb testing.TB) *fake {
	f := &fake{tb: tb, tokenKey: newKey(tb, "t1"), feedKey: newKey(tb, "f1"), feedID: "feed", began: time.Now()}
	f.tokenKeys = []jose.JSONWebKey{f.tokenKey.public()}
	mux := http.NewServeMux()
	f.http = httptest.NewServer(mux)
	tb.Cleanup(f.http.Close)
	serve := func(v func() any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			f.mu.Lock()
			defer f.mu.Unlock()
			_ = json.NewEncoder(w).Encode(v())
		}
	}
	mux.HandleFunc("/.well-known/openid-configuration", serve(func() any {
		return map[string]string{"issuer": f.http.URL, "jwks_uri": f.http.URL + "/jwks", "token_endpoint": f.http.URL + "/token"}
	}))
	mux.HandleFunc("/.well-known/signet-configuration", serve(func() any {
		return map[string]string{
			"issuer": f.http.URL, "validate_uri": f.http.URL + "/validate", "revocation_snapshot_uri": f.http.URL + "/revocations",
			"revocation_stream_uri": f.http.URL + "/stream", "revocation_jwks_uri": f.http.URL + "/feedkeys",
		}
	}))
	mux.HandleFunc("/jwks", serve(func() any { f.keyReads++; return map[string]any{"keys": f.tokenKeys} }))
	mux.HandleFunc("/feedkeys", serve(func() any { return map[string]any{"keys": []jose.JSONWebKey{f.feedKey.public()}} }))
	mux.HandleFunc("/revocations", f.snapshot)
	mux.HandleFunc("/stream", f.stream)
	mux.HandleFunc("/validate", f.validate)
	return f
}

func (f *fake) snapshot(w http.ResponseWriter, _ *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cut {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	_, _ = io.WriteString(w, f.feedKey.sign(f.tb, typeRevocations, f.payload(0, f.head, f.entries)))
}

func (f *fake) payload(after, seq int64, entries []map[string]any) map[string]any {
	return map[string]any{
		"iss": f.http.URL, "feed_id": f.feedID, "after": after, "seq": seq, "as_of": time.Now().UnixMilli(), "entries": entries,
	}
}

func (f *fake) stream(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	if f.cut {
		f.mu.Unlock()
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if f.heldBack {
		f.mu.Unlock()
		f.holdBack(w, r)
		return
	}
	c := make(chan string, 100)
	f.streams = append(f.streams, c)
	if !f.mute {
		c <- f.event("heartbeat", f.head, f.feedKey.sign(f.tb, typeHeartbeat, f.beat()))
	}
	f.mu.Unlock()
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	for {
		select {
		case text, ok := <-c:
			if !ok {
				return
			}
			_, _ = io.WriteString(w, text)
			_ = http.NewResponseController(w).Flush()
		case <-r.Context().Done():
			return
		}
	}
}

// holdBack answers a poll whole, and a stream never.
func (f *fake) holdBack(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
	if !r.URL.Query().Has("wait") {
		<-r.Context().Done()
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.polls++
	_, _ = io.WriteString(w, f.event("entries", f.head, f.feedKey.sign(f.tb, typeRevocations, f.payload(0, f.head, f.entries)))+
		f.event("heartbeat", f.head, f.feedKey.sign(f.tb, typeHeartbeat, f.beat())))
}

func (f *fake) event(name string, id int64, data string) string {
	return fmt.Sprintf("event:%s\nid:%d\ndata:%s\n\n", name, id, data)
}

func (f *fake) beat() map[string]any {
	now := time.Now()
	asOf := now
	if f.muteAsOf {
		asOf = f.began
	}
	return map[string]any{"iss": f.http.URL, "feed_id": f.feedID, "seq": f.head, "sent": now.UnixMilli(), "as_of": asOf.UnixMilli()}
}

// say sends a text to all who are connected.
func (f *fake) say(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.streams {
		c <- text
	}
}

// tick sends a heartbeat as the server would.
func (f *fake) tick() {
	f.mu.Lock()
	text := f.event("heartbeat", f.head, f.feedKey.sign(f.tb, typeHeartbeat, f.beat()))
	f.mu.Unlock()
	f.say(text)
}

// hangUp ends all streams, and refuses new ones if cut.
func (f *fake) hangUp(cut bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cut = cut
	for _, c := range f.streams {
		close(c)
	}
	f.streams = nil
}

// add appends an entry without telling anybody, and returns it.
func (f *fake) add(kind, value string) map[string]any {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.head++
	h := sha256.Sum256([]byte(kind + "\x00" + value))
	e := map[string]any{
		"seq": f.head, "kind": kind, "value": base64.RawURLEncoding.EncodeToString(h[:16]), "exp": time.Now().Add(time.Hour).Unix(),
	}
	f.entries = append(f.entries, e)
	return e
}

// revoke appends an entry and tells everybody.
func (f *fake) revoke(kind, value string) {
	e := f.add(kind, value)
	f.mu.Lock()
	text := f.event("entries", f.head, f.feedKey.sign(f.tb, typeRevocations, f.payload(f.head-1, f.head, []map[string]any{e})))
	f.mu.Unlock()
	f.say(text)
}

func (f *fake) validate(w http.ResponseWriter, _ *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	switch f.verdict {
	case "503":
		w.WriteHeader(http.StatusServiceUnavailable)
	case "":
		_, _ = io.WriteString(w, `{"valid":true,"reason":null}`)
	default:
		_, _ = fmt.Fprintf(w, `{"valid":false,"reason":%q}`, f.verdict)
	}
}

func (f *fake) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

const audience = "https://api.example.test"

// claims of a usual token.
func (f *fake) claims() map[string]any {
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	return map[string]any{
		"iss": f.http.URL, "sub": "ada", "aud": audience, "exp": now.Add(time.Minute).Unix(), "iat": now.Unix(), "nbf": now.Unix(),
		"jti": "j1", "client_id": "web", "scope": "orders:read orders:write", "auth_time": now.Unix(), "acr": "aal1", "amr": []string{"pwd"},
		"sid": "s1", "gid": "g1", "org_id": "o1", "org_slug": "acme", "roles": []string{"billing", "system:user"}, "pe": f.head,
	}
}

func (f *fake) token(change func(map[string]any)) string {
	c := f.claims()
	if change != nil {
		change(c)
	}
	return f.tokenKey.sign(f.tb, typeAccessToken, c)
}

func (f *fake) verifier(change func(*Config)) *Verifier {
	f.tb.Helper()
	c := Config{Issuer: f.http.URL, Audience: audience, HTTPClient: &http.Client{}}
	if change != nil {
		change(&c)
	}
	v, err := New(f.tb.Context(), c)
	if err != nil {
		f.tb.Fatal(err)
	}
	f.tb.Cleanup(v.Close)
	return v
}

// until waits for something that happens in another goroutine.
func until(tb testing.TB, what string, is func() bool) {
	tb.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); {
		if time.Now().After(end) {
			tb.Fatal("never: " + what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}
