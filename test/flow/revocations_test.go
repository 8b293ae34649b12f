package flow_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// get asks for a part of the feed.
func getFeed(t *testing.T, in *harness.Instance, path, token string, header map[string]string) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, in.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	resp, err := (&http.Transport{DisableCompression: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return answer{resp.StatusCode, resp.Header, resp.Body}
}

// answer is closed when the test ends: some have no end of their own.
type answer struct {
	StatusCode int
	Header     http.Header
	Body       io.Reader
}

func body(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRevocationFeed(t *testing.T) {
	t.Parallel()
	in := harness.Start(t, harness.Options{})
	_, secret := in.Service(t, "gateway", "", storage.ClientMetadata{Scope: "revocations:read orders:read"})
	token := func(scope string) string {
		return in.Token(t, "gateway", secret, url.Values{"grant_type": {"client_credentials"}, "scope": {scope}, "resource": {in.Issuer}}).AccessToken
	}
	reader, other := token("revocations:read"), token("orders:read")
	revoke := func(value string) {
		if err := in.Store.AppendRevocation(t.Context(), storage.Revocation{Kind: storage.RevokeSID, Value: value, Expiry: in.Clock.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		in.Sync(t)
	}
	revoke("one")

	t.Run("closed", func(t *testing.T) {
		for _, path := range []string{"/revocations", "/revocations/stream", "/revocations/stream?wait=1"} {
			for token, want := range map[string]int{"": 401, "x": 401, other: 403} {
				if resp := getFeed(t, in, path, token, nil); resp.StatusCode != want || resp.Header.Get("WWW-Authenticate") == "" {
					t.Errorf("%s: %d, want %d", path, resp.StatusCode, want)
				}
			}
		}
	})
	t.Run("snapshot", func(t *testing.T) {
		resp := getFeed(t, in, "/revocations", reader, nil)
		plain := body(t, resp.Body)
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/revocations+jwt" || strings.Count(plain, ".") != 2 {
			t.Errorf("%d %s %s", resp.StatusCode, resp.Header, plain)
		}
		tag := resp.Header.Get("ETag")
		if resp := getFeed(t, in, "/revocations", reader, map[string]string{"If-None-Match": tag}); resp.StatusCode != http.StatusNotModified || body(t, resp.Body) != "" {
			t.Errorf("same content: %d", resp.StatusCode)
		}
		resp = getFeed(t, in, "/revocations", reader, map[string]string{"Accept-Encoding": "br, gzip"})
		z, err := gzip.NewReader(resp.Body)
		if err != nil || resp.Header.Get("Content-Encoding") != "gzip" || strings.Count(body(t, z), ".") != 2 {
			t.Error("compressed:", err)
		}
		if resp := getFeed(t, in, "/revocations", reader, map[string]string{"Accept-Encoding": "gzip;q=0"}); resp.Header.Get("Content-Encoding") != "" {
			t.Error("compressed for somebody who must not have it so")
		}
	})
	t.Run("stream", func(t *testing.T) {
		resp := getFeed(t, in, "/revocations/stream?after=0", reader, nil)
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" || resp.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%d %s", resp.StatusCode, resp.Header)
		}
		lines := bufio.NewScanner(resp.Body)
		seen := map[string]int{}
		for seen["event:heartbeat"] < 3 && lines.Scan() {
			seen[lines.Text()]++
		}
		if seen["event:entries"] != 1 {
			t.Error(seen)
		}
	})
	t.Run("long poll", func(t *testing.T) {
		head := in.View.Head()
		path := fmt.Sprintf("/revocations/stream?wait=20&after=%d", head)
		done := make(chan string, 1)
		resp := getFeed(t, in, path, reader, nil)
		go func() { b, _ := io.ReadAll(resp.Body); done <- string(b) }()
		revoke("two")
		got := <-done
		if !strings.Contains(got, "event:entries") || !strings.HasSuffix(got, "\n\n") {
			t.Error(got)
		}
		got = body(t, getFeed(t, in, fmt.Sprintf("/revocations/stream?wait=1&after=%d", in.View.Head()), reader, nil).Body)
		if strings.Contains(got, "event:entries") || !strings.Contains(got, "event:heartbeat") {
			t.Error("nothing happened:", got)
		}
	})
	t.Run("bad questions", func(t *testing.T) {
		for _, q := range []string{"after=x", "after=-1", "after=1e3", "after=99999999999999999999", "wait=0", "wait=61", "wait=x"} {
			if resp := getFeed(t, in, "/revocations/stream?"+q, reader, nil); resp.StatusCode != http.StatusBadRequest {
				t.Errorf("%s: %d", q, resp.StatusCode)
			}
		}
		if resp := getFeed(t, in, "/revocations/stream", reader, map[string]string{"Last-Event-ID": "x"}); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("Last-Event-ID: %d", resp.StatusCode)
		}
	})
	t.Run("a stream ends with its token", func(t *testing.T) {
		resp := getFeed(t, in, "/revocations/stream", reader, nil)
		if _, err := bufio.NewReader(resp.Body).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		if _, err := in.Clients.Disable(t.Context(), "gateway", true, "test"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(resp.Body); err != nil { // returns: that is the test
			t.Error(err)
		}
		if resp := getFeed(t, in, "/revocations", reader, nil); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%d", resp.StatusCode)
		}
	})
	t.Run("keys", func(t *testing.T) {
		resp := getFeed(t, in, "/revocations/jwks.json", "", nil)
		var set struct{ Keys []map[string]any }
		if err := json.Unmarshal([]byte(body(t, resp.Body)), &set); err != nil || len(set.Keys) == 0 || set.Keys[0]["alg"] != "ES256" {
			t.Error(set, err)
		}
		for _, k := range set.Keys {
			if tokens := body(t, getFeed(t, in, "/.well-known/jwks.json", "", nil).Body); strings.Contains(tokens, k["kid"].(string)) {
				t.Error("a key of the feed is one for tokens, too")
			}
		}
	})
}

// TestOpenFeed: without a token, and not too many from one address.
func TestOpenFeed(t *testing.T) {
	t.Parallel()
	in := harness.Start(t, harness.Options{Env: []string{"SIGNET_REVOCATIONS_OPEN=true"}})
	if resp := getFeed(t, in, "/revocations", "", nil); resp.StatusCode != http.StatusOK {
		t.Errorf("%d", resp.StatusCode)
	}
	statuses := map[int]int{}
	for range 25 {
		statuses[getFeed(t, in, "/revocations/stream", "", nil).StatusCode]++
	}
	if statuses[200] != 20 || statuses[429] != 5 {
		t.Error(statuses)
	}
}

// TestKeysAsPEM: each key of the key set alone, and as the other form says.
func TestKeysAsPEM(t *testing.T) {
	t.Parallel()
	in := harness.Start(t, harness.Options{})
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(body(t, getFeed(t, in, "/.well-known/jwks.json", "", nil).Body)), &set); err != nil || len(set.Keys) < 2 {
		t.Fatal(len(set.Keys), err)
	}
	for _, k := range set.Keys {
		got := getFeed(t, in, "/.well-known/jwks/"+k.KeyID+".pem", "", nil)
		block, rest := pem.Decode([]byte(body(t, got.Body)))
		if block == nil || block.Type != "PUBLIC KEY" || len(rest) > 0 || !strings.HasPrefix(got.Header.Get("Cache-Control"), "public, max-age=") {
			t.Fatalf("%s: %s", k.KeyID, got.Header)
		}
		public, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if !public.(interface{ Equal(crypto.PublicKey) bool }).Equal(k.Key) {
			t.Errorf("%s is another key", k.KeyID)
		}
	}
	feed := in.Keys.Snapshot().FeedJWKS()
	var others jose.JSONWebKeySet
	if err := json.Unmarshal(feed.Body, &others); err != nil || len(others.Keys) == 0 {
		t.Fatal(err)
	}
	for _, file := range []string{"none.pem", set.Keys[0].KeyID, set.Keys[0].KeyID + ".pem.pem", others.Keys[0].KeyID + ".pem"} {
		if got := getFeed(t, in, "/.well-known/jwks/"+file, "", nil); got.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", file, got.StatusCode)
		}
	}
}
